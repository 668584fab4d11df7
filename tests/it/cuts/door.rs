//! The operator's door to the API server: every call is counted by what it is, every write that was taken is written down, and at one
//! call of one operator something goes wrong. Knows nothing of what the calls are for.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, Service};

use super::watches::{self, Ill, Told};

/// What happens at one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The process ends before the call is applied.
    DieBefore,
    /// It is applied, and the process ends before the answer.
    DieAfter,
    /// It is answered, and the process ends before it can call again.
    DieAnswered,
    /// Refused, and not applied.
    Refused(u16),
    /// Applied, and answered with 504.
    AppliedAndRefused,
    /// It is applied, and the connection breaks.
    BreakAfter,
    /// It is applied only when nobody waits for it any more.
    Held,
    /// Something in between sends it twice, and the second answer comes back.
    Twice,
    /// A watch goes wrong after so many of its events.
    Watch(Ill, usize),
}

/// For any call but a watch; and those that are of interest for a write only.
pub const DEATHS: [Fault; 3] = [Fault::DieBefore, Fault::DieAfter, Fault::DieAnswered];
pub const OF_WRITES: [Fault; 7] = [
    Fault::Refused(429),
    Fault::Refused(500),
    Fault::Refused(503),
    Fault::AppliedAndRefused,
    Fault::BreakAfter,
    Fault::Held,
    Fault::Twice,
];

/// How the kind of a call begins that is a watch: a stream of answers, and nothing that is applied.
pub const WATCH: &str = "WATCH ";

fn is_watch(query: &str) -> bool {
    query.contains("watch=")
}

/// Longer than the operator waits for any call.
const HELD: Duration = Duration::from_secs(12);

/// A call, known again in another run: what it is, and that it is the so manyth of its kind.
pub type Call = (String, usize);

/// A write that the API server took.
#[derive(Clone, Debug)]
pub struct Write {
    pub method: Method,
    pub path: String,
    /// What was asked for.
    pub body: Value,
}

/// Shared by the operator of one life and whoever watches it.
#[derive(Clone)]
pub struct Door {
    /// What comes late, comes by this one: it lives longer than an operator.
    late: (Client, tokio::runtime::Handle),
    /// The names of this run, and what stands for them.
    names: Arc<Vec<(String, String)>>,
    cut: Option<(Call, Fault)>,
    seen: Arc<Mutex<BTreeMap<String, usize>>>,
    writes: Arc<Mutex<Vec<Write>>>,
    hit: Arc<AtomicBool>,
    dead: Arc<AtomicBool>,
}

impl Door {
    /// Calls are known by their paths with these names replaced.
    pub fn new(late: Client, names: Vec<(String, String)>, cut: Option<(Call, Fault)>) -> Door {
        Door {
            late: (late, tokio::runtime::Handle::current()),
            names: Arc::new(names),
            cut,
            seen: Arc::default(),
            writes: Arc::default(),
            hit: Arc::default(),
            dead: Arc::default(),
        }
    }

    /// The next life of the operator: nothing goes wrong any more, and all that is written down goes on.
    pub fn again(&self) -> Door {
        Door { cut: None, dead: Arc::default(), seen: Arc::default(), ..self.clone() }
    }

    pub fn client(&self, config: kube::Config) -> Client {
        let namespace = config.default_namespace.clone();
        let inner = Client::try_from(config).unwrap();
        Client::new(Guarded { inner, door: self.clone() }, namespace)
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    pub fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
    }

    /// Whether the call came at which something goes wrong.
    pub fn was_hit(&self) -> bool {
        self.hit.load(Ordering::SeqCst)
    }

    /// Every kind of call, and how often it came.
    pub fn seen(&self) -> BTreeMap<String, usize> {
        self.seen.lock().unwrap().clone()
    }

    pub fn writes(&self) -> Vec<Write> {
        self.writes.lock().unwrap().clone()
    }

    fn kind(&self, method: &Method, path: &str, query: &str) -> String {
        let is_watch = is_watch(query);
        // Some watches differ in what they ask for only.
        let selected = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| is_watch && name == "fieldSelector");
        let path = selected.map_or_else(|| path.to_owned(), |(_, selector)| format!("{path} {selector}"));
        let path = self.names.iter().fold(path, |path, (name, stands)| path.replace(name, stands));
        // Names by chance, such as those of events.
        let path = path.split_once("/events/").map_or(path.clone(), |(place, _)| format!("{place}/events/E"));
        let dry = if query.contains("dryRun") { " dry" } else { "" };
        if is_watch { format!("{WATCH}{path}") } else { format!("{method} {path}{dry}") }
    }

    /// What happens at this call.
    fn fault(&self, kind: &str) -> Option<Fault> {
        let mut seen = self.seen.lock().unwrap();
        let count = seen.entry(kind.to_owned()).or_default();
        let place = *count;
        *count += 1;
        let ((call, at), fault) = self.cut.as_ref()?;
        let is_it = call == kind && *at == place;
        if is_it {
            self.hit.store(true, Ordering::SeqCst);
        }
        is_it.then_some(*fault)
    }
}

#[derive(Clone)]
struct Guarded {
    inner: Client,
    door: Door,
}

type Answer = Response<Told>;

fn answer(status: u16, body: Vec<u8>) -> Answer {
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
    Response::builder().status(status).header("content-type", "application/json").body(body).unwrap()
}

fn refusal(code: u16) -> Answer {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "not now",
        "reason": "Trouble", "code": code,
    });
    answer(code, status.to_string().into_bytes())
}

impl Service<Request<Body>> for Guarded {
    type Response = Answer;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Answer, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(carry(self.inner.clone(), self.door.clone(), request))
    }
}

async fn carry(inner: Client, door: Door, request: Request<Body>) -> Result<Answer, BoxError> {
    if door.is_dead() {
        std::future::pending::<()>().await;
    }
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let kind = door.kind(&parts.method, parts.uri.path(), query);
    if is_watch(query) {
        let fault = door.fault(&kind);
        let response = inner.send(Request::from_parts(parts, body)).await?;
        return Ok(response.map(|body| match fault {
            Some(Fault::Watch(ill, after)) => watches::sick(body, ill, after),
            _ => watches::well(body),
        }));
    }
    let body = body.collect().await?.to_bytes();
    let fault = door.fault(&kind);
    let make = {
        let (parts, body) = (parts.clone(), body.clone());
        move || Request::from_parts(parts.clone(), Body::from(body.clone()))
    };
    match fault {
        Some(Fault::DieBefore) => {
            door.die();
            std::future::pending::<()>().await;
        }
        Some(Fault::Refused(code)) => return Ok(refusal(code)),
        Some(Fault::Held) => {
            let (client, runtime) = door.late.clone();
            let applied = runtime.spawn(async move {
                tokio::time::sleep(HELD).await;
                let answered = client.send(make()).await;
                let Ok(answered) = answered else { return };
                note(&door, &parts, &body, answered.status().as_u16());
            });
            // Whoever asked has given up before.
            applied.await?;
            return Err("nobody waited for it".into());
        }
        Some(Fault::Twice) => {
            let first = inner.send(make()).await?;
            let status = first.status();
            let _ = first.into_body().collect().await;
            note(&door, &parts, &body, status.as_u16());
        }
        _ => {}
    }
    // In a task of its own: it is applied although whoever asked has given up.
    let applied = tokio::spawn(async move {
        let response = inner.send(make()).await?;
        let status = response.status().as_u16();
        let collected = response.into_body().collect().await?;
        Ok::<_, BoxError>((status, collected.to_bytes()))
    });
    let (status, told) = applied.await??;
    note(&door, &parts, &body, status);
    match fault {
        Some(Fault::DieAfter) => {
            door.die();
            std::future::pending::<()>().await;
        }
        Some(Fault::DieAnswered) => door.die(),
        Some(Fault::AppliedAndRefused) => return Ok(refusal(504)),
        Some(Fault::BreakAfter) => return Err("the connection broke".into()),
        _ => {}
    }
    Ok(answer(status, told.to_vec()))
}

fn note(door: &Door, parts: &http::request::Parts, body: &Bytes, status: u16) {
    let is_dry = parts.uri.query().unwrap_or_default().contains("dryRun");
    if parts.method != Method::GET && (200..300).contains(&status) && !is_dry {
        let body = serde_json::from_slice(body).unwrap_or_default();
        let write = Write { method: parts.method.clone(), path: parts.uri.path().to_owned(), body };
        door.writes.lock().unwrap().push(write);
    }
}

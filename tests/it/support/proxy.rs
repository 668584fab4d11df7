//! A proxy in front of the API server, of the receiver or of Prometheus, that can kill, stop or cut off the operator right before or right after a
//! named call, or at once, and lets it through again later. Otherwise it passes everything on, watches included, and writes down what
//! was written and how it was answered.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::bed::bed;
use super::operator::{Victim, signal};

/// Whether a call is the one, from its method, path and body.
pub type Match = Box<dyn Fn(&str, &str, &str) -> bool + Send>;

/// The first look at the Sender once the ledger has the entry: the last reading before the first byte.
pub fn last_reading() -> Match {
    last_reading_of(1)
}

/// The same, of the so manyth entry that is made.
pub fn last_reading_of(number: usize) -> Match {
    let created = Mutex::new(0);
    Box::new(move |method, path, _| {
        let mut created = created.lock().unwrap();
        *created += usize::from(method == "POST" && path.contains("/wavereleases"));
        *created == number && method == "GET" && path.contains("/senders/")
    })
}

/// When to strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Before,
    After,
}

/// What is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Nothing,
    /// The lease, while all else is.
    Leases,
    Everything,
}

/// What is not let through, and whether it is refused or has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub part: Part,
    pub is_silent: bool,
}

impl Cut {
    const NONE: Cut = Cut { part: Part::Nothing, is_silent: false };

    fn takes(self, path: &str) -> bool {
        match self.part {
            Part::Nothing => false,
            Part::Leases => path.contains("/leases"),
            Part::Everything => true,
        }
    }
}

/// What is done to the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    Kill,
    /// It stands still, and may go on later; the call goes on.
    Stop,
    /// It is asked to stop.
    Ask,
    /// It reaches the API server no more, until that is mended.
    Cut(Cut),
    /// The call is answered with 504, and it is left alone.
    Refuse,
}

/// What the proxy is to do.
pub struct Plan {
    pub blow: Blow,
    /// None: at no call.
    pub matches: Option<Match>,
    pub when: When,
    pub victim: Option<Victim>,
    /// When it was done.
    pub done: Option<Timestamp>,
}

/// A call that writes, and how it was answered.
#[derive(Clone, Debug)]
pub struct Write {
    /// Whose call it was: the name of the proxy.
    pub who: String,
    pub begun: Timestamp,
    pub answered: Timestamp,
    pub method: String,
    pub path: String,
    pub body: Value,
    pub status: u16,
    pub answer: Value,
}

impl Write {
    /// Method and path.
    pub fn call(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What several proxies may write down together.
pub type Book = Arc<Mutex<Vec<Write>>>;

/// Shared with the proxy's tasks.
#[derive(Clone)]
pub struct Proxy {
    name: String,
    plan: Arc<Mutex<Plan>>,
    cut: Arc<watch::Sender<Cut>>,
    onward: Onward,
    book: Book,
    /// When each answer that was not the API server's was handed on.
    answers: Arc<Mutex<Vec<Timestamp>>>,
    pub port: u16,
}

#[derive(Clone)]
enum Onward {
    ApiServer(kube::Client),
    Server(reqwest::Client, String),
}

/// What proxies live in, beside a test.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

impl Proxy {
    fn open(name: &str, book: Book, onward: Onward, when: When, matches: Option<Match>) -> Proxy {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let plan = Plan { blow: Blow::Kill, matches, when, victim: None, done: None };
        let (plan, cut) = (Arc::new(Mutex::new(plan)), Arc::new(watch::Sender::new(Cut::NONE)));
        let proxy = Proxy { name: name.to_owned(), plan, cut, onward, book, answers: Arc::default(), port };
        let app = Router::new().fallback(pass).with_state(proxy.clone());
        tokio::spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await
        });
        proxy
    }

    /// In front of the API server, with the rights of an install's `ServiceAccount`.
    pub async fn to_api_server(when: When, matches: Match) -> Proxy {
        Proxy::open("", Book::default(), Onward::ApiServer(api_server().await), when, Some(matches))
    }

    /// The same for one of several replicas, at first without a plan.
    pub async fn of_replica(name: &str, book: &Book) -> Proxy {
        Proxy::open(name, Arc::clone(book), Onward::ApiServer(api_server().await), When::Before, None)
    }

    /// In front of the receiver.
    pub fn to_shop(when: When, matches: Match) -> Proxy {
        Proxy::to_server(&bed().shop, when, matches)
    }

    /// In front of Prometheus, only to tell when it answered.
    pub fn to_prometheus() -> Proxy {
        Proxy::to_server(&bed().prometheus, When::Before, Box::new(|_, _, _| false))
    }

    fn to_server(address: &str, when: When, matches: Match) -> Proxy {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Proxy::open("", Book::default(), Onward::Server(client, address.to_owned()), when, Some(matches))
    }

    pub fn aim(&self, victim: Victim) {
        self.plan.lock().unwrap().victim = Some(victim);
    }

    /// Does this instead of a kill.
    pub fn with(self, blow: Blow) -> Proxy {
        self.plan.lock().unwrap().blow = blow;
        self
    }

    /// From now on it waits for a call, to do something.
    pub fn wait_for(&self, blow: Blow, when: When, matches: Match) {
        let mut plan = self.plan.lock().unwrap();
        (plan.blow, plan.when, plan.matches, plan.done) = (blow, when, Some(matches), None);
    }

    /// From now on it waits for no call.
    pub fn wait_no_more(&self) {
        self.plan.lock().unwrap().matches = None;
    }

    /// As if it had never struck.
    pub fn forget(&self) {
        let mut plan = self.plan.lock().unwrap();
        (plan.matches, plan.done) = (None, None);
    }

    /// Does it now.
    pub fn strike(&self, blow: Blow) {
        let mut plan = self.plan.lock().unwrap();
        (plan.blow, plan.matches) = (blow, None);
        self.do_it(&mut plan);
    }

    /// From now on nothing is let through.
    pub fn cut(&self) {
        self.cut.send_replace(Cut { part: Part::Everything, is_silent: false });
    }

    /// From now on all is let through.
    pub fn mend(&self) {
        self.cut.send_replace(Cut::NONE);
    }

    /// Takes what was written so far.
    pub fn take_writes(&self) -> Vec<Write> {
        std::mem::take(&mut *self.book.lock().unwrap())
    }

    /// When each answer was handed on so far.
    pub fn answers(&self) -> Vec<Timestamp> {
        self.answers.lock().unwrap().clone()
    }

    pub fn has_killed(&self) -> bool {
        self.struck_at().is_some()
    }

    /// When it has done what it was to do.
    pub fn struck_at(&self) -> Option<Timestamp> {
        self.plan.lock().unwrap().done
    }

    /// Strikes, if this call is the one at this moment. What the call is answered with, if it comes to nothing: whoever is killed is
    /// dead when it returns.
    async fn falls(&self, when: When, method: &str, path: &str, body: &str) -> Option<StatusCode> {
        let blow = {
            let mut plan = self.plan.lock().unwrap();
            let is_it = plan.done.is_none()
                && plan.when == when
                && plan.victim.is_some()
                && plan.matches.as_ref().is_some_and(|matches| matches(method, path, body));
            if is_it {
                self.do_it(&mut plan);
            }
            is_it.then_some(plan.blow)
        };
        match blow {
            None | Some(Blow::Stop | Blow::Ask) => None,
            Some(Blow::Kill) => Some(StatusCode::BAD_GATEWAY),
            Some(Blow::Cut(_)) => self.bars(path).await.then_some(StatusCode::BAD_GATEWAY),
            Some(Blow::Refuse) => Some(StatusCode::GATEWAY_TIMEOUT),
        }
    }

    fn do_it(&self, plan: &mut Plan) {
        let Some(victim) = plan.victim.clone() else { return };
        plan.done = Some(Timestamp::now());
        let mut child = victim.lock().unwrap();
        match plan.blow {
            Blow::Kill => {
                child.kill().unwrap();
                child.wait().unwrap();
            }
            Blow::Stop => signal(child.id(), "-STOP"),
            Blow::Ask => signal(child.id(), "-TERM"),
            Blow::Cut(cut) => {
                self.cut.send_replace(cut);
            }
            Blow::Refuse => {}
        }
    }

    /// Whether a call is not let through; where there is to be no answer, it comes back when that is over.
    async fn bars(&self, path: &str) -> bool {
        let mut cut = self.cut.subscribe();
        let now = *cut.borrow_and_update();
        if now.takes(path) && now.is_silent {
            let _ = cut.wait_for(|cut| !cut.takes(path)).await;
        }
        now.takes(path)
    }

    /// What goes on for long, until nothing is let through any more; then it ends, or is silent.
    fn until_cut(&self, path: &str, body: kube::client::Body) -> Body {
        let (mut cut, proxy, path) = (self.cut.subscribe(), self.clone(), path.to_owned());
        let name = path.clone();
        let severed = async move {
            let _ = cut.wait_for(|cut| cut.takes(&name)).await;
        };
        let rest = stream::once(async move { proxy.bars(&path).await }).filter_map(|_| std::future::ready(None));
        Body::from_stream(body.into_data_stream().take_until(severed).chain(rest))
    }
}

async fn api_server() -> kube::Client {
    let mut config = bed().config().await;
    // The caller's own token is passed on; the certificate of the administrator is not.
    config.auth_info = kube::config::AuthInfo::default();
    config.default_retry = false;
    kube::Client::try_from(config).unwrap()
}

async fn pass(State(proxy): State<Proxy>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let method = parts.method.as_str().to_owned();
    let nothing = || StatusCode::BAD_GATEWAY.into_response();
    if proxy.bars(&path).await {
        return nothing();
    }
    if let Some(refusal) = proxy.falls(When::Before, &method, &path, &text).await {
        return refusal.into_response();
    }
    let response = match &proxy.onward {
        Onward::ApiServer(client) => {
            let mut builder = http::Request::builder().method(parts.method).uri(&path);
            for (name, value) in &parts.headers {
                if name != http::header::HOST
                    && name != http::header::CONTENT_LENGTH
                    && name != http::header::ACCEPT_ENCODING
                {
                    builder = builder.header(name, value);
                }
            }
            let request = builder.body(kube::client::Body::from(body.to_vec())).unwrap();
            if method == "GET" {
                match client.send(request).await {
                    Ok(response) => response.map(|body| proxy.until_cut(&path, body)),
                    Err(_) => return nothing(),
                }
            } else {
                // In a task of its own: it is written down although whoever called is dead.
                let write = write(proxy.clone(), client.clone(), request, path.clone(), text.clone());
                match tokio::spawn(write).await.unwrap() {
                    Some(response) => response,
                    None => return nothing(),
                }
            }
        }
        Onward::Server(client, address) => {
            let mut headers = parts.headers.clone();
            headers.remove(http::header::HOST);
            let sent =
                client.request(parts.method, format!("{address}{path}")).headers(headers).body(body).send().await;
            match sent {
                Ok(answer) => {
                    let (status, kind) = (answer.status(), answer.headers().get(http::header::CONTENT_TYPE).cloned());
                    let kind = kind.map(|kind| [(http::header::CONTENT_TYPE, kind)]);
                    let bytes = answer.bytes().await.unwrap_or_default();
                    proxy.answers.lock().unwrap().push(Timestamp::now());
                    match kind {
                        Some(kind) => (status, kind, bytes).into_response(),
                        None => (status, bytes).into_response(),
                    }
                }
                Err(_) => return nothing(),
            }
        }
    };
    match proxy.falls(When::After, &method, &path, &text).await {
        Some(refusal) => refusal.into_response(),
        None => response,
    }
}

/// Passes on a call that writes, and writes down what came of it.
async fn write(
    proxy: Proxy,
    client: kube::Client,
    request: http::Request<kube::client::Body>,
    path: String,
    text: String,
) -> Option<Response> {
    let (begun, method) = (Timestamp::now(), request.method().as_str().to_owned());
    let (mut parts, body) = client.send(request).await.ok()?.into_parts();
    // It goes on in one piece.
    parts.headers.remove(http::header::TRANSFER_ENCODING);
    parts.headers.remove(http::header::CONTENT_LENGTH);
    let told = body.collect().await.ok()?.to_bytes();
    let json = |text: &[u8]| serde_json::from_slice(text).unwrap_or_default();
    proxy.book.lock().unwrap().push(Write {
        who: proxy.name.clone(),
        begun,
        answered: Timestamp::now(),
        method,
        path,
        body: json(text.as_bytes()),
        status: parts.status.as_u16(),
        answer: json(&told),
    });
    Some(Response::from_parts(parts, Body::from(told)))
}

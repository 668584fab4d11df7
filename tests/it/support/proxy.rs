//! A proxy in front of the API server or of the receiver, that can kill or stop the operator right before or right after a
//! named call, or let nothing through any more. Otherwise it passes everything on, watches included.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;

use super::bed::bed;
use super::operator::Victim;

/// Whether a call is the one, from its method, path and body.
pub type Match = Box<dyn Fn(&str, &str, &str) -> bool + Send>;

/// The first look at the Sender once the ledger has the entry: the last reading before the first byte.
pub fn last_reading() -> Match {
    let created = Mutex::new(false);
    Box::new(move |method, path, _| {
        let mut created = created.lock().unwrap();
        *created |= method == "POST" && path.contains("/wavereleases");
        *created && method == "GET" && path.contains("/senders/")
    })
}

/// When to kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Before,
    After,
}

/// What is done to the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    Kill,
    /// It stands still, and may go on later; the call goes on.
    Stop,
}

/// What the proxy is to do.
pub struct Plan {
    pub blow: Blow,
    pub is_cut: bool,
    pub matches: Match,
    pub when: When,
    pub victim: Option<Victim>,
    pub done: bool,
}

/// Shared with the proxy's tasks.
#[derive(Clone)]
pub struct Proxy {
    plan: Arc<Mutex<Plan>>,
    onward: Onward,
    /// Every call that writes, as method and path.
    writes: Arc<Mutex<Vec<String>>>,
    pub port: u16,
}

#[derive(Clone)]
enum Onward {
    ApiServer(kube::Client),
    Shop(reqwest::Client, String),
}

impl Proxy {
    fn open(onward: Onward, when: When, matches: Match) -> Proxy {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let plan = Plan { blow: Blow::Kill, is_cut: false, matches, when, victim: None, done: false };
        let proxy = Proxy { plan: Arc::new(Mutex::new(plan)), onward, writes: Arc::default(), port };
        let app = Router::new().fallback(pass).with_state(proxy.clone());
        tokio::spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await
        });
        proxy
    }

    /// In front of the API server, with the rights of an install's `ServiceAccount`.
    pub async fn to_api_server(when: When, matches: Match) -> Proxy {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let kubeconfig = kube::config::Kubeconfig::read_from(&bed().kubeconfig).unwrap();
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &kube::config::KubeConfigOptions::default())
            .await
            .unwrap();
        // The caller's own token is passed on; the certificate of the administrator is not.
        config.auth_info = kube::config::AuthInfo::default();
        config.default_retry = false;
        Proxy::open(Onward::ApiServer(kube::Client::try_from(config).unwrap()), when, matches)
    }

    /// In front of the receiver.
    pub fn to_shop(when: When, matches: Match) -> Proxy {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Proxy::open(Onward::Shop(client, bed().shop.clone()), when, matches)
    }

    pub fn aim(&self, victim: Victim) {
        self.plan.lock().unwrap().victim = Some(victim);
    }

    pub fn stop_instead(&self) {
        self.plan.lock().unwrap().blow = Blow::Stop;
    }

    /// From now on nothing is let through.
    pub fn cut(&self) {
        self.plan.lock().unwrap().is_cut = true;
    }

    fn is_cut(&self) -> bool {
        self.plan.lock().unwrap().is_cut
    }

    /// Takes what was written so far.
    pub fn take_writes(&self) -> Vec<String> {
        std::mem::take(&mut *self.writes.lock().unwrap())
    }

    pub fn has_killed(&self) -> bool {
        self.plan.lock().unwrap().done
    }

    /// Whether this call is the one, at this moment. Whoever is killed is dead when it returns.
    fn kill_if(&self, when: When, method: &str, path: &str, body: &str) -> bool {
        let mut plan = self.plan.lock().unwrap();
        if plan.done || plan.when != when || !(plan.matches)(method, path, body) {
            return false;
        }
        let Some(victim) = plan.victim.clone() else { return false };
        plan.done = true;
        let mut child = victim.lock().unwrap();
        if plan.blow == Blow::Stop {
            let done = std::process::Command::new("kill").args(["-STOP", &child.id().to_string()]).status().unwrap();
            assert!(done.success());
            return false;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        true
    }
}

async fn pass(State(proxy): State<Proxy>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let method = parts.method.as_str().to_owned();
    if proxy.is_cut() {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    if method != "GET" {
        proxy.writes.lock().unwrap().push(format!("{method} {path}"));
    }
    if proxy.kill_if(When::Before, &method, &path, &text) {
        return StatusCode::BAD_GATEWAY.into_response();
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
            match client.send(request).await {
                Ok(response) => response.map(Body::new),
                Err(_) => return StatusCode::BAD_GATEWAY.into_response(),
            }
        }
        Onward::Shop(client, shop) => {
            let mut headers = parts.headers.clone();
            headers.remove(http::header::HOST);
            let sent = client.request(parts.method, format!("{shop}{path}")).headers(headers).body(body).send().await;
            match sent {
                Ok(answer) => (answer.status(), answer.bytes().await.unwrap_or_default()).into_response(),
                Err(_) => return StatusCode::BAD_GATEWAY.into_response(),
            }
        }
    };
    if proxy.kill_if(When::After, &method, &path, &text) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    response
}

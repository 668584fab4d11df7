//! A stand-in for listmonk 6.2.0, as far as the operator goes: its HTTP API, and how it sends, refuses, pauses and loses. A test
//! arranges lists and drafts in it, lets things go wrong, and is told whom every campaign reached. What it has in common with the
//! real server is held against both in `semantics::listmonk`; nothing else may be assumed of it. It ends with the tests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use campaign::Campaign;
use people::People;
use request::{Request, gist};
use run::Sending;

mod campaign;
mod people;
mod request;
mod run;

pub const USER: &str = "headroom";
pub const TOKEN: &str = "token-of-headroom";

/// What is to go wrong with the next request of a kind.
struct Mishap {
    method: String,
    /// Of the path with its query, as it was sent.
    path_contains: String,
    how: How,
}

enum How {
    Lost,
    Refused(u16, String),
    Ignored,
}

/// All that the server knows.
struct State {
    people: People,
    campaigns: BTreeMap<u64, Campaign>,
    /// The id of the newest campaign: ids are not given again.
    made: u64,
    /// Names of files that were uploaded; the first has id 1.
    media: Vec<String>,
    sending: Sending,
    log: Vec<String>,
    mishaps: Vec<Mishap>,
}

/// The server, and what a test may do with it past its API.
#[derive(Clone)]
pub struct Listmonk {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Listmonk {
    /// On a thread of its own, so that it answers whatever the test is busy with.
    pub fn start() -> Listmonk {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let state = State {
            people: People::default(),
            campaigns: BTreeMap::new(),
            made: 0,
            media: Vec::new(),
            sending: Sending::new(Duration::from_secs(1), 100),
            log: Vec::new(),
            mishaps: Vec::new(),
        };
        let listmonk = Listmonk { address, state: Arc::new(Mutex::new(state)) };
        let (answering, sending) = (listmonk.clone(), listmonk.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.spawn(async move {
                loop {
                    sending.step();
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            });
            let answer =
                move |method, uri, headers, body| std::future::ready(answering.answer(&method, &uri, &headers, &body));
            let app = Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
                answer(method, uri, headers, body)
            });
            runtime.block_on(async { axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), app).await })
        });
        listmonk
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn step(&self) {
        let state = &mut *self.state();
        state.sending.step(&mut state.campaigns, &state.people);
    }

    fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Response {
        let path = uri.path();
        let query: Vec<(String, String)> =
            form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let mut state = self.state();
        if method != Method::GET {
            let line = format!("{method} {path} {}", gist(body));
            state.log.push(line.trim_end().to_owned());
        }
        let whole = uri.path_and_query().map_or(path, |whole| whole.as_str());
        let is_next = |mishap: &Mishap| mishap.method == method.as_str() && whole.contains(&mishap.path_contains);
        let place = state.mishaps.iter().position(is_next);
        let how = place.map(|place| state.mishaps.remove(place).how);
        let answer = match &how {
            Some(How::Refused(status, message)) => Err((*status, message.clone())),
            Some(How::Ignored) => Ok(json!(true)),
            Some(How::Lost) | None => state.answer(&Request { method, path, query: &query, headers, body }),
        };
        drop(state);
        if matches!(how, Some(How::Lost)) {
            // It ends this connection's task, and with it the connection, before a byte of an answer is written. No panic is
            // reported, for it is none.
            std::panic::resume_unwind(Box::new("the answer is lost"));
        }
        let (status, body) = match answer {
            Ok(data) => (200, json!({"data": data})),
            Err((status, message)) => (status, json!({"message": message})),
        };
        let status = StatusCode::from_u16(status).unwrap();
        (status, [(header::CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
    }

    /// How often it looks for campaigns, and how fast it sends. It begins with 1 s and 100; the real server's tick is 5 s.
    pub fn set_pace(&self, tick: Duration, per_second: u64) {
        self.state().sending.set_pace(tick, per_second);
    }

    pub fn add_list(&self, name: &str, optin_double: bool) -> u64 {
        self.state().people.add_list(name, "private", optin_double, Vec::new())
    }

    /// New people, confirmed on this list.
    pub fn subscribe(&self, list: u64, count: u64) -> Vec<u64> {
        let people = &mut self.state().people;
        let on = |list| BTreeMap::from([(list, "confirmed".to_owned())]);
        (0..count)
            .map(|_| {
                let next = people.persons.len() + 1;
                people.add_person(&format!("person-{next}@example.com"), &format!("Person {next}"), on(list))
            })
            .collect()
    }

    /// What marketing prepares, with the body of a POST: `name`, `subject`, `lists` at least.
    pub fn add_draft(&self, draft: &Value) -> u64 {
        let made = self.state().make(draft);
        made.unwrap()
    }

    /// Whom a campaign's accepted messages went to, in order.
    pub fn sent_to(&self, campaign: u64) -> Vec<u64> {
        self.state().sending.accepted.iter().filter(|(own, _)| *own == campaign).map(|(_, person)| *person).collect()
    }

    /// As a GET answers it.
    pub fn campaign(&self, id: u64) -> Value {
        let shown = self.state().campaigns.get(&id).map(|own| own.shown.clone());
        shown.unwrap()
    }

    pub fn campaigns_tagged(&self, tag: &str) -> Vec<Value> {
        let state = self.state();
        state.campaigns.values().filter(|own| own.has_tag(tag)).map(|own| own.shown.clone()).collect()
    }

    /// What a click on the link in a mail of this campaign does.
    pub fn unsubscribe_by_mail(&self, campaign: u64, subscriber: u64) {
        let state = &mut *self.state();
        let lists: Vec<u64> = state.campaigns[&campaign].lists().into_iter().collect();
        state.people.act("unsubscribe", &[subscriber], &lists, "", true);
    }

    /// `confirmed`, `unconfirmed` or `unsubscribed`; nothing if never on that list.
    pub fn subscription(&self, list: u64, subscriber: u64) -> Option<String> {
        self.state().people.persons.get(&subscriber)?.on.get(&list).cloned()
    }

    /// Every request that writes, carried out or not, in order: method, path, and the status that it asks for, else its action on
    /// people, else the name it gives. For example `PUT /api/campaigns/1/status running`.
    pub fn requests(&self) -> Vec<String> {
        self.state().log.clone()
    }

    /// The next such request is carried out, and then the connection ends without an answer.
    pub fn lose_answer_of(&self, method: &str, path_contains: &str) {
        self.go_wrong(method, path_contains, How::Lost);
    }

    /// The next such request is refused, and not carried out.
    pub fn refuse_next(&self, method: &str, path_contains: &str, status: u16, message: &str) {
        self.go_wrong(method, path_contains, How::Refused(status, message.to_owned()));
    }

    /// The next such request is answered with 200 and `true`, and not carried out. So is a change of people's lists by the real
    /// server, for a user without `lists:manage_all`.
    pub fn ignore_next(&self, method: &str, path_contains: &str) {
        self.go_wrong(method, path_contains, How::Ignored);
    }

    fn go_wrong(&self, method: &str, path_contains: &str, how: How) {
        let (method, path_contains) = (method.to_owned(), path_contains.to_owned());
        self.state().mishaps.push(Mishap { method, path_contains, how });
    }

    /// After so many more messages none is accepted. At 10 refused ones in a run (`set_most_errors`), the server pauses the
    /// campaign by itself.
    pub fn fail_sends(&self, after: u64) {
        self.state().sending.accepts = Some(after);
    }

    /// So many refused messages in a run pause its campaign.
    pub fn set_most_errors(&self, count: u64) {
        self.state().sending.most_errors = count;
    }

    pub fn mend_sends(&self) {
        self.state().sending.accepts = None;
    }

    /// A person does it on the web page, past the operator; it is not in the log.
    pub fn person_pauses(&self, id: u64) {
        self.person(id, "paused");
    }

    pub fn person_cancels(&self, id: u64) {
        self.person(id, "cancelled");
    }

    pub fn person_starts(&self, id: u64) {
        self.person(id, "running");
    }

    fn person(&self, id: u64, status: &str) {
        // Not asserted under the lock: the server would be gone with it.
        let done = self.state().change(id, status);
        done.unwrap();
    }
}

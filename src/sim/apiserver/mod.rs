//! An API server in memory. The operator's own code talks to it through `kube::Client`; it answers as kube-apiserver
//! does, refusals, races and forgotten history included, and is held to that by the same tests on both.
//!
//! It is one state behind one lock, so that there is one order of all that happens. It reads no clock but the one of the
//! process, draws no random number, and computes no status: that is what the controllers of `sim::cluster` are for.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::tape::Tape;
use crate::clock;

mod answer;
mod ask;
mod bell;
mod builtin;
mod delete;
mod direct;
mod door;
mod fault;
mod feed;
mod kinds;
mod log;
mod managed;
mod meta;
mod read;
mod refusal;
mod schema;
mod selector;
mod store;
#[cfg(test)]
mod tests;

mod write;

pub use ask::{Ask, Place, Verb};
pub use bell::Listener;
pub use door::Door;
pub use fault::{Call, Delivery, Interceptor, Interference, Then, Undisturbed};
pub use log::Record;
pub use refusal::Refusal;
pub use store::Change;

use answer::Answer;
use log::Log;
use store::{Collection, Store};

/// The server; clones are the same one.
#[derive(Clone)]
pub struct ApiServer {
    core: Arc<Mutex<Core>>,
    interceptor: Arc<Mutex<Box<dyn Interceptor>>>,
    /// How many clients have died.
    deaths: Arc<watch::Sender<usize>>,
}

/// What is behind the lock.
#[derive(Debug, Default)]
struct Core {
    store: Store,
    log: Log,
    arrived: u64,
    tape: Option<Tape>,
    /// Clients whose process has ended.
    dead: BTreeSet<String>,
    /// When a client last tried to change anything.
    wrote: Option<Timestamp>,
}

impl Default for ApiServer {
    fn default() -> ApiServer {
        ApiServer::new()
    }
}

impl ApiServer {
    /// A server with the namespaces that every cluster has, and no definitions.
    pub fn new() -> ApiServer {
        let core = Core::default();
        let interceptor: Box<dyn Interceptor> = Box::new(Undisturbed);
        let server = ApiServer {
            core: Arc::new(Mutex::new(core)),
            interceptor: Arc::new(Mutex::new(interceptor)),
            deaths: Arc::new(watch::channel(0).0),
        };
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            // Nothing can refuse them.
            let _ = server.create("kube-apiserver", &namespace);
        }
        server
    }

    /// Serves the kinds of these definitions from now on.
    pub fn define(&self, definitions: &[CustomResourceDefinition]) -> Result<(), Refusal> {
        definitions.iter().try_for_each(|definition| {
            let definition = of_type(definition)?;
            self.create("kubectl", &definition).map(|_| ())
        })
    }

    /// A client of this server. Its name stands in the log, and in `managedFields` where it names no manager.
    pub fn client(&self, agent: &str) -> Client {
        Client::new(self.door(agent), "default")
    }

    /// The way in for a client, to put layers of one's own around it.
    pub fn door(&self, agent: &str) -> Door {
        Door::new(self.clone(), agent)
    }

    /// Lets somebody interfere from now on.
    pub fn intercept(&self, interceptor: Box<dyn Interceptor>) {
        *self.interceptor() = interceptor;
    }

    /// Notes every call and answer on a tape from now on.
    pub fn tape(&self, tape: &Tape) {
        self.core().tape = Some(tape.clone());
    }

    /// Ends a client's process, as far as the server can see: no call of its own gets an answer any more.
    pub fn kill(&self, agent: &str) {
        let mut core = self.core();
        core.dead.insert(agent.to_owned());
        let count = core.dead.len();
        drop(core);
        self.deaths.send_replace(count);
    }

    /// Whether a client's process has ended.
    pub fn is_dead(&self, agent: &str) -> bool {
        self.core().dead.contains(agent)
    }

    /// Tells whenever a client dies.
    pub fn deaths(&self) -> watch::Receiver<usize> {
        self.deaths.subscribe()
    }

    /// When a client last tried to change anything; those that write from inside the process do not count.
    pub fn last_write(&self) -> Option<Timestamp> {
        self.core().wrote
    }

    /// The calls that have arrived so far.
    pub fn arrived(&self) -> u64 {
        self.core().arrived
    }

    /// Forgets every change so far, as etcd's compaction does.
    pub fn compact(&self) {
        self.core().store.compact();
    }

    /// Remembers at most so many changes of each kind from now on.
    pub fn remember(&self, most: usize) {
        self.core().store.remember(most);
    }

    /// Ends every watch that is under way, as a restart of the server does.
    pub fn cut_watches(&self) {
        let mut core = self.core();
        core.store.epoch += 1;
        core.store.wake();
    }

    /// The calls since the last time this was asked, in the order in which they were applied, and how many older ones
    /// were dropped because nobody took them.
    pub fn take_calls(&self) -> (Vec<Record>, u64) {
        self.core().log.take()
    }

    /// The revision of the newest change.
    pub fn revision(&self) -> u64 {
        self.core().store.revision()
    }

    /// Tells of every change of a kind from now on; None if the kind is not served.
    pub fn changes_of(&self, resource: &str) -> Option<Listener> {
        self.core().store.named(resource).map(Collection::listen)
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn interceptor(&self) -> MutexGuard<'_, Box<dyn Interceptor>> {
        self.interceptor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrive(&self, ask: Ask) -> Call {
        let mut core = self.core();
        core.arrived += 1;
        Call { number: core.arrived, came: clock::world(), ask }
    }

    fn before(&self, call: &Call) -> Interference {
        self.interceptor().before(call)
    }

    fn after(&self, call: &Call, code: u16) -> Interference {
        self.interceptor().after(call, code)
    }

    fn deliver(&self, call: &Call, change: &Change) -> Delivery {
        self.interceptor().deliver(call, change)
    }

    fn apply(&self, call: &Call) -> Result<Answer, Refusal> {
        let now = clock::world();
        let mut core = self.core();
        let before = core.store.revision();
        let answered = core.store.apply(&call.ask, now);
        let after = core.store.revision();
        let code = answered.as_ref().map_or_else(|refusal| refusal.code, |answer| door::success(&call.ask, answer));
        let insisted = meta::revision(&call.ask.body);
        let changes = core.store.take_fresh();
        core.log.note(Record {
            number: call.number,
            came: call.came,
            at: now,
            agent: call.ask.agent.clone(),
            verb: call.ask.verb,
            place: call.ask.place.clone(),
            code,
            insisted: (insisted > 0).then_some(insisted),
            revision: (after > before).then_some(after),
            changes,
        });
        drop(core);
        answered
    }

    fn note_watch(&self, call: &Call, refusal: Option<&Refusal>) {
        let record = Record {
            number: call.number,
            came: call.came,
            at: clock::world(),
            agent: call.ask.agent.clone(),
            verb: Verb::Watch,
            place: call.ask.place.clone(),
            code: refusal.map_or(200, |refusal| refusal.code),
            insisted: None,
            revision: None,
            changes: Vec::new(),
        };
        self.core().log.note(record);
    }

    /// When the call came that made a change: it may have been held up on its way.
    pub(super) fn came(&self, revision: u64) -> Option<Timestamp> {
        self.core().log.came(revision)
    }

    fn note_write(&self) {
        self.core().wrote = Some(clock::world());
    }

    /// Notes on the tape, if there is one.
    fn note(&self, what: &str, number: u64, of: &dyn std::fmt::Display, bytes: &[u8]) {
        let tape = self.core().tape.clone();
        if let Some(tape) = tape {
            tape.note(&format!("{what} {number} {of}"), &[bytes]);
        }
    }
}

fn of_type<K: Serialize>(object: &K) -> Result<Value, Refusal> {
    serde_json::to_value(object).map_err(|error| Refusal::bad_request(error.to_string()))
}

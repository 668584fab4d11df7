//! The receivers of a simulated world, and the people behind them: takes each release, or fails to as it is told to, lets
//! its recipients respond, and writes down by the truth what came and whether there was room.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use crate::api::WaveRelease;
use crate::clock;
use crate::cluster::ledger;
use crate::controller::outside::{Gauge, Outside, Wire};
use crate::plan::bursts;
use crate::plan::identity;
use crate::plan::inquiry::Said;
use crate::plan::load::{Burst, Send};
use crate::plan::snapshot::Entry;
use crate::senders::{Answer, Attempt, Effect, LastCheck, Target, Trust};

use super::apiserver::ApiServer;
use super::prometheus::{Prometheus, ready};
use super::tape::Tape;
use super::traffic::Traffic;

/// What is ready must bear a send for so long.
const SOON: SignedDuration = SignedDuration::from_mins(30);
/// A sender gives up on an answer after this.
const PATIENCE: Duration = Duration::from_secs(30);

/// How one connection goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Manner {
    /// Nobody listens.
    Refuses,
    /// To connect takes so long.
    ConnectsIn(Duration),
    /// It is so long until the first byte can be written.
    Stalls(Duration),
    /// It answers so, and has it or not.
    Answers(u16, bool),
    /// It never answers, and has it or not.
    Hangs(bool),
    /// The connection breaks after the first bytes; it has it or not.
    Cuts(bool),
    /// The operator's process ends before the first byte.
    DiesBefore,
    /// The operator's process ends after the last byte.
    DiesAfter,
}

/// One release that was taken.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// When.
    pub at: Timestamp,
    /// Its idempotency key.
    pub key: String,
    /// `<namespace>/<name>` of its campaign.
    pub campaign: String,
    /// Its wave.
    pub wave: String,
    /// Its recipients.
    pub recipients: u64,
    /// Whether, by the truth, what was ready bore everything while its traffic arrived.
    pub fits: bool,
    /// The most that each workload is then asked for: by name, for the next half hour, and later.
    #[serde(skip)]
    pub asks: Vec<(String, f64, f64)>,
    /// What it brings, by the truth: as requests, of which each workload has its share.
    #[serde(skip)]
    pub burst: Burst,
}

/// One request of which at least the first byte came.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// When the first byte came.
    pub at: Timestamp,
    /// Who sent it.
    pub agent: String,
    /// The newest revision of the API server at that moment.
    pub revision: u64,
    /// Its idempotency key.
    pub key: String,
    /// Its body.
    pub body: String,
    /// The digest of its body.
    pub digest: String,
    /// Whether it had an effect.
    pub is_taken: bool,
}

/// What comes to a receiver.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    /// When its first byte came.
    pub(super) at: Timestamp,
    /// Who sent it.
    pub(super) agent: &'a str,
    /// The newest revision of the API server at that moment.
    pub(super) revision: u64,
    /// Its idempotency key.
    pub(super) key: &'a str,
    /// Its body.
    pub(super) body: &'a [u8],
}

/// What a receiver has written down.
#[derive(Debug, Default)]
pub struct Books {
    /// Every request.
    pub heard: Vec<Heard>,
    /// Every release.
    pub taken: Vec<Taken>,
    /// How the next connections go; after them, and after this time, all goes well.
    pub manners: (VecDeque<Option<Manner>>, Timestamp),
}

/// Everything outside the simulated cluster, as one operator meets it.
#[derive(Clone)]
pub struct Surroundings {
    /// Whose they are.
    pub agent: String,
    /// The API server, whose ledger tells what a key stands for.
    pub server: ApiServer,
    /// Where all is measured.
    pub prometheus: Prometheus,
    /// The truth.
    pub traffic: Arc<Mutex<Traffic>>,
    /// What came so far.
    pub books: Arc<Mutex<Books>>,
    /// How many respond, as a multiple of what the campaigns expect.
    pub response: f64,
    /// Where it is noted.
    pub tape: Tape,
}

impl Outside for Surroundings {
    fn gauge(&self, _: &str) -> Result<Arc<dyn Gauge>, String> {
        Ok(Arc::new(self.prometheus.clone()))
    }

    fn bars(&self, _: &Target) -> Option<String> {
        None
    }

    fn connect<'a>(&'a self, _: &'a Target, _: Option<&'a Trust>) -> BoxFuture<'a, Result<Box<dyn Wire>, Attempt>> {
        let manner = self.next_manner();
        Box::pin(async move {
            match manner {
                Some(Manner::Refuses) => {
                    return Err(Attempt::NotSent { why: "the connection was refused".to_owned() });
                }
                Some(Manner::ConnectsIn(long)) => tokio::time::sleep(long).await,
                _ => {}
            }
            Ok(Box::new(Line { around: self.clone(), manner }) as Box<dyn Wire>)
        })
    }
}

struct Line {
    around: Surroundings,
    manner: Option<Manner>,
}

impl Wire for Line {
    fn send<'a>(self: Box<Self>, effect: &'a Effect, last_check: LastCheck) -> BoxFuture<'a, Attempt>
    where
        Self: 'a,
    {
        Box::pin(async move { self.carry(effect, last_check).await })
    }

    fn ask<'a>(self: Box<Self>, question: &'a Effect, _: u64) -> BoxFuture<'a, Said>
    where
        Self: 'a,
    {
        Box::pin(async move { self.account(question.key()).await })
    }

    fn call<'a>(self: Box<Self>, _: &'a Effect) -> BoxFuture<'a, Result<(StatusCode, Vec<u8>), String>>
    where
        Self: 'a,
    {
        Box::pin(async { Err("no listmonk is played here".to_owned()) })
    }
}

impl Line {
    /// What it says of a key.
    async fn account(&self, key: &str) -> Said {
        let around = &self.around;
        let other = |told: String| Said::Other(told);
        match self.manner {
            Some(Manner::Stalls(long)) => tokio::time::sleep(long).await,
            Some(Manner::DiesBefore | Manner::DiesAfter) => around.die().await,
            Some(Manner::Hangs(_)) => tokio::time::sleep(PATIENCE).await,
            Some(Manner::Cuts(_)) => return other("it did not answer: the connection broke".to_owned()),
            Some(Manner::Answers(status, _)) if status != 200 => return other(format!("it answered {status}")),
            _ => {}
        }
        if around.server.is_dead(&around.agent) {
            std::future::pending::<()>().await;
        }
        let has = around.has_taken(key);
        around.tape.note(&format!("asked {key} {has}"), &[]);
        if has { Said::Done } else { other("it says that its state is \"unknown\"".to_owned()) }
    }

    async fn carry(&self, effect: &Effect, last_check: LastCheck) -> Attempt {
        let around = &self.around;
        match self.manner {
            Some(Manner::Stalls(long)) => tokio::time::sleep(long).await,
            Some(Manner::DiesBefore) => around.die().await,
            _ => {}
        }
        if around.server.is_dead(&around.agent) {
            std::future::pending::<()>().await;
        }
        if let Err(why) = last_check() {
            return Attempt::NotFired { why };
        }
        let (answer, has) = match self.manner {
            // One that keeps keys says 429 of nothing that it has.
            Some(Manner::Answers(429, has)) => (Some(429), has && !effect.expected().keyed),
            Some(Manner::Answers(status, has)) => (Some(status), has),
            Some(Manner::Hangs(has) | Manner::Cuts(has)) => (None, has),
            _ => (Some(200), true),
        };
        let is_known = around.hear_request(effect, has);
        let unknown = |why: &str| Attempt::cut(why.to_owned());
        match (self.manner, answer) {
            (Some(Manner::DiesAfter), _) => {
                around.die().await;
                unknown("it was cut")
            }
            (Some(Manner::Hangs(_)), _) => {
                tokio::time::sleep(PATIENCE).await;
                unknown("the receiver did not answer within 30 s")
            }
            (_, Some(status)) => {
                let status = if is_known { status } else { 422 };
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Attempt::of_answer(&Answer { status, retry_after: None, body: b"" }, effect.expected())
            }
            (_, None) => unknown("the connection broke"),
        }
    }
}

impl Surroundings {
    /// What was written down.
    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn die(&self) {
        self.server.kill(&self.agent);
        std::future::pending::<()>().await;
    }

    /// How the next connection, or Job, goes.
    pub(super) fn next_manner(&self) -> Option<Manner> {
        let (manners, until) = &mut self.books().manners;
        manners.pop_front().flatten().filter(|_| clock::world() < *until)
    }

    fn entry_of(&self, key: &str) -> Option<Entry> {
        let entries = self.server.read_all::<WaveRelease>("");
        let is_it = |entry: &&WaveRelease| entry.spec.request.as_ref().is_some_and(|request| request.key == key);
        entries.iter().find(is_it).and_then(ledger::entry)
    }

    /// A request comes, or a Job was made; whether it has, or will have, an effect is settled.
    pub(super) fn hear(&self, request: &Request<'_>, has: bool) {
        let Request { at, agent, revision, key, body } = *request;
        let heard = Heard {
            at,
            agent: agent.to_owned(),
            revision,
            key: key.to_owned(),
            body: String::from_utf8_lossy(body).into_owned(),
            digest: identity::digest(body),
            is_taken: has,
        };
        self.tape.note(&format!("request {} {}", heard.key, heard.is_taken), &[body]);
        self.books().heard.push(heard);
    }

    /// A request comes; whether its key has been announced.
    fn hear_request(&self, effect: &Effect, has: bool) -> bool {
        let entry = self.entry_of(effect.key());
        // One that keeps keys does nothing about a key that it has.
        let has = has && !(effect.expected().keyed && self.has_taken(effect.key()));
        let revision = self.server.revision();
        let at = clock::world();
        self.hear(&Request { at, agent: &self.agent, revision, key: effect.key(), body: effect.body() }, has);
        let is_known = entry.is_some();
        if let Some(entry) = entry.filter(|_| has) {
            self.take(effect.key(), entry);
        }
        is_known
    }

    /// The program of a Job begins to send.
    pub(super) fn take_by_job(&self, key: &str) {
        if let Some(entry) = self.entry_of(key) {
            self.take(key, entry);
        }
    }

    fn has_taken(&self, key: &str) -> bool {
        self.books().taken.iter().any(|taken| taken.key == key)
    }

    fn take(&self, key: &str, entry: Entry) {
        let now = clock::world();
        let Some(planned) = bursts::of(&entry) else { return };
        // People know nothing of margins.
        let components = planned.send().components.iter().map(|component| {
            let mut component = component.clone();
            component.per_message *= self.response;
            component
        });
        let actual = Send { start: now, margin: 1.0, components: components.collect(), ..planned.send().clone() };
        let burst = Burst::new(actual);
        let mut traffic = self.traffic.lock().unwrap_or_else(PoisonError::into_inner);
        traffic.sends.push((entry.pool.clone(), burst.clone()));
        // For half an hour what is ready must do; later an autoscaler has had time to follow the day, up to its most.
        let (soon, end) = (now.checked_add(SOON).unwrap_or(now), burst.tail());
        let (mut asks, mut fits) = (Vec::new(), true);
        for workload in traffic.workloads.iter().filter(|workload| workload.pool == entry.pool) {
            let bears = |replicas: u32| f64::from(replicas) * workload.bears;
            let first = traffic.highest(workload, now, end.min(soon));
            let later = if end > soon { traffic.highest(workload, soon, end) } else { 0.0 };
            fits &= first <= bears(ready(&self.server, workload)) && later <= bears(workload.most);
            asks.push((workload.name.clone(), first, later));
        }
        let taken = Taken {
            at: now,
            key: key.to_owned(),
            campaign: entry.campaign,
            wave: entry.wave,
            recipients: entry.recipients,
            fits,
            asks,
            burst,
        };
        self.books().taken.push(taken);
    }
}

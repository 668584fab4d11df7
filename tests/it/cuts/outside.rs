//! What lies outside the cluster of such a run: demand that is always the same, and a receiver that writes down what comes, and what
//! the API server had of it at that moment, as it finds itself.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use headroom::api::WaveRelease;
use headroom::api::pool::Reduce;
use headroom::controller::outside::{Gauge, Network, Outside, Wire};
use headroom::plan::identity;
use headroom::plan::inquiry::Said;
use headroom::plan::reading::{HistoryPoints, Question, Reading, SensorFault};
use headroom::senders::{Answer, Attempt, Effect, LastCheck, Target, Trust};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use kube::api::Api;

use super::door::Door;
use super::slot;

/// How one connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It has it, and the answer is lost.
    Cuts,
    /// It has it and says so with 409, to be asked again in a second.
    Busy,
}

/// One request that came.
#[derive(Clone, Debug)]
pub struct Heard {
    pub at: Timestamp,
    pub key: String,
    pub body: String,
    pub digest: String,
    /// Whether it had an effect: of a key that was kept it has none.
    pub has_effect: bool,
    /// What the ledger had of its key when it came.
    pub ledger: Vec<WaveRelease>,
}

/// What a receiver has written down, over all lives of the operator.
#[derive(Default)]
pub struct Books {
    pub heard: Vec<Heard>,
    pub manners: VecDeque<Manner>,
}

/// Everything outside, as the operator of one life meets it.
#[derive(Clone)]
pub struct Surroundings {
    pub door: Door,
    pub books: Arc<Mutex<Books>>,
    /// Whether the receiver keeps keys.
    pub keeps_keys: bool,
    /// Nobody's account but the receiver's own, and where the ledger is.
    pub admin: kube::Client,
    pub ledger: String,
    /// For listmonk, which is a server of its own.
    pub network: Arc<Network>,
}

struct Steady;

impl Gauge for Steady {
    fn read<'a>(
        &'a self,
        question: &'a Question,
        at: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Reading, SensorFault>> {
        let range = SignedDuration::from_secs(1);
        let is_heartbeat = question.query.contains("heartbeat");
        let value = if is_heartbeat { now.as_duration().as_secs_f64() } else { 10.0 };
        let replicas = None;
        Box::pin(async move { Ok(Reading { value, sample_at: now, evaluated_at: at, range, replicas }) })
    }

    fn history<'a>(
        &'a self,
        _: &'a str,
        _: Option<Reduce>,
        _: Timestamp,
        _: Timestamp,
        step: SignedDuration,
    ) -> BoxFuture<'a, Result<HistoryPoints, SensorFault>> {
        Box::pin(async move { Ok(HistoryPoints { points: Vec::new(), step }) })
    }
}

impl Outside for Surroundings {
    fn gauge(&self, _: &str) -> Result<Arc<dyn Gauge>, String> {
        Ok(Arc::new(Steady))
    }

    fn bars(&self, _: &Target) -> Option<String> {
        None
    }

    fn connect<'a>(
        &'a self,
        target: &'a Target,
        trust: Option<&'a Trust>,
    ) -> BoxFuture<'a, Result<Box<dyn Wire>, Attempt>> {
        Box::pin(async move {
            if target.host == "receiver" {
                return Ok(Box::new(Line(self.clone())) as Box<dyn Wire>);
            }
            let inner = self.network.connect(target, trust).await?;
            Ok(Box::new(Mortal { inner, around: self.clone() }) as Box<dyn Wire>)
        })
    }
}

/// A connection to a real server, of a process that may end.
struct Mortal {
    inner: Box<dyn Wire>,
    around: Surroundings,
}

impl Wire for Mortal {
    fn send<'a>(self: Box<Self>, effect: &'a Effect, last_check: LastCheck) -> BoxFuture<'a, Attempt>
    where
        Self: 'a,
    {
        // Only what starts a campaign of listmonk goes this way.
        Box::pin(async move {
            let Mortal { inner, around } = *self;
            live(&around.door).await;
            let (at, all) = (Timestamp::now(), around.entries().await);
            let id = effect.target().path.split('/').nth(3).and_then(|id| id.parse::<i64>().ok());
            let attempt = inner.send(effect, last_check).await;
            if !matches!(attempt, Attempt::NotFired { .. } | Attempt::NotSent { .. }) {
                let of_it = |entry: &&WaveRelease| {
                    let request = entry.spec.request.as_ref();
                    request
                        .and_then(|request| request.listmonk.as_ref())
                        .is_some_and(|there| Some(there.campaign) == id)
                };
                let request = all.iter().find(of_it).and_then(|entry| entry.spec.request.clone());
                let (key, body, digest) = request.map_or_else(
                    || (format!("campaign {id:?}"), "{}".to_owned(), String::new()),
                    |request| (request.key, request.body, request.digest),
                );
                let ledger = of_send(all, &key);
                around.books.lock().unwrap().heard.push(Heard { at, key, body, digest, has_effect: true, ledger });
            }
            attempt
        })
    }

    fn ask<'a>(self: Box<Self>, question: &'a Effect, recipients: u64) -> BoxFuture<'a, Said>
    where
        Self: 'a,
    {
        self.inner.ask(question, recipients)
    }

    fn call<'a>(self: Box<Self>, call: &'a Effect) -> BoxFuture<'a, Result<(StatusCode, Vec<u8>), String>>
    where
        Self: 'a,
    {
        Box::pin(async move {
            live(&self.around.door).await;
            self.inner.call(call).await
        })
    }
}

/// A process that has ended does nothing more.
async fn live(door: &Door) {
    if door.is_dead() {
        std::future::pending::<()>().await;
    }
}

impl Surroundings {
    /// The ledger, as the receiver itself finds it.
    async fn entries(&self) -> Vec<WaveRelease> {
        slot::all(&Api::<WaveRelease>::namespaced(self.admin.clone(), &self.ledger)).await
    }
}

/// What the ledger has of the send of a key: a later wave is held against what went before it.
fn of_send(all: Vec<WaveRelease>, key: &str) -> Vec<WaveRelease> {
    let is_its = |entry: &&WaveRelease| entry.spec.request.as_ref().is_some_and(|request| request.key == key);
    let send = all.iter().find(is_its).map(|entry| entry.spec.send_id.clone());
    all.into_iter().filter(|entry| Some(&entry.spec.send_id) == send.as_ref()).collect()
}

struct Line(Surroundings);

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
        Box::pin(async move {
            live(&self.0.door).await;
            let books = self.0.books.lock().unwrap();
            let has = books.heard.iter().any(|heard| heard.key == question.key() && heard.has_effect);
            if has { Said::Done } else { Said::Other("it answered 404".to_owned()) }
        })
    }

    fn call<'a>(self: Box<Self>, _: &'a Effect) -> BoxFuture<'a, Result<(StatusCode, Vec<u8>), String>>
    where
        Self: 'a,
    {
        Box::pin(async { Err("this is no listmonk".to_owned()) })
    }
}

impl Line {
    async fn carry(self: Box<Self>, effect: &Effect, last_check: LastCheck) -> Attempt {
        let around = self.0;
        live(&around.door).await;
        if let Err(why) = last_check() {
            return Attempt::NotFired { why };
        }
        let at = Timestamp::now();
        let manner = around.books.lock().unwrap().manners.pop_front();
        let ledger = of_send(around.entries().await, effect.key());
        let body = String::from_utf8_lossy(effect.body()).into_owned();
        {
            let mut books = around.books.lock().unwrap();
            let kept: BTreeSet<&str> = books.heard.iter().map(|heard| heard.key.as_str()).collect();
            let has_effect = !(around.keeps_keys && kept.contains(effect.key()));
            let digest = identity::digest(effect.body());
            let key = effect.key().to_owned();
            books.heard.push(Heard { at, key, body, digest, has_effect, ledger });
        }
        let answered = |status: StatusCode, retry_after| {
            Attempt::of_answer(&Answer { status, retry_after, body: b"" }, effect.expected())
        };
        match manner {
            Some(Manner::Cuts) => Attempt::cut("the connection broke".to_owned()),
            Some(Manner::Busy) => answered(StatusCode::CONFLICT, Some(SignedDuration::from_secs(1))),
            None => {
                tokio::time::sleep(Duration::from_millis(5)).await;
                answered(StatusCode::OK, None)
            }
        }
    }
}

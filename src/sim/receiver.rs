//! The receivers of a simulated world, and the people behind them: takes each release, lets its recipients respond, and
//! writes down by the truth whether there was room.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use crate::api::WaveRelease;
use crate::clock;
use crate::cluster::ledger;
use crate::controller::outside::{Gauge, Outside, Wire};
use crate::plan::bursts;
use crate::plan::load::{Burst, Send};
use crate::senders::{Attempt, Effect, LastCheck, Target};

use super::apiserver::ApiServer;
use super::prometheus::{Prometheus, ready};
use super::traffic::Traffic;

/// What is ready must bear a send for so long.
const SOON: SignedDuration = SignedDuration::from_mins(30);

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
}

/// Everything outside the simulated cluster.
#[derive(Clone)]
pub struct Surroundings {
    /// The API server, whose ledger tells what a key stands for.
    pub server: ApiServer,
    /// Where all is measured.
    pub prometheus: Prometheus,
    /// The truth.
    pub traffic: Arc<Mutex<Traffic>>,
    /// What was taken so far.
    pub taken: Arc<Mutex<Vec<Taken>>>,
    /// How many respond, as a multiple of what the campaigns expect.
    pub response: f64,
}

impl Outside for Surroundings {
    fn gauge(&self, _: &str) -> Result<Arc<dyn Gauge>, String> {
        Ok(Arc::new(self.prometheus.clone()))
    }

    fn connect<'a>(&'a self, _: &'a Target) -> BoxFuture<'a, Result<Box<dyn Wire>, Attempt>> {
        Box::pin(std::future::ready(Ok(Box::new(Line(self.clone())) as Box<dyn Wire>)))
    }
}

struct Line(Surroundings);

impl Wire for Line {
    fn send<'a>(self: Box<Self>, effect: &'a Effect, last_check: LastCheck) -> BoxFuture<'a, Attempt>
    where
        Self: 'a,
    {
        let attempt = match last_check() {
            Err(why) => Attempt::NotFired { why },
            Ok(()) => self.0.take(effect),
        };
        Box::pin(std::future::ready(attempt))
    }
}

impl Surroundings {
    fn take(&self, effect: &Effect) -> Attempt {
        let now = clock::now();
        let entries = self.server.read_all::<WaveRelease>("");
        let is_it =
            |entry: &&WaveRelease| entry.spec.request.as_ref().is_some_and(|request| request.key == effect.key());
        let Some(entry) = entries.iter().find(is_it).and_then(ledger::entry) else {
            return Attempt::Rejected { status: 422, said: " and said: nobody has announced this key".to_owned() };
        };
        let Some(planned) = bursts::of(&entry) else {
            return Attempt::Rejected { status: 422, said: " and said: it brings no load".to_owned() };
        };
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
        let fits = traffic.workloads.iter().filter(|workload| workload.pool == entry.pool).all(|workload| {
            let bears = |replicas: u32| f64::from(replicas) * workload.bears;
            traffic.highest(workload, now, end.min(soon)) <= bears(ready(&self.server, workload))
                && (end <= soon || traffic.highest(workload, soon, end) <= bears(workload.most))
        });
        let taken = Taken {
            at: now,
            key: effect.key().to_owned(),
            campaign: entry.campaign,
            wave: entry.wave,
            recipients: entry.recipients,
            fits,
        };
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(taken);
        Attempt::Released { status: 200 }
    }
}

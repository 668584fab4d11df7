//! The simulated Prometheus: answers the queries of the pools from the truth, with the age that a scrape gives them. It
//! computes no `PromQL`; a query is known by its text, and one that is not known has no series.

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use crate::api::pool::Reduce;
use crate::clock;
use crate::controller::outside::Gauge;
use crate::metrics::HEARTBEAT;
use crate::plan::reading::{HistoryPoints, Question, Reading, SensorFault};
use crate::plan::rules::Bound;
use crate::plan::units::Span;
use crate::prometheus::understood::{self, When};

use super::ailment::{Ailment, Spell, Truth};
use super::apiserver::ApiServer;
use super::traffic::{Traffic, Workload};

/// Every pod is scraped this often.
const SCRAPE: i64 = 5;

/// What a query that measures no demand stands for.
#[derive(Clone, Debug)]
pub enum Meaning {
    /// A guardrail of a pool: what it tells of depends on how overloaded the pool is.
    Guardrail {
        /// The pool.
        pool: String,
        /// What it is held against.
        bound: Bound,
    },
    /// A limit of a pool: a value that follows the demand.
    Limit {
        /// The pool.
        pool: String,
        /// Its value on an ordinary day.
        usual: f64,
    },
    /// The same number at all times: no incident, a check that is fulfilled.
    Always(f64),
}

/// The server; clones are the same one.
#[derive(Clone)]
pub struct Prometheus {
    server: ApiServer,
    traffic: Arc<Mutex<Traffic>>,
    meanings: Arc<Vec<(String, Meaning)>>,
    /// Whether it remembers the last eight days.
    remembers: bool,
    /// What is wrong with it, by when the story began.
    spells: Arc<Vec<Spell>>,
    begun: Timestamp,
}

impl Prometheus {
    /// Measures this traffic.
    pub fn new(
        server: ApiServer,
        traffic: Arc<Mutex<Traffic>>,
        meanings: Vec<(String, Meaning)>,
        remembers: bool,
    ) -> Prometheus {
        Prometheus {
            server,
            traffic,
            meanings: Arc::new(meanings),
            remembers,
            spells: Arc::default(),
            begun: clock::world(),
        }
    }

    /// The same, ill at times, counted from now.
    #[must_use]
    pub fn ill(self, spells: Vec<Spell>) -> Prometheus {
        Prometheus { spells: Arc::new(spells), begun: clock::world(), ..self }
    }

    /// What is wrong with what a query measures, and since when.
    fn ailment(&self, query: &str) -> Option<(Ailment, Timestamp)> {
        let passed = clock::world().duration_since(self.begun);
        let is_demand = self.traffic().workloads.iter().any(|workload| workload.query == query);
        let of_this = |spell: &&Spell| spell.of_all || is_demand || spell.what.is_of_all();
        let is_now = |spell: &&Spell| (spell.from..spell.until).contains(&passed);
        // Of several at a time, what tells nothing wins over what tells something wrong: it cannot tell it then. Of clocks the one
        // that is furthest out.
        let concerning = self.spells.iter().filter(is_now).filter(of_this);
        let spell = concerning.min_by_key(|spell| (spell.what.tells(), Reverse(spell.what.ahead().abs())))?;
        Some((spell.what, self.begun + spell.from))
    }

    /// What is told of a moment, at an instant by the operator's clock.
    fn told(&self, question: &Question, at: Timestamp, now: Timestamp) -> Result<Reading, SensorFault> {
        let query = question.query.as_str();
        let found = self.ailment(query);
        let ailment = found.map(|(ailment, _)| ailment);
        let world = clock::world();
        let newest = match found {
            Some((Ailment::Stale, since)) => since,
            _ => world,
        };
        // A moment is asked of that has passed by a little: what came after is not in the answer.
        let newest = newest.min(world.checked_sub(now.duration_since(at)).unwrap_or(world));
        let seconds = newest.as_second();
        let scraped = Timestamp::from_second(seconds - seconds.rem_euclid(SCRAPE)).unwrap_or(newest);
        let is_heartbeat = query.contains(HEARTBEAT);
        let value = if is_heartbeat {
            // The operator's own clock is what it writes down when it is scraped.
            Some((now - world.duration_since(scraped)).as_duration().as_secs_f64())
        } else {
            self.value(query, scraped)
        };
        let Some(value) = value else { return Err(SensorFault::Empty) };
        let replicas = {
            let traffic = self.traffic();
            let workload = traffic.workloads.iter().find(|workload| workload.query == query);
            workload.map_or(0.0, |workload| f64::from(ready(&self.server, workload)))
        };
        let range = range(query);
        let measured = match found {
            Some((Ailment::Forgetful, since)) if !range.is_zero() => {
                (scraped.duration_since(since).as_secs_f64() / range.as_secs_f64()).clamp(0.0, 1.0)
            }
            _ => 1.0,
        };
        let truth = Truth { value, scraped, replicas, is_heartbeat, measured };
        let when = When { at, now, range };
        let mut answers = Ailment::answers(ailment, truth, when, Ailment::clock(ailment, world));
        answers.past = answers.past.filter(|_| question.looks_back && !range.is_zero());
        understood::reading(question, when, answers)
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The share of requests that a pool cannot serve.
    fn excess(&self, traffic: &Traffic, pool: &str, at: Timestamp) -> f64 {
        let of = |workload: &Workload| {
            let demand = traffic.demand(workload, at);
            let bears = f64::from(ready(&self.server, workload)) * workload.bears;
            if demand > bears { (demand - bears) / demand } else { 0.0 }
        };
        traffic.workloads.iter().filter(|workload| workload.pool == pool).map(of).fold(0.0, f64::max)
    }

    fn value(&self, query: &str, at: Timestamp) -> Option<f64> {
        let traffic = self.traffic();
        if let Some(workload) = traffic.workloads.iter().find(|workload| workload.query == query) {
            return Some(mean(&traffic, workload, at, range(query)));
        }
        let (_, meaning) = self.meanings.iter().find(|(known, _)| known == query)?;
        Some(match meaning {
            Meaning::Always(value) => *value,
            Meaning::Guardrail { pool, bound } => {
                let excess = self.excess(&traffic, pool, at) + traffic.errors;
                match bound {
                    // In bounds by a tenth while all is well, and out of them as requests fail.
                    Bound::Max(max) => max.value() * 0.1 + excess,
                    Bound::Min(min) => min.value() * 1.01 - excess,
                }
            }
            Meaning::Limit { pool, usual } => {
                let growth = traffic
                    .workloads
                    .iter()
                    .filter(|workload| workload.pool == *pool)
                    .map(|workload| traffic.demand(workload, at) / workload.shape.at(at).max(1.0));
                usual * growth.fold(1.0, f64::max)
            }
        })
    }
}

/// Pods of a workload that are ready.
pub fn ready(server: &ApiServer, workload: &Workload) -> u32 {
    let deployment = server.get("deployments.apps", &workload.namespace, &workload.deployment);
    let ready = deployment.and_then(|deployment| deployment["status"]["readyReplicas"].as_u64());
    ready.and_then(|ready| u32::try_from(ready).ok()).unwrap_or(0)
}

/// The widest range in a query's text.
fn range(query: &str) -> SignedDuration {
    let inside = query.split('[').skip(1).filter_map(|rest| rest.split([']', ':']).next());
    let spans = inside.filter_map(|text| Span::parse_or_zero(text).ok()).map(Span::to_duration);
    spans.max().unwrap_or(SignedDuration::ZERO)
}

/// What a rate over a range tells: the mean over it.
fn mean(traffic: &Traffic, workload: &Workload, at: Timestamp, range: SignedDuration) -> f64 {
    const PARTS: i32 = 10;
    let sum: f64 = (0..PARTS)
        .map(|part| traffic.demand(workload, at.checked_sub(range / PARTS * part).unwrap_or(Timestamp::MIN)))
        .sum();
    sum / f64::from(PARTS)
}

impl Gauge for Prometheus {
    fn read<'a>(
        &'a self,
        question: &'a Question,
        at: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Reading, SensorFault>> {
        let takes = self.ailment(&question.query).map_or(Duration::ZERO, |(ailment, _)| ailment.takes());
        Box::pin(async move {
            if !takes.is_zero() {
                tokio::time::sleep(takes).await;
            }
            self.told(question, at, now)
        })
    }

    fn history<'a>(
        &'a self,
        query: &'a str,
        _: Option<Reduce>,
        from: Timestamp,
        to: Timestamp,
        step: SignedDuration,
    ) -> BoxFuture<'a, Result<HistoryPoints, SensorFault>> {
        let traffic = self.traffic();
        let workload = traffic.workloads.iter().find(|workload| workload.query == query);
        let mut points = Vec::new();
        if let Some(workload) = workload.filter(|_| self.remembers) {
            let mut instant = from;
            while instant <= to {
                points.push((instant, traffic.demand(workload, instant)));
                let Ok(next) = instant.checked_add(step) else { break };
                instant = next;
            }
        }
        Box::pin(std::future::ready(Ok(HistoryPoints { points, step })))
    }
}

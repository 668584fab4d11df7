//! The servers that pools are measured at, each shared by all of them: what several ask is asked once, a server that cannot
//! answer is left alone, and what is measured counts only while the server shows the heartbeat of this operator. Asks, and
//! decides nothing about any campaign.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use jiff::{SignedDuration, Timestamp};

use crate::api::pool::Reduce;
use crate::clock;
use crate::metrics::Metrics;
use crate::plan::reading::{HistoryPoints, Question, Reading, SensorFault};
use crate::prometheus::Breaker;
use crate::prometheus::understood::MOST_DRIFT;

use super::context::Context;
use super::outside::Gauge;

/// When a heartbeat was written and when it was sampled are so near, in seconds: clocks may differ, and a scrape takes its time.
const MOST_APART: f64 = 6.0;
/// What is further away is no matter of clocks.
const DAY: f64 = 86_400.0;
/// Answers are kept so long: whoever asks for the same moment is within that.
const KEPT: SignedDuration = SignedDuration::from_secs(15);

type Answer = Result<Reading, SensorFault>;
type Pending = Shared<BoxFuture<'static, Answer>>;

/// One server.
pub struct Server {
    gauge: Arc<dyn Gauge>,
    answers: Mutex<HashMap<(Question, Timestamp), Pending>>,
    breaker: Arc<Mutex<Breaker>>,
}

fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    /// Asks this one.
    pub fn new(gauge: Arc<dyn Gauge>) -> Server {
        Server { gauge, answers: Mutex::default(), breaker: Arc::default() }
    }

    /// One number as it was at `at`. Whoever asks the same of the same moment gets the same answer; `asked` is told of each
    /// question that really goes.
    pub async fn read(&self, question: Question, at: Timestamp, now: Timestamp, asked: &(dyn Fn() + Sync)) -> Answer {
        self.pending(question, at, now, asked)?.await
    }

    /// The answer that somebody waits for already, or one that is asked for now.
    fn pending(
        &self,
        question: Question,
        at: Timestamp,
        now: Timestamp,
        asked: &(dyn Fn() + Sync),
    ) -> Result<Pending, SensorFault> {
        let mut answers = open(&self.answers);
        answers.retain(|(_, of), _| at.duration_since(*of).abs() < KEPT);
        let key = (question, at);
        if let Some(pending) = answers.get(&key) {
            return Ok(pending.clone());
        }
        open(&self.breaker).admit(now)?;
        asked();
        let (gauge, breaker, of) = (Arc::clone(&self.gauge), Arc::clone(&self.breaker), key.0.clone());
        let ask = async move {
            let begun = clock::boot();
            let answer = gauge.read(&of, at, now).await;
            open(&breaker).note(answer.as_ref().err(), now, clock::since(now, begun));
            answer
        };
        let pending = ask.boxed().shared();
        answers.insert(key, pending.clone());
        Ok(pending)
    }

    /// Numbers over time.
    pub async fn history(
        &self,
        query: &str,
        reduce: Option<Reduce>,
        (from, to): (Timestamp, Timestamp),
        step: SignedDuration,
    ) -> Result<HistoryPoints, SensorFault> {
        open(&self.breaker).admit(to)?;
        let begun = clock::boot();
        let history = self.gauge.history(query, reduce, from, to, step).await;
        open(&self.breaker).note(history.as_ref().err(), to, clock::since(to, begun));
        history
    }
}

/// How one look at a pool asks: whom, of which moment, and whether what it says counts.
pub struct Look<'a> {
    ctx: &'a Context,
    server: Result<Arc<Server>, SensorFault>,
    /// The moment that is asked of: every question of a look is of the same, and of the same as those of other pools.
    at: Timestamp,
    now: Timestamp,
    /// What must be shown before anything counts, and how old it may be.
    heartbeat: Option<(Question, SignedDuration)>,
}

impl<'a> Look<'a> {
    /// At the server at an address, which is asked of the last moment of a grid of `tick`. With `needs_heartbeat`, it counts
    /// only if it shows a heartbeat that is no older than this.
    pub fn at(
        ctx: &'a Context,
        address: &str,
        tick: SignedDuration,
        needs_heartbeat: Option<SignedDuration>,
        now: Timestamp,
    ) -> Look<'a> {
        // Whoever only asks what would happen is scraped by nobody: there an operator's is looked for.
        let query = || {
            let metrics = &ctx.metrics;
            if ctx.stores.is_still { Metrics::any_heartbeat() } else { metrics.own_heartbeat(&ctx.settings.install) }
        };
        let seconds = ctx.drift.seconds();
        let server = if seconds.unsigned_abs() > MOST_DRIFT.as_secs().unsigned_abs() {
            Err(SensorFault::ClusterClockOff { seconds })
        } else {
            ctx.server(address).map_err(|why| SensorFault::NoAccess { why })
        };
        Look {
            ctx,
            server,
            at: on_grid(now, tick),
            now,
            heartbeat: needs_heartbeat.map(|limit| (Question::plain(&query()), limit)),
        }
    }

    /// One number; the heartbeat is asked for beside it, so that both are of the same moment, and once for all.
    pub async fn read(&self, question: Question) -> Answer {
        let reading = match &self.server {
            Ok(server) => {
                let (beats, reading) = futures::join!(self.beats(server), self.ask(server, question));
                beats.and(reading)
            }
            Err(fault) => Err(fault.clone()),
        };
        if let Err(fault) = &reading {
            Metrics::count(&self.ctx.metrics.sensor_faults, fault.label());
        }
        reading
    }

    /// Numbers over time, up to now.
    pub async fn history(
        &self,
        query: &str,
        reduce: Option<Reduce>,
        back: SignedDuration,
        step: SignedDuration,
    ) -> Result<HistoryPoints, SensorFault> {
        let server = self.server.as_ref().map_err(Clone::clone)?;
        self.ctx.metrics.queries.inc();
        let history = server.history(query, reduce, (self.now - back, self.now), step);
        let (beats, history) = futures::join!(self.beats(server), history);
        beats.and(history)
    }

    async fn ask(&self, server: &Server, question: Question) -> Answer {
        let queries = question.queries();
        let asked = || {
            self.ctx.metrics.queries.inc_by(queries);
        };
        // Not when the look began: much may have been read since, and clocks are held against one another.
        server.read(question, self.at, clock::now(), &asked).await
    }

    async fn beats(&self, server: &Server) -> Result<(), SensorFault> {
        match &self.heartbeat {
            Some((question, limit)) => heartbeat(self.ask(server, question.clone()).await, *limit, self.now),
            None => Ok(()),
        }
    }
}

/// The last whole multiple of `tick` since 1970, in whole seconds: pools that look as often ask of the same moments.
fn on_grid(now: Timestamp, tick: SignedDuration) -> Timestamp {
    let (seconds, tick) = (now.as_second(), tick.as_secs().max(1));
    Timestamp::from_second(seconds - seconds.rem_euclid(tick)).unwrap_or(now)
}

/// Whether an answer shows a heartbeat that is young enough.
fn heartbeat(answer: Answer, limit: SignedDuration, now: Timestamp) -> Result<(), SensorFault> {
    let beat = match answer {
        Ok(reading) => {
            // It was written when its sample was taken, by our clock and by that of Prometheus.
            let apart = reading.sample_at.as_duration().as_secs_f64() - reading.value;
            if apart.is_finite() && apart.abs() > MOST_APART && apart.abs() < DAY {
                let seconds = SignedDuration::try_from_secs_f64(apart).unwrap_or_default().as_secs();
                return Err(SensorFault::ClockOff { seconds });
            }
            reading.value
        }
        Err(SensorFault::Empty | SensorFault::NoSampleAge { .. }) => return Err(SensorFault::NoHeartbeat),
        Err(other) => return Err(other),
    };
    // What is no time at all is as far away as a time can be.
    let age = SignedDuration::try_from_secs_f64(now.as_duration().as_secs_f64() - beat);
    let age = age.unwrap_or(if beat > 0.0 { SignedDuration::MIN } else { SignedDuration::MAX });
    if age > limit {
        return Err(SensorFault::OldHeartbeat { age: age.as_secs(), limit: limit.as_secs() });
    }
    if age < -MOST_DRIFT {
        return Err(SensorFault::EarlyHeartbeat { seconds: age.as_secs().saturating_neg() });
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! Which of the five-minute bins count: those in which the workload was all there, all measured and undisturbed. Counts what is
//! left out, and why, since that is what an owner asks first.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Cpu, MOST_ERRORS, Measured};

/// From one bin to the next. Twenty-eight days of them are 8,064 points; Prometheus gives no more than 11,000.
pub const STEP: SignedDuration = SignedDuration::from_mins(5);
/// A measure above this is none: whatever is computed from those below stays finite.
const LARGEST: f64 = 1e12;
/// Less load than this, per second and replica, is none.
const LEAST_LOAD: f64 = 1e-6;
/// So many of its replicas must have been scraped, or the demand is too low by the rest.
const COVERED: f64 = 0.95;

/// Values by time: finite, at least 0.
pub type Series = BTreeMap<Timestamp, f64>;

/// What a sensor gave, without what cannot be a measure.
pub fn series(points: impl IntoIterator<Item = (Timestamp, f64)>) -> Series {
    points.into_iter().filter(|(_, value)| (0.0..=LARGEST).contains(value)).collect()
}

/// Bins that do not count, by the first reason that holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dropped {
    /// Replicas, errors or something else that is known otherwise was not measured.
    pub unmeasured: usize,
    /// No replica, or no request.
    pub idle: usize,
    /// Too few of its replicas were scraped.
    pub uncovered: usize,
    /// Too many of those that were scraped were not ready: the load of one is that of fewer than served.
    pub unready: usize,
    /// A rollout.
    pub rollout: usize,
    /// A restart.
    pub restart: usize,
    /// More than 1 % errors.
    pub errors: usize,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.unmeasured, "not measured in full"),
            (self.idle, "without load"),
            (self.uncovered, "with fewer than 95 % of its replicas scraped"),
            (self.unready, "with fewer than 95 % of its replicas ready"),
            (self.rollout, "with a rollout in the ten minutes before"),
            (self.restart, "with a restart in the ten minutes before"),
            (self.errors, "with more than 1 % errors"),
        ];
        let parts: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        if parts.is_empty() { f.write_str("none was left out") } else { write!(f, "left out: {}", parts.join(", ")) }
    }
}

/// One bin in which everything was there.
#[derive(Clone, Debug)]
pub struct Bin {
    /// When.
    pub at: Timestamp,
    /// Requests per second and replica, above 0.
    pub load: f64,
    /// Cores of one replica, by container.
    pub cpu: Vec<Option<f64>>,
    /// Seconds.
    pub latency: Option<f64>,
    /// Mean seconds of an answer.
    pub service: Option<f64>,
    /// Share of requests that failed.
    pub errors: Option<f64>,
    /// More failed than may.
    pub fails: bool,
    /// Answers took longer than they may.
    pub is_slow: bool,
}

/// All of them, in order.
#[derive(Clone, Debug, Default)]
pub struct Bins {
    /// Those that are whole; of these some fail, and tell where that begins.
    pub clean: Vec<Bin>,
    /// The others, and those that fail, counted.
    pub dropped: Dropped,
    /// How many there were.
    pub all: usize,
}

impl Bins {
    /// Sorts them.
    pub fn of(measured: &Measured) -> Bins {
        let mut bins = Bins { all: measured.demand.len(), ..Bins::default() };
        for (at, demand) in &measured.demand {
            if let Some(bin) = bins.dropped.take(measured, *at, *demand) {
                bins.clean.push(bin);
            }
        }
        bins
    }
}

impl Cpu {
    /// Cores of one replica at an instant: what is summed over some of them only is too low for all.
    fn of_one(&self, at: Timestamp, replicas: f64) -> Option<f64> {
        let seen = match &self.seen {
            Some(seen) => seen.get(&at).copied().unwrap_or(0.0),
            None => replicas,
        };
        (seen >= COVERED * replicas).then(|| self.series.get(&at).map(|cores| cores / replicas)).flatten()
    }
}

impl Dropped {
    /// The bin of an instant, or None with one more counted.
    fn take(&mut self, measured: &Measured, at: Timestamp, demand: f64) -> Option<Bin> {
        let drop = |count: &mut usize| {
            *count += 1;
            None
        };
        // Of what is known in general: outside None where it is missing just here.
        let known = |series: Option<&Series>| match series {
            None => Some(None),
            Some(series) => series.get(&at).copied().map(Some),
        };
        let (Some(replicas), Some(rollout), Some(restarts)) =
            (measured.replicas.get(&at).copied(), known(measured.rollouts.as_ref()), known(measured.restarts.as_ref()))
        else {
            return drop(&mut self.unmeasured);
        };
        let load = demand / replicas;
        if replicas < 1.0 || load < LEAST_LOAD {
            return drop(&mut self.idle);
        }
        // What counts only what answers gives nothing at all when nothing does.
        if measured.up.as_ref().is_some_and(|up| up.get(&at).copied().unwrap_or(0.0) < COVERED * replicas) {
            return drop(&mut self.uncovered);
        }
        if measured.up.as_ref().and_then(|up| up.get(&at)).is_some_and(|up| replicas < COVERED * up) {
            return drop(&mut self.unready);
        }
        let Some(errors) = known(measured.errors.as_ref()) else { return drop(&mut self.unmeasured) };
        if rollout.is_some_and(|replicas| replicas > 0.0) {
            return drop(&mut self.rollout);
        }
        if restarts.is_some_and(|restarts| restarts > 0.0) {
            return drop(&mut self.restart);
        }
        let fails = errors.is_some_and(|errors| errors > MOST_ERRORS);
        self.errors += usize::from(fails);
        let latency = measured.latency.as_ref().and_then(|latency| Some((*latency.series.get(&at)?, latency.max)));
        Some(Bin {
            at,
            load,
            cpu: measured.cpu.iter().map(|cpu| cpu.of_one(at, replicas)).collect(),
            latency: latency.map(|(seconds, _)| seconds),
            service: measured.workers.as_ref().and_then(|workers| workers.service.get(&at).copied()),
            errors,
            fails,
            is_slow: latency.is_some_and(|(seconds, max)| seconds > max),
        })
    }
}

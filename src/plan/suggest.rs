//! What one replica of a workload bears, learnt from what Prometheus has seen of it: every bound that can be told, and of
//! these the lowest. Pure: series go in, and a proposal for a person or a refusal with its numbers comes out. It never guesses: a
//! bound that the data does not carry is left out and said to be.
//!
//! What is learnt is the load that is *safe*, utilisation and all. A `CapacityPool` holds what a replica bears before utilisation, so
//! `print` divides by the pool's `targetUtilization`, with which the operator multiplies again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

mod bins;
mod bounds;
mod knee;
pub mod known;
mod line;
pub mod print;
mod statistics;

pub use bins::{Dropped, STEP, Series, series};

use bins::{Bin, Bins};
use statistics::quantile;

/// Fewer usable bins than this say nothing: not two days of them.
pub const FEWEST_BINS: usize = 500;
/// And they come from so many days at least: days differ.
pub const FEWEST_DAYS: usize = 3;
/// A day counts from so many usable bins on: a quarter of it.
const BINS_OF_A_DAY: usize = 72;
/// More errors than this, and a bin is not healthy.
pub const MOST_ERRORS: f64 = 0.01;
/// A day has so many seconds.
const DAY: i64 = 86_400;

/// What one replica has of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cores {
    /// Cores, above 0.
    pub cores: f64,
    /// Whether that is its limit; else it is its request.
    pub is_limit: bool,
}

/// A container of the workload's pods.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// What it may use; None where neither a limit nor a request is written.
    pub cores: Option<Cores>,
}

/// The CPU of one container, of all replicas together.
#[derive(Clone, Debug)]
pub struct Cpu {
    /// The container.
    pub container: String,
    /// What one replica of it has.
    pub cores: Cores,
    /// Cores in use.
    pub series: Series,
    /// Replicas whose cores these are; None: not known.
    pub seen: Option<Series>,
}

/// How long answers take, and how long they may.
#[derive(Clone, Debug)]
pub struct Latency {
    /// Seconds; the 95th percentile, unless the owner measures another.
    pub series: Series,
    /// Seconds.
    pub max: f64,
}

/// How much one replica does at a time.
#[derive(Clone, Debug)]
pub struct Workers {
    /// Workers of one replica, above 0.
    pub count: f64,
    /// Mean time of an answer, seconds.
    pub service: Series,
}

/// Everything that was measured. All series have the same instants, `STEP` apart.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Requests per second, of all replicas together.
    pub demand: Series,
    /// Replicas that were ready.
    pub replicas: Series,
    /// Replicas that were scraped; None: not known.
    pub up: Option<Series>,
    /// Share of requests that failed; None: not known.
    pub errors: Option<Series>,
    /// Replicas of another template in the ten minutes before; None: not known.
    pub rollouts: Option<Series>,
    /// Restarts in the ten minutes before; None: not known.
    pub restarts: Option<Series>,
    /// None: not known, or no bound was given.
    pub latency: Option<Latency>,
    /// By container.
    pub cpu: Vec<Cpu>,
    /// None: not known.
    pub workers: Option<Workers>,
    /// Share of a replica that is to be used, above 0 and at most 0.85.
    pub utilization: f64,
    /// What was not known, each a sentence for the owner.
    pub unknown: Vec<String>,
}

/// Where a number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Provenance {
    /// The line of CPU on load, up to the utilisation that is wanted.
    CpuRegression,
    /// The highest load at which latency or errors were within their bound.
    LatencyKnee,
    /// Workers by the time that one request takes, by Little.
    ConcurrencyLimit,
    /// The highest healthy load ever seen, and a quarter more.
    ObservedMax,
}

/// One bound on what a replica bears.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bound {
    /// Where it comes from.
    pub provenance: Provenance,
    /// Safe requests per second for one replica, finite and above 0.
    pub per_replica: f64,
    /// How it was found, with its numbers.
    pub how: String,
}

/// The demand that an ordinary week brings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Peak {
    /// The most of the last seven days, requests per second.
    pub per_second: f64,
    /// When.
    pub at: Timestamp,
    /// What was more than that before, if anything was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<(f64, Timestamp)>,
}

/// What a proposal rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The oldest bin.
    pub from: Timestamp,
    /// The newest.
    pub to: Timestamp,
    /// Bins with a demand.
    pub bins: usize,
    /// Those that count.
    pub usable: usize,
    /// Days with enough of them.
    pub days: usize,
    /// Those that do not.
    pub dropped: Dropped,
    /// Requests per second and replica: the 5th percentile, the median, and the highest healthy.
    pub load: [f64; 3],
    /// The most replicas that were ready.
    pub most_ready: f64,
}

/// A proposal.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Suggestion {
    /// Safe requests per second for one replica: utilisation is in it.
    pub per_replica: f64,
    /// The bound that binds.
    pub provenance: Provenance,
    /// Every bound that was told, the lowest first.
    pub bounds: Vec<Bound>,
    /// Bounds that could not be told and what is not known, each a sentence.
    pub untold: Vec<String>,
    /// The share of a replica that is to be used.
    pub utilization: f64,
    /// Demand.
    pub peak: Peak,
    /// What all this rests on.
    pub evidence: Evidence,
}

/// Why nothing is proposed, as a sentence with the way out.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)] // The fields are the numbers of the sentence.
pub enum TooLittle {
    #[error(
        "{usable} usable bins of five minutes on {days} {word} are too little to learn from; {FEWEST_BINS} on {FEWEST_DAYS} days are needed. Of {bins} that were measured {dropped}. Wait until Prometheus has seen more, look back further with --days, or write a capacityPerReplica that a load test has shown",
        word = if *.days == 1 { "day" } else { "days" }
    )]
    Bins { usable: usize, days: usize, bins: usize, dropped: Dropped },
    #[error(
        "its latency is above {max} s even where its load is lowest ({latency} s at {load} req/s per replica), so that no load can be said to be safe. Give another --latency-max, or look at what makes it slow"
    )]
    AlwaysSlow { max: String, latency: String, load: String },
    #[error(
        "container {container} uses {idle} cores without any load, and {share} % of its CPU limit of {cores} are {room}: nothing is left for requests. Give it more CPU, or write a capacityPerReplica that a load test has shown"
    )]
    AlwaysBusy { container: String, idle: String, share: String, cores: String, room: String },
}

/// Proposes what one replica bears, or says what is missing.
pub fn suggest(measured: &Measured) -> Result<Suggestion, TooLittle> {
    let bins = Bins::of(measured);
    let usable: Vec<&Bin> = bins.clean.iter().filter(|bin| !bin.fails).collect();
    let days = days(&usable);
    let too_little = || TooLittle::Bins { usable: usable.len(), days, bins: bins.all, dropped: bins.dropped.clone() };
    if usable.len() < FEWEST_BINS || days < FEWEST_DAYS {
        return Err(too_little());
    }
    let (Some(from), Some(to)) = (bins.clean.first().map(|bin| bin.at), bins.clean.last().map(|bin| bin.at)) else {
        return Err(too_little());
    };
    let mut bounds = Vec::new();
    let mut untold = measured.unknown.clone();
    let mut tell = |told: Result<Bound, String>| match told {
        Ok(bound) => bounds.push(bound),
        Err(why) => untold.push(why),
    };
    for (place, cpu) in measured.cpu.iter().enumerate() {
        tell(bounds::of_cpu(cpu, place, &usable, measured.utilization)?);
    }
    if let Some(latency) = &measured.latency {
        tell(bounds::of_latency(&usable, latency.max)?);
    }
    if measured.errors.is_some() {
        tell(bounds::of_errors(&bins.clean));
    }
    if let Some(workers) = &measured.workers {
        tell(bounds::of_workers(workers, &usable, measured.utilization));
    }
    // What fails tells, what takes long, and what is far from full.
    let is_health_known = measured.errors.is_some() || measured.latency.is_some() || !bounds.is_empty();
    let (highest, observed) = bounds::of_sight(&bins.clean, is_health_known).ok_or_else(too_little)?;
    bounds.push(observed);
    bounds.sort_by(|one, other| one.per_replica.total_cmp(&other.per_replica));
    let binds = bounds.first().cloned().ok_or_else(too_little)?;
    let loads: Vec<f64> = usable.iter().map(|bin| bin.load).collect();
    let at = |share| quantile(&loads, share).unwrap_or(highest);
    let evidence = Evidence {
        from,
        to,
        bins: bins.all,
        usable: usable.len(),
        days,
        dropped: bins.dropped.clone(),
        load: [at(0.05), at(0.5), highest],
        most_ready: measured.replicas.values().copied().fold(0.0, f64::max),
    };
    Ok(Suggestion {
        per_replica: binds.per_replica,
        provenance: binds.provenance,
        bounds,
        untold,
        utilization: measured.utilization,
        peak: peak(&measured.demand).ok_or_else(too_little)?,
        evidence,
    })
}

fn day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(DAY)
}

/// Days, by UTC, with enough bins.
fn days(bins: &[&Bin]) -> usize {
    let mut by_day: BTreeMap<i64, usize> = BTreeMap::new();
    for bin in bins {
        *by_day.entry(day(bin.at)).or_default() += 1;
    }
    by_day.values().filter(|bins| **bins >= BINS_OF_A_DAY).count()
}

/// The most of the last seven days, and what was more than that before.
fn peak(demand: &Series) -> Option<Peak> {
    let (newest, _) = demand.last_key_value()?;
    let since = newest.as_second() - 7 * DAY;
    let most = |is_recent: bool| {
        let mut points = demand.iter().filter(|(at, _)| (at.as_second() > since) == is_recent);
        let first = points.next()?;
        let (at, value) = points.fold(first, |most, point| if point.1 > most.1 { point } else { most });
        Some((*value, *at))
    };
    let (per_second, at) = most(true)?;
    Some(Peak { per_second, at, before: most(false).filter(|(before, _)| *before > per_second) })
}

#[cfg(test)]
mod tests;

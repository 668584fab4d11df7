//! The bounds on what one replica bears, each by its own kind of evidence. What the data does not carry is not told, and says why.

use super::bins::Bin;
use super::knee::{self, Knee, Middle};
use super::line::{self, NoLine, Point};
use super::statistics::{median, quantile};
use super::{Bound, Cpu, FEWEST_BINS, MOST_ERRORS, Provenance, TooLittle, Workers, day};
use crate::plan::units::people::plain;

/// The highest healthy load is this quantile of it: a few odd bins must not be it.
const HIGHEST: f64 = 0.995;
/// So far beyond what was seen healthy a proposal may go, and no further.
const BEYOND: f64 = 1.25;
/// What the CPU of a container leaves room for; inside, why that cannot be told.
pub fn of_cpu(cpu: &Cpu, place: usize, bins: &[&Bin], utilization: f64) -> Result<Result<Bound, String>, TooLittle> {
    let name = &cpu.container;
    let points: Vec<Point> = bins
        .iter()
        .filter_map(|bin| {
            let cores = bin.cpu.get(place).copied().flatten()?;
            Some(Point { load: bin.load, cores, day: day(bin.at) })
        })
        .collect();
    let untold = |why: String| Ok(Err(format!("The CPU of container {name} tells no bound: {why}.")));
    let line = match line::fit(&points) {
        Ok(line) => line,
        Err(NoLine::TooFew { points }) => {
            return untold(format!("it was measured in {points} usable bins, and {FEWEST_BINS} are needed"));
        }
        Err(NoLine::Even { spread }) => {
            return untold(format!(
                "the load varied too little (its 95th percentile is {} times its 5th, and 1.5 is needed)",
                plain(spread)
            ));
        }
        Err(NoLine::Falls) => return untold("it does not grow with the load".to_owned()),
        Err(NoLine::Scattered { share }) => {
            return untold(format!(
                "it does not follow the load closely (its median distance from a line is {} % of it, and 20 % is the most)",
                plain(share * 100.0)
            ));
        }
    };
    let (share, cores) = (utilization * 100.0, cpu.cores.cores);
    let what = if cpu.cores.is_limit { "limit" } else { "request" };
    let room = utilization * cores;
    if room <= line.idle && !cpu.cores.is_limit {
        return untold(format!(
            "without any load it uses {} cores already, and its request is {}; a limit would tell where it ends",
            fine(line.idle),
            fine(cores)
        ));
    }
    if room <= line.idle {
        return Err(TooLittle::AlwaysBusy {
            container: name.clone(),
            idle: fine(line.idle),
            share: plain(share),
            cores: fine(cores),
            room: fine(room),
        });
    }
    let per_replica = (room - line.idle) / line.upper;
    if !is_load(per_replica) {
        return untold("it hardly grows with the load".to_owned());
    }
    let how = format!(
        "CPU of container {name}: {} cores idle and {} more per 100 req/s ({} at most, with 90 % confidence); {} % of its {what} of {} cores are reached at {} req/s",
        fine(line.idle),
        fine(line.slope * 100.0),
        fine(line.upper * 100.0),
        plain(share),
        fine(cores),
        plain(per_replica)
    );
    Ok(Ok(Bound { provenance: Provenance::CpuRegression, per_replica, how }))
}

/// The highest load at which answers came in time; inside, why that cannot be told.
pub fn of_latency(bins: &[&Bin], max: f64) -> Result<Result<Bound, String>, TooLittle> {
    let points: Vec<(f64, f64)> = bins.iter().filter_map(|bin| Some((bin.load, bin.latency?))).collect();
    Ok(match knee::find(points, max, Middle::Median) {
        Knee::At { load, above } => Ok(Bound {
            provenance: Provenance::LatencyKnee,
            per_replica: load,
            how: format!("latency: within {} s up to {} req/s, and {} s beyond", fine(max), plain(load), fine(above)),
        }),
        Knee::Never { load } => Err(format!(
            "Latency tells no bound: it was within {} s at every load, up to {} req/s per replica.",
            fine(max),
            plain(load)
        )),
        Knee::Always { load, value } => {
            return Err(TooLittle::AlwaysSlow { max: fine(max), latency: fine(value), load: plain(load) });
        }
        Knee::TooFew { points } => Err(format!(
            "Latency tells no bound: it was measured in {points} usable bins, and {FEWEST_BINS} are needed."
        )),
    })
}

/// The highest load at which requests did not fail; or why that cannot be told.
pub fn of_errors(bins: &[Bin]) -> Result<Bound, String> {
    let points: Vec<(f64, f64)> = bins.iter().filter_map(|bin| Some((bin.load, bin.errors?))).collect();
    let percent = |share: f64| plain(share * 100.0);
    match knee::find(points, MOST_ERRORS, Middle::Mean) {
        Knee::At { load, above } => Ok(Bound {
            provenance: Provenance::LatencyKnee,
            per_replica: load,
            how: format!(
                "errors: within {} % up to {} req/s, and {} % beyond",
                percent(MOST_ERRORS),
                plain(load),
                percent(above)
            ),
        }),
        Knee::Never { load } => Err(format!(
            "Errors tell no bound: they were within {} % at every load, up to {} req/s per replica.",
            percent(MOST_ERRORS),
            plain(load)
        )),
        // Then it is not the load that makes them.
        Knee::Always { value, .. } => Err(format!(
            "Errors tell no bound: they are above {} % even where the load is lowest ({} %).",
            percent(MOST_ERRORS),
            percent(value)
        )),
        Knee::TooFew { points } => {
            Err(format!("Errors tell no bound: they were measured in {points} bins, and {FEWEST_BINS} are needed."))
        }
    }
}

/// Little's law: so many workers finish `workers / service time` requests a second, and a share of that is used. The service
/// time is the mean one where the load is lowest, since under load it holds waiting too.
pub fn of_workers(workers: &Workers, bins: &[&Bin], utilization: f64) -> Result<Bound, String> {
    let points: Vec<(f64, f64)> = bins.iter().filter_map(|bin| Some((bin.load, bin.service?))).collect();
    if points.len() < FEWEST_BINS {
        return Err(format!(
            "Workers tell no bound: the mean time of an answer was measured in {} usable bins, and {FEWEST_BINS} are needed.",
            points.len()
        ));
    }
    let loads: Vec<f64> = points.iter().map(|(load, _)| *load).collect();
    let calm = quantile(&loads, 0.25).unwrap_or(0.0);
    let times: Vec<f64> = points.iter().filter(|(load, _)| *load <= calm).map(|(_, time)| *time).collect();
    let time = median(&times).unwrap_or(0.0);
    let per_replica = utilization * workers.count / time;
    if !is_load(per_replica) {
        return Err("Workers tell no bound: the mean time of an answer is 0 s where the load is lowest.".to_owned());
    }
    Ok(Bound {
        provenance: Provenance::ConcurrencyLimit,
        per_replica,
        how: format!(
            "workers: {} of a replica, {} s for one request where the load is lowest; {} % of them are busy at {} req/s",
            plain(workers.count),
            fine(time),
            plain(utilization * 100.0),
            plain(per_replica)
        ),
    })
}

/// The highest healthy load, and the bound that it is. Where nothing tells whether it was healthy nothing is added to it.
pub fn of_sight(bins: &[Bin], is_health_known: bool) -> Option<(f64, Bound)> {
    let is_healthy = |bin: &&Bin| !bin.fails && !bin.is_slow;
    let loads: Vec<f64> = bins.iter().filter(is_healthy).map(|bin| bin.load).collect();
    let highest = quantile(&loads, HIGHEST)?;
    let (healthy, broken): (Vec<&Bin>, Vec<&Bin>) = bins.iter().filter(|bin| bin.load > highest).partition(is_healthy);
    let seen = plain(highest);
    // Whatever lies beyond was seen to fail more often than not.
    let (factor, how) = if broken.len() > healthy.len() {
        (1.0, format!("the highest healthy load ever seen, {seen} req/s; above it more bins failed than not"))
    } else if is_health_known {
        (BEYOND, format!("{} times the highest healthy load ever seen, {seen} req/s", plain(BEYOND)))
    } else {
        (1.0, format!("the highest load ever seen, {seen} req/s; nothing tells whether it was healthy under it"))
    };
    let bound = Bound { provenance: Provenance::ObservedMax, per_replica: highest * factor, how };
    is_load(bound.per_replica).then_some((highest, bound))
}

/// Whether a load can be proposed.
pub fn is_load(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

/// A small measure with three digits that count, whatever its size.
fn fine(value: f64) -> String {
    if !(value.is_finite() && value > 0.0 && value < 0.1) {
        return plain(value);
    }
    let places = (1..12).find(|places| value * 10_f64.powi(*places) >= 1.0).unwrap_or(12);
    let text = format!("{value:.*}", usize::try_from(places + 2).unwrap_or(3));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

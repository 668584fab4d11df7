//! The load at which something that rises with load (latency, errors) leaves its bound.

use super::FEWEST_BINS;
use super::statistics::{count, isotonic, median};

/// The loads are cut into so many groups with equally many bins each.
const GROUPS: usize = 20;

/// What stands for a group.
#[derive(Clone, Copy, Debug)]
pub enum Middle {
    /// Its median: a few slow bins are no knee.
    Median,
    /// Its mean: what fails comes in bursts, and each counts.
    Mean,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Knee {
    /// Within the bound up to here.
    At {
        /// The median load of the last group that is within it.
        load: f64,
        /// The value of the group that follows.
        above: f64,
    },
    /// Always within it: nothing is known but that it bears at least this.
    Never {
        /// The median load of the last group.
        load: f64,
    },
    /// Never within it.
    Always {
        /// The median load of the first group.
        load: f64,
        /// The value of that group.
        value: f64,
    },
    /// There are too few points.
    TooFew {
        /// So many.
        points: usize,
    },
}

/// Finds it, of points of load and value.
pub fn find(mut points: Vec<(f64, f64)>, bound: f64, middle: Middle) -> Knee {
    let too_few = Knee::TooFew { points: points.len() };
    if points.len() < FEWEST_BINS {
        return too_few;
    }
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    let all = points.len();
    let groups: Vec<&[(f64, f64)]> =
        (0..GROUPS).filter_map(|group| points.get(group * all / GROUPS..(group + 1) * all / GROUPS)).collect();
    let values: Vec<(f64, f64)> = groups
        .iter()
        .map(|group| {
            let values: Vec<f64> = group.iter().map(|(_, value)| *value).collect();
            let value = match middle {
                Middle::Median => median(&values).unwrap_or(0.0),
                Middle::Mean => values.iter().sum::<f64>() / count(values.len()).max(1.0),
            };
            (value, count(values.len()))
        })
        .collect();
    // A value that rises with load is asked for: what is high at a low load, such as that of cold caches, is no knee.
    let rising = isotonic(&values);
    let load = |group: usize| {
        let loads: Vec<f64> =
            groups.get(group).into_iter().flat_map(|group| group.iter().map(|(load, _)| *load)).collect();
        median(&loads)
    };
    let within = rising.iter().take_while(|value| **value <= bound).count();
    match (within.checked_sub(1).and_then(load), rising.get(within)) {
        (Some(load), Some(above)) => Knee::At { load, above: *above },
        (Some(load), None) => Knee::Never { load },
        (None, _) => match (load(0), rising.first()) {
            (Some(load), Some(value)) => Knee::Always { load, value: *value },
            _ => too_few,
        },
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;

    /// Loads from 0.1 to 100, in no order that helps.
    fn points(value: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        (0..1_000_usize).map(|index| count((index * 377) % 1_000 + 1) / 10.0).map(|load| (load, value(load))).collect()
    }

    #[test]
    fn the_knee_is_the_last_group_within_the_bound() {
        // Groups of 5 req/s: above 80 it takes half a second. The last group before has loads from 75.1 to 80.
        let knee = find(points(|load| if load > 80.0 { 0.5 } else { 0.1 }), 0.3, Middle::Median);
        let Knee::At { load, above } = knee else { panic!("{knee:?}") };
        assert!((load - 77.55).abs() < 1e-9 && (above - 0.5).abs() < 1e-9, "{knee:?}");
    }

    #[test]
    fn cold_caches_at_low_load_are_no_knee() {
        let slow_when_cold = |load: f64| if load <= 5.0 { 0.35 } else { 0.1 + load / 1_000.0 };
        let knee = find(points(slow_when_cold), 0.3, Middle::Median);
        assert!(matches!(knee, Knee::Never { load } if load > 95.0), "{knee:?}");
    }

    #[test]
    fn bursts_of_errors_count_by_their_mean_and_not_by_their_median() {
        // A tenth of the bins above 90 fail wholly.
        let bursts = |load: f64| if load > 90.0 && (load * 10.0).rem_euclid(10.0) < 0.5 { 1.0 } else { 0.0 };
        let knee = find(points(bursts), 0.01, Middle::Mean);
        assert!(matches!(knee, Knee::At { load, .. } if (85.0..90.0).contains(&load)), "{knee:?}");
        assert!(matches!(find(points(bursts), 0.01, Middle::Median), Knee::Never { .. }));
    }

    #[test]
    fn what_is_never_within_its_bound_says_so_and_few_points_say_nothing() {
        let knee = find(points(|_| 0.4), 0.3, Middle::Median);
        assert!(matches!(knee, Knee::Always { load, value } if load < 5.0 && value > 0.39), "{knee:?}");
        assert_eq!(find(points(|_| 0.4).split_off(600), 0.3, Middle::Mean), Knee::TooFew { points: 400 });
    }
}

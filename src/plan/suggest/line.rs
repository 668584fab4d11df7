//! How the CPU of a replica grows with its load: a line through the points that a tenth of odd ones does not move, and how steep it
//! might be. Refuses to draw one where the data does not carry it.

use std::collections::BTreeMap;

use super::FEWEST_BINS;
use super::statistics::{Draws, count, deviation, median, quantile, quantile_of, thinned};

/// A line is drawn through at most so many points: it takes every pair of them.
const MOST_POINTS: usize = 400;
/// And drawn anew, for its confidence, through about so many.
const MOST_RESAMPLED: usize = 160;
/// So often.
const RESAMPLES: usize = 200;
/// The share of all redrawn lines that are no steeper than the one that counts.
const CONFIDENCE: f64 = 0.9;
/// The load must have varied so much: its 95th percentile over its 5th.
const LEAST_SPREAD: f64 = 1.5;
/// The points lie no further from the line than this share of the CPU, in the median.
const MOST_SCATTER: f64 = 0.2;
/// Any number will do, as long as it stays the same.
const SEED: u64 = 0x6865_6164_726f_6f6d;

/// One bin, for one replica.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Requests per second.
    pub load: f64,
    /// Cores.
    pub cores: f64,
    /// The day it belongs to: what happens within a day hangs together.
    pub day: i64,
}

/// `cores = idle + slope · load`.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Cores without load, at least 0.
    pub idle: f64,
    /// Cores per request a second, above 0.
    pub slope: f64,
    /// The slope is below this with a confidence of 90 %; never below the slope.
    pub upper: f64,
}

/// Why there is no line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoLine {
    /// There are too few points.
    TooFew {
        /// So many.
        points: usize,
    },
    /// The load was always about the same.
    Even {
        /// Its 95th percentile over its 5th.
        spread: f64,
    },
    /// More load does not bring more CPU.
    Falls,
    /// The points do not lie on a line.
    Scattered {
        /// Their median distance, as a share of the median CPU.
        share: f64,
    },
}

/// Draws the line.
pub fn fit(points: &[Point]) -> Result<Line, NoLine> {
    let too_few = NoLine::TooFew { points: points.len() };
    if points.len() < FEWEST_BINS {
        return Err(too_few);
    }
    let loads: Vec<f64> = points.iter().map(|point| point.load).collect();
    let (low, high) = (quantile(&loads, 0.05).ok_or(too_few)?, quantile(&loads, 0.95).ok_or(too_few)?);
    let spread = if low > 0.0 { high / low } else { f64::MAX };
    if spread < LEAST_SPREAD {
        return Err(NoLine::Even { spread });
    }
    let few = by_load(points, MOST_POINTS);
    let slope = slope(&few).filter(|slope| *slope > 0.0).ok_or(NoLine::Falls)?;
    let idle = |point: &Point| point.cores - slope * point.load;
    let crossing = median(&points.iter().map(idle).collect::<Vec<_>>()).ok_or(too_few)?;
    let cores = median(&points.iter().map(|point| point.cores).collect::<Vec<_>>()).ok_or(too_few)?;
    let around = deviation(&points.iter().map(idle).collect::<Vec<_>>()).ok_or(too_few)?;
    if cores <= 0.0 || around > MOST_SCATTER * cores {
        return Err(NoLine::Scattered { share: if cores > 0.0 { around / cores } else { 1.0 } });
    }
    // Below nothing it would promise room that no replica has.
    Ok(Line { idle: crossing.max(0.0), slope, upper: upper(points).unwrap_or(slope).max(slope) })
}

fn by_load(points: &[Point], most: usize) -> Vec<Point> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|one, other| one.load.total_cmp(&other.load));
    thinned(&sorted, most)
}

/// The median of the slopes between all pairs (Theil 1950, Sen 1968): up to 29 % of points that are wrong cannot carry it away.
fn slope(points: &[Point]) -> Option<f64> {
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (index, one) in points.iter().enumerate() {
        for other in points.iter().skip(index + 1) {
            let slope = (other.cores - one.cores) / (other.load - one.load);
            // Of equal loads there is none.
            if slope.is_finite() {
                slopes.push(slope);
            }
        }
    }
    quantile_of(&mut slopes, 0.5)
}

/// How steep the line might be: the days are drawn anew with replacement, whole (a block bootstrap, Künsch 1989), since bins
/// that follow one another tell nearly the same.
fn upper(points: &[Point]) -> Option<f64> {
    let mut by_day: BTreeMap<i64, Vec<Point>> = BTreeMap::new();
    for point in points {
        by_day.entry(point.day).or_default().push(*point);
    }
    let each = (MOST_RESAMPLED / by_day.len().max(1)).max(2);
    let days: Vec<Vec<Point>> = by_day.into_values().map(|points| by_load(&points, each)).collect();
    let mut draws = Draws::new(SEED);
    let mut slopes: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            let drawn = (0..days.len()).filter_map(|_| days.get(draws.place(days.len())));
            slope(&drawn.flatten().copied().collect::<Vec<_>>())
        })
        .collect();
    // Where hardly any draw gives a line there is no confidence in one.
    let enough = count(slopes.len()) >= 0.5 * count(RESAMPLES);
    if enough { quantile_of(&mut slopes, CONFIDENCE) } else { None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Five days of bins whose load goes from 20 to 80 and back each day.
    fn points(cores: impl Fn(f64, usize) -> f64) -> Vec<Point> {
        (0..5 * 288)
            .map(|index| {
                let load = 50.0 - 30.0 * (count(index % 288) / 288.0 * std::f64::consts::TAU).cos();
                Point { load, cores: cores(load, index), day: i64::try_from(index / 288).unwrap() }
            })
            .collect()
    }

    fn near(value: f64, wanted: f64) -> bool {
        (value - wanted).abs() <= 1e-9 * wanted.abs().max(1.0)
    }

    #[test]
    fn a_line_is_found_again() {
        let line = fit(&points(|load, _| 0.05 + 0.004 * load)).unwrap();
        assert!(near(line.slope, 0.004) && near(line.idle, 0.05) && near(line.upper, 0.004), "{line:?}");
    }

    #[test]
    fn a_tenth_of_odd_bins_does_not_move_it() {
        // A batch job every tenth bin.
        let line = fit(&points(|load, index| 0.05 + 0.004 * load + if index % 10 == 3 { 9.0 } else { 0.0 })).unwrap();
        assert!(near(line.slope, 0.004) && near(line.idle, 0.05), "{line:?}");
    }

    #[test]
    fn days_that_differ_make_it_less_sure_and_the_same_data_gives_the_same_line() {
        let by_day =
            |load: f64, index: usize| 0.05 + load * if (index / 288).is_multiple_of(2) { 0.004 } else { 0.005 };
        let line = fit(&points(by_day)).unwrap();
        assert!(line.slope > 0.003_9 && line.upper > line.slope + 0.000_1 && line.upper <= 0.005_1, "{line:?}");
        let again = fit(&points(by_day)).unwrap();
        assert_eq!(line.upper.to_bits(), again.upper.to_bits());
    }

    #[test]
    fn a_crossing_below_nothing_counts_as_nothing() {
        let line = fit(&points(|load, _| 0.004 * load - 0.01)).unwrap();
        assert!(line.idle.abs() < f64::EPSILON && near(line.slope, 0.004), "{line:?}");
    }

    #[test]
    fn what_data_does_not_carry_is_not_drawn() {
        let all = points(|load, _| 0.05 + 0.004 * load);
        assert_eq!(fit(&all[..499]).unwrap_err(), NoLine::TooFew { points: 499 });
        let even: Vec<Point> = all.iter().map(|point| Point { load: 50.0 + point.load / 20.0, ..*point }).collect();
        // From about 51 to 54.
        assert!(matches!(fit(&even).unwrap_err(), NoLine::Even { spread } if spread > 1.0 && spread < 1.1));
        assert_eq!(fit(&points(|load, _| 1.0 - 0.004 * load)).unwrap_err(), NoLine::Falls);
        assert_eq!(fit(&points(|_, _| 0.3)).unwrap_err(), NoLine::Falls);
        // Half a core away in every other bin, of 0.25 in the middle.
        let wild = fit(&points(|load, index| 0.05 + 0.004 * load + if index % 2 == 0 { 0.5 } else { 0.0 }));
        assert!(matches!(wild.unwrap_err(), NoLine::Scattered { share } if share > 0.2), "{wild:?}");
    }
}

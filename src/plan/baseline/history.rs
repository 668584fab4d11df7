//! Demand of the last eight days, in steps of five minutes, folded by the hour of the day.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

/// Seconds between two points.
const STEP: i64 = 300;
/// Seconds of a day.
const DAY: i64 = 86_400;
/// A day counts from so many of its 288 points on: 80 %.
const ENOUGH: usize = 231;
/// Points on either side that count as the same hour: a quarter of an hour.
const AROUND: i64 = 3;

/// What was measured, by step.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Shared: every wave that is weighed looks at the same one.
    points: Arc<BTreeMap<i64, f64>>,
    days: usize,
}

fn step(instant: Timestamp) -> i64 {
    instant.as_second().div_euclid(STEP)
}

impl History {
    /// From points in any order; one that is not a finite number at least 0 is left out.
    pub fn new(points: Vec<(Timestamp, f64)>) -> History {
        let good = points.into_iter().filter(|(_, value)| value.is_finite() && *value >= 0.0);
        let mut kept: BTreeMap<i64, f64> = BTreeMap::new();
        for (instant, value) in good {
            let most = kept.entry(step(instant)).or_insert(value);
            *most = most.max(value);
        }
        let newest = kept.keys().next_back().copied().unwrap_or(0);
        let day = |back: i64| kept.range(newest - (back + 1) * DAY / STEP + 1..=newest - back * DAY / STEP).count();
        let days = (0..8).filter(|back| day(*back) >= ENOUGH).count();
        History { points: Arc::new(kept), days }
    }

    /// Days of the last eight of which enough was seen.
    pub fn days(&self) -> usize {
        self.days
    }

    /// The most of the same hour, a quarter of an hour around it, on each of the last seven days. Where nothing of it
    /// was seen, the most of everything that was.
    pub fn h7(&self, instant: Timestamp) -> f64 {
        let same_hour = (1..=7).filter_map(|days| {
            let then = step(instant.checked_sub(SignedDuration::from_secs(days * DAY)).ok()?);
            self.points.range(then - AROUND..=then + AROUND).map(|(_, value)| *value).reduce(f64::max)
        });
        same_hour.reduce(f64::max).unwrap_or_else(|| self.points.values().copied().fold(0.0, f64::max))
    }
}

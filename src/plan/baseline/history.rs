//! Demand of the last eight days, in steps of five minutes, folded by the hour of the day.

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

/// More steps than a history has: sixteen days. What is older says nothing of the days that are asked for.
const KEPT: i64 = 16 * DAY / STEP;

/// Steps in ten minutes, the length of a canary's soak.
const TEN_MINUTES: i64 = 2;
/// The noise is that of the last day, and known if half of it was seen.
const NOISE_PAIRS: (i64, usize) = (143, 72);
/// From the median of what is normally distributed to its standard deviation.
const MEDIAN_TO_DEVIATION: f64 = 1.4826;

/// What was measured, by step.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// From the first step on, without a break; not a number where nothing was measured. Shared: every wave that is
    /// weighed looks at the same one.
    points: Arc<Vec<f64>>,
    first: i64,
    highest: f64,
    days: usize,
}

fn step(instant: Timestamp) -> i64 {
    instant.as_second().div_euclid(STEP)
}

impl History {
    /// From points in any order; one that is not a finite number at least 0 is left out.
    pub fn new(points: &[(Timestamp, f64)]) -> History {
        let good = || points.iter().filter(|(_, value)| value.is_finite() && *value >= 0.0);
        let Some(newest) = good().map(|(instant, _)| step(*instant)).max() else { return History::default() };
        let oldest = good().map(|(instant, _)| step(*instant)).min().unwrap_or(newest);
        let first = oldest.max(newest - KEPT);
        let mut kept = vec![f64::NAN; usize::try_from(newest - first + 1).unwrap_or(0)];
        let mut highest: f64 = 0.0;
        for (instant, value) in good() {
            highest = highest.max(*value);
            if let Some(most) = usize::try_from(step(*instant) - first).ok().and_then(|place| kept.get_mut(place)) {
                *most = most.max(*value);
            }
        }
        let mut history = History { points: Arc::new(kept), first, highest, days: 0 };
        let day = |back: i64| {
            let seen = history.between(newest - (back + 1) * DAY / STEP + 1, newest - back * DAY / STEP);
            seen.iter().filter(|value| !value.is_nan()).count()
        };
        history.days = (0..8).filter(|back| day(*back) >= ENOUGH).count();
        history
    }

    /// What was measured from one step to another.
    fn between(&self, from: i64, to: i64) -> &[f64] {
        let place =
            |step: i64| usize::try_from((step - self.first).max(0)).unwrap_or(usize::MAX).min(self.points.len());
        self.points.get(place(from)..place(to.saturating_add(1))).unwrap_or_default()
    }

    /// Days of the last eight of which enough was seen.
    pub fn days(&self) -> usize {
        self.days
    }

    /// By how much the mean of ten minutes differs from that of the ten before, on the last day: a standard deviation,
    /// from the median, so that a few jumps do not count. None where too little was seen.
    pub fn noise(&self) -> Option<f64> {
        let last = self.first + i64::try_from(self.points.len()).ok()?;
        let mean = |back: i64| {
            let end = last - back * TEN_MINUTES;
            let seen = self.between(end - TEN_MINUTES, end - 1);
            let seen: Vec<f64> = seen.iter().copied().filter(|value| !value.is_nan()).collect();
            let count = u32::try_from(seen.len()).ok().filter(|count| *count > 0)?;
            Some(seen.iter().sum::<f64>() / f64::from(count))
        };
        let means: Vec<Option<f64>> = (0..=NOISE_PAIRS.0).map(mean).collect();
        let pairs = means.iter().zip(means.iter().skip(1));
        let mut moved: Vec<f64> = pairs.filter_map(|(later, earlier)| Some(((*later)? - (*earlier)?).abs())).collect();
        if moved.len() < NOISE_PAIRS.1 {
            return None;
        }
        moved.sort_by(f64::total_cmp);
        let middle = moved.len() / 2;
        let (low, high) = (moved.get(middle.saturating_sub(1 - moved.len() % 2))?, moved.get(middle)?);
        Some(MEDIAN_TO_DEVIATION * f64::midpoint(*low, *high))
    }

    /// The most of the same hour, a quarter of an hour around it, on each of the last seven days. Where nothing of it
    /// was seen, the most of everything that was.
    pub fn h7(&self, instant: Timestamp) -> f64 {
        let same_hour = (1..=7).filter_map(|days| {
            let then = step(instant.checked_sub(SignedDuration::from_secs(days * DAY)).ok()?);
            let seen = self.between(then - AROUND, then + AROUND).iter().copied();
            seen.filter(|value| !value.is_nan()).reduce(f64::max)
        });
        same_hour.reduce(f64::max).unwrap_or(self.highest)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn noise_is_what_ten_minutes_differ_by() {
        // 100, 100, 130, 130, 100, …: every mean of ten minutes is 30 from the one before. 1.4826 · 30 = 44.478.
        let wave = |steps: i64| {
            let points = (0..steps).map(|step| {
                let value = if (step / 2) % 2 == 0 { 100.0 } else { 130.0 };
                (Timestamp::from_second(1_800_000_000 + step * 300).unwrap(), value)
            });
            History::new(&points.collect::<Vec<_>>()).noise()
        };
        assert!((wave(600).unwrap() - 44.478).abs() < 1e-9);
        // Half a day: 73 tens of minutes are 72 pairs, and one fewer is too little.
        assert!(wave(146).is_some() && wave(144).is_none());
        // A jump, of which there is one in a day, is no noise.
        let jump = (0..400).map(|step| {
            let value = if step < 300 { 100.0 } else { 900.0 };
            (Timestamp::from_second(1_800_000_000 + step * 300).unwrap(), value)
        });
        assert_eq!(History::new(&jump.collect::<Vec<_>>()).noise(), Some(0.0));
    }

    /// The same by a map of steps and nothing else.
    fn plainly(points: &[(i64, f64)], instant: i64) -> (usize, f64) {
        let mut kept: BTreeMap<i64, f64> = BTreeMap::new();
        for (second, value) in points.iter().filter(|(_, value)| value.is_finite() && *value >= 0.0) {
            let most = kept.entry(second.div_euclid(300)).or_insert(*value);
            *most = most.max(*value);
        }
        let newest = kept.keys().next_back().copied().unwrap_or(0);
        let day = |back: i64| kept.range(newest - (back + 1) * 288 + 1..=newest - back * 288).count();
        let same_hour = (1..=7).filter_map(|days| {
            let then = (instant - days * 86_400).div_euclid(300);
            kept.range(then - 3..=then + 3).map(|(_, value)| *value).reduce(f64::max)
        });
        let highest = same_hour.reduce(f64::max).unwrap_or_else(|| kept.values().copied().fold(0.0, f64::max));
        ((0..8).filter(|back| day(*back) >= 231).count(), highest)
    }

    proptest! {
        #[test]
        fn it_folds_as_a_plain_map_would(
            step in prop::sample::select(vec![60_i64, 300, 301, 900]),
            count in 0_usize..3_000,
            holes in prop::collection::vec((0_usize..3_000, 1_usize..400), 0..4),
            broken in prop::collection::vec((0_usize..3_000, prop::sample::select(vec![f64::NAN, -1.0, f64::INFINITY])), 0..4),
            ahead in -3_000_i64..100_000,
        ) {
            let now = 1_800_000_000_i64;
            let mut points: Vec<(i64, f64)> = (0_i64..).zip(0..count).map(|(index, place)| {
                (now - index * step, f64::from(u32::try_from(place * 7_919 % 1_009).unwrap()))
            }).collect();
            for (place, value) in broken {
                if let Some(point) = points.get_mut(place) {
                    point.1 = value;
                }
            }
            for (from, length) in holes {
                points = points.iter().enumerate().filter(|(place, _)| !(from..from + length).contains(place)).map(|(_, point)| *point).collect();
            }
            let instant = |second: i64| Timestamp::from_second(second).unwrap();
            let history = History::new(&points.iter().map(|(second, value)| (instant(*second), *value)).collect::<Vec<_>>());
            let (days, highest) = plainly(&points, now + ahead);
            prop_assert_eq!(history.days(), days);
            prop_assert!((history.h7(instant(now + ahead)) - highest).abs() < 1e-12);
        }
    }
}

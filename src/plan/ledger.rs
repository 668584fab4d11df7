//! What is committed: the load of everything that has, or may have, gone. A pure function of recorded waves, summed in
//! one order, so that a restart rebuilds it bit for bit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::load::Burst;

/// What was requested needs so long to be seen by the sensor.
const LAG: SignedDuration = SignedDuration::from_secs(30);
/// Every whole minute is looked at for so long, and every fifth after that: by then nothing rises quickly.
const FINE: i32 = 240;
const COARSE: i32 = 5;

/// Everything committed to one workload, margins included, in requests per second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Committed {
    bursts: Vec<Burst>,
    known: Known,
    /// So many of the first were summed before, and what is known of them.
    before: Option<(usize, Known)>,
}

/// Sums that were taken: every wave of one look asks for the same minutes again. No part of what is committed.
#[derive(Clone, Debug, Default)]
struct Known(Arc<Mutex<HashMap<Timestamp, f64>>>);

impl Known {
    fn at(&self, instant: Timestamp, sum: impl FnOnce() -> f64) -> f64 {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(instant).or_insert_with(sum)
    }
}

impl PartialEq for Known {
    fn eq(&self, _: &Known) -> bool {
        true
    }
}

impl Committed {
    /// From waves in any order.
    pub fn new(mut bursts: Vec<Burst>) -> Committed {
        bursts.sort_by(|a, b| (a.send().start, &a.send().name).cmp(&(b.send().start, &b.send().name)));
        Committed { bursts, known: Known::default(), before: None }
    }

    /// With one more wave.
    #[must_use]
    pub fn with(&self, burst: &Burst) -> Committed {
        self.with_all(std::iter::once(burst.clone()))
    }

    /// With some more. Where all of them come behind those that are there, the sums of those stay what they are.
    #[must_use]
    pub fn with_all(&self, more: impl Iterator<Item = Burst>) -> Committed {
        let more: Vec<Burst> = more.collect();
        let before = match &self.before {
            _ if !more.iter().all(|burst| self.is_before(burst)) => None,
            Some(before) => Some(before.clone()),
            None => Some((self.bursts.len(), self.known.clone())),
        };
        Committed { before, ..Committed::new(self.bursts.iter().cloned().chain(more).collect()) }
    }

    /// Each wave, in the order in which sums are taken.
    pub(super) fn bursts(&self) -> &[Burst] {
        &self.bursts
    }

    /// Whether nothing is committed.
    pub fn is_empty(&self) -> bool {
        self.bursts.is_empty()
    }

    /// The sum at an instant.
    pub fn at(&self, instant: Timestamp) -> f64 {
        let sum = |bursts: &[Burst]| bursts.iter().map(|burst| burst.at(instant)).sum();
        self.known.at(instant, || match &self.before {
            None => sum(&self.bursts),
            Some((count, known)) => {
                let (first, more) = self.bursts.split_at((*count).min(self.bursts.len()));
                more.iter().fold(known.at(instant, || sum(first)), |sum, burst| sum + burst.at(instant))
            }
        })
    }

    /// Whether a wave comes behind all of them in the order in which sums are taken.
    pub fn is_before(&self, burst: &Burst) -> bool {
        let new = (burst.send().start, &burst.send().name);
        self.bursts.last().is_none_or(|last| (last.send().start, &last.send().name) <= new)
    }

    /// When the last of it has faded.
    pub fn last_tail(&self) -> Option<Timestamp> {
        // Newest first: one that cannot last longer than another does need not be asked.
        self.bursts.iter().rev().fold(None, |last, burst| {
            if last.is_some_and(|last| burst.latest_tail() <= last) { last } else { last.max(Some(burst.tail())) }
        })
    }

    /// The instants between which nothing new can happen: whole minutes, and where crests can be.
    pub fn grid(&self, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let mut instants = vec![from, to];
        let crests = self
            .bursts
            .iter()
            .filter(|burst| burst.latest_tail() >= from && burst.tail() >= from)
            .flat_map(Burst::crests)
            .copied();
        instants.extend(crests.filter(|crest| from < *crest && *crest < to));
        let mut minute = 1;
        loop {
            let Ok(instant) = from.checked_add(SignedDuration::from_mins(i64::from(minute))) else { break };
            if instant >= to {
                break;
            }
            instants.push(instant);
            minute += if minute < FINE { 1 } else { COARSE };
        }
        instants.sort_unstable();
        instants.dedup();
        instants
    }

    /// The most between two instants.
    pub fn max_between(&self, from: Timestamp, to: Timestamp) -> f64 {
        if self.is_empty() || to < from {
            return 0.0;
        }
        self.grid(from, to).into_iter().map(|instant| self.at(instant)).fold(0.0, f64::max)
    }

    /// The most from an instant on.
    pub fn max_from(&self, from: Timestamp) -> f64 {
        self.last_tail().map_or(0.0, |tail| self.max_between(from, tail.max(from)))
    }

    /// What is surely in a measurement already: the least there was while it was taken. A decay is never credited.
    pub fn measured(&self, sample_at: Timestamp, range: SignedDuration) -> f64 {
        if self.is_empty() {
            return 0.0;
        }
        let from = sample_at.checked_sub(range + LAG).unwrap_or(Timestamp::MIN);
        let step = SignedDuration::from_secs(5);
        let mut least = self.at(sample_at);
        let mut instant = from;
        while instant < sample_at {
            least = least.min(self.at(instant));
            match instant.checked_add(step) {
                Ok(next) => instant = next,
                Err(_) => break,
            }
        }
        least.max(0.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::plan::load::{Profile, Send};
    use proptest::prelude::*;

    fn wave(name: &str, minute: i64, recipients: u64, rate: f64) -> Burst {
        let start = Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap();
        let components = Profile::builtin("email", "consumer").unwrap().components();
        Burst::new(Send { name: name.into(), start, rate, recipients, components, margin: 1.0 })
    }

    #[test]
    fn canary_and_rest_add_up_to_the_golden_values() {
        let committed = Committed::new(vec![wave("rest", 14, 1_176_000, 100.0), wave("canary", 0, 24_000, 100.0)]);
        let text =
            std::fs::read_to_string(format!("{}/tests/golden/golden_multi.csv", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let mut seen = 0;
        for line in text.lines().skip(1) {
            let (minute, wanted) = line.rsplit_once(',').unwrap();
            let (minute, wanted): (f64, f64) = (minute.parse().unwrap(), wanted.parse().unwrap());
            let at = Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_secs_f64(minute * 60.0);
            let is = committed.at(at);
            assert!((is - wanted).abs() <= 1e-9 * wanted.max(1e-9), "{minute}: {is} is not {wanted}");
            seen += 1;
        }
        assert!(seen > 5);
    }

    #[test]
    fn a_measurement_holds_only_what_had_surely_arrived() {
        let committed = Committed::new(vec![wave("a", 0, 24_000, 100.0)]);
        let at = |minute: i64| Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap();
        let range = SignedDuration::from_secs(120);
        // 150 s before minute 2 nothing had been sent yet.
        assert!(committed.measured(at(2), range) <= 0.0);
        // In the tail the newest instant is the least.
        assert!((committed.measured(at(60), range) - committed.at(at(60))).abs() < 1e-12);
    }

    #[test]
    fn with_more_it_is_what_it_would_be_from_the_start() {
        let waves = vec![wave("b", 0, 900_000, 500.0), wave("a", 30, 50_000, 700.0), wave("c", 30, 7_000, 10.0)];
        let at = |minute: i64| Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap();
        for (first, name) in [(1, "in order"), (2, "in order"), (0, "from nothing")] {
            let grown = Committed::new(waves[..first].to_vec());
            let asked = grown.at(at(40));
            let grown = grown.with_all(waves[first..].iter().cloned());
            let more = grown.with(&wave("between", 12, 3_000, 40.0)).with(&wave("z", 31, 2_000, 40.0));
            let mut all = waves.clone();
            assert!(asked.to_bits() == Committed::new(all[..first].to_vec()).at(at(40)).to_bits(), "{name}");
            for minute in [1, 12, 40, 300] {
                assert_eq!(
                    grown.at(at(minute)).to_bits(),
                    Committed::new(all.clone()).at(at(minute)).to_bits(),
                    "{name}"
                );
            }
            all.extend([wave("between", 12, 3_000, 40.0), wave("z", 31, 2_000, 40.0)]);
            let plain = Committed::new(all);
            for minute in [1, 12, 31, 40, 300, 3_000] {
                assert_eq!(more.at(at(minute)).to_bits(), plain.at(at(minute)).to_bits(), "{name}: minute {minute}");
            }
            let last = plain.bursts.iter().map(Burst::tail).max();
            assert_eq!(plain.last_tail(), last);
        }
    }

    proptest! {
        #[test]
        fn rebuilt_in_another_order_it_is_equal_bit_for_bit(sizes in prop::collection::vec((0_i64..500, 1_u64..1_000_000), 1..12), turn in 0_usize..12) {
            let waves: Vec<Burst> = sizes.iter().enumerate().map(|(i, (minute, size))| wave(&format!("w{i}"), *minute, *size, 500.0)).collect();
            let mut other = waves.clone();
            other.rotate_left(turn % waves.len());
            other.reverse();
            let (one, two) = (Committed::new(waves), Committed::new(other));
            for minute in [0, 1, 77, 499, 600, 2_000] {
                let at = Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap();
                prop_assert_eq!(one.at(at).to_bits(), two.at(at).to_bits());
            }
        }
    }
}

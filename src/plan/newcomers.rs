//! Replicas that have become ready a moment ago: a sensor cannot have seen them yet, and that is no fault of it. Whoever waits for
//! them is told so in other words; the gate is as closed as for any replica that is not seen.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::rules::Rules;
use super::snapshot::Snapshot;

/// How many replicas of each workload were ready, and since when. Lost, those that are new read as if they were missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Newcomers(BTreeMap<String, Vec<(Timestamp, i32)>>);

impl Newcomers {
    /// What is so now, beside what was so within a sample's greatest age.
    pub fn look(&mut self, snapshot: &Snapshot, rules: &Rules, now: Timestamp) {
        self.0.retain(|name, _| rules.workloads.iter().any(|workload| workload.name == *name));
        for (workload, seen) in rules.workloads.iter().zip(&snapshot.workloads) {
            if let Ok(found) = &seen.target {
                self.count(&workload.name, found.ready, rules.max_sample_age, now);
            }
        }
    }

    /// So many are ready now; what was so longer ago than this is forgotten.
    pub fn count(&mut self, workload: &str, ready: i32, within: SignedDuration, now: Timestamp) {
        let counts = self.0.entry(workload.to_owned()).or_default();
        if counts.last().is_none_or(|(_, last)| *last != ready) {
            counts.push((now, ready));
        }
        // The last of those that are older was so when the time began.
        let old = counts.iter().filter(|(since, _)| *since <= now - within).count();
        counts.drain(..old.saturating_sub(1));
    }

    /// The fewest that were ready within a sample's greatest age: of the others it may have too little yet.
    pub fn fewest(&self, workload: &str) -> Option<i32> {
        self.0.get(workload)?.iter().map(|(_, ready)| *ready).min()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_became_ready_is_new_for_as_long_as_a_sample_may_be_old() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let mut newcomers = Newcomers::default();
        let mut fewest = |ready: i32, second: i64| {
            newcomers.count("web", ready, SignedDuration::from_secs(90), at(second));
            newcomers.fewest("web")
        };
        assert_eq!(fewest(12, 0), Some(12));
        assert_eq!(fewest(20, 300), Some(12), "there were 12 until now, as far as anybody looked");
        assert_eq!(fewest(24, 320), Some(12));
        assert_eq!(fewest(24, 389), Some(12));
        assert_eq!(fewest(24, 390), Some(20), "of the first eight there are samples, or something is wrong");
        assert_eq!(fewest(24, 410), Some(24));
        assert_eq!(fewest(21, 411), Some(21), "fewer than there were are all old");
        assert_eq!(newcomers.fewest("api"), None);
    }
}

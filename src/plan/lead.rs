//! The lead time of a workload: from a floor that rises until that many replicas are ready. Assumed until it has been seen
//! often enough, then measured; it decides how long before its time a wave's scale is raised, and how far ahead the gate
//! looks. It raises nothing itself.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::pool_status::{CapacityPoolStatus, Claim, WorkloadStatus};

use super::rules::Rules;
use super::snapshot::Snapshot;

/// Pods need about so long where nothing has been seen.
pub const USUAL: SignedDuration = SignedDuration::from_mins(3);
/// So many times it must have been seen before that counts.
const ENOUGH: usize = 5;
/// So many times are remembered.
const KEPT: usize = 20;
/// What may pass between two looks.
const LOOK: SignedDuration = SignedDuration::from_secs(10);

/// The time within which 19 of 20 rises were ready; None where too few were seen. Seconds.
pub fn measured(leads: &[i64]) -> Option<i64> {
    if leads.len() < ENOUGH {
        return None;
    }
    let mut sorted = leads.to_vec();
    sorted.sort_unstable();
    // The nearest rank.
    let rank = (sorted.len() * 95).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

/// The lead time of one workload.
pub fn of(status: &CapacityPoolStatus, workload: &str) -> SignedDuration {
    let told = status.workloads.iter().find(|told| told.name == workload);
    told.and_then(|told| measured(&told.leads)).map_or(USUAL, SignedDuration::from_secs)
}

/// How long before its time a wave begins to ask for its replicas: long enough for the slowest workload, and for the
/// confirmation behind it.
pub fn prescale(snapshot: &Snapshot, rules: &Rules) -> SignedDuration {
    let known = snapshot.pool.status.workloads.iter().filter_map(|told| measured(&told.leads));
    let slowest = known.max().map(|seconds| SignedDuration::from_secs(seconds) + rules.confirm_span + LOOK);
    slowest.map_or(USUAL, |slowest| slowest.max(USUAL)).min(rules.max_prescale_lead)
}

/// Notes in a claim when its floor rose above what is ready, and forgets it once that many are. Then, how long it took, in
/// seconds.
pub fn watch(before: Option<&Claim>, after: &mut Claim, ready: i32, now: Timestamp) -> Option<i64> {
    let (rises, falls) = match before {
        Some(before) => (after.floor > before.floor, after.floor < before.floor),
        None => (true, false),
    };
    if falls {
        after.raised_at = None;
    }
    if ready < after.floor {
        if rises {
            // Of several rises the first counts: longer is the safe side.
            after.raised_at.get_or_insert(Time(now));
        }
        return None;
    }
    let raised_at = after.raised_at.take()?;
    Some(now.duration_since(raised_at.0).as_secs().max(0))
}

/// What was seen before, and now.
pub fn remember(told: &mut WorkloadStatus, before: Option<&WorkloadStatus>, seen: Option<i64>) {
    told.leads = before.map(|before| before.leads.clone()).unwrap_or_default();
    told.leads.extend(seen);
    let surplus = told.leads.len().saturating_sub(KEPT);
    told.leads.drain(..surplus);
    told.lead = measured(&told.leads);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn claim(floor: i32) -> Claim {
        crate::plan::claim::tests::claim(Some(2), floor)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_rise_is_timed_from_the_first_of_several_until_all_are_ready() {
        let mut first = claim(10);
        assert_eq!(watch(None, &mut first, 4, at(0)), None);
        let mut second = Claim { floor: 20, ..first.clone() };
        assert_eq!(watch(Some(&first), &mut second, 10, at(100)), None);
        let mut third = second.clone();
        assert_eq!(watch(Some(&second), &mut third, 19, at(200)), None);
        let mut done = third.clone();
        assert_eq!(watch(Some(&third), &mut done, 20, at(240)), Some(240));
        assert_eq!(done.raised_at, None);
        assert_eq!(watch(Some(&done.clone()), &mut done, 20, at(300)), None, "once");
    }

    #[test]
    fn what_was_ready_already_and_what_was_given_back_tell_nothing() {
        let mut there = claim(10);
        assert_eq!(watch(None, &mut there, 12, at(0)), None);
        assert_eq!(there.raised_at, None);
        let mut rising = claim(20);
        assert_eq!(watch(Some(&there), &mut rising, 12, at(10)), None);
        let mut lowered = Claim { floor: 12, ..rising.clone() };
        assert_eq!(watch(Some(&rising), &mut lowered, 12, at(500)), None);
        // Pods that are lost under a standing floor are no rise.
        assert_eq!(watch(Some(&lowered.clone()), &mut lowered, 8, at(600)), None);
        assert_eq!(lowered.raised_at, None);
    }

    #[test]
    fn nineteen_of_twenty_count_and_four_do_not() {
        assert_eq!(measured(&[60, 60, 60, 60]), None);
        assert_eq!(measured(&[60, 500, 70, 80, 90]), Some(500));
        let mut twenty = vec![100; 18];
        twenty.extend([300, 900]);
        assert_eq!(measured(&twenty), Some(300));
        let mut told = WorkloadStatus::default();
        let before = WorkloadStatus { leads: twenty, ..WorkloadStatus::default() };
        remember(&mut told, Some(&before), Some(40));
        assert_eq!((told.leads.len(), told.leads.last(), told.lead), (20, Some(&40), Some(300)));
    }
}

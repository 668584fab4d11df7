//! A pool in which nothing is due asks nothing and writes nothing.

use super::*;

#[test]
fn what_is_idle_asks_nothing_and_says_nothing_new() {
    let mut idle = snapshot();
    idle.pool.status.claims.clear();
    idle.workloads.clear();
    idle.campaigns = vec![campaign("sale", &json!({"schedule": {"start": "2027-06-01T09:00"}}))];
    assert!(!must_measure(&idle, at(0)));
    let first = plan(&idle, at(0));
    idle.campaigns[0].status = first.reports[0].status.clone();
    idle.pool.status = first.pool;
    idle.memory = first.memory;
    let second = plan(&idle, at(60));
    assert!(second.reports.is_empty(), "{:?}", second.reports);
    assert_eq!(second.pool, idle.pool.status);
    assert_eq!(second.again, SignedDuration::from_secs(60));
    // Nor later, when what was said is looked at again.
    let much_later = plan(&idle, at(3_600));
    assert!(much_later.reports.is_empty(), "{:?}", much_later.reports);
}

#[test]
fn borrowed_scale_is_looked_after_every_quarter_of_a_minute_and_a_send_every_five_seconds() {
    let mut borrowed = snapshot();
    // The canary of 4,000 left within two seconds, half a minute ago, and is watched.
    borrowed.entries = vec![entry("canary", 4_000, -30, Some(Outcome::Released))];
    assert_eq!(reason(&borrowed), "Soaking");
    let sending = plan(&borrowed, at(0));
    assert!(!sending.pool.claims.is_empty());
    assert_eq!(sending.again, SignedDuration::from_secs(5));
    borrowed.campaigns.clear();
    let resting = plan(&borrowed, at(0));
    assert!(!resting.pool.claims.is_empty());
    assert_eq!(resting.again, SignedDuration::from_secs(15));
}

#[test]
fn a_wave_that_leaves_within_a_second_is_told_by_what_follows() {
    // 4,000 at 2,000 each second leave within two.
    let mut gone = snapshot();
    gone.campaigns[0].status.phase = Some(Phase::Confirming);
    let phase = |gone: &Snapshot| plan(gone, at(0)).reports.first().and_then(|report| report.status.phase);
    for (age, told) in [(0, Some(Phase::Sending)), (1, None), (2, Some(Phase::Soaking))] {
        gone.entries = vec![entry("canary", 4_000, -age, Some(Outcome::Released))];
        assert_eq!(phase(&gone), told, "{age} s ago");
    }
    gone.entries = vec![entry("canary", 4_000, -1, Some(Outcome::Released))];
    assert_eq!(plan(&gone, at(0)).again, SignedDuration::from_secs(1), "and it is looked at then");
    for told in [None, Some(Phase::Sending)] {
        gone.campaigns[0].status.phase = told;
        assert_eq!(phase(&gone), Some(Phase::Sending), "nothing else is told");
    }
}

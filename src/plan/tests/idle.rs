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
}

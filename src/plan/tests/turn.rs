//! Who goes first, and what is promised to another wave.

use super::*;

#[test]
fn higher_priority_goes_first_and_what_it_takes_is_committed() {
    let mut both = snapshot();
    let whole = |name: &str, priority: i32| {
        campaign(name, &json!({"waves": [{"name": "all"}], "audience": {"size": 400_000}, "priority": priority}))
    };
    both.campaigns = vec![whole("second", 100), whole("first", 900)];
    // 400,000 pushes bring 800 · F(200 s) · 1.66 = 1,240: with 300 of demand 21 replicas bear one, and 30 not both.
    both.workloads[0].target.as_mut().unwrap().ready = 30;
    let target = &mut both.workloads[0].target.as_mut().unwrap().target;
    target.value = Some(30);
    target.note.as_mut().unwrap().last_written = 30;
    both.pool.status.claims[0].floor = 30;
    let decided = plan(&both, at(0));
    assert_eq!(decided.release.as_ref().map(|order| order.campaign.1.as_str()), Some("first"));
    assert_eq!(said(&decided).0, "WaitingForTurn");
    assert!(said(&decided).1.contains("wave \"all\" of marketing/first goes first"), "{}", said(&decided).1);
}

#[test]
fn a_promise_to_another_wave_is_waited_for() {
    let mut promised = snapshot();
    let until = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(10));
    promised.pool.status.reservation =
        Some(crate::api::pool_status::Reservation { entry: "other".into(), valid_until: until });
    assert!(plan(&promised, at(0)).release.is_none());
    assert!(plan(&promised, at(11)).release.is_some(), "void after its time");
}

#[test]
fn a_promise_to_a_wave_that_is_tried_again_is_waited_for_too() {
    // The other wave was tried and stayed away; its next try has room promised, and has not begun in the ledger yet.
    let until = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(10));
    let mut other = entry("x", 500_000, -600, None);
    (other.name, other.send_id, other.campaign_uid) = ("other".into(), "other/send".into(), "other".into());
    other.newest_result = Some("NotFired".into());
    let mut promised = snapshot();
    promised.entries = vec![other];
    promised.pool.status.reservation =
        Some(crate::api::pool_status::Reservation { entry: "other".into(), valid_until: until });
    assert!(plan(&promised, at(0)).release.is_none());
    assert!(plan(&promised, at(11)).release.is_some(), "void after its time");
    // Once it has begun, its load counts instead; this one leaves no room for what it would have to wait for.
    promised.entries[0].newest_result = None;
    promised.entries[0].recipients = 4_000;
    promised.entries[0].newest_attempt = at(0);
    assert!(plan(&promised, at(0)).release.is_some(), "280 of 1,200 are committed, and 280 are needed");
}

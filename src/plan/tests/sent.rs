//! What the ledger says has gone, may have gone, or will not go, and where the next wave begins.

use super::*;

#[test]
fn a_wave_that_may_have_gone_is_never_repeated() {
    for (outcome, result, wanted) in [
        (None, None, "OutcomeUnknown"),
        (Some(Outcome::Unknown), Some("Unknown"), "OutcomeUnknown"),
        (Some(Outcome::Rejected), Some("Rejected"), "Rejected"),
    ] {
        let mut snapshot = snapshot();
        let mut tried = entry("canary", 4_000, -600, outcome);
        tried.newest_result = result.map(ToOwned::to_owned);
        snapshot.entries = vec![tried];
        let decided = plan(&snapshot, at(0));
        assert_eq!(said(&decided).0, wanted);
        assert!(decided.release.is_none());
    }
    // What is known not to have left is tried again, as it was recorded.
    let mut snapshot = snapshot();
    let mut tried = entry("canary", 4_000, -600, None);
    tried.newest_result = Some("NotSent".into());
    tried.tries = 1;
    snapshot.entries = vec![tried.clone()];
    let order = plan(&snapshot, at(0)).release.expect("it is tried again");
    assert_eq!((order.body.as_str(), order.wave.recipients), ("{}", 4_000));
    // Not by another URL, and not for ever.
    snapshot.entries[0].sender = Some(("sender".into(), "sha256:other".into()));
    assert_eq!(reason(&snapshot), "SenderUnable");
    snapshot.entries[0] = Entry { tries: 5, ..tried };
    assert_eq!(reason(&snapshot), "ReceiverUnreachable");
}

#[test]
fn an_entry_of_another_campaign_holds_and_a_skip_ends_the_send() {
    let mut other = snapshot();
    other.entries =
        vec![Entry { campaign_uid: "earlier".into(), ..entry("canary", 4_000, -600, Some(Outcome::Released)) }];
    let decided = plan(&other, at(0));
    assert_eq!(said(&decided).0, "SentBefore");
    assert!(decided.release.is_none());

    let mut skipped = snapshot();
    let fact = Entry {
        disposition: Disposition::Skip,
        skip: Some(SkipReason::Aborted),
        load: None,
        ..entry("rest", 0, -600, None)
    };
    skipped.entries = vec![fact];
    let decided = plan(&skipped, at(0));
    assert!(decided.release.is_none());
    // The other wave's fact is written before the end is said.
    assert_eq!(decided.skips.len(), 1);
    assert_eq!(decided.skips[0].wave.name, "canary");
    assert!(decided.reports.is_empty());
}

#[test]
fn an_abort_is_a_fact_of_the_ledger_before_it_is_said() {
    let mut aborted = snapshot();
    aborted.campaigns[0].spec.abort = Some(true);
    let decided = plan(&aborted, at(0));
    assert_eq!(decided.skips.iter().map(|skip| skip.wave.name.as_str()).collect::<Vec<_>>(), ["canary", "rest"]);
    assert!(decided.reports.is_empty() && decided.release.is_none());
}

#[test]
fn the_next_wave_waits_for_soak_and_begins_where_the_last_one_ended() {
    let mut soaking = snapshot();
    soaking.entries = vec![entry("canary", 4_000, -30, Some(Outcome::Released))];
    assert_eq!(reason(&soaking), "Soaking");
    // Two seconds to leave and a minute of soak.
    soaking.entries = vec![entry("canary", 4_000, -63, Some(Outcome::Released))];
    soaking.workloads[0].target.as_mut().unwrap().ready = 20;
    let order = plan(&soaking, at(0)).release.expect("the rest goes");
    assert_eq!((order.wave.name.as_str(), order.wave.offset, order.wave.recipients), ("rest", 4_000, 36_000));
}

#[test]
fn soak_is_counted_from_when_the_receiver_had_it() {
    // An attempt five seconds old when it was taken. Two seconds to leave and a minute of soak: until 62 s after that.
    let taken = |tried: i64, taken: i64| {
        let canary = Entry { decided_at: Some(at(taken)), ..entry("canary", 4_000, tried, Some(Outcome::Released)) };
        let decided = plan(&Snapshot { entries: vec![canary], ..snapshot() }, at(0));
        (decided.release.is_some(), decided.reports.first().and_then(|report| report.status.reason.clone()))
    };
    assert_eq!(taken(-66, -61), (false, Some("Soaking".to_owned())));
    assert!(taken(-67, -62).0);
    // A person found out an hour later that it had been taken: no request is under way for longer than six minutes.
    assert!(!taken(-6 * 60 - 61, -1).0);
    assert!(taken(-6 * 60 - 62, -1).0);
}

#[test]
fn what_may_have_gone_by_one_attempt_or_by_another_counts_for_both() {
    let rules = snapshot().pool.rules.unwrap();
    let load = |starts: &[i64], second: i64| {
        let tried = Entry {
            may_have_left_at: starts.iter().map(|second| at(*second)).collect(),
            ..entry("canary", 4_000, -30, Some(Outcome::Unknown))
        };
        bursts::committed(std::iter::once(&tried), &rules.workloads[0], at(0)).at(at(second))
    };
    for second in [0, 5, 60, 600] {
        let (first, last, both) = (load(&[-600], second), load(&[-30], second), load(&[-600, -30], second));
        assert!(first > 0.0 && last > first && (both - first - last).abs() < 1e-9, "{first} + {last} is not {both}");
    }
}

#[test]
fn a_repeat_waits_for_room_for_both() {
    // 1,500 are borne and 300 asked for, so that 1,200 are free. 240,000 requests with a median of 6 min and sigma 0.5 bring
    // 240,000 · 0.1508/min · 1.66 = 1,001/s at their peak, after 4.7 min. What was sent 6 min ago brings 256/s then: 1,257.
    let mut world = snapshot();
    world.campaigns = vec![campaign("sale", &json!({"waves": [{"name": "rest"}]}))];
    world.workloads[0].target.as_mut().unwrap().autoscaler_max = Some(20);
    let contract = json!({"keyed": {"retention": "48h"}});
    world.campaigns[0].sender.as_mut().unwrap().spec.webhook.as_mut().unwrap().contract =
        serde_json::from_value(contract).unwrap();
    let mut tried = entry("rest", 40_000, -360, Some(Outcome::Unknown));
    tried.contract = Contract::Keyed { retention: units::Span::parse("48h").unwrap() };
    tried.newest_result = Some("Unknown".into());
    tried.again = Some(at(0));
    let load = json!({
        "sendRate": 2000.0, "margin": 1.66,
        "components": [{"requestsPerMessage": 6.0, "median": 6.0, "sigma": 0.5}],
        "shares": [{"workload": "web", "requestsPerRequest": 1.0}],
    });
    tried.load = Some(serde_json::from_value(load).unwrap());
    world.entries = vec![tried.clone()];
    assert!(plan(&world, at(0)).release.is_none(), "what may be arriving is not counted");
    let (reason, message) = said(&plan(&world, at(0)));
    assert_eq!(reason, "WaitingForRoom");
    assert!(
        message.contains(
            "Its receiver keeps keys, so that it is asked again under the same key once headroom is confirmed"
        ),
        "{message}"
    );
    // An hour later nothing of the first is left.
    tried.newest_attempt = at(-3_600);
    tried.first_attempt = at(-3_600);
    world.entries = vec![tried];
    assert!(plan(&world, at(0)).release.is_some(), "{:?}", said(&plan(&world, at(0))));
}

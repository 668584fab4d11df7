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
fn a_wave_that_was_tried_at_another_rate_since_is_reckoned_with_at_both() {
    let tried = |second: i64| Entry { rates: vec![500.0], ..entry("canary", 4_000, second, Some(Outcome::Released)) };
    // Eight seconds to leave at 500 per second, where it is two at 2,000, and a minute of soak.
    let goes = |second: i64| plan(&Snapshot { entries: vec![tried(second)], ..snapshot() }, at(0)).release.is_some();
    assert!(!goes(-67) && goes(-68));
    let rules = snapshot().pool.rules.unwrap();
    let load = |tried: &Entry| bursts::committed(std::iter::once(tried), &rules.workloads[0], at(0)).at(at(0));
    // Of 2,000 per second since 5 s ago, and of 500: r · 0.4 · 1.66 · [F(5 s) − F(5 s − what has gone)] with a median of 10 s and
    // sigma 2, F(5 s) = 0.3645 and F(3 s) = 0.2736.
    let (fast, both) = (load(&Entry { rates: Vec::new(), ..tried(-5) }), load(&tried(-5)));
    assert!((fast - 1_328.0 * (0.3645 - 0.2736)).abs() < 0.5, "{fast}");
    assert!((both - fast - 332.0 * 0.3645).abs() < 0.5, "{both}");
}

#[test]
fn a_further_try_needs_room_for_the_faster_of_two_rates() {
    // 4,000 at 2,000 per second bring 2,000 · 0.4 · 1.66 · F(2 s) = 1,328 · 0.2105 = 279.5 requests per second when the last has left,
    // and at 200 per second never more than 200 · 0.4 · 1.66 = 132.8.
    let needed = |recorded: f64, sender: &str| {
        let mut world = snapshot();
        world.campaigns[0].sender.as_mut().unwrap().spec.send_rate = sender.into();
        let mut tried = entry("canary", 4_000, -600, None);
        tried.load.as_mut().unwrap().send_rate = recorded;
        tried.newest_result = Some("NotSent".into());
        tried.tries = 1;
        world.entries = vec![tried];
        let order = plan(&world, at(0)).release.expect("it is tried again");
        (order.evidence.needed, order.load.send_rate)
    };
    let (faster_now, rate) = needed(200.0, "2000/s");
    assert!((faster_now - 279.5).abs() < 1.0 && (rate - 2_000.0).abs() < 1e-9, "{faster_now} at {rate}");
    let (slower_now, rate) = needed(2_000.0, "200/s");
    assert!((slower_now - 279.5).abs() < 1.0 && (rate - 200.0).abs() < 1e-9, "{slower_now} at {rate}");
    let (slow, _) = needed(200.0, "200/s");
    assert!(slow < 132.8, "{slow}");
}

#[test]
fn what_was_put_off_is_tried_again_for_as_long_as_its_key_is_kept() {
    // Kept for ten minutes after the first try, and held to have been forgotten a minute earlier.
    let tried = |second: i64, was_deferred: bool| {
        let mut world = snapshot();
        let webhook = world.campaigns[0].sender.as_mut().unwrap().spec.webhook.as_mut().unwrap();
        webhook.contract = serde_json::from_value(json!({"keyed": {"retention": "10m"}})).unwrap();
        let mut tried = entry("canary", 4_000, second, None);
        tried.contract = Contract::Keyed { retention: units::Span::parse("10m").unwrap() };
        (tried.newest_result, tried.tries, tried.was_deferred) = (Some("NotFired".into()), 1, was_deferred);
        world.entries = vec![tried];
        let decided = plan(&world, at(0));
        let outcome = decided.outcomes.first().map(|(_, outcome, _)| *outcome);
        (decided.release.is_some(), outcome, decided.reports.first().and_then(|report| report.status.reason.clone()))
    };
    assert!(tried(-500, true).0);
    let lost = tried(-600, true);
    assert_eq!((lost.0, lost.1, lost.2.as_deref()), (false, Some(Outcome::Unknown), Some("OutcomeUnknown")));
    // Of one that never left no key is needed.
    assert_eq!((tried(-600, false).0, tried(-600, false).1), (true, None));
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

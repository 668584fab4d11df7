//! What opens the gate and what closes it: every proof must be there, often enough and over long enough.

use proptest::prelude::*;

use super::*;

#[test]
fn with_everything_in_place_the_canary_is_released() {
    let order = plan(&snapshot(), at(0)).release.expect("it is released");
    assert_eq!((order.wave.name.as_str(), order.wave.offset, order.wave.recipients), ("canary", 0, 4_000));
    assert_eq!(
        order.entry,
        identity::WaveId::new(&identity::SendId::for_campaign("marketing", "sale"), "canary").ledger_name()
    );
    assert_eq!((order.campaign_version.as_str(), order.sender_uid.as_str()), ("7", "sender"));
    // 2,000 · 0.4 · Φ(ln(2/10)/2) · 1.66 = 800 · 0.21051 · 1.66, and 20 · 75 − 300 are free.
    assert!((order.evidence.needed - 279.6).abs() < 0.5, "{}", order.evidence.needed);
    assert!((order.evidence.free - 1_200.0).abs() < 1e-6, "{}", order.evidence.free);
}

#[test]
fn each_missing_proof_closes_the_gate_with_a_reason_of_its_own() {
    type Change = fn(&mut Snapshot);
    let cases: [(Change, Reason); 17] = [
        (|s| s.workloads[0].demand = Some(Err(SensorFault::Empty)), Reason::SensorUntrusted),
        (|s| s.workloads[0].demand = Some(reading(-1.0, 1)), Reason::SensorUntrusted),
        (|s| s.workloads[0].demand = Some(reading(300.0, 91)), Reason::SampleTooOld),
        (|s| s.workloads[0].history = Some(Err(SensorFault::Partial)), Reason::SensorUntrusted),
        (|s| s.workloads[0].demand = Some(reading(1_400.0, 1)), Reason::ScalingUp),
        (|s| s.workloads[0].demand = Some(reading(2_100.0, 1)), Reason::WaitingForRoom),
        (|s| s.workloads[0].target = Err(TargetFault::Missing), Reason::TargetMissing),
        (|s| s.workloads[0].target = Err(TargetFault::Unsupported("x".into())), Reason::TargetUnsupported),
        (|s| s.workloads[0].target.as_mut().unwrap().ready = 3, Reason::ScalingUp),
        (|s| s.pool.status.claims.clear(), Reason::TargetClaimed),
        (|s| s.campaigns[0].spec.suspend = Some(true), Reason::Suspended),
        (|s| s.campaigns[0].sender = None, Reason::SenderNotFound),
        (|s| s.campaigns[0].taken_by = Some("marketing/other".into()), Reason::SendIdTaken),
        (|s| s.campaigns[0].unreadable_entry = Some("x".into()), Reason::LedgerLost),
        (|s| s.pool.rules.as_mut().unwrap().suspended = true, Reason::PoolSuspended),
        (|s| s.pool.deleting = true, Reason::PoolInvalid),
        (|s| s.pool.missing = true, Reason::PoolNotFound),
    ];
    for (index, (change, wanted)) in cases.into_iter().enumerate() {
        let mut snapshot = snapshot();
        change(&mut snapshot);
        if wanted == Reason::TargetClaimed {
            // The note on the target speaks of another pool that still holds it.
            snapshot.workloads[0].target.as_mut().unwrap().target.note.as_mut().unwrap().pool = "shop/other".into();
        }
        let decided = plan(&snapshot, at(0));
        assert_eq!(said(&decided).0, wanted.to_string(), "case {index}: {}", said(&decided).1);
        assert!(decided.release.is_none(), "case {index}");
    }
}

#[test]
fn replicas_that_an_autoscaler_gave_do_not_count() {
    let mut given = snapshot();
    given.pool.status.claims.clear();
    given.workloads[0].target.as_mut().unwrap().target.note = None;
    given.workloads[0].target.as_mut().unwrap().target.value = Some(2);
    let decided = plan(&given, at(0));
    assert_eq!(said(&decided).0, "ScalingUp");
    assert!(
        said(&decided).1.contains("8 ready replicas needed, 20 are, and must be held first"),
        "{}",
        said(&decided).1
    );
    // The claim with the baseline is written ahead of the floor that opens the gate.
    assert_eq!((decided.pool.claims[0].baseline, decided.pool.claims[0].floor), (Some(2), 8));
    assert_eq!(decided.floors[0].write.value, Some(8));
}

#[test]
fn headroom_must_be_seen_at_distinct_samples_over_a_span() {
    let mut snapshot = snapshot();
    let rules = snapshot.pool.rules.as_mut().unwrap();
    (rules.confirmations, rules.confirm_span) = (3, SignedDuration::from_secs(60));
    let mut look = |second: i64, age: i64, demand: f64| {
        let sample = at(second - age);
        snapshot.workloads[0].demand = Some(Ok(Reading {
            value: demand,
            sample_at: sample,
            evaluated_at: at(second),
            range: SignedDuration::from_secs(10),
            replicas: None,
        }));
        let decided = plan(&snapshot, at(second));
        snapshot.memory = decided.memory;
        decided.release.is_some()
    };
    assert!(!look(0, 0, 300.0) && !look(30, 0, 300.0), "twice");
    assert!(!look(45, 15, 300.0), "the same sample again");
    assert!(!look(59, 0, 300.0), "59 s");
    assert!(!look(60, 0, 1_400.0), "a proof that fails once starts the count again");
    assert!(!look(65, 0, 300.0) && !look(95, 0, 300.0));
    assert!(look(125, 0, 300.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is measured: a release means a sound, fresh reading, enough replicas ready and held, and room.
    #[test]
    fn nothing_is_released_without_proof(
        demand in prop_oneof![Just(f64::NAN), Just(f64::INFINITY), -100.0..3_000.0_f64], age in 0_i64..200,
        ready in 0_i32..40, held in 0_i32..40, gone in prop::option::of(0_i64..2_000), size in 1_i64..2_000_000,
    ) {
        let mut world = snapshot();
        world.workloads[0].demand = Some(reading(demand, age));
        let found = world.workloads[0].target.as_mut().unwrap();
        found.ready = ready;
        found.target.value = Some(held);
        found.target.note.as_mut().unwrap().last_written = held;
        world.pool.status.claims[0].floor = held;
        world.campaigns[0].spec.audience.size = size;
        if let Some(second) = gone {
            world.entries = vec![Entry { send_id: "other/send".into(), campaign_uid: "other".into(), ..entry("x", 500_000, -second, Some(Outcome::Released)) }];
        }
        let decided = plan(&world, at(0));
        if let Some(order) = decided.release {
            prop_assert!(demand.is_finite() && demand >= 0.0 && age <= 90);
            let capacity = f64::from(ready.min(held)) * 75.0;
            prop_assert!(order.evidence.free >= order.evidence.needed - 1e-6);
            prop_assert!(capacity >= demand.max(300.0) + order.evidence.needed - 1e-6);
        }
        // Scale is never taken below what was given, nor asked for above what is allowed.
        for floor in decided.floors {
            prop_assert!(floor.write.value.is_none_or(|value| (2..=40).contains(&value)));
        }
    }
}

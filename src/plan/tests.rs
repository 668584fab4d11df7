#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unnecessary_wraps)]
//! Whole decisions, from plain data: what opens the gate, what closes it, and in which order things go.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::claim::{Note, Target, TargetKind};
use super::reading::{HistoryPoints, Reading, SensorFault};
use super::reason::Reason;
use super::rules::Rules;
use super::snapshot::{Campaign, Entry, Found, Pool, Sender, Settings, TargetFault, Workload};
use super::*;
use crate::api::pool_status::{CapacityPoolStatus, Claim};
use crate::api::release::{EntryLoad, SkipReason};

mod edges;

const NOW: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(NOW + second).unwrap()
}

fn reading(value: f64, age: i64) -> Result<Reading, SensorFault> {
    Ok(Reading { value, sample_at: at(-age), evaluated_at: at(0), range: SignedDuration::from_secs(10) })
}

/// A pool with one workload that 20 ready and held replicas make ready for 1,500 requests per second.
fn snapshot() -> Snapshot {
    let spec = json!({
        "workloads": [{
            "name": "web", "targetRef": {"kind": "Deployment", "name": "web"}, "demand": {"query": "q", "peak": "300/s"},
            "capacityPerReplica": "100/s", "maxReplicas": 30,
        }],
        "targetUtilization": "75%", "loadMargin": "1.66", "confirm": {"samples": 1, "span": "0s"},
        "admission": {"namespaceSelector": {}},
    });
    let rules = Rules::parse(&serde_json::from_value(spec).unwrap());
    let claim = Claim {
        id: "c".into(),
        workload: "web".into(),
        kind: "HorizontalPodAutoscaler".into(),
        name: "web".into(),
        uid: "u".into(),
        baseline: Some(2),
        floor: 20,
        quiet_since: None,
        stepped_at: None,
        observed: true,
        reassertions: 0,
        rival: None,
    };
    let note = Note {
        pool: "shop/storefront".into(),
        claim: "c".into(),
        baseline: Some(2),
        last_written: 20,
        reassertions: 0,
    };
    let target = Target {
        kind: TargetKind::Hpa,
        name: "web".into(),
        uid: "u".into(),
        value: Some(20),
        note: Some(note),
        note_is_alive: true,
        writer: None,
    };
    Snapshot {
        pool: Pool {
            namespace: "shop".into(),
            name: "storefront".into(),
            generation: 1,
            missing: false,
            deleting: false,
            rules,
            status: CapacityPoolStatus {
                observed_generation: Some(1),
                claims: vec![claim],
                ..CapacityPoolStatus::default()
            },
        },
        workloads: vec![Workload {
            target: Ok(Found { target, autoscaler_max: Some(40), ready: 20, replicas: 20 }),
            demand: Some(reading(300.0, 1)),
            history: Some(Ok(HistoryPoints { points: Vec::new(), step: SignedDuration::from_mins(5) })),
        }],
        orphans: Vec::new(),
        limits: Vec::new(),
        guardrails: Vec::new(),
        campaigns: vec![campaign("sale", &json!({}))],
        entries: Vec::new(),
        settings: Settings { install: "headroom/headroom".into(), breach_recovery: SignedDuration::from_mins(10) },
        memory: Memory::default(),
        nonce: "nonce".into(),
    }
}

fn campaign(name: &str, over: &Value) -> Campaign {
    let mut spec = json!({
        "poolRef": {"namespace": "shop", "name": "storefront"}, "senderRef": {"namespace": "mail", "name": "push"},
        "channel": "push", "audience": {"size": 40000}, "load": {"responseMedian": "10s"},
        "waves": [{"name": "canary", "percent": 10, "soak": "1m"}, {"name": "rest"}],
    });
    for (field, value) in over.as_object().unwrap() {
        spec[field] = value.clone();
    }
    let sender = json!({"namespaceSelector": {}, "sendRate": "2000/s", "webhook": {"url": "http://mail/send"}});
    Campaign {
        namespace: "marketing".into(),
        name: name.into(),
        uid: format!("uid-{name}"),
        generation: 1,
        version: "7".into(),
        created: at(-1000),
        deleting: false,
        spec: serde_json::from_value(spec).unwrap(),
        status: crate::api::CampaignStatus::default(),
        sender: Some(Sender {
            namespace: "mail".into(),
            name: "push".into(),
            uid: "sender".into(),
            generation: 1,
            deleting: false,
            spec: serde_json::from_value(sender).unwrap(),
            trouble: None,
        }),
        labels: BTreeMap::new(),
        taken_by: None,
        unreadable_entry: None,
    }
}

fn entry(wave: &str, recipients: u64, second: i64, outcome: Option<Outcome>) -> Entry {
    let load = json!({
        "sendRate": 2000.0, "margin": 1.66,
        "components": [{"requestsPerMessage": 0.4, "median": 10.0 / 60.0, "sigma": 2.0}],
        "shares": [{"workload": "web", "requestsPerRequest": 1.0}],
    });
    Entry {
        name: identity::WaveId::new(&identity::SendId::for_campaign("marketing", "sale"), wave).ledger_name(),
        send_id: "marketing/sale".into(),
        wave: wave.into(),
        offset: 0,
        recipients,
        share: if wave == "rest" { "rest".into() } else { "10%".into() },
        disposition: Disposition::Fire,
        skip: None,
        skipped_by: None,
        campaign_uid: "uid-sale".into(),
        campaign: "marketing/sale".into(),
        pool: "shop/storefront".into(),
        first_attempt: at(second),
        newest_attempt: at(second),
        attempts: 1,
        not_sent: 0,
        newest_result: None,
        outcome,
        message: None,
        load: Some(serde_json::from_value::<EntryLoad>(load).unwrap()),
        sender: Some(("sender".into(), identity::digest(b"http://mail/send"))),
        body: Some("{}".into()),
    }
}

/// What is said of the first campaign: its reason, and the sentence.
fn said(plan: &Plan) -> (String, String) {
    let status = &plan.reports.first().expect("something is said").status;
    (status.reason.clone().unwrap(), status.message.clone().unwrap())
}

fn reason(snapshot: &Snapshot) -> String {
    said(&plan(snapshot, at(0))).0
}

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
    tried.not_sent = 1;
    snapshot.entries = vec![tried.clone()];
    let order = plan(&snapshot, at(0)).release.expect("it is tried again");
    assert_eq!((order.body.as_str(), order.wave.recipients), ("{}", 4_000));
    // Not by another URL, and not for ever.
    snapshot.entries[0].sender = Some(("sender".into(), "sha256:other".into()));
    assert_eq!(reason(&snapshot), "SenderUnable");
    snapshot.entries[0] = Entry { not_sent: 5, ..tried };
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
fn a_breach_lasts_until_its_guardrail_was_fine_for_long_enough() {
    let mut guarded = snapshot();
    let rail = json!({"name": "errors", "query": "q", "max": "1%", "for": "30s"});
    let spec = json!({
        "workloads": [{"name": "web", "targetRef": {"kind": "Deployment", "name": "web"}, "demand": {"query": "q", "peak": "300/s"}, "capacityPerReplica": "100/s", "maxReplicas": 30}],
        "targetUtilization": "75%", "loadMargin": "1.66", "confirm": {"samples": 1, "span": "0s"}, "admission": {"namespaceSelector": {}},
        "guardrails": [rail],
    });
    guarded.pool.rules = Rules::parse(&serde_json::from_value(spec).unwrap());
    let mut look = |second: i64, answer: Result<f64, SensorFault>| {
        let fresh = |value: f64| Reading {
            value,
            sample_at: at(second),
            evaluated_at: at(second),
            range: SignedDuration::ZERO,
        };
        guarded.guardrails = vec![Some(answer.map(fresh))];
        guarded.workloads[0].demand = Some(Ok(fresh(300.0)));
        let decided = plan(&guarded, at(second));
        guarded.memory = decided.memory.clone();
        guarded.pool.status.breaches.clone_from(&decided.pool.breaches);
        (decided.pool.breaches.len(), decided.release.is_some())
    };
    assert_eq!(
        look(0, Ok(0.05)),
        (0, false),
        "out of bounds for less than half a minute is no breach, and nothing goes"
    );
    assert_eq!(look(10, Err(SensorFault::Empty)), (0, false), "nor is anything proved while nobody sees it");
    assert_eq!(look(30, Ok(0.05)), (0, false), "so that the half minute begins anew");
    assert_eq!(look(60, Ok(0.05)), (1, false));
    assert_eq!(look(70, Ok(0.001)), (1, false));
    assert_eq!(look(80, Err(SensorFault::Empty)), (1, false), "what cannot be measured ends nothing");
    assert_eq!(look(90, Ok(0.001)), (1, false));
    assert_eq!(look(689, Ok(0.001)), (1, false), "ten minutes are counted from when it was seen to be fine");
    assert_eq!(look(690, Ok(0.001)), (0, true));
    assert_eq!(look(691, Err(SensorFault::Empty)), (0, false), "and it closes the gate without being a breach");
}

#[test]
fn a_limit_is_foretold_with_the_load_that_is_to_come() {
    let mut limited = snapshot();
    let rules = limited.pool.rules.as_mut().unwrap();
    let max = units::Threshold::parse("70%").unwrap();
    rules.limits = vec![rules::LimitRules { name: "db".into(), query: "q".into(), max }];
    // The canary brings 280 on 300: it grows by 93 %.
    limited.limits = vec![Some(reading(0.30, 1))];
    assert!(plan(&limited, at(0)).release.is_some());
    limited.limits = vec![Some(reading(0.40, 1))];
    assert_eq!(reason(&limited), "LimitReached");
    limited.limits = vec![Some(reading(0.75, 1))];
    assert_eq!(reason(&limited), "LimitReached");
    limited.limits = vec![Some(Err(SensorFault::Empty))];
    assert_eq!(reason(&limited), "SensorUntrusted");
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

#[test]
fn a_silent_sensor_scales_nothing_down_and_no_load_gives_it_back() {
    let mut silent = snapshot();
    silent.campaigns.clear();
    silent.workloads[0].demand = Some(Err(SensorFault::TimedOut { seconds: 5 }));
    let decided = plan(&silent, at(100_000));
    assert!(decided.floors.is_empty());
    assert_eq!(decided.pool.claims[0].floor, 20);
    // With a sensor: quiet is noted, kept for ten minutes, and given back by a tenth each minute.
    let mut heard = snapshot();
    heard.campaigns.clear();
    let mut look = |second: i64| {
        heard.workloads[0].demand = Some(Ok(Reading {
            value: 300.0,
            sample_at: at(second),
            evaluated_at: at(second),
            range: SignedDuration::ZERO,
        }));
        let decided = plan(&heard, at(second));
        heard.pool.status.claims.clone_from(&decided.pool.claims);
        if let Some(floor) = decided.floors.first() {
            let target = &mut heard.workloads[0].target.as_mut().unwrap().target;
            target.value = floor.write.value;
            target.note.clone_from(&floor.write.note);
        }
        heard.workloads[0].target.as_ref().unwrap().target.value
    };
    assert_eq!(look(0), Some(20));
    assert_eq!(look(599), Some(20));
    assert_eq!(look(600), Some(18));
    assert_eq!(look(659), Some(18));
    assert_eq!(look(660), Some(16));
}

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

#[test]
fn a_rival_has_the_last_word_after_three_times_for_as_long_as_waves_wait() {
    let mut contested = snapshot();
    let claim = &mut contested.pool.status.claims[0];
    (claim.reassertions, claim.baseline) = (3, Some(3));
    let target = &mut contested.workloads[0].target.as_mut().unwrap().target;
    target.value = Some(3);
    target.note.as_mut().unwrap().reassertions = 3;
    for _ in 0..3 {
        let decided = plan(&contested, at(0));
        assert_eq!(said(&decided).0, "FloorContested");
        assert!(decided.floors.is_empty() && decided.release.is_none());
        contested.pool.status = decided.pool;
        contested.memory = Memory::default();
    }
    contested.campaigns.clear();
    let decided = plan(&contested, at(0));
    assert_eq!(
        decided.floors[0].write,
        claim::Write { value: Some(3), note: None },
        "his value stays, and nothing of ours does"
    );
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

//! Decisions at the edges: what was edited, renamed, deleted or fell silent at an awkward moment.

use super::*;

type Change = fn(&mut Snapshot);

fn claim_of(snapshot: &mut Snapshot) -> &mut Claim {
    &mut snapshot.pool.status.claims[0]
}

fn target_of(snapshot: &mut Snapshot) -> &mut Target {
    &mut snapshot.workloads[0].target.as_mut().unwrap().target
}

#[test]
fn a_workload_that_was_renamed_keeps_its_claim_and_its_baseline() {
    let mut renamed = snapshot();
    renamed.pool.rules.as_mut().unwrap().workloads[0].name = "frontend".into();
    let decided = plan(&renamed, at(0));
    let claims = &decided.pool.claims;
    assert_eq!((claims.len(), claims[0].id.as_str(), claims[0].workload.as_str()), (1, "c", "frontend"));
    assert_eq!((claims[0].baseline, claims[0].floor), (Some(2), 20));
    assert!(decided.floors.is_empty(), "nothing is given back, and nothing written twice");
    assert!(decided.release.is_some(), "what is held counts under the new name");
}

#[test]
fn a_note_of_our_own_that_is_alive_is_never_taken_for_a_leftover() {
    let mut stale = snapshot();
    stale.pool.status.claims.clear();
    target_of(&mut stale).note_is_alive = true;
    let decided = plan(&stale, at(0));
    assert!(decided.floors.is_empty() && decided.release.is_none());
    // The claim is gone for good: a copy, or a restored backup. The value goes back to what the note says.
    target_of(&mut stale).note_is_alive = false;
    assert_eq!(plan(&stale, at(0)).floors[0].write, claim::Write { value: Some(2), note: None });
}

#[test]
fn one_target_is_named_once() {
    let workload = |name: &str| json!({"name": name, "targetRef": {"kind": "Deployment", "name": "web"}, "demand": {"query": "q"}, "capacityPerReplica": "100/s", "maxReplicas": 30});
    let spec = serde_json::from_value(json!({"workloads": [workload("web"), workload("api")]})).unwrap();
    let told = Rules::parse(&spec).unwrap_err().to_string();
    assert_eq!(
        told,
        "spec.workloads[1].targetRef: \"web\" and \"api\" are both the Deployment web; name it once, with the demand of everything that reaches it"
    );
}

#[test]
fn an_autoscaler_deleted_under_its_floor_leaves_the_claim_to_the_deployment() {
    let mut bare = snapshot();
    bare.campaigns.clear();
    let claim = claim_of(&mut bare).clone();
    let target = target_of(&mut bare);
    (target.kind, target.uid, target.note) = (TargetKind::Deployment, "deployment".into(), None);
    bare.orphans = vec![snapshot::Orphan { claim, target: Err(TargetFault::Missing) }];
    let decided = plan(&bare, at(0));
    let kept = &decided.pool.claims[0];
    assert_eq!((kept.kind.as_str(), kept.uid.as_str()), ("Deployment", "deployment"));
    assert_eq!((kept.baseline, kept.floor), (Some(2), 20));
    assert_eq!(decided.pool.claims.len(), 1);
    assert_eq!(decided.floors[0].write.note.as_ref().map(|note| note.claim.as_str()), Some("c"));
    // Somebody has given it another number already: that is his.
    target_of(&mut bare).value = Some(7);
    let decided = plan(&bare, at(0));
    assert!(decided.pool.claims.is_empty() && decided.floors.is_empty());
}

#[test]
fn somebody_who_puts_the_old_value_back_without_our_note_is_a_rival() {
    let mut replaced = snapshot();
    let target = target_of(&mut replaced);
    (target.value, target.note, target.writer) = (Some(2), None, Some("gitops".into()));
    let decided = plan(&replaced, at(0));
    assert_eq!(decided.pool.claims[0].reassertions, 1);
    claim_of(&mut replaced).reassertions = 3;
    let decided = plan(&replaced, at(0));
    assert_eq!(said(&decided).0, "FloorContested");
    assert!(decided.floors.is_empty(), "three times, and no more");
}

#[test]
fn the_pool_of_a_wave_that_went_cannot_be_changed() {
    let mut moved = snapshot();
    moved.entries = vec![Entry { pool: "shop/old".into(), ..entry("canary", 4_000, -600, Some(Outcome::Released)) }];
    let decided = plan(&moved, at(0));
    assert_eq!(said(&decided).0, "Invalid");
    assert!(said(&decided).1.contains("went through the CapacityPool shop/old"), "{}", said(&decided).1);
    assert!(decided.release.is_none());
    moved.campaigns[0].spec.abort = Some(true);
    assert_eq!(plan(&moved, at(0)).skips.len(), 1, "and can be ended all the same");
}

#[test]
fn a_wave_too_long_for_every_window_is_refused_and_not_skipped_for_good() {
    let mut long = snapshot();
    // 1,000,000 at 2,000/s take 500 s; the window is five minutes. It began long ago.
    let day = json!([{"from": "09:00", "to": "09:05"}]);
    let over = json!({
        "audience": {"size": 1_000_000}, "waves": [{"name": "all"}],
        "schedule": {"start": "2020-01-01T00:00", "windows": day},
    });
    long.campaigns = vec![campaign("sale", &over)];
    let decided = plan(&long, at(0));
    assert_eq!(said(&decided).0, "NeverFits");
    assert!(said(&decided).1.contains("it takes 9 min to leave"), "{}", said(&decided).1);
    assert!(decided.skips.is_empty());
    // Past the end it is too late whatever its length.
    long.campaigns[0].spec.schedule.as_mut().unwrap().end = Some("2020-01-02T00:00".into());
    assert_eq!(plan(&long, at(0)).skips.len(), 1);
}

#[test]
fn a_wave_may_start_no_later_than_its_last_message_can_leave() {
    let mut ending = snapshot();
    // 2027-01-15 08:00:00 is now; 4,000 at 2,000/s take 2 s.
    ending.campaigns[0].spec.schedule = serde_json::from_value(json!({"end": "2027-01-15T08:00:10Z"})).unwrap();
    let order = plan(&ending, at(0)).release.expect("it fits");
    assert_eq!(order.latest_start, Some(at(8)));
    assert!(plan(&snapshot(), at(0)).release.unwrap().latest_start.is_none());
}

#[test]
fn an_empty_wave_is_passed_over_only_when_it_could_go() {
    let mut tiny = snapshot();
    // A tenth of 1 is nobody. It was a slip, and is mended before the start.
    let over = json!({"audience": {"size": 1}, "schedule": {"start": "2027-01-15T08:01:00Z"}});
    tiny.campaigns = vec![campaign("sale", &over)];
    let decided = plan(&tiny, at(0));
    assert!(decided.skips.is_empty());
    assert_eq!(said(&decided).0, "BeforeStart");
    let decided = plan(&tiny, at(60));
    assert_eq!(decided.skips.iter().map(|skip| skip.reason).collect::<Vec<_>>(), [SkipReason::Empty]);
}

#[test]
fn what_has_gone_ends_even_if_its_pool_or_sender_is_taken_away() {
    let gone = [
        entry("canary", 4_000, -90_000, Some(Outcome::Released)),
        entry("rest", 36_000, -89_000, Some(Outcome::Released)),
    ];
    let changes: [Change; 3] = [
        |s| s.campaigns[0].sender = None,
        |s| s.pool.missing = true,
        |s| s.pool.rules = Err(rules::Unusable { field: "spec".into(), why: "x".into() }),
    ];
    for change in changes {
        let mut over = snapshot();
        over.entries = gone.to_vec();
        change(&mut over);
        assert_eq!(said(&plan(&over, at(0))).0, "Completed");
    }
}

#[test]
fn an_end_closes_what_was_tried_and_did_not_go() {
    let mut open = snapshot();
    let tried = Entry { newest_result: Some("NotSent".into()), tries: 1, ..entry("rest", 36_000, -600, None) };
    open.entries = vec![entry("canary", 4_000, -1_000, Some(Outcome::Released)), tried];
    open.campaigns[0].spec.abort = Some(true);
    let decided = plan(&open, at(0));
    assert!(decided.skips.is_empty(), "both waves have an entry");
    let closed: Vec<Outcome> = decided.outcomes.iter().map(|(_, outcome, _)| *outcome).collect();
    assert_eq!(closed, [Outcome::Skipped]);
    // Its time has passed: it is named, and missed.
    open.campaigns[0].spec.abort = None;
    open.campaigns[0].spec.schedule = serde_json::from_value(json!({"end": "2027-01-15T07:59:00Z"})).unwrap();
    let decided = plan(&open, at(0));
    assert_eq!(decided.outcomes[0].1, Outcome::Missed);
    assert!(
        said(&decided).1.starts_with("Skipped: the time for wave \"rest\" has passed; 4,000 of 40,000"),
        "{}",
        said(&decided).1
    );
}

#[test]
fn a_wave_that_waits_for_a_silent_sensor_keeps_its_floor() {
    let mut silent = snapshot();
    let max = units::Threshold::parse("70%").unwrap();
    silent.pool.rules.as_mut().unwrap().limits = vec![rules::LimitRules {
        name: "db".into(),
        query: "q".into(),
        max,
        per_request: None,
        plausible: rules::Plausible::default(),
    }];
    // Quiet for ten minutes: without a wave that waits, a tenth would be given back now.
    claim_of(&mut silent).quiet_since = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(-700)));
    for answer in [Some(Err(SensorFault::Empty)), None] {
        silent.limits = vec![answer];
        let decided = plan(&silent, at(0));
        assert_eq!(said(&decided).0, "SensorUntrusted");
        assert_eq!((decided.floors.len(), decided.pool.claims[0].floor), (0, 20));
    }
    silent.campaigns.clear();
    assert_eq!(plan(&silent, at(0)).pool.claims[0].floor, 18);
}

#[test]
fn a_limit_follows_the_demand_it_was_measured_at() {
    let mut limited = snapshot();
    let max = units::Threshold::parse("70%").unwrap();
    limited.pool.rules.as_mut().unwrap().limits = vec![rules::LimitRules {
        name: "db".into(),
        query: "q".into(),
        max,
        per_request: None,
        plausible: rules::Plausible::default(),
    }];
    // 12 % at 100 requests per second; the ordinary 300 and the canary's 280 make it 12 · 580 / 100 = 69.6 %.
    limited.workloads[0].demand = Some(reading(100.0, 1));
    limited.limits = vec![Some(reading(0.12, 1))];
    assert!(plan(&limited, at(0)).release.is_some());
    limited.limits = vec![Some(reading(0.125, 1))];
    assert_eq!(reason(&limited), "LimitReached");
    limited.workloads[0].demand = Some(reading(0.5, 1));
    assert_eq!(reason(&limited), "LimitUnpredictable");
}

#[test]
fn what_is_confirmed_for_one_wave_is_not_confirmed_for_a_larger_one() {
    let mut edited = snapshot();
    edited.pool.rules.as_mut().unwrap().confirmations = 3;
    let mut look = |second: i64, generation: i64| {
        edited.campaigns[0].generation = generation;
        edited.workloads[0].demand = Some(Ok(Reading {
            value: 300.0,
            sample_at: at(second),
            evaluated_at: at(second),
            range: SignedDuration::ZERO,
            replicas: None,
        }));
        let decided = plan(&edited, at(second));
        edited.memory = decided.memory;
        decided.release.is_some()
    };
    assert!(!look(0, 1) && !look(10, 1));
    assert!(!look(20, 2), "it was edited: the count begins anew");
    assert!(!look(30, 2));
    assert!(look(40, 2));
}

#[test]
fn times_beyond_every_calendar_are_refused_in_words() {
    for end in ["9999-12-31T23:59", "9999-12-30T21:00Z"] {
        let mut far = snapshot();
        far.campaigns[0].spec.schedule = serde_json::from_value(json!({ "end": end })).unwrap();
        let decided = plan(&far, at(0));
        assert_eq!(said(&decided).0, "Invalid");
        assert!(said(&decided).1.contains("is too far away; leave it out"), "{}", said(&decided).1);
    }
}

#[test]
fn the_status_lists_every_check_with_its_value_its_limit_and_the_age_of_its_sample() {
    let mut checked = snapshot();
    let rules = checked.pool.rules.as_mut().unwrap();
    let threshold = |text| units::Threshold::parse(text).unwrap();
    rules.limits = vec![rules::LimitRules {
        name: "db".into(),
        query: "q".into(),
        max: threshold("90%"),
        per_request: None,
        plausible: rules::Plausible::default(),
    }];
    rules.guardrails = vec![rules::GuardrailRules {
        name: "success".into(),
        query: "q".into(),
        bound: rules::Bound::Min(threshold("97%")),
        lasting: SignedDuration::ZERO,
        on_breach: crate::api::pool::OnBreach::Hold,
        plausible: rules::Plausible::default(),
    }];
    // 20 · 75 − 1,400 leave 100 for the canary's 279.6; the limit would grow to 0.6 · 1,680 / 1,400 = 72 %.
    checked.workloads[0].demand = Some(reading(1_400.0, 7));
    checked.limits = vec![Some(reading(0.6, 3))];
    checked.guardrails = vec![Some(reading(0.99, 2))];
    let status = plan(&checked, at(0)).reports.remove(0).status;
    let told: Vec<String> = status
        .headroom
        .unwrap()
        .checks
        .into_iter()
        .map(|check| {
            format!(
                "{} {} {:?} {:?} {:?}",
                check.name,
                check.passed,
                check.value.unwrap(),
                check.limit.unwrap(),
                check.sample_age.unwrap()
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            r#"web false "100 req/s" "280 req/s" "7s""#,
            r#"db true "60 %" "90 %" "3s""#,
            r#"success true "99 %" "97 %" "2s""#,
        ]
    );
}

//! What keeps a campaign back beside the room there is: people, approvals, what it waits for, freezes, incidents, slots, the
//! reserve, a pool that only observes; and the permission to go without headroom.

use super::after::{Other, Rollout};
use super::stop::Stop;
use super::*;
use crate::api::Phase;
use crate::api::campaign::AfterKind;

/// The snapshot of the demo, its pool's spec changed.
fn with_pool(over: &Value) -> Snapshot {
    let mut spec = json!({
        "workloads": [{
            "name": "web", "targetRef": {"kind": "Deployment", "name": "web"}, "demand": {"query": "q", "peak": "300/s", "coverage": {"unverified": "a test"}},
            "capacityPerReplica": "100/s", "maxReplicas": 30,
        }],
        "targetUtilization": "75%", "loadMargin": "1.66", "confirm": {"samples": 1, "span": "0s"},
        "admission": {"namespaceSelector": {}},
    });
    for (field, value) in over.as_object().unwrap() {
        spec[field] = value.clone();
    }
    let mut snapshot = snapshot();
    snapshot.pool.rules = Rules::parse(&serde_json::from_value(spec).unwrap());
    assert!(snapshot.pool.rules.is_ok(), "{:?}", snapshot.pool.rules);
    snapshot
}

fn with_campaign(over: &Value) -> Snapshot {
    let mut snapshot = snapshot();
    snapshot.campaigns = vec![campaign("sale", over)];
    snapshot
}

#[test]
fn the_one_switch_and_a_hold_stop_everything_and_all_that_holds_is_told_the_decisive_first() {
    let mut stopped = with_campaign(&json!({"suspend": true}));
    stopped.gates.stop = Some(Stop::read(&[("reason".to_owned(), "database moves".to_owned())].into()));
    stopped.campaigns[0].asks.hold = Some("anna: wrong link".into());
    let decided = plan(&stopped, at(0));
    assert!(decided.release.is_none());
    let (reason, message) = said(&decided);
    assert_eq!(reason, "Stopped");
    assert_eq!(
        message,
        "Held: every release is stopped: database moves. \"kubectl headroom go\" lifts it. Also held: spec.suspend is true; 0 of 2 waves have gone. Set it to false to go on. Also held by a person since 08:00: anna: wrong link. \"kubectl headroom resume sale -n marketing\" lifts it."
    );
    let hold = decided.reports[0].status.hold.clone().unwrap();
    assert_eq!((hold.reason.as_str(), hold.since.0), ("anna: wrong link", at(0)));
    // Stopped for another pool, this one goes.
    let mut other = snapshot();
    other.gates.stop = Some(Stop::read(&[("shop_checkout".to_owned(), "x".to_owned())].into()));
    assert!(plan(&other, at(0)).release.is_some());
}

#[test]
fn an_approval_counts_for_exactly_the_spec_it_was_given_for() {
    let mut asks = with_campaign(&json!({"approval": {"required": true}}));
    assert_eq!(reason(&asks), "AwaitingApproval");
    let digest = plan(&asks, at(0)).reports[0].status.approval.clone().unwrap().digest;
    asks.campaigns[0].asks.approved = Some(format!("{digest} sam"));
    assert!(plan(&asks, at(0)).release.is_some());
    // Text that changes nothing about the send keeps it; one recipient more voids it.
    asks.campaigns[0].spec.description = Some("the spring sale".into());
    asks.campaigns[0].spec.priority = Some(900);
    assert!(plan(&asks, at(0)).release.is_some());
    asks.campaigns[0].spec.audience.size = 40_001;
    let decided = plan(&asks, at(0));
    assert!(decided.release.is_none());
    assert_eq!(
        said(&decided).1,
        "Waiting for approval: spec.approval.required is true. It was approved as it was before, and has been edited since. Who may approve on shop/storefront does so with \"kubectl headroom approve sale -n marketing\"."
    );
}

#[test]
fn a_large_send_needs_an_approval_and_one_of_the_very_size_does_not() {
    let above = |above: i64| with_pool(&json!({"admission": {"namespaceSelector": {}, "approvalAbove": above}}));
    assert!(plan(&above(40_000), at(0)).release.is_some());
    let (reason, message) = said(&plan(&above(39_999), at(0)));
    assert_eq!(reason, "AwaitingApproval");
    assert!(
        message.contains("it goes to 40,000 recipients, and the CapacityPool shop/storefront lets 39,999 go without")
    );
    // It can be given long before the send may start, so it is asked first.
    let mut early = above(39_999);
    let schedule = json!({"start": "2028-01-01T09:00:00Z"});
    early.campaigns[0].spec.schedule = Some(serde_json::from_value(schedule).unwrap());
    assert_eq!(said(&plan(&early, at(0))).0, "AwaitingApproval");
}

#[test]
fn what_it_waits_for_must_be_so_before_every_wave() {
    let mut waits = with_campaign(&json!({"after": [{"campaign": {"name": "teaser"}}]}));
    assert!(said(&plan(&waits, at(0))).1.contains("there is no Campaign teaser in this namespace"));
    let teaser = |phase, has_gone| Other { phase: Some(phase), has_gone, after: Vec::new() };
    let mut tell = |other: Other| {
        waits.gates.others.insert("marketing/teaser".into(), other);
        plan(&waits, at(0))
    };
    assert_eq!(said(&tell(teaser(Phase::Sending, true))).0, "AfterNotMet");
    assert!(tell(teaser(Phase::Completed, false)).release.is_none(), "a status alone opens nothing");
    assert!(tell(teaser(Phase::Completed, true)).release.is_some());
    let hopeless = tell(teaser(Phase::Aborted, true));
    let stalled = hopeless.reports[0].status.conditions.iter().find(|condition| condition.type_ == "Stalled").unwrap();
    assert_eq!(stalled.status, "True", "nobody but a person can mend that");
}

#[test]
fn a_workload_must_run_the_image_and_be_rolled_out() {
    let after = json!([{"workload": {"kind": "Deployment", "name": "landing", "image": "shop/landing:7"}}]);
    let mut waits = with_campaign(&json!({ "after": after }));
    let mut tell = |complete, image: &str| {
        let rollout = Rollout::There { complete, images: vec!["proxy:1".into(), image.into()] };
        waits.gates.rollouts.insert((AfterKind::Deployment, "landing".into()), rollout);
        plan(&waits, at(0))
    };
    let old = said(&tell(true, "shop/landing:6")).1;
    assert_eq!(
        old,
        "Waiting: the Deployment landing must run the image shop/landing:7, and runs proxy:1, shop/landing:6."
    );
    assert!(said(&tell(false, "shop/landing:7")).1.contains("is being rolled out"));
    assert!(tell(true, "shop/landing:7").release.is_some());
}

#[test]
fn a_check_of_the_pool_must_be_fulfilled_and_known() {
    let over = json!({"checks": [{"name": "landing-page", "query": "probe_success", "min": "1"}]});
    let mut waits = with_pool(&over);
    waits.campaigns = vec![campaign("sale", &json!({"after": [{"check": "landing-page"}]}))];
    waits.gates.checks = vec![Some(reading(0.0, 1))];
    assert!(
        said(&plan(&waits, at(0))).1.contains("the check \"landing-page\" must be fulfilled, and is 0 (at least 1)")
    );
    waits.gates.checks = vec![Some(Err(SensorFault::Empty))];
    assert!(plan(&waits, at(0)).release.is_none());
    waits.gates.checks = vec![Some(reading(1.0, 91))];
    assert!(said(&plan(&waits, at(0))).1.contains("91 s old"));
    waits.gates.checks = vec![Some(reading(1.0, 1))];
    assert!(plan(&waits, at(0)).release.is_some());
    waits.campaigns = vec![campaign("sale", &json!({"after": [{"check": "other"}]}))];
    let (reason, message) = said(&plan(&waits, at(0)));
    assert_eq!(reason, "Invalid");
    assert!(message.contains("has no check \"other\"; it has landing-page"), "{message}");
}

#[test]
fn campaigns_that_wait_for_one_another_are_refused() {
    let mut waits = with_campaign(&json!({"after": [{"campaign": {"name": "teaser"}}]}));
    let after = |name: &str| Other { after: vec![format!("marketing/{name}")], ..Other::default() };
    waits.gates.others =
        [("marketing/sale".to_owned(), after("teaser")), ("marketing/teaser".to_owned(), after("sale"))].into();
    let (reason, message) = said(&plan(&waits, at(0)));
    assert_eq!(reason, "Invalid");
    assert!(message.contains("marketing/sale → marketing/teaser → marketing/sale"), "{message}");
}

#[test]
fn nothing_leaves_in_a_freeze_nor_so_late_that_it_would_still_leave_when_one_begins() {
    // NOW is 2027-01-15T08:00:00Z. The canary of 4,000 at 2,000/s leaves in two seconds.
    let freeze = |from: &str, to: &str| {
        let freezes = json!([{"from": from, "to": to, "reason": "stock-taking"}]);
        with_pool(&json!({"admission": {"namespaceSelector": {}, "freezes": freezes}}))
    };
    let (reason, message) = said(&plan(&freeze("2027-01-15T07:00:00Z", "2027-01-15T10:00:00Z"), at(0)));
    assert_eq!(reason, "Frozen");
    assert_eq!(
        message,
        "Scheduled: wave \"canary\" may start 10:00; the pool is frozen from 07:00 on (stock-taking), and nothing leaves meanwhile."
    );
    assert_eq!(said(&plan(&freeze("2027-01-15T08:00:01Z", "2027-01-15T10:00:00Z"), at(0))).0, "Frozen");
    let in_time = plan(&freeze("2027-01-15T08:00:02Z", "2027-01-15T10:00:00Z"), at(0)).release.unwrap();
    assert_eq!(in_time.latest_start, Some(at(0)), "and not a moment later");
    assert!(plan(&freeze("2027-01-15T07:00:00Z", "2027-01-15T08:00:00Z"), at(0)).release.is_some());
}

#[test]
fn an_open_incident_and_one_that_cannot_be_counted_close_the_gate() {
    let incidents = json!({"admission": {"namespaceSelector": {}, "incidents": {"query": "i"}}});
    let mut pool = with_pool(&incidents);
    pool.gates.incidents = Some(reading(2.0, 1));
    let (reason, message) = said(&plan(&pool, at(0)));
    assert_eq!(reason, "IncidentOpen");
    assert!(message.starts_with("Waiting: 2 incidents are open"), "{message}");
    pool.gates.incidents = Some(Err(SensorFault::Empty));
    assert_eq!(said(&plan(&pool, at(0))).0, "SensorUntrusted");
    pool.gates.incidents = Some(reading(0.0, 1));
    assert!(plan(&pool, at(0)).release.is_some());
}

#[test]
fn a_slot_is_taken_by_whoever_is_in_the_middle_of_a_send_and_not_by_whoever_is_held() {
    let admission = json!({"admission": {"namespaceSelector": {}, "maxConcurrent": 1}});
    let mut pool = with_pool(&admission);
    let other = campaign("other", &json!({}));
    let mut gone = entry("canary", 4_000, -30, Some(Outcome::Released));
    (gone.send_id, gone.campaign_uid, gone.name) = ("marketing/other".into(), "uid-other".into(), "x".into());
    pool.campaigns.push(other);
    pool.entries = vec![gone];
    // The other soaks for a minute after its two seconds: this one waits for it.
    let decided = plan(&pool, at(0));
    assert!(decided.release.is_none());
    let (reason, message) = said_of(&decided, "sale");
    assert_eq!(reason, "MaxConcurrent");
    assert!(message.contains("marketing/other must come to its end before wave \"canary\" may go"), "{message}");
    // Held, it keeps its load and not its slot.
    pool.campaigns[1].spec.suspend = Some(true);
    assert_eq!(plan(&pool, at(0)).release.unwrap().campaign.1, "sale");
}

fn said_of(plan: &Plan, name: &str) -> (String, String) {
    let report = plan.reports.iter().find(|report| report.campaign.1 == name).expect("something is said of it");
    (report.status.reason.clone().unwrap(), report.status.message.clone().unwrap())
}

#[test]
fn the_reserve_is_for_urgent_campaigns_of_namespaces_that_may_use_it() {
    // 20 · 75 = 1,500; 300 of demand leave 1,200; the canary needs 280. A reserve of 62 % (930) leaves 270: too little.
    // Of 30 replicas, the most, 2,250 · 0.38 − 300 = 555 would do.
    let over = json!({"reserve": "62%", "admission": {"namespaceSelector": {}, "urgentNamespaceSelector": {}}});
    let mut pool = with_pool(&over);
    let (reason, message) = said(&plan(&pool, at(0)));
    assert_eq!(reason, "ScalingUp", "{message}");
    pool.campaigns = vec![campaign("sale", &json!({"urgent": true}))];
    assert!(plan(&pool, at(0)).release.is_some());
    let mut closed = with_pool(&json!({"reserve": "62%"}));
    closed.campaigns = vec![campaign("sale", &json!({"urgent": true}))];
    closed.campaigns[0].labels = BTreeMap::new();
    let (reason, message) = said(&plan(&closed, at(0)));
    assert_eq!(reason, "Invalid");
    assert!(message.contains("does not let campaigns of namespace marketing use its reserve"), "{message}");
}

#[test]
fn a_limit_with_an_increase_of_its_own_is_foretold_by_the_requests_to_come() {
    // 280 further requests per second, at 0.1 connections each, on top of 60: 88.
    let limit = |max: &str| {
        let limits = json!([{"name": "db", "query": "q", "max": max, "perRequest": 0.1}]);
        let mut pool = with_pool(&json!({ "limits": limits }));
        pool.limits = vec![Some(reading(60.0, 1))];
        pool
    };
    assert!(plan(&limit("100"), at(0)).release.is_some());
    let (reason, message) = said(&plan(&limit("80"), at(0)));
    assert_eq!(reason, "LimitReached");
    assert!(message.contains("is 60 and would reach"), "{message}");
}

#[test]
fn a_pool_that_observes_says_what_it_would_do_and_does_nothing() {
    let mut pool = with_pool(&json!({"mode": "Observe"}));
    pool.pool.status.claims.clear();
    let target = &mut pool.workloads[0].target.as_mut().unwrap().target;
    (target.value, target.note, target.note_is_alive) = (Some(2), None, false);
    let decided = plan(&pool, at(0));
    assert!(decided.release.is_none() && decided.floors.is_empty() && decided.pool.claims.is_empty());
    let (reason, message) = said(&decided);
    assert_eq!(reason, "ObserveOnly");
    assert!(
        message.starts_with("(The pool only observes: nothing is scaled or sent.) Wave \"canary\" would go now"),
        "{message}"
    );
    // With two ready replicas it would scale first, and says for how many.
    pool.workloads[0].target.as_mut().unwrap().ready = 2;
    let decided = plan(&pool, at(0));
    assert!(decided.floors.is_empty());
    assert_eq!(said(&decided).0, "ScalingUp");
}

#[test]
fn a_sender_must_be_told_of_a_lower_rate_or_the_campaign_is_refused() {
    let mut slow = with_campaign(&json!({"maxSendRate": "200/s"}));
    let (reason, message) = said(&plan(&slow, at(0)));
    assert_eq!(reason, "SenderUnable");
    assert!(message.contains("spec.maxSendRate is 200/s and it sends 2000/s"), "{message}");
    let body = r#"{"count": {{ wave.recipients }}, "rate": {{ wave.sendRate }}}"#;
    slow.campaigns[0].sender.as_mut().unwrap().spec.webhook.as_mut().unwrap().body = Some(body.into());
    let order = plan(&slow, at(0)).release.unwrap();
    assert_eq!(order.body, r#"{"count": 4000, "rate": 200.0}"#);
    assert!((order.load.send_rate - 200.0).abs() < 1e-9, "and its load is that of the lower rate");
    // A rate that the Sender does not reach asks nothing of it.
    let fast = with_campaign(&json!({"maxSendRate": "5000/s"}));
    assert!((plan(&fast, at(0)).release.unwrap().load.send_rate - 2_000.0).abs() < 1e-9);
}

#[test]
fn no_campaign_counts_with_a_higher_priority_than_the_pool_gives() {
    let mut pool = with_pool(&json!({"maxPriority": 600}));
    pool.campaigns = vec![campaign("a", &json!({"priority": 600})), campaign("b", &json!({"priority": 1000}))];
    // Both count as 600; the older goes first.
    pool.campaigns[0].created = at(-2_000);
    assert_eq!(plan(&pool, at(0)).release.unwrap().campaign.1, "a");
    let told = plan(&pool, at(0));
    let other = told.reports.iter().find(|report| report.campaign.1 == "b").unwrap();
    assert_eq!(other.status.priority, Some(600));
}

#[test]
fn of_the_priorities_that_hold_for_a_namespace_the_lowest_counts() {
    let all = json!([
        {"namespaceSelector": {"matchLabels": {"team": "news"}}, "maxPriority": 700},
        {"namespaceSelector": {"matchLabels": {"tier": "bulk"}}, "maxPriority": 300},
        {"namespaceSelector": {"matchLabels": {"team": "ops"}}, "maxPriority": 0},
    ]);
    let counts = |spec: serde_json::Value, team: &str, tier: &str| {
        let mut pool = with_pool(&spec);
        pool.campaigns[0].spec.priority = Some(900);
        pool.campaigns[0].spec.suspend = Some(true);
        pool.campaigns[0].labels =
            [("team", team), ("tier", tier)].map(|(key, value)| (key.into(), value.into())).into();
        let told = plan(&pool, at(-600));
        told.reports[0].status.priority
    };
    let spec = json!({"admission": {"namespaceSelector": {}, "priorities": all}});
    assert_eq!(counts(spec.clone(), "news", "single"), Some(700));
    assert_eq!(counts(spec.clone(), "news", "bulk"), Some(300));
    assert_eq!(counts(spec.clone(), "shop", "single"), Some(900));
    assert_eq!(counts(spec, "ops", "bulk"), Some(0));
    // Never above what the pool says for all.
    let most = json!({"maxPriority": 200, "admission": {"namespaceSelector": {}, "priorities": all}});
    assert_eq!(counts(most, "news", "bulk"), Some(200));

    // And they are served by it: the older of two that ask for the same would go first.
    let mut pool = with_pool(&json!({"admission": {"namespaceSelector": {}, "priorities": all}}));
    pool.campaigns = vec![campaign("a", &json!({"priority": 600})), campaign("b", &json!({"priority": 400}))];
    pool.campaigns[0].created = at(-2_000);
    assert_eq!(plan(&pool, at(0)).release.unwrap().campaign.1, "a");
    pool.campaigns[0].labels = [("tier".to_owned(), "bulk".to_owned())].into();
    assert_eq!(plan(&pool, at(0)).release.unwrap().campaign.1, "b");
}

#[test]
fn a_permission_opens_what_could_not_be_measured_and_nothing_else() {
    let mut blind = snapshot();
    blind.workloads[0].demand = Some(Err(SensorFault::Empty));
    assert!(plan(&blind, at(0)).release.is_none());
    let digest = approval::digest(&blind.campaigns[0].spec);
    let permit = |snapshot: &mut Snapshot, until: Timestamp| {
        snapshot.campaigns[0].asks.without_headroom = Some(format!("{digest} {until} sam"));
        snapshot.campaigns[0].asks.without_headroom_reason = Some("recall of a product".into());
    };
    permit(&mut blind, at(3_600));
    let order = plan(&blind, at(0)).release.expect("it goes");
    let permission = order.evidence.without_headroom.unwrap();
    assert_eq!((permission.by.as_str(), permission.reason.as_str()), ("sam", "recall of a product"));
    assert!(permission.instead_of.contains("cannot be believed"), "{}", permission.instead_of);
    // Over, too long, of another spec, without a reason: it counts for nothing.
    let closed = |change: &dyn Fn(&mut Snapshot)| {
        let mut changed = blind.clone();
        change(&mut changed);
        plan(&changed, at(0)).release.is_none()
    };
    assert!(closed(&|s| permit(s, at(0))));
    assert!(closed(&|s| permit(s, at(4 * 3_600 + 1))));
    assert!(closed(&|s| s.campaigns[0].spec.audience.size = 40_001));
    assert!(closed(&|s| s.campaigns[0].asks.without_headroom_reason = Some(" ".into())));
    // People who stop it are heard, windows and the ledger hold, and a pool that observes sends nothing.
    assert!(closed(&|s| s.campaigns[0].spec.suspend = Some(true)));
    assert!(closed(&|s| s.gates.stop = Some(Stop::read(&BTreeMap::new()))));
    assert!(closed(&|s| s.campaigns[0].asks.hold = Some("anna: no".into())));
    assert!(closed(&|s| s.pool.rules.as_mut().unwrap().observes = true));
    assert!(closed(&|s| {
        let schedule = json!({"start": "2027-01-15T08:02:00Z"});
        s.campaigns[0].spec.schedule = Some(serde_json::from_value(schedule).unwrap());
    }));
    assert!(closed(&|s| s.entries = vec![entry("canary", 4_000, -30, None)]));
}

#[test]
fn ended_from_outside_git_it_is_ended_as_by_the_spec() {
    let mut ended = snapshot();
    ended.campaigns[0].asks.abort = Some("anna: the wrong list".into());
    let decided = plan(&ended, at(0));
    assert!(decided.release.is_none());
    assert_eq!(decided.skips.len(), 2);
    assert!(decided.skips.iter().all(|skip| skip.reason == SkipReason::Aborted && skip.by == "anna: the wrong list"));
}

#[test]
fn a_sensor_that_stays_silent_delays_the_giving_back_and_not_for_ever() {
    let mut silent = with_pool(&json!({"scaleDown": {"maxHold": "2h", "hold": "0s", "step": "50%"}}));
    silent.campaigns.clear();
    silent.workloads[0].demand = Some(Err(SensorFault::Empty));
    let mut look = |second: i64| {
        let decided = plan(&silent, at(second));
        silent.pool.status = decided.pool.clone();
        for write in &decided.floors {
            let target = &mut silent.workloads[0].target.as_mut().unwrap().target;
            (target.value, target.note) = (write.write.value, write.write.note.clone());
        }
        silent.workloads[0].target.as_ref().unwrap().target.value
    };
    assert_eq!(look(0), Some(20));
    assert_eq!(look(7_199), Some(20), "two hours have not passed");
    assert_eq!(look(7_200), Some(10), "half of it");
    assert_eq!(look(7_260), Some(5));
    // A sample in between begins the two hours anew.
    silent.workloads[0].demand = Some(Ok(Reading {
        value: 300.0,
        sample_at: at(7_261),
        evaluated_at: at(7_261),
        range: SignedDuration::from_secs(10),
        replicas: None,
    }));
    let decided = plan(&silent, at(7_261));
    assert_eq!(decided.pool.claims[0].silent_since, None);
}

#[test]
fn a_workload_that_is_gone_keeps_its_floor_for_as_long_as_a_silent_sensor_would() {
    let mut gone = with_pool(&json!({"scaleDown": {"maxHold": "2h", "hold": "0s", "step": "50%"}}));
    gone.campaigns.clear();
    let target = gone.workloads[0].target.as_ref().unwrap().target.clone();
    let claim = gone.pool.status.claims[0].clone();
    gone.workloads[0].target = Err(TargetFault::Missing);
    gone.orphans = vec![snapshot::Orphan { claim, target: Ok(target) }];
    let mut look = |second: i64| {
        let decided = plan(&gone, at(second));
        gone.orphans[0].claim = decided.pool.claims[0].clone();
        gone.pool.status = decided.pool.clone();
        decided.floors.first().map(|floor| floor.write.value)
    };
    assert_eq!(look(0), None, "the Deployment may come back, and under load");
    assert_eq!(look(7_199), None, "two hours have not passed");
    assert_eq!(look(7_200), Some(Some(10)), "half of it");
    // A workload that left the rules is given back without waiting.
    gone.orphans[0].claim.workload = "left".to_owned();
    gone.orphans[0].claim.silent_since = None;
    assert_eq!(plan(&gone, at(7_260)).floors[0].write.value, Some(5), "half of what was left");
}

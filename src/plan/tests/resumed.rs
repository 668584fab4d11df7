//! Which waves that stand still are let go on, and that all others are left to a person.

use super::*;
use crate::api::pool_status::{Breach, Reservation};
use crate::api::release::{Pause, Rest, Resume};
use crate::plan::halt::How;
use crate::plan::inquiry::{Heard, Said, Still};
use crate::plan::resume::{AtRest, CameToRest};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};

/// 4,000 people; paused by us a minute ago, after 1,000.
fn pause() -> Pause {
    let rest = Some(Rest { at: Time(at(-58)), changed: "second".into(), sent: 1_000 });
    let reason = "guardrail errors was out of bounds".into();
    let changed = Some("first".into());
    Pause { nonce: "p".into(), at: MicroTime(at(-60)), reason, sent_before: 0, taken: 600, changed, rest }
}

fn still(changed: &str, sent: u64) -> Option<Heard> {
    let said = Said::Hidden("its listmonk campaign 12 is paused".into());
    let still = Some(Still { changed: changed.into(), sent });
    Some(Heard { attempt: "attempt".into(), at: at(-1), said, sent: Some(sent), still, ran: None })
}

/// Its canary went by listmonk, and stands as we left it.
fn world() -> Snapshot {
    let mut world = snapshot();
    let mut started = entry("canary", 4_000, -120, None);
    started.contract = Contract::Listmonk;
    started.newest_result = Some("Started".into());
    started.heard = still("second", 1_000);
    started.runs.sent_before = Some(0);
    started.runs.pauses = vec![pause()];
    let there = json!({"url": "http://mail", "secretRef": {"name": "a"}});
    let spec = json!({"namespaceSelector": {}, "sendRate": "2000/s", "listmonk": there});
    let campaign = &mut world.campaigns[0];
    campaign.spec.parameters = Some([("campaignId".to_owned(), "12".to_owned())].into());
    let sender = campaign.sender.as_mut().unwrap();
    sender.spec = serde_json::from_value(spec).unwrap();
    started.sender = Some(("sender".into(), super::super::contract::place(&sender.spec)));
    world.entries = vec![started];
    world
}

/// What is decided in a world with this change.
fn decided(change: &dyn Fn(&mut Snapshot)) -> Plan {
    let mut world = world();
    change(&mut world);
    plan(&world, at(0))
}

fn goes_on(change: &dyn Fn(&mut Snapshot)) -> Option<AtRest> {
    decided(change).release.map(|release| release.rest.expect("it is no first start"))
}

fn told(change: &dyn Fn(&mut Snapshot)) -> String {
    let plan = decided(change);
    assert!(plan.release.is_none(), "it goes on");
    said(&plan).1
}

#[test]
fn what_headroom_paused_goes_on_when_there_is_room_for_those_who_are_left() {
    let rest = goes_on(&|_| ()).unwrap();
    assert_eq!((rest.pause.as_str(), rest.changed.as_str(), rest.sent, rest.left), ("p", "second", 1_000, 3_000));
    let order = decided(&|_| ()).release.unwrap();
    let frozen = world().entries.remove(0);
    assert_eq!((order.entry, order.wave.recipients, order.load), (frozen.name, 4_000, frozen.load.unwrap()));
    // Every confirmation anew.
    let told = told(&|world| {
        let mut spec = pool_spec();
        spec["confirm"] = json!({"samples": 3, "span": "1m"});
        world.pool.rules = Rules::parse(&serde_json::from_value(spec).unwrap());
    });
    assert!(told.starts_with("Confirming headroom for wave \"canary\": 1 of 3 samples"), "{told}");
    assert!(
        told.contains("Headroom paused it in listmonk after 1,000, since guardrail errors was out of bounds, and lets it go on when headroom for the other 3,000 is confirmed"),
        "{told}"
    );
}

#[test]
fn without_room_for_the_rest_it_stands_still() {
    let crowded = |world: &mut Snapshot| world.workloads[0].demand = Some(reading(1_450.0, 1));
    let message = told(&crowded);
    assert!(message.contains("wave \"canary\"") && message.contains("Headroom paused it"), "{message}");
    // What is left counts, and not all of it once more: 4,000 at 2,000/s bring 1.66 × as much as 3,000 do.
    let needed = |sent: i64| {
        decided(&|world| {
            world.entries[0].heard = still("second", u64::try_from(sent).unwrap());
            world.entries[0].runs.pauses[0].rest.as_mut().unwrap().sent = sent;
        })
        .release
        .unwrap()
        .evidence
        .needed
    };
    let (most, fewest) = (needed(1), needed(3_900));
    assert!(fewest > 0.0 && fewest < most / 20.0, "{fewest} of {most}");
    let silent =
        |world: &mut Snapshot| world.workloads[0].demand = Some(Err(SensorFault::Unreachable { why: "down".into() }));
    assert!(goes_on(&silent).is_none());
}

#[test]
fn what_holds_a_wave_back_holds_this_one_back_too() {
    for (what, change) in [
        ("suspend", (&|world: &mut Snapshot| world.campaigns[0].spec.suspend = Some(true)) as &dyn Fn(&mut Snapshot)),
        ("hold", &|world| world.campaigns[0].asks.hold = Some("kim: wait".into())),
        ("abort", &|world| world.campaigns[0].spec.abort = Some(true)),
        ("deleted", &|world| world.campaigns[0].deleting = true),
        ("stop", &|world| world.gates.stop = Some(super::super::stop::Stop::unreadable("gone"))),
        ("breach", &|world| {
            let mut spec = pool_spec();
            spec["guardrails"] = json!([{"name": "errors", "query": "errors", "max": "0.05", "onBreach": "Pause"}]);
            world.pool.rules = Rules::parse(&serde_json::from_value(spec).unwrap());
            // Fine for a minute of the ten.
            let (since, fine_since) = (Time(at(-90)), Some(Time(at(-60))));
            world.pool.status.breaches = vec![Breach { guardrail: "errors".into(), since, fine_since }];
            world.guardrails = vec![Some(reading(0.01, 1))];
        }),
        ("window", &|world| {
            let window = json!({"windows": [{"from": "00:00", "to": "00:01"}]});
            world.campaigns[0].spec.schedule = Some(serde_json::from_value(window).unwrap());
        }),
        ("end", &|world| {
            let end = json!({"end": at(0).to_string()});
            world.campaigns[0].spec.schedule = Some(serde_json::from_value(end).unwrap());
        }),
        ("approval", &|world| {
            world.campaigns[0].spec.approval = Some(serde_json::from_value(json!({"required": true})).unwrap());
        }),
        ("observes", &|world| {
            let mut spec = pool_spec();
            spec["mode"] = json!("Observe");
            world.pool.rules = Rules::parse(&serde_json::from_value(spec).unwrap());
        }),
        ("another's promise", &|world| {
            let valid_until = Time(at(30));
            world.pool.status.reservation = Some(Reservation { entry: "another".into(), valid_until });
        }),
        ("another listmonk", &|world| world.entries[0].sender = Some(("sender".into(), "elsewhere".into()))),
    ] {
        assert!(decided(change).release.is_none(), "{what}");
    }
    // Nor by the word of somebody who answers for the send: a person starts it in listmonk.
    let crowded = |world: &mut Snapshot| {
        world.workloads[0].demand = Some(reading(1_450.0, 1));
        let digest = approval::digest(&world.campaigns[0].spec);
        world.campaigns[0].asks.without_headroom = Some(format!("{digest} {} kim", at(600)));
        world.campaigns[0].asks.without_headroom_reason = Some("a recall".into());
    };
    assert!(goes_on(&crowded).is_none());
}

#[test]
fn another_rate_is_a_persons_matter_and_of_a_whole_list_nobody_is_left_out() {
    let at_rate = |rate: &str| {
        let rate = rate.to_owned();
        move |world: &mut Snapshot| world.campaigns[0].sender.as_mut().unwrap().spec.send_rate.clone_from(&rate)
    };
    let told = told(&at_rate("200/s"));
    assert!(told.contains("its Sender has another sendRate than when the wave went"), "{told}");
    assert!(goes_on(&at_rate("2001/s")).is_some(), "within a hundredth");
    let whole = decided(&|world| {
        world.campaigns[0].spec.waves = Some(serde_json::from_value(json!([{"name": "all"}])).unwrap());
        (world.entries[0].wave, world.entries[0].share) = ("all".into(), "rest".into());
        let sender = world.campaigns[0].sender.as_mut().unwrap();
        sender.spec.listmonk.as_mut().unwrap().waves = Some(crate::api::sender::ListmonkWaves::Whole);
        world.entries[0].sender = Some(("sender".into(), super::super::contract::place(&sender.spec)));
    });
    let rest = whole.release.as_ref().and_then(|release| release.rest.as_ref());
    let rest = rest.unwrap_or_else(|| panic!("{}", said(&whole).1));
    assert_eq!(rest.left, 4_000, "somebody may have joined for each who got it");
}

#[test]
fn what_was_not_paused_by_us_alone_or_lost_its_place_is_a_persons() {
    let of = |change: &dyn Fn(&mut Entry)| told(&|world: &mut Snapshot| change(&mut world.entries[0]));
    let kept = "Headroom does not let it go on by itself: ";
    for (why, change) in [
        ("it was not Headroom that paused it", (&|entry: &mut Entry| entry.runs.pauses.clear()) as &dyn Fn(&mut Entry)),
        ("whether it was Headroom's own pause is not known", &|entry| {
            (entry.runs.pauses[0].changed, entry.runs.pauses[0].rest) = (None, None);
        }),
        ("somebody has let it go on or changed it since", &|entry| entry.heard = still("third", 1_000)),
        ("somebody has let it go on or changed it since", &|entry| entry.heard = still("second", 1_001)),
        ("it was not seen to come to rest", &|entry| {
            entry.runs.pauses[0].rest = None;
            entry.heard = still("first", 1_000);
        }),
        ("what became of it after Headroom had paused it was not seen", &|entry| entry.runs.pauses[0].rest = None),
        ("nothing of it was seen to be taken since", &|entry| entry.runs.pauses[0].sent_before = 1_000),
        ("nothing of it was seen to be taken since", &|entry| entry.runs.pauses[0].taken = 0),
        ("the ledger does not tell what it brings", &|entry| entry.load = None),
    ] {
        let message = of(change);
        assert!(message.contains(&format!("{kept}{why}")), "{why} in {message}");
    }
    // Seen while it could not be asked, it is not known to be paused at all.
    let unseen = of(&|entry| entry.heard.as_mut().unwrap().still = None);
    assert!(!unseen.contains(kept), "{unseen}");
}

#[test]
fn what_was_on_its_way_ends_first_and_that_is_written_down() {
    let fresh = |changed: &'static str| {
        move |world: &mut Snapshot| {
            let entry = &mut world.entries[0];
            entry.runs.pauses[0] = Pause { at: MicroTime(at(-4)), rest: None, ..pause() };
            entry.heard = still(changed, 990);
        }
    };
    let waits = decided(&fresh("first"));
    assert!(waits.release.is_none() && waits.rests.is_empty());
    assert!(waits.again <= SignedDuration::from_secs(1), "{:?}", waits.again);
    assert!(said(&waits).1.contains("and waits for what is still on its way"), "{}", said(&waits).1);
    let ended = decided(&fresh("second"));
    assert!(ended.release.is_none(), "not before that is written");
    let seen = CameToRest {
        entry: world().entries[0].name.clone(),
        pause: "p".into(),
        at: at(-1),
        changed: "second".into(),
        sent: 990,
    };
    assert_eq!(ended.rests, [seen]);
    // Somebody has let it go on meanwhile, and paused it.
    let others = decided(&|world| {
        fresh("second")(world);
        world.entries[0].heard.as_mut().unwrap().ran = Some(at(-2));
    });
    assert_eq!(others.rests, []);
    // Said to run a moment before the pause was written it is as we left it, although both were in the same second.
    let begun = at(-4) + SignedDuration::from_millis(100);
    let ours = |ran: Timestamp| {
        decided(&move |world: &mut Snapshot| {
            fresh("second")(world);
            let entry = &mut world.entries[0];
            let written = Pause { at: MicroTime(begun), rest: None, ..pause() };
            entry.runs.pauses[0] = serde_json::from_value(serde_json::to_value(written).unwrap()).unwrap();
            entry.heard.as_mut().unwrap().ran = Some(ran);
        })
    };
    assert_eq!(ours(begun - SignedDuration::from_millis(50)).rests.len(), 1);
    assert_eq!(ours(begun + SignedDuration::from_millis(50)).rests.len(), 0);
    // Half a minute later anything may have happened meanwhile.
    let late = decided(&|world| {
        fresh("second")(world);
        world.entries[0].runs.pauses[0].at = MicroTime(at(-32));
    });
    assert_eq!((late.rests.len(), late.release.is_some()), (0, false));
}

fn tried(second: i64, result: Option<&str>) -> Resume {
    let evidence = json!({"bottleneck": "web", "needed": 1.0, "free": 2.0, "demand": 1.0, "replicas": 1, "confirmations": 1, "evaluatedAt": at(0)});
    Resume {
        nonce: "r".into(),
        at: Time(at(second)),
        pause: "p".into(),
        evidence: serde_json::from_value(evidence).unwrap(),
        result: result.map(ToOwned::to_owned),
        message: None,
    }
}

#[test]
fn a_try_that_did_not_lead_to_anything_is_followed_by_few_others() {
    let goes = |all: Vec<Resume>| goes_on(&|world| world.entries[0].runs.resumes = all.clone()).is_some();
    assert!(!goes(vec![tried(-14, Some("NotFired"))]) && goes(vec![tried(-16, Some("NotFired"))]));
    // Its end was never seen: what may still be under way arrives first.
    for result in [None, Some("Unknown"), Some("Rejected")] {
        assert!(!goes(vec![tried(-359, result)]) && goes(vec![tried(-361, result)]), "{result:?}");
    }
    let often = vec![tried(-900, Some("NotSent")); 5];
    assert!(!goes(often.clone()));
    // What never left costs none.
    assert!(goes(vec![tried(-900, Some("NotFired")); 9]));
    // Those of an earlier pause are no tries of this one's end.
    let earlier: Vec<Resume> = often.into_iter().map(|resume| Resume { pause: "o".into(), ..resume }).collect();
    assert!(goes(earlier));
}

#[test]
fn a_pause_is_written_down_with_where_its_run_began() {
    let running = |change: &dyn Fn(&mut Entry)| {
        let plan = decided(&|world| {
            let mut spec = pool_spec();
            spec["guardrails"] = json!([{"name": "errors", "query": "errors", "max": "0.05", "onBreach": "Pause"}]);
            world.pool.rules = Rules::parse(&serde_json::from_value(spec).unwrap());
            world.pool.status.breaches =
                vec![Breach { guardrail: "errors".into(), since: Time(at(-20)), fine_since: None }];
            world.guardrails = vec![Some(reading(0.2, 1))];
            let said = Said::Running("it runs".into());
            world.entries[0].heard = Some(Heard { said, still: None, ..still("", 0).unwrap() });
            change(&mut world.entries[0]);
        });
        let [halt] = plan.halts.as_slice() else { panic!("{:?}", plan.halts) };
        assert_eq!(halt.how, How::Pause);
        halt.written.clone().map(|written| written.sent_before)
    };
    assert_eq!(running(&|_| ()), Some(1_000));
    assert_eq!(running(&|entry| entry.runs.pauses.clear()), Some(0));
    // An older release did not look how many were counted before.
    assert_eq!(
        running(&|entry| {
            entry.runs.pauses.clear();
            entry.runs.sent_before = None;
        }),
        None
    );
    assert_eq!(running(&|entry| entry.runs.pauses = vec![pause(); 16]), None);
}

#[test]
fn what_was_sent_before_a_pause_counts_as_late_as_it_can_have_left() {
    let world = world();
    let workload = &world.pool.rules.as_ref().unwrap().workloads[0];
    let beside = super::super::bursts::committed_beside(&world.entries[0], world.entries.iter(), workload, at(0));
    // By the clock, at 2,000/s for 62 s, all 4,000 can have left at once; and the 1,000 that are counted half a second before rest.
    let load = |recipients: u64, start: i64| {
        super::super::bursts::of(&entry("canary", recipients, start, None)).unwrap().at(at(0))
    };
    let late = super::super::bursts::of(&entry("canary", 1_000, -59, None))
        .unwrap()
        .moved(at(-58) - SignedDuration::from_millis(500));
    assert!((beside.at(at(0)) - load(4_000, -120) - late.at(at(0))).abs() < 1e-9);
    // For everybody else all of it may begin now.
    let all = super::super::bursts::committed(world.entries.iter(), workload, at(0));
    assert!(all.max_from(at(0)) > beside.max_from(at(0)) + 100.0);
}

#[test]
fn what_was_let_go_on_counts_from_then_and_what_was_sent_counts_whatever_a_person_says() {
    let load = |change: &dyn Fn(&mut Entry)| {
        let mut world = world();
        change(&mut world.entries[0]);
        let workload = &world.pool.rules.as_ref().unwrap().workloads[0];
        super::super::bursts::committed(world.entries.iter(), workload, at(0)).at(at(0))
    };
    let runs = |entry: &mut Entry| {
        entry.heard = Some(Heard { said: Said::Running("it runs".into()), still: None, ..still("", 0).unwrap() });
    };
    let again = |start: i64| super::super::bursts::of(&entry("canary", 4_000, start, None)).unwrap().at(at(0));
    let stands = load(&|_| ());
    // As it may have gone since it was told to, or since it stood still where somebody else told it.
    let ours = load(&|entry| {
        runs(entry);
        entry.runs.resumes = vec![tried(-30, Some("Started"))];
    });
    assert!((ours - stands - again(-30)).abs() < 1e-9, "{ours} {stands}");
    let others = load(&runs);
    assert!((others - stands - again(-58)).abs() < 1e-9, "{others} {stands}");
    let called_off = load(&|entry| entry.runs.resumes = vec![tried(-30, Some("NotFired"))]);
    assert!((called_off - stands).abs() < 1e-9);
    // Not the rest of it, a person says: what it had sent by then comes all the same.
    let skipped = load(&|entry| entry.outcome = Some(Outcome::Skipped));
    assert!(skipped > 0.0 && skipped < stands, "{skipped} {stands}");
}

//! When a receiver is asked what became of a wave, and whom it is asked of.

use super::*;
use crate::plan::inquiry::{Heard, Said, due};

const URL: &str = "http://mail/sends";

/// Its only wave was tried at this second, and its receiver can tell.
fn world(second: i64) -> Snapshot {
    let mut world = snapshot();
    let contract = json!({"queryable": {"url": URL}});
    world.campaigns[0].sender.as_mut().unwrap().spec.webhook.as_mut().unwrap().contract =
        serde_json::from_value(contract).unwrap();
    let contract = Contract::Queryable { url_digest: identity::digest(URL.as_bytes()) };
    world.entries = vec![Entry { contract, ..entry("canary", 4_000, second, Some(Outcome::Unknown)) }];
    world
}

fn heard(second: i64, said: Said) -> Option<Heard> {
    Some(Heard { attempt: "attempt".into(), at: at(second), said, sent: None, still: None, ran: None })
}

fn not_yet(second: i64) -> Option<Heard> {
    heard(second, Said::Other("it answered 404".into()))
}

#[test]
fn it_is_asked_the_more_seldom_the_longer_it_is() {
    for (tried, asked, first) in [
        // Never asked.
        (-30, None, -30),
        // A quarter of 4 s, at least 5 s; of 28 s; of 7,100 s, at most five minutes.
        (-30, Some(-26), -21),
        (-30, Some(-2), 5),
        (-7_200, Some(-100), 200),
    ] {
        let mut world = world(tried);
        world.entries[0].heard = asked.and_then(not_yet);
        assert_eq!(due(&world, at(first)).len(), 1, "{tried} {asked:?}");
        assert_eq!(due(&world, at(first - 1)).len(), 0, "{tried} {asked:?}");
    }
}

#[test]
fn nobody_is_asked_of_what_is_known_or_by_another_sender() {
    let is_asked = |change: &dyn Fn(&mut Snapshot)| {
        let mut world = world(-30);
        change(&mut world);
        !due(&world, at(0)).is_empty()
    };
    assert!(is_asked(&|_| ()));
    assert!(is_asked(&|world| world.entries[0].outcome = None), "the end of an attempt was not seen");
    assert!(!is_asked(&|world| world.entries[0].outcome = Some(Outcome::Released)));
    assert!(!is_asked(&|world| {
        world.entries[0].outcome = None;
        world.entries[0].newest_result = Some("NotSent".into());
    }));
    assert!(!is_asked(&|world| world.entries[0].heard = heard(-20, Said::Done)));
    assert!(!is_asked(&|world| world.entries[0].contract = Contract::AtMostOnce));
    assert!(!is_asked(&|world| world.entries[0].pool = "shop/other".into()));
    assert!(!is_asked(&|world| world.campaigns[0].sender = None));
    assert!(!is_asked(&|world| world.campaigns[0].sender.as_mut().unwrap().deleting = true));
    assert!(!is_asked(&|world| world.campaigns[0].sender.as_mut().unwrap().uid = "another".into()));
    assert!(!is_asked(&|world| {
        let contract = json!({"queryable": {"url": "http://elsewhere/sends"}});
        world.campaigns[0].sender.as_mut().unwrap().spec.webhook.as_mut().unwrap().contract =
            serde_json::from_value(contract).unwrap();
    }));
}

#[test]
fn what_was_heard_to_have_gone_no_person_sends_again_and_nothing_is_asked_in_a_loop() {
    // Due long ago, and nobody could ask.
    let mut world = world(-30);
    world.pool.status.claims.clear();
    assert_eq!(plan(&world, at(0)).again, SignedDuration::from_secs(5));
    // Said before it was heard that it is done, and seen in the same look.
    for (word, taken) in [("NotSent", 0), ("Skip", 0), ("Sent", 1)] {
        let mut world = self::world(-600);
        world.entries[0].heard = heard(0, Said::Done);
        world.campaigns[0].asks.resolve = Some(format!("canary {word} attempt sam"));
        world.campaigns[0].asks.resolve_reason = Some("I saw nothing".into());
        let decided = plan(&world, at(0));
        assert_eq!((decided.resolves.len(), decided.outcomes.len()), (taken, 1 - taken), "{word}");
    }
}

/// Requests per second to the workload at a time from now, of a Job that was made an hour ago.
fn brought(change: &dyn Fn(&mut Entry), second: i64) -> f64 {
    let world = snapshot();
    let rules = world.pool.rules.as_ref().unwrap();
    let mut tried = Entry { contract: Contract::Job, ..entry("canary", 4_000, -3_600, None) };
    tried.newest_result = Some("Started".into());
    change(&mut tried);
    bursts::committed(std::iter::once(&tried), &rules.workloads[0], at(0)).at(at(second))
}

#[test]
fn a_job_that_is_under_way_may_begin_at_any_moment() {
    // As much as if it began now, beside what is left of an hour ago.
    let fresh = |second| brought(&|entry| (entry.first_attempt, entry.newest_attempt) = (at(0), at(0)), second) / 2.0;
    let gone = |second| brought(&|entry| entry.outcome = Some(Outcome::Released), second);
    for second in [1, 5, 30] {
        let under_way = brought(&|_| (), second);
        assert!(fresh(second) > 1.0 && gone(second) < 0.1 * fresh(second), "{second}");
        assert!((under_way - fresh(second) - gone(second)).abs() < 1e-9, "{second}: {under_way}");
    }
    // Once it was seen to have completed its last message left then: 4,000 at 2,000/s began two seconds before.
    let ended = |entry: &mut Entry| (entry.outcome, entry.decided_at) = (Some(Outcome::Released), Some(at(0)));
    assert!((brought(&ended, 3) - fresh(5) - gone(3)).abs() < 1e-9);
}

#[test]
fn a_job_is_looked_at_every_half_minute_and_nobody_speaks_for_it() {
    let mut world = world(-7_200);
    world.entries[0].contract = Contract::Job;
    (world.entries[0].outcome, world.entries[0].newest_result) = (None, Some("Started".into()));
    world.entries[0].heard = heard(-29, Said::Running("its Job is running".into()));
    assert!(due(&world, at(0)).is_empty());
    assert_eq!(due(&world, at(1)).len(), 1);
    world.campaigns[0].asks.resolve = Some("canary NotSent attempt sam".into());
    world.campaigns[0].asks.resolve_reason = Some("I saw nothing".into());
    assert!(plan(&world, at(0)).resolves.is_empty());
    assert!(!said(&plan(&world, at(0))).1.contains("resolve"));
    // Of one that cannot be seen, or waits for whoever suspended it, a person may.
    world.entries[0].heard = heard(-29, Said::Other("its Job cannot be seen".into()));
    assert_eq!(plan(&world, at(0)).resolves.len(), 1);
    world.campaigns[0].asks.resolve = None;
    let (reason, message) = said(&plan(&world, at(0)));
    assert_eq!(reason, "Sending");
    assert!(
        message.contains("its Job cannot be seen. Whoever knows what became of it can say so: kubectl headroom"),
        "{message}"
    );
}

#[test]
fn a_job_that_was_running_is_not_forgotten_by_one_question_that_failed() {
    let (running, other) = (Said::Running("r".into()), Said::Other("o".into()));
    let absent = || Said::Absent("a".into());
    for (said, before, after) in [
        (other.clone(), None, other.clone()),
        (other.clone(), Some(&running), Said::Hidden("o".into())),
        (other.clone(), Some(&Said::Hidden("x".into())), Said::Hidden("o".into())),
        (absent(), None, absent()),
        (absent(), Some(&running), Said::Ended("a".into())),
        (running.clone(), Some(&Said::Hidden("x".into())), running.clone()),
        (Said::Done, Some(&running), Said::Done),
    ] {
        assert_eq!(said.after(before), after);
    }
    // Nobody knows that it was made, it was seen to run, and now it cannot be seen: all of it may still come.
    let unknown = |said: Option<Said>| {
        brought(
            &|entry| {
                (entry.outcome, entry.newest_result) = (Some(Outcome::Unknown), Some("Unknown".into()));
                entry.heard = said.clone().and_then(|said| heard(0, said));
            },
            5,
        )
    };
    let gone = unknown(Some(Said::Ended("e".into())));
    for may_come in
        [None, Some(Said::Hidden("h".into())), Some(Said::Running("r".into())), Some(Said::Other("o".into()))]
    {
        assert!(unknown(may_come.clone()) > 5.0 * gone, "{may_come:?}");
    }
}

#[test]
fn what_a_job_sent_before_it_failed_still_arrives() {
    // It failed just now, an hour after it was made: its last message may have left now.
    let failed = |entry: &mut Entry| (entry.outcome, entry.decided_at) = (Some(Outcome::Unknown), Some(at(0)));
    let failed = brought(
        &|entry| {
            failed(entry);
            entry.heard = heard(0, Said::Ended("e".into()));
        },
        3,
    );
    let completed = |entry: &mut Entry| (entry.outcome, entry.decided_at) = (Some(Outcome::Released), Some(at(0)));
    assert!((failed - brought(&completed, 3)).abs() < 1e-9, "{failed}");
}

#[test]
fn a_wave_is_not_moved_from_a_request_to_a_job() {
    let mut world = snapshot();
    let sender = world.campaigns[0].sender.as_mut().unwrap();
    let template = json!({"spec": {"template": {"spec": {"containers": [{"name": "mailer"}]}}}});
    sender.spec.job = Some(crate::api::sender::JobSender { template: template.clone() });
    sender.spec.webhook = None;
    let place = crate::plan::contract::place(&sender.spec);
    let tried = Entry { sender: Some(("sender".into(), place)), ..entry("canary", 4_000, -600, None) };
    let tried = Entry { newest_result: Some("NotSent".into()), tries: 1, ..tried };
    world.entries = vec![Entry { contract: Contract::Job, ..tried.clone() }];
    assert!(plan(&world, at(0)).release.is_some());
    // A person said that it may go by the Sender as it is now; what was frozen is no Job.
    world.entries = vec![tried];
    assert!(plan(&world, at(0)).release.is_none());
    assert_eq!(reason(&world), "SenderUnable");
}

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
    Some(Heard { attempt: "attempt".into(), at: at(second), said })
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
fn a_person_who_is_waited_for_is_not_overruled_and_nothing_is_asked_in_a_loop() {
    // Due long ago, and nobody could ask.
    let mut world = world(-30);
    world.pool.status.claims.clear();
    assert_eq!(plan(&world, at(0)).again, SignedDuration::from_secs(5));
    // What a person says of this very attempt goes before what was heard of it.
    let mut world = self::world(-600);
    world.entries[0].heard = heard(0, Said::Done);
    world.campaigns[0].asks.resolve = Some("canary Skip attempt sam".into());
    world.campaigns[0].asks.resolve_reason = Some("it was called off by hand".into());
    let decided = plan(&world, at(0));
    assert_eq!((decided.resolves.len(), decided.outcomes.len()), (1, 0));
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
    let ended = |entry: &mut Entry| (entry.outcome, entry.ended) = (Some(Outcome::Released), Some(at(0)));
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
}

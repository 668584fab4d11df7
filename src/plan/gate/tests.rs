#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::plan::baseline::Unproven;
use crate::plan::load::{Component, Profile, Send, UNKNOWN_MARGIN};
use proptest::prelude::*;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn push(recipients: u64, rate: f64, margin: f64) -> Burst {
    let components = Profile::builtin("push", "consumer").unwrap().components();
    Burst::new(Send { name: "wave".into(), start: now(), rate, recipients, components, margin })
}

/// A wave whose peak is as given: everyone answers at once, so that the load is rate times requests.
fn peak(requests: f64) -> Burst {
    let components = vec![Component { per_message: 1.0, median: 1e-6, sigma: 0.1 }];
    Burst::new(Send {
        name: "wave".into(),
        start: now(),
        rate: requests,
        recipients: 100_000_000,
        components,
        margin: 1.0,
    })
}

fn site(demand: f64, near: f64, replicas: u32) -> Site {
    Site {
        reserve: 0.0,
        name: "web".into(),
        capacity: Capacity::new(120.0, 0.75),
        ready: replicas,
        held: replicas,
        most: 60,
        demand,
        baseline: Baseline::new(None, Some(near), demand, Unproven::Closed).unwrap(),
        committed: Committed::default(),
        measured: 0.0,
        lead: SignedDuration::from_mins(3),
        span: SignedDuration::from_mins(1),
    }
}

#[test]
fn where_nothing_else_was_sent_nothing_is_told_of_other_sends() {
    // Half a minute of messages, answered within two: the crest lies beside every instant at which the wave alone is
    // looked at, and a whole minute finds more than they do.
    let components = vec![Component { per_message: 1.0, median: 1.465_734, sigma: 0.361_152 }];
    let wave = Burst::new(Send {
        name: "wave".into(),
        start: now(),
        rate: 2_000.0,
        recipients: 43_295,
        components,
        margin: 1.0,
    });
    let room = site(300.0, 300.0, 20).room(Some(&wave), now());
    assert!(room.committed <= 0.0, "{room:?}");
    assert!(room.needed >= wave.peak() && room.needed <= wave.peak() * 1.015, "{room:?}");
}

#[test]
fn until_more_replicas_can_be_ready_those_that_are_there_are_counted_on() {
    // 500 of the wave and 1.1 · 200 of an ordinary day: eight replicas of 90, and there are four; sixty are allowed.
    let hour = SignedDuration::from_hours(1);
    let few = site(200.0, 200.0, 4);
    assert_eq!(few.earliest(&peak(500.0), now(), hour), Some(now() + SignedDuration::from_mins(3)));
    let enough = site(200.0, 200.0, 8);
    assert_eq!(enough.earliest(&peak(500.0), now(), hour), Some(now()));
    // And where replicas take long, so does this.
    let slow = Site { lead: SignedDuration::from_mins(20), ..few };
    assert_eq!(slow.earliest(&peak(500.0), now(), hour), Some(now() + SignedDuration::from_mins(20)));
}

#[test]
fn floors_match_the_golden_values() {
    // Committed load enters the golden cases as one number; here as a send that began long ago and is flat by now.
    let text =
        std::fs::read_to_string(format!("{}/tests/golden/golden_floor.csv", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut seen = 0;
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.rsplitn(13, ',').collect::<Vec<_>>().into_iter().rev().collect();
        let number = |index: usize| fields[index].parse::<f64>().unwrap();
        let (demand, near, committed, needed) = (number(1), number(2), number(3), number(4));
        let mut site = site(demand, near, 20);
        // Imbalance divides what a replica bears; this release has none, so that it enters through the capacity.
        site.capacity = Capacity::new(number(5) / number(7), number(6));
        if committed > 0.0 {
            let flat = peak(committed).moved(now() - SignedDuration::from_mins(30));
            site.committed = Committed::new(vec![flat]);
        }
        let wave = peak(needed);
        let room = site.room(Some(&wave), now());
        assert!((room.needed - needed).abs() < 1e-6 * needed.max(1.0), "{line}: needed {}", room.needed);
        assert!((room.free - number(11)).abs() < 1e-6 * number(11).abs().max(1.0), "{line}: free {}", room.free);
        assert_eq!(room.is_enough(), fields[12] == "True", "{line}");
        assert_eq!(site.needed_replicas(Some(&wave), now()), fields[10].parse().ok(), "{line}");
        seen += 1;
    }
    assert!(seen >= 8, "{seen} lines");
}

#[test]
fn only_what_is_ready_and_held_counts() {
    let wave = peak(100.0);
    let mut site = site(1_000.0, 1_000.0, 30);
    assert!(site.room(Some(&wave), now()).is_enough());
    site.held = 0;
    let room = site.room(Some(&wave), now());
    assert!(!room.is_enough() && room.replicas == 0, "what an autoscaler gave it takes back");
    site.held = 30;
    site.ready = 0;
    assert!(!site.room(Some(&wave), now()).is_enough());
}

#[test]
fn no_broken_number_opens_the_gate() {
    let wave = peak(1.0);
    for demand in [f64::NAN, f64::INFINITY, -1.0] {
        let site = site(demand, 100.0, 60);
        assert!(!site.room(Some(&wave), now()).is_enough(), "{demand}");
        assert_eq!(site.needed_replicas(Some(&wave), now()), None, "{demand}");
    }
    let broken = site(100.0, f64::NAN, 60);
    assert!(!broken.room(Some(&wave), now()).is_enough());
    assert!(broken.later(&wave, now()).is_some());
}

#[test]
fn later_is_weighed_with_the_most_replicas_after_the_lead() {
    // 60 replicas bear 5,400; 5,000 of ordinary demand leave 400.
    let mut site = site(1_000.0, 5_000.0, 0);
    assert!(site.later(&peak(399.0), now()).is_none());
    let short = site.later(&peak(401.0), now()).unwrap();
    // It could not be there before three minutes have passed.
    assert!(short.at >= now() + SignedDuration::from_mins(3) && short.at <= now() + SignedDuration::from_mins(5));
    assert!((short.most - 5_400.0).abs() < 1e-9);
    site.ready = 60;
    site.held = 60;
    assert!(site.later(&peak(401.0), now()).is_some());
}

#[test]
fn a_likely_time_is_when_what_is_committed_has_faded() {
    let mut site = site(1_000.0, 1_000.0, 0);
    // Both bring 707 requests per second with their margin after 8 minutes and 20 seconds; 26 replicas bear 2,340 and
    // the baseline takes 1,000: one fits and two do not.
    let first = push(2_000_000, 2_000.0, UNKNOWN_MARGIN);
    site.most = 26;
    let wave = push(1_000_000, 2_000.0, UNKNOWN_MARGIN);
    // None is there yet; they take three minutes.
    let with_replicas = Some(now() + SignedDuration::from_mins(3));
    assert_eq!(site.earliest(&wave, now(), SignedDuration::from_hours(24)), with_replicas);
    site.committed = Committed::new(vec![first.moved(now())]);
    let likely = site.earliest(&wave, now(), SignedDuration::from_hours(24)).unwrap();
    assert!(Some(likely) > with_replicas);
    site.most = 1;
    assert_eq!(site.earliest(&wave, now(), SignedDuration::from_hours(24)), None);
}

#[test]
fn the_narrowest_of_several_is_the_one_with_the_least_for_its_need() {
    let room = |free: f64, needed: f64| Room {
        reserve: 0.0,
        needed,
        free,
        baseline: 0.0,
        committed: 0.0,
        capacity: 0.0,
        raw_capacity: 0.0,
        replicas: 0,
    };
    assert_eq!(Site::narrowest(&[room(500.0, 100.0), room(50.0, 20.0), room(90.0, 10.0)]), 1);
    assert_eq!(Site::narrowest(&[room(500.0, 100.0), room(f64::NAN, 20.0)]), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_floor_is_the_smallest_that_opens_and_more_commitments_never_free_anything(
        demand in 0.0_f64..20_000.0, near in 0.0_f64..20_000.0, recipients in 1_u64..2_000_000, rate in 1.0_f64..5_000.0,
        others in prop::collection::vec((0_i64..300, 1_u64..500_000), 0..4),
    ) {
        let mut site = site(demand, near, 10);
        let wave = push(recipients, rate, UNKNOWN_MARGIN);
        let alone = site.room(Some(&wave), now());
        for (minute, size) in others {
            let other = push(size, 1_000.0, UNKNOWN_MARGIN).moved(now() - SignedDuration::from_mins(minute));
            site.committed = site.committed.with_all(&[other]);
        }
        let room = site.room(Some(&wave), now());
        prop_assert!(room.free <= alone.free + 1e-9);
        prop_assert!((room.free - (room.capacity - room.baseline - room.committed)).abs() < 1e-9);
        if let Some(fewest) = site.needed_replicas(Some(&wave), now()) {
            prop_assert!(site.room_with(fewest, Some(&wave), now()).is_enough());
            prop_assert!(fewest == 0 || !site.room_with(fewest - 1, Some(&wave), now()).is_enough());
        }
    }
}

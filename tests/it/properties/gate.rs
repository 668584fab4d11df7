//! The gate and the floor of one workload: one function, monotone in everything that matters.

use headroom::plan::baseline::{Baseline, Unproven};
use headroom::plan::capacity::Capacity;
use headroom::plan::gate::Site;
use headroom::plan::ledger::Committed;
use headroom::plan::load::{Burst, Component, Send};
use headroom::plan::units::people::{Rounding, per_second};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const NOW: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(NOW + second).unwrap()
}

fn burst(recipients: u64, median: f64, sigma: f64, peak: f64, start: i64) -> Burst {
    let components = vec![Component { per_message: peak / 2_000.0, median, sigma }];
    Burst::new(Send { name: "w".into(), start: at(start), rate: 2_000.0, recipients, components, margin: 1.0 })
}

prop_compose! {
    fn waves()(recipients in 1_u64..400_000, median in 0.02..20.0_f64, sigma in 0.3..2.4_f64, peak in 1.0..5_000.0_f64, start in -900_i64..0) -> Burst {
        burst(recipients, median, sigma, peak, start)
    }
}

prop_compose! {
    fn sites()(
        per_replica in 1.0..300.0_f64, percent in 40_u32..=85, demand in 0.0..3_000.0_f64, peak in 0.0..3_000.0_f64,
        other in prop::option::weighted(0.3, waves()), ready in 0_u32..60,
    ) -> Site {
        let committed = Committed::new(other.into_iter().collect());
        Site {
            reserve: 0.0,
            name: "web".into(),
            capacity: Capacity::new(per_replica, f64::from(percent) / 100.0),
            ready,
            held: ready,
            most: 60,
            demand,
            baseline: Baseline::new(None, Some(peak), demand, Unproven::Closed).unwrap(),
            measured: committed.measured(at(-5), SignedDuration::from_secs(10)),
            committed,
            lead: SignedDuration::from_mins(3),
            span: SignedDuration::ZERO,
        }
    }
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn the_floor_opens_the_gate_and_one_less_does_not(site in sites(), wave in waves()) {
        let wave = wave.moved(at(0));
        let floor = site.needed_replicas(Some(&wave), at(0)).expect("a hundred thousand replicas bear it");
        let room = site.room_with(floor, Some(&wave), at(0));
        prop_assert!(room.is_enough(), "{floor}: {room:?}");
        if floor > 0 {
            prop_assert!(!site.room_with(floor - 1, Some(&wave), at(0)).is_enough(), "{} is enough", floor - 1);
        }
        // The numbers of the sentence add up.
        prop_assert!((room.free - (room.capacity - room.baseline - room.committed)).abs() < 1e-6);
        prop_assert!(room.committed >= 0.0 && room.needed > 0.0 && room.baseline >= site.demand);
        if site.committed.is_empty() {
            prop_assert_eq!(per_second(room.committed, Rounding::Up), "0", "nothing else was sent: {:?}", room);
        }
    }

    #[test]
    fn more_demand_opens_nothing_and_more_replicas_close_nothing(site in sites(), wave in waves(), more in 0.0..500.0_f64, replicas in 1_u32..20) {
        let wave = wave.moved(at(0));
        let is_open = site.room(Some(&wave), at(0)).is_enough();
        let busier = Site { demand: site.demand + more, ..site.clone() };
        prop_assert!(is_open || !busier.room(Some(&wave), at(0)).is_enough());
        let larger = Site { ready: site.ready + replicas, held: site.held + replicas, ..site.clone() };
        prop_assert!(!is_open || larger.room(Some(&wave), at(0)).is_enough());
        // Either alone changes nothing for the better.
        prop_assert_eq!(Site { ready: site.ready + replicas, ..site.clone() }.room(Some(&wave), at(0)).is_enough(), is_open);
        prop_assert_eq!(Site { held: site.held + replicas, ..site }.room(Some(&wave), at(0)).is_enough(), is_open);
    }
}

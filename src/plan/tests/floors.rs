//! Scale: nothing goes down in silence, and somebody else may have the last word.

use super::*;

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
            replicas: None,
        }));
        let decided = plan(&heard, at(second));
        heard.pool.status.claims.clone_from(&decided.pool.claims);
        heard.memory = decided.memory;
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
fn that_nothing_needs_a_floor_is_written_once_it_has_lasted_for_half_of_the_hold() {
    let mut heard = snapshot();
    let sale = heard.campaigns.clone();
    let mut look = |second: i64, waits: bool| {
        heard.workloads[0].demand = Some(reading(300.0, -second));
        heard.campaigns = if waits { sale.clone() } else { Vec::new() };
        let decided = plan(&heard, at(second));
        heard.pool.status = decided.pool;
        heard.memory = decided.memory;
        heard.pool.status.claims[0].quiet_since.as_ref().map(|since| since.0)
    };
    // A wave comes along meanwhile, and nobody had to write anything.
    assert_eq!([look(0, false), look(299, false), look(300, true), look(310, false)], [None; 4]);
    // Half of ten minutes after it began, and with the instant at which it did.
    assert_eq!([look(609, false), look(610, false)], [None, Some(at(310))]);
    assert_eq!(look(620, true), None, "what was written is taken back");
}

#[test]
fn an_install_that_is_left_gives_everything_back_at_once_whatever_waits_or_cannot_be_measured() {
    for silent in [false, true] {
        let mut left = snapshot();
        left.gates.stop = Some(super::super::stop::Stop::leaving());
        if silent {
            left.workloads[0].demand = Some(Err(SensorFault::TimedOut { seconds: 5 }));
        }
        let decided = plan(&left, at(0));
        assert_eq!(said(&decided).0, "Stopped");
        assert!(decided.release.is_none());
        let [floor] = decided.floors.as_slice() else { panic!("{:?}", decided.floors) };
        assert_eq!((floor.write.value, &floor.write.note), (Some(2), &None));
        // The claim goes once the target was read without it.
        let target = &mut left.workloads[0].target.as_mut().unwrap().target;
        (target.value, target.note, target.writer) = (Some(2), None, None);
        left.pool.status.claims.clone_from(&decided.pool.claims);
        let decided = plan(&left, at(1));
        assert!(decided.floors.is_empty() && decided.pool.claims.is_empty(), "{:?}", decided.pool.claims);
    }
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

#![allow(clippy::unwrap_used)]

use super::*;
use crate::plan::load::{Component, Profile, Send};
use proptest::prelude::*;

fn wave(name: &str, minute: i64, recipients: u64, rate: f64) -> Burst {
    let start = Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap();
    let components = Profile::builtin("email", "consumer").unwrap().components();
    Burst::new(Send { name: name.into(), start, rate, recipients, components, margin: 1.0 })
}

#[test]
fn canary_and_rest_add_up_to_the_golden_values() {
    let committed = Committed::new(vec![wave("rest", 14, 1_176_000, 100.0), wave("canary", 0, 24_000, 100.0)]);
    let text =
        std::fs::read_to_string(format!("{}/tests/golden/golden_multi.csv", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut seen = 0;
    for line in text.lines().skip(1) {
        let (minute, wanted) = line.rsplit_once(',').unwrap();
        let (minute, wanted): (f64, f64) = (minute.parse().unwrap(), wanted.parse().unwrap());
        let at = Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_secs_f64(minute * 60.0);
        let is = committed.at(at);
        assert!((is - wanted).abs() <= 1e-9 * wanted.max(1e-9), "{minute}: {is} is not {wanted}");
        seen += 1;
    }
    assert!(seen > 5);
}

#[test]
fn a_measurement_holds_only_what_had_surely_arrived() {
    let committed = Committed::new(vec![wave("a", 0, 24_000, 100.0)]);
    let at = |minute: i64| Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap();
    let range = SignedDuration::from_secs(120);
    // 150 s before minute 2 nothing had been sent yet.
    assert!(committed.measured(at(2), range) <= 0.0);
    // In the tail the newest instant is the least.
    assert!((committed.measured(at(60), range) - committed.at(at(60))).abs() < 1e-12);
}

#[test]
fn what_is_added_is_summed_behind_what_was_there_whoever_else_has_grown_from_it() {
    let at = |minute: i64| Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap();
    let base = vec![wave("b", 0, 900_000, 500.0), wave("a", 30, 50_000, 700.0)];
    let (z, early, twin) = (wave("z", 31, 2_000, 40.0), wave("early", 12, 3_000, 40.0), wave("twin", 31, 7_000, 10.0));
    let one = Committed::new(base.clone());
    let two = one.with_all(std::slice::from_ref(&z));
    let three = two.with_all(std::slice::from_ref(&early));
    // Tried and not kept; then the same again, and more.
    let tried = two.with_all(std::slice::from_ref(&twin));
    let again = two.with_all(&[early.clone(), twin.clone()]);
    let of = |more: &[&Burst]| base.iter().chain(more.iter().copied()).cloned().collect::<Vec<Burst>>();
    let cases = [
        (&one, of(&[])),
        (&three, of(&[&z, &early])),
        (&two, of(&[&z])),
        (&again, of(&[&z, &early, &twin])),
        (&tried, of(&[&z, &twin])),
        (&three, of(&[&z, &early])),
        (&one, of(&[])),
    ];
    for (committed, waves) in &cases {
        assert_eq!(&committed.bursts(), waves);
        assert_eq!(committed.last_tail(), waves.iter().map(Burst::tail).max());
        for minute in [1, 12, 31, 40, 300, 3_000] {
            let plain = waves.iter().fold(0.0, |sum, burst| sum + burst.at(at(minute)));
            assert_eq!(committed.at(at(minute)).to_bits(), plain.to_bits(), "minute {minute} of {}", waves.len());
        }
        // Crests of nobody else are looked at.
        let mut crests: Vec<Timestamp> = waves.iter().flat_map(Burst::crests).copied().collect();
        crests.extend((0..=180).map(|minute| at(20 + minute)));
        crests.retain(|crest| at(20) <= *crest && *crest <= at(200));
        crests.sort_unstable();
        crests.dedup();
        assert_eq!(committed.grid(None, at(20), at(200)), crests);
    }
}

proptest! {
    #[test]
    fn rebuilt_in_another_order_it_is_equal_bit_for_bit(sizes in prop::collection::vec((0_i64..500, 1_u64..1_000_000), 1..12), turn in 0_usize..12) {
        let waves: Vec<Burst> = sizes.iter().enumerate().map(|(i, (minute, size))| wave(&format!("w{i}"), *minute, *size, 500.0)).collect();
        let mut other = waves.clone();
        other.rotate_left(turn % waves.len());
        other.reverse();
        let (one, two) = (Committed::new(waves), Committed::new(other));
        for minute in [0, 1, 77, 499, 600, 2_000] {
            let at = Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap();
            prop_assert_eq!(one.at(at).to_bits(), two.at(at).to_bits());
        }
    }
}

/// A wave whose answers come so many minutes after a message, most likely.
fn quick(name: &str, second: i64, recipients: u64, median: f64) -> Burst {
    let components = vec![Component { per_message: 0.1, median, sigma: 1.0 }];
    let start = Timestamp::from_second(1_800_000_000 + second).unwrap();
    Burst::new(Send { name: name.into(), start, rate: 500.0, recipients, components, margin: 1.0 })
}

#[test]
fn the_height_of_a_sum_is_found_where_many_have_their_crests_in_common() {
    let begun = Timestamp::from_second(1_800_000_000).unwrap();
    // Answers after one, ten and thirty seconds, and after ten minutes.
    for (median, sizes) in [(1.0 / 60.0, 600), (1.0 / 6.0, 800), (0.5, 20_000), (10.0, 100_000)] {
        // Small ones first, each of which is looked at where it has its crest; then those that count.
        let waves = (0..60_u32).map(|place| {
            let (start, recipients) = if place < 32 { (0, sizes / 20) } else { (300, sizes + 5 * u64::from(place)) };
            quick(&format!("w{place}"), start + i64::from(place) % 3, recipients, median)
        });
        let all = Committed::new(waves.collect());
        let until = begun + SignedDuration::from_mins(30);
        // Every fiftieth of a second of the two minutes after their start, and every second after that.
        let fine = (0..6_000).map(|step| begun + SignedDuration::from_millis(300_000 + 20 * step));
        let coarse = (420..1_800).map(|second| begun + SignedDuration::from_secs(second));
        let highest = fine.chain(coarse).map(|instant| all.at(instant)).fold(0.0, f64::max);
        let found = all.max_between(begun, until);
        assert!(found >= 0.985 * highest, "{median}: {found} of {highest}");
    }
}

#[test]
fn a_thousand_waves_of_different_sizes_are_looked_at_where_fifty_are() {
    let begun = Timestamp::from_second(1_800_000_000).unwrap();
    // All end within two seconds: of a thousand crests by the millisecond hardly one would be another's.
    let of = |count: u64, more: u64| {
        let waves = (0..count).map(|place| quick(&format!("w{place}"), 0, 20_000 + place * more, 0.5)).collect();
        Committed::new(waves).grid(None, begun, begun + SignedDuration::from_mins(30)).len()
    };
    let (fifty, thousand) = (of(50, 20), of(1_000, 1));
    assert!(thousand <= fifty + 60, "{thousand} instants, where fifty waves have {fifty}");
}

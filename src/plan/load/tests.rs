#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use jiff::Timestamp;

/// Lines of a golden file, without its head; fields may be quoted.
fn golden(name: &str) -> Vec<Vec<String>> {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .skip(1)
        .map(|line| {
            let mut fields = vec![String::new()];
            let mut quoted = false;
            for character in line.chars() {
                match character {
                    '"' => quoted = !quoted,
                    ',' if !quoted => fields.push(String::new()),
                    other => fields.last_mut().unwrap().push(other),
                }
            }
            fields
        })
        .collect()
}

fn components(channel: &str) -> Vec<Component> {
    let (channel, class) = match channel {
        "email-business" => ("email", "business"),
        "email-consumer" => ("email", "consumer"),
        other => (other, "consumer"),
    };
    Profile::builtin(channel, class).unwrap().components()
}

fn burst(channel: &str, recipients: u64, rate: f64) -> Burst {
    let start = Timestamp::from_second(1_800_000_000).unwrap();
    Burst::new(Send { name: "x".into(), start, rate, recipients, components: components(channel), margin: 1.0 })
}

fn near(is: f64, wanted: f64, what: &str) {
    assert!((is - wanted).abs() <= 1e-9 * wanted.abs().max(1e-300), "{what}: {is} is not {wanted}");
}

#[test]
fn shares_match_the_golden_values_both_of_what_has_come_and_of_what_is_still_to_come() {
    let lines = golden("golden_F.csv");
    assert_eq!(lines.len(), 40, "four responses at ten delays each");
    for line in lines {
        let number = |index: usize| line[index].parse::<f64>().unwrap();
        let response = Component { per_message: 1.0, median: number(1), sigma: number(2) };
        let (come, still_to_come) = (response.come(number(3)), response.still_to_come(number(3)));
        near(come, number(4), &format!("come: {line:?}"));
        // By itself and not as 1 − F: after a fortnight nearly all digits of that difference would be lost.
        near(still_to_come, number(5), &format!("still to come: {line:?}"));
    }
}

#[test]
fn the_built_in_responses_are_those_of_the_golden_values() {
    let told: std::collections::BTreeSet<(String, String)> =
        golden("golden_F.csv").into_iter().map(|line| (line[1].clone(), line[2].clone())).collect();
    let built_in: std::collections::BTreeSet<(String, String)> = ["email-consumer", "email-business", "push", "sms"]
        .iter()
        .flat_map(|channel| components(channel))
        .map(|component| (component.median.to_string(), component.sigma.to_string()))
        .collect();
    assert_eq!(told, built_in);
}

#[test]
fn loads_match_the_golden_values() {
    let lines = golden("golden.csv");
    assert!(lines.len() > 100, "the golden file is not empty");
    for line in lines {
        let number = |index: usize| line[index].parse::<f64>().unwrap();
        let wave =
            burst(&line[1], line[2].parse::<f64>().map(|n| format!("{n:.0}").parse().unwrap()).unwrap(), number(3));
        // Instants after the end are given rounded; the distance from the end is a round number.
        let (end, at) = (number(4), number(5));
        let exact_end = number(2) / (60.0 * number(3));
        let after = ((at - end) * 1e6).round() / 1e6;
        let at = if at > end && (at - end - after).abs() < 1e-8 { exact_end + after } else { at };
        near(wave.after(at), number(6), &format!("{line:?}"));
    }
}

#[test]
fn a_push_at_five_thousand_a_second_after_one_minute_by_hand() {
    // 2,000 · Φ(−ln 15 / 2) = 2,000 · 0.087864185
    near_hand(burst("push", 10_000_000, 5_000.0).after(1.0), 175.728_37);
}

fn near_hand(is: f64, wanted: f64) {
    assert!((is - wanted).abs() < 1e-4, "{is} is not {wanted}");
}

#[test]
fn peaks_are_found_and_never_overstated() {
    for line in golden("golden_peaks.csv") {
        let number = |index: usize| line[index].parse::<f64>().unwrap();
        let recipients: u64 = format!("{:.0}", number(2)).parse().unwrap();
        let wave = burst(&line[1], recipients, number(3));
        let (is, wanted) = (wave.peak(), number(6));
        assert!(is <= wanted * (1.0 + 1e-9) && is >= wanted * 0.985, "{}: {is} for {wanted}", line[0]);
    }
}

#[test]
fn the_largest_send_there_may_be() {
    // A thousand million at a million a second, e-mail: the peak of the golden README.
    let peak = burst("email-consumer", 1_000_000_000, 1_000_000.0).peak();
    assert!((132_419.515_2 * 0.985..=132_419.515_3).contains(&peak), "{peak}");
    let quick = Burst::new(Send {
        components: vec![Component { per_message: 0.4, median: 0.1, sigma: 2.0 }],
        ..burst("push", 1_000, 1_000.0).send().clone()
    });
    assert!(quick.peak().is_finite() && quick.peak() > 0.0);
}

#[test]
fn load_goes_on_after_the_last_message_and_ends_with_its_tail() {
    let wave = burst("push", 40_000, 2_000.0);
    let (peak, tail) = (wave.peak(), wave.tail());
    assert!(tail > wave.end());
    near_hand(wave.at(tail) / peak, 0.05);
    assert!(wave.at(wave.send().start) <= 0.0);
    // Half of the share: half of the load, and the same tail.
    let half = wave.scaled(0.5);
    near(half.peak(), peak / 2.0, "half");
    assert_eq!(half.tail(), tail);
}

#[test]
fn a_load_that_is_told_by_its_peak_has_that_peak() {
    let scaled = scale_to_peak(&components("email-consumer"), 100.0, 1_200_000, 640.0);
    let whole = Burst::new(Send { components: scaled, ..burst("email-consumer", 1_200_000, 100.0).send().clone() });
    near(whole.peak(), 640.0, "peak");
}

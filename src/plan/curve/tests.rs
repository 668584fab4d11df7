#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::float_cmp)]

use super::*;
use crate::plan::load::{Burst, Component, Profile, Send, minutes_between};
use proptest::prelude::*;

const NOW: i64 = 1_800_000_000;

fn components(channel: &str) -> Vec<Component> {
    Profile::builtin(channel, "consumer").unwrap().components()
}

fn response(channel: &str, minutes: usize) -> Response {
    Response::new(&components(channel), 1.0, minutes)
}

fn flat(value: f64, minutes: usize) -> Headroom {
    Headroom::new(vec![value; minutes])
}

/// What messages bring, from the closed form and not from any table.
fn load(channel: &str, rate: f64, recipients: f64, start: f64, at: f64) -> f64 {
    let from = at - start;
    let length = recipients / (60.0 * rate);
    let share = |component: &Component, after: f64| component.come(after);
    components(channel).iter().map(|c| rate * c.per_message * (share(c, from) - share(c, from - length))).sum()
}

#[test]
fn how_many_may_go_into_410_matches_the_golden_values() {
    let headroom = flat(410.0, 1_440);
    for (channel, rate, wanted) in
        [("email", 5_000.0, 411_500.0), ("push", 5_000.0, 862_853.0), ("push", 20_000.0, 647_517.0)]
    {
        let is = largest(&headroom, &response(channel, 1_440), rate, 0);
        assert!((wanted..=wanted * 1.015).contains(&is.ceil()), "{channel} at {rate}: {is} for {wanted}");
        // And on the whole curve, to which a fortnight's speed is owed.
        let curve = largest_each_minute(&headroom, &response(channel, 1_440), rate);
        assert!((curve[0] / is - 1.0).abs() < 2e-4, "{channel} at {rate}: {} is not {is}", curve[0]);
    }
    // 1,000 · (0.25 + 0.09) = 340 requests per second at the very most.
    assert_eq!(largest(&headroom, &response("email", 1_440), 1_000.0, 0), f64::INFINITY);
    assert_eq!(largest_each_minute(&headroom, &response("email", 1_440), 1_000.0)[7], f64::INFINITY);
    // With a margin it is: 782 are more than 410.
    let uncertain = Response::new(&components("email"), 2.3, 1_440);
    assert!(largest(&headroom, &uncertain, 1_000.0, 0).is_finite());
}

#[test]
fn nothing_may_go_while_headroom_will_be_below_nothing() {
    let mut minutes = vec![500.0; 600];
    minutes[400] = -0.1;
    let headroom = Headroom::new(minutes.clone());
    for curve in [
        largest_each_minute(&headroom, &response("push", 600), 5_000.0),
        in_each_minute(&headroom, &response("push", 600)),
    ] {
        assert!(curve[..=400].iter().all(|most| *most == 0.0), "its tail would be there");
        assert!(curve[401..599].iter().all(|most| *most > 1_000.0));
    }
    minutes[400] = f64::NAN;
    assert_eq!(largest(&Headroom::new(minutes), &response("push", 600), 5_000.0, 399), 0.0, "no number is no room");
}

#[test]
fn a_minutes_messages_are_held_against_every_minute_that_follows() {
    // Room only behind minute 100 is small: what goes at minute 90 is bound by what of it comes 11 minutes later.
    let headroom = Headroom::new((0..2_000).map(|minute| if minute > 100 { 1.0 } else { 400.0 }).collect());
    let push = components("push")[0].clone();
    let share = |minutes: f64| push.come(minutes);
    let first = 400.0 / (push.per_message * (share(1.0) - share(0.0)) / 60.0);
    let later = 1.0 / (push.per_message * (share(11.0) - share(10.0)) / 60.0);
    let is = in_a_minute(&headroom, &response("push", 2_000), 90);
    assert!((is / first.min(later) - 1.0).abs() < 1e-9 && later < first, "{is} for {first} and {later}");
    assert!((in_each_minute(&headroom, &response("push", 2_000))[90] / is - 1.0).abs() < 1e-12);
}

#[test]
fn the_ledger_by_the_minute_is_the_ledger_at_each_minute() {
    let start = |minute: f64| Timestamp::from_second(NOW).unwrap() + SignedDuration::from_secs_f64(minute * 60.0);
    let wave = |name: &str, channel: &str, minute: f64, recipients| {
        let components = components(channel);
        let send = Send { name: name.into(), start: start(minute), rate: 800.0, recipients, components, margin: 2.3 };
        Burst::new(send).scaled(0.7)
    };
    let waves = vec![
        wave("a", "email", -700.3, 400_000),
        wave("b", "push", 12.35, 90_000),
        wave("c", "email", 0.0, 5_000),
        wave("d", "sms", 2_900.9, 1_200_000),
    ];
    let committed = Committed::new(waves);
    let by_the_minute = committed.by_the_minute(start(0.0), 3_000);
    for (minute, is) in (0_i32..).zip(&by_the_minute) {
        let wanted = committed.at(start(f64::from(minute)));
        assert!((is - wanted).abs() <= 0.001 * wanted + 1e-6, "minute {minute}: {is} is not {wanted}");
    }
    assert_eq!(minutes_between(start(0.0), start(12.5)), 12.5);
}

/// Days that swing, with a hole now and then.
fn days() -> impl Strategy<Value = Vec<f64>> {
    (300_usize..1_600, 200.0..900.0_f64, 0.0..0.95_f64, prop::collection::vec((0_usize..1_600, 0.0..400.0_f64), 0..4))
        .prop_map(|(minutes, high, swing, holes)| {
            let day = |minute: usize| {
                let turn = f64::from(u32::try_from(minute).unwrap()) / 1_440.0 * std::f64::consts::TAU;
                high * (1.0 - swing * f64::midpoint(1.0, libm::sin(turn)))
            };
            let mut days: Vec<f64> = (0..minutes).map(day).collect();
            for (minute, deep) in holes {
                for hole in days.iter_mut().skip(minute).take(7) {
                    *hole = deep;
                }
            }
            days
        })
}

fn channel() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["email", "push", "sms"])
}

fn rate() -> impl Strategy<Value = f64> {
    prop::sample::select(vec![40.0, 700.0, 5_000.0, 60_000.0])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_most_fits_and_more_does_not(days in days(), channel in channel(), rate in rate(), part in 0.0..0.9_f64) {
        let headroom = Headroom::new(days.clone());
        let response = response(channel, days.len());
        let start = number::place(part * number::of_count(u64::try_from(days.len()).unwrap()));
        let curve = largest_each_minute(&headroom, &response, rate);
        let most = largest(&headroom, &response, rate, start);
        // Where headroom changes in the very minute of the last message, lengths beside one another fit and do not fit in turn,
        // and a search from elsewhere may end at another of them: each must fit, and far more must not.
        for most in [most, curve[start]] {
            if !(most.is_finite() && most > 0.0) {
                continue;
            }
            let over = |recipients: f64| {
                (start + 1..days.len()).filter(|at| {
                    let at_minute = f64::from(u32::try_from(*at).unwrap());
                    load(channel, rate, recipients, f64::from(u32::try_from(start).unwrap()), at_minute) > days[*at] * 1.0005 + 1e-6
                }).count()
            };
            prop_assert_eq!(over(most), 0);
            // Far more is too much, at a whole minute or at the crest behind the last message.
            let longer = most * 1.05 / (60.0 * rate);
            let end = start + number::place(longer);
            let crest = rate * response.crest(longer);
            let around = days[end.min(days.len() - 1)..(end + 3).min(days.len())].iter().copied().fold(f64::INFINITY, f64::min);
            let at_end = start + number::place(longer) >= days.len() - 1;
            prop_assert!(at_end || crest > around || over(most * 1.05) > 0, "{most} is not the most");
        }
    }

    #[test]
    fn greedy_never_exceeds_what_it_was_given_and_loses_nobody(days in days(), sends in prop::collection::vec((channel(), rate(), 1_000_u64..3_000_000, 0_usize..600), 1..4)) {
        let mut headroom = Headroom::new(days.clone());
        let responses: Vec<Response> = sends.iter().map(|(channel, ..)| response(channel, days.len())).collect();
        let asks: Vec<(&Response, Ask)> = responses.iter().zip(&sends).map(|(response, (_, rate, recipients, start))| {
            (response, Ask { window: (*start, days.len()), rate: *rate, recipients: *recipients })
        }).collect();
        let planned = replan(&mut headroom, &asks);
        for (sending, (_, rate, recipients, start)) in planned.iter().zip(&sends) {
            let wanted = number::of_count(*recipients);
            prop_assert!((sending.messages() + sending.left - wanted).abs() < 1e-3, "{} and {}", sending.messages(), sending.left);
            prop_assert!(sending.runs.iter().all(|run| run.per_second <= *rate && run.start >= *start && run.per_second > 0.0));
            prop_assert!(sending.runs.windows(2).all(|pair| pair[0].start + pair[0].minutes <= pair[1].start));
        }
        for (at, room) in days.iter().enumerate() {
            let minute = f64::from(u32::try_from(at).unwrap());
            let all: f64 = planned.iter().zip(&sends).flat_map(|(sending, (channel, ..))| {
                sending.runs.iter().map(move |run| load(channel, run.per_second, run.messages(), f64::from(u32::try_from(run.start).unwrap()), minute))
            }).sum();
            prop_assert!(all <= room + 1e-6 * room.max(1.0), "minute {at}: {all} of {room}");
            prop_assert!((room - all - headroom.minutes()[at]).abs() < 1e-6 * room.max(1.0), "what is left is what is told");
        }
    }

    #[test]
    fn smooth_is_never_busier_than_asap_and_sends_as_many(days in days(), channel in channel(), rate in rate(), recipients in 1_000_u64..2_000_000) {
        let capacity = vec![1_000.0; days.len()];
        let ask = Ask { window: (0, days.len()), rate, recipients };
        let response = response(channel, days.len());
        let (mut early, mut even) = (Headroom::new(days.clone()), Headroom::new(days.clone()));
        let (quick, calm) = (asap(&mut early, &response, &ask), smooth(&mut even, &capacity, &response, &ask));
        prop_assert!(busiest(&even, &capacity) <= busiest(&early, &capacity) + 1e-9);
        prop_assert!(calm.left <= quick.left);
        prop_assert!((calm.messages() + calm.left - number::of_count(recipients)).abs() < 1e-3);
        prop_assert!(even.minutes().iter().all(|left| *left >= 0.0));
    }
}

#[test]
fn smooth_uses_the_valley() {
    // Asap takes the first minute; under the lowest line it takes the whole time.
    let (capacity, headroom) = (vec![1_000.0; 1_440], flat(900.0, 1_440));
    let ask = Ask { window: (0, 1_200), rate: 60_000.0, recipients: 1_000_000 };
    let (mut early, mut even) = (headroom.clone(), headroom);
    asap(&mut early, &response("push", 1_440), &ask);
    let calm = smooth(&mut even, &capacity, &response("push", 1_440), &ask);
    assert_eq!(calm.left, 0.0);
    // All in the first minute: 1,000,000/60 · 0.4 · Φ(−ln 15 / 2) = 6,666.7 · 0.087864185 = 585.76 on top of 100.
    assert!((busiest(&early, &capacity) - 0.685_76).abs() < 1e-4, "{}", busiest(&early, &capacity));
    // Sent evenly over the 1,200 minutes it is never above 1,000,000/72,000 · 0.4 = 5.56 a second; the lowest line is no
    // higher. And at least Φ(ln(240/15)/2) = 91.7 % of 400,000 requests come within the 1,440 minutes: 4.24 a second.
    let busy = busiest(&even, &capacity);
    assert!((0.104_2..=0.105_6).contains(&busy), "{busy}");
}

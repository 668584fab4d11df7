#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use proptest::prelude::*;

fn wave(name: &str, percent: Option<i32>, recipients: Option<i64>) -> Wave {
    Wave { name: name.into(), percent, recipients, soak: None, time_zone: None, windows: None, parameters: None }
}

fn plan(waves: &[Wave]) -> WavePlan {
    WavePlan::resolve(Some(waves), None).unwrap()
}

fn gone(plan: &WavePlan, index: usize, audience: u64, before: &[Gone]) -> Gone {
    let sized = plan.size(index, audience, before);
    let wave = &plan.waves[index];
    Gone { name: wave.name.clone(), offset: sized.offset, recipients: sized.recipients, share: wave.size.as_written() }
}

#[test]
fn without_a_plan_a_canary_of_two_percent_goes_first() {
    let plan = WavePlan::resolve(None, None).unwrap();
    assert_eq!(plan.size(0, 1_200_000, &[]), Sized { offset: 0, recipients: 24_000 });
    let canary = gone(&plan, 0, 1_200_000, &[]);
    assert_eq!(plan.size(1, 1_200_000, &[canary]), Sized { offset: 24_000, recipients: 1_176_000 });
}

#[test]
fn percents_are_floored_together_so_that_nobody_is_left_out() {
    // A third each of ten: 33, 33, 34 percent are ⌊3.3⌋, ⌊6.6⌋ and 10 as ends.
    let plan = plan(&[wave("a", Some(33), None), wave("b", Some(33), None), wave("c", Some(34), None)]);
    let a = gone(&plan, 0, 10, &[]);
    let b = gone(&plan, 1, 10, std::slice::from_ref(&a));
    let c = gone(&plan, 2, 10, &[a.clone(), b.clone()]);
    assert_eq!(
        [(a.offset, a.recipients), (b.offset, b.recipients), (c.offset, c.recipients)],
        [(0, 3), (3, 3), (6, 4)]
    );
}

#[test]
fn an_edited_audience_neither_repeats_nor_skips_anybody() {
    let plan = plan(&[wave("half", Some(50), None), wave("rest", None, None)]);
    let half = gone(&plan, 0, 40_000, &[]);
    assert_eq!((half.offset, half.recipients), (0, 20_000));
    // Halved: everybody of the new audience has it already.
    assert_eq!(plan.size(1, 20_000, std::slice::from_ref(&half)), Sized { offset: 20_000, recipients: 0 });
    // Doubled: those behind the first 20,000 follow.
    assert_eq!(plan.size(1, 80_000, &[half]), Sized { offset: 20_000, recipients: 60_000 });
}

#[test]
fn a_wave_inserted_before_others_takes_nobody_twice() {
    let before = plan(&[wave("a", Some(10), None), wave("rest", None, None)]);
    let a = gone(&before, 0, 1_000, &[]);
    let after = plan(&[wave("new", Some(5), None), wave("a", Some(10), None), wave("rest", None, None)]);
    assert!(after.check_against(std::slice::from_ref(&a)).is_ok());
    // 10 % have gone; with the new 5 % the end is at 15 %.
    assert_eq!(after.size(0, 1_000, std::slice::from_ref(&a)), Sized { offset: 100, recipients: 50 });
    let new = gone(&after, 0, 1_000, std::slice::from_ref(&a));
    assert_eq!(after.size(2, 1_000, &[a, new]), Sized { offset: 150, recipients: 850 });
}

#[test]
fn the_rest_leaves_what_later_waves_claim() {
    let plan = plan(&[wave("first", None, None), wave("ten", Some(10), None), wave("last", None, Some(30))]);
    let first = gone(&plan, 0, 1_000, &[]);
    assert_eq!((first.offset, first.recipients), (0, 870));
    let ten = gone(&plan, 1, 1_000, std::slice::from_ref(&first));
    assert_eq!((ten.offset, ten.recipients), (870, 100));
    let last = gone(&plan, 2, 1_000, &[first.clone(), ten]);
    assert_eq!((last.offset, last.recipients), (970, 30));
    // Doubled once the rest has gone: nobody is skipped.
    let ten = gone(&plan, 1, 2_000, &[first]);
    assert_eq!((ten.offset, ten.recipients), (870, 1_100));
}

#[test]
fn waves_that_have_gone_keep_name_and_size() {
    let plan_of = |waves: &[Wave]| plan(waves);
    let original = plan_of(&[wave("a", Some(10), None), wave("b", Some(10), None), wave("rest", None, None)]);
    let a = gone(&original, 0, 1_000, &[]);
    let b = gone(&original, 1, 1_000, std::slice::from_ref(&a));
    let went = [a, b];
    let told = |waves: &[Wave]| plan_of(waves).check_against(&went).unwrap_err().to_string();
    assert_eq!(
        told(&[wave("b", Some(10), None), wave("rest", None, None)]),
        "wave \"a\" went to 100 recipients and is not in spec.waves any more; a wave that has gone keeps its name: put it back"
    );
    assert_eq!(
        told(&[wave("a", Some(20), None), wave("b", Some(10), None), wave("rest", None, None)]),
        "wave \"a\" went with the size 10% and has 20% in spec.waves now; a wave that has gone keeps its size: put it back"
    );
}

#[test]
fn plans_that_make_no_whole_are_refused_with_the_way_out() {
    let told = |waves: &[Wave]| WavePlan::resolve(Some(waves), None).unwrap_err().to_string();
    assert!(told(&[wave("a", Some(50), None), wave("a", None, None)]).contains("two waves are called \"a\""));
    assert!(told(&[wave("a", Some(50), Some(3))]).contains("give percent or recipients, not both"));
    assert!(told(&[wave("a", None, None), wave("b", None, None)]).contains("only one wave may"));
    assert!(told(&[wave("a", Some(50), None), wave("b", Some(49), None)]).contains("add up to 99; make it 100"));
    assert!(told(&[wave("a", Some(60), None), wave("b", Some(60), None)]).contains("add up to 120"));
    assert!(
        told(&[wave("a", Some(100), None), wave("b", None, None)]).contains("add up to 100, which leaves nobody to")
    );
    assert!(told(&[wave("a", Some(0), None)]).contains("spec.waves[a].percent: 0 is not a whole number from 1 to 100"));
    assert!(told(&[wave("a", None, Some(0))]).contains("spec.waves[a].recipients: 0 is not"));
    let soak = Wave { soak: Some("10".into()), ..wave("a", None, None) };
    assert!(told(&[soak]).contains("spec.waves[a].soak: \"10\" is not a span of time"));
}

proptest! {
    /// Wherever the rest stands among percentages: a plan carried out without edits reaches everybody once.
    #[test]
    fn a_whole_plan_reaches_everybody_once(audience in 1_u64..2_000_000_000, percents in prop::collection::vec(1_i32..20, 0..5), place in 0_usize..6) {
        let mut waves: Vec<Wave> = percents.iter().enumerate().map(|(index, percent)| wave(&format!("w{index}"), Some(*percent), None)).collect();
        waves.insert(place.min(waves.len()), wave("rest", None, None));
        let plan = plan(&waves);
        let mut went: Vec<Gone> = Vec::new();
        for index in 0..plan.waves.len() {
            let next = gone(&plan, index, audience, &went);
            prop_assert_eq!(next.offset, went.last().map_or(0, |last| last.offset + last.recipients));
            went.push(next);
        }
        prop_assert_eq!(went.last().map(|last| last.offset + last.recipients), Some(audience));
    }

    /// Whatever is done to the audience between waves, each begins where the last one ended.
    #[test]
    fn no_recipient_is_in_two_waves_and_none_is_skipped(audiences in prop::collection::vec(1_u64..2_000_000_000, 4), first in 1_i32..50, second in 1_i32..40) {
        let plan = plan(&[wave("a", Some(first), None), wave("b", Some(second), None), wave("c", None, Some(1_000)), wave("d", None, None)]);
        let mut went: Vec<Gone> = Vec::new();
        for (index, audience) in audiences.into_iter().enumerate() {
            let next = gone(&plan, index, audience, &went);
            prop_assert_eq!(next.offset, went.last().map_or(0, |last| last.offset + last.recipients));
            prop_assert!(next.recipients == 0 || next.offset + next.recipients <= audience);
            went.push(next);
        }
    }
}

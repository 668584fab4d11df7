//! The waves of a send: whole plans reach everybody once, and no edit sends anybody two of them.

use headroom::api::campaign::Wave;
use headroom::plan::waves::{Gone, WavePlan};
use proptest::prelude::*;

fn wave(name: usize, size: &Written) -> Wave {
    let (percent, recipients) = match size {
        Written::Percent(percent) => (Some(*percent), None),
        Written::Recipients(count) => (None, Some(*count)),
        Written::Rest => (None, None),
    };
    let name = format!("w{name}");
    Wave { name, percent, recipients, soak: None, time_zone: None, windows: None, parameters: None }
}

#[derive(Clone, Debug)]
enum Written {
    Percent(i32),
    Recipients(i64),
    Rest,
}

fn size() -> impl Strategy<Value = Written> {
    prop_oneof![
        4 => (1_i32..40).prop_map(Written::Percent),
        2 => (1_i64..2_000_000).prop_map(Written::Recipients),
        1 => Just(Written::Rest),
    ]
}

/// What is done between two waves.
#[derive(Clone, Debug)]
enum Edit {
    Nothing,
    Audience(u64),
    Insert(usize, Written),
    Remove(usize),
    Swap(usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        3 => Just(Edit::Nothing),
        2 => (1_u64..2_000_000_000).prop_map(Edit::Audience),
        1 => (0_usize..6, size()).prop_map(|(place, size)| Edit::Insert(place, size)),
        1 => (0_usize..6).prop_map(Edit::Remove),
        1 => (0_usize..6).prop_map(Edit::Swap),
    ]
}

proptest! {
    #![proptest_config(super::config())]

    /// Percents and one rest: the sizes sum to the audience, and each begins where the one before ended.
    #[test]
    fn the_sizes_of_a_plan_sum_to_the_audience(audience in 1_u64..=1_000_000_000, percents in prop::collection::vec(1_i32..20, 0..5), place in 0_usize..6) {
        let mut written: Vec<Written> = percents.into_iter().map(Written::Percent).collect();
        written.insert(place.min(written.len()), Written::Rest);
        let waves: Vec<Wave> = written.iter().enumerate().map(|(name, size)| wave(name, size)).collect();
        let plan = WavePlan::resolve(Some(&waves), None).unwrap();
        let mut gone: Vec<Gone> = Vec::new();
        for (index, planned) in plan.waves.iter().enumerate() {
            let sized = plan.size(index, audience, &gone);
            prop_assert_eq!(sized.offset, gone.iter().map(|gone| gone.recipients).sum::<u64>());
            let (name, share) = (planned.name.clone(), planned.size.as_written());
            gone.push(Gone { name, offset: sized.offset, recipients: sized.recipients, share });
        }
        prop_assert_eq!(gone.iter().map(|gone| gone.recipients).sum::<u64>(), audience);
    }

    /// Whatever is done to audience and plan between waves, as long as the plan is not refused.
    #[test]
    fn no_recipient_is_in_two_waves(first in 1_u64..2_000_000_000, sizes in prop::collection::vec(size(), 1..5), edits in prop::collection::vec(edit(), 6)) {
        let mut audience = first;
        let mut waves: Vec<Wave> = sizes.iter().enumerate().map(|(name, size)| wave(name, size)).collect();
        let mut gone: Vec<Gone> = Vec::new();
        for (step, edit) in edits.into_iter().enumerate() {
            match edit {
                Edit::Audience(size) => audience = size,
                Edit::Insert(place, size) => waves.insert(place.min(waves.len()), wave(100 + step, &size)),
                Edit::Remove(place) if place < waves.len() => { waves.remove(place); }
                Edit::Swap(place) if place + 1 < waves.len() => waves.swap(place, place + 1),
                Edit::Nothing | Edit::Remove(_) | Edit::Swap(_) => {}
            }
            let Ok(plan) = WavePlan::resolve(Some(&waves), None) else { continue };
            if plan.check_against(&gone).is_err() { continue }
            let next = plan.waves.iter().position(|wave| gone.iter().all(|gone| gone.name != wave.name));
            let Some(index) = next else { continue };
            let sized = plan.size(index, audience, &gone);
            let end = gone.iter().map(|gone| gone.offset + gone.recipients).max().unwrap_or(0);
            prop_assert!(sized.offset >= end, "{sized:?} begins before {end}");
            prop_assert!(sized.recipients == 0 || sized.offset + sized.recipients <= audience, "{sized:?} of {audience}");
            if let Some(planned) = plan.waves.get(index) {
                let (name, share) = (planned.name.clone(), planned.size.as_written());
                gone.push(Gone { name, offset: sized.offset, recipients: sized.recipients, share });
            }
        }
        gone.sort_by_key(|gone| gone.offset);
        for pair in gone.windows(2) {
            if let [one, two] = pair {
                prop_assert!(one.offset + one.recipients <= two.offset || two.recipients == 0 || one.recipients == 0);
            }
        }
    }
}

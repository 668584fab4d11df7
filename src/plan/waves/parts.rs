//! The last wave of a plan, cut into parts: their names, which are identities, and that each begins where the one before
//! it has ended. How many recipients a part takes, and when, is not known here: `curve` proposes it and the gate decides.

use crate::api::campaign::Pace;

use super::{Beside, Gone, PlannedWave, Size, WavePlan, WavesError};

/// The size of a part in the ledger: what is left behind it goes in a further one.
pub(super) const SHARE: &str = "part";
/// No part takes less than this share of the audience, but for the last.
const LEAST: u64 = 50;
/// Names in the ledger have at most 32 characters; the rest is for the number.
const LONGEST_STEM: usize = 28;

/// That the last wave of a plan is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut;

impl Cut {
    /// No part of a send takes less, but for the last.
    pub fn least(self, audience: u64) -> u64 {
        (audience / LEAST).max(1)
    }
}

/// `rest-3`
fn name(wave: &str, number: usize) -> String {
    let stem: String = wave.chars().take(LONGEST_STEM).collect();
    format!("{stem}-{number}")
}

/// The plan with its last wave in parts: those that went, and the next. The last of all takes what is left, and says so in
/// the ledger by its size; after it, or once the send has ended, there is no next.
pub(super) fn cut(mut plan: WavePlan, beside: &Beside<'_>) -> Result<WavePlan, WavesError> {
    let Some(last) = plan.waves.last().cloned() else { return Ok(plan) };
    let find = |name: &str| beside.gone.iter().find(|gone| gone.name == name);
    let went: Vec<&Gone> = (1..).map_while(|number| find(&name(&last.name, number))).collect();
    let is_smooth = beside.pace == Pace::Smooth;
    // What has gone whole is not cut; what has gone in parts goes on in parts, be it only one more.
    if find(&last.name).is_some() || (went.is_empty() && !is_smooth) {
        return Ok(plan);
    }
    if matches!(last.size, Size::Recipients(_)) {
        return Err(WavesError::Fixed { name: last.name });
    }
    plan.waves.pop();
    let part = |number, size| PlannedWave { name: name(&last.name, number), size, ..last.clone() };
    let is_part = |gone: &&Gone| gone.share == SHARE;
    let of = |gone: &Gone| if gone.share == SHARE { Size::Part } else { Size::Rest };
    plan.waves.extend(went.iter().enumerate().map(|(place, gone)| part(place + 1, of(gone))));
    if went.last().is_none_or(is_part) {
        plan.waves.push(part(went.len() + 1, Size::Rest));
        plan.cut = is_smooth.then_some(Cut);
    }
    if let Some(twice) = plan.waves.iter().enumerate().find_map(|(place, wave)| {
        plan.waves.iter().take(place).any(|other| other.name == wave.name).then(|| wave.name.clone())
    }) {
        return Err(WavesError::Twice { name: twice });
    }
    Ok(plan)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::api::campaign::Wave;

    fn gone(name: &str, offset: u64, recipients: u64, share: &str) -> Gone {
        Gone { name: name.into(), offset, recipients, share: share.into() }
    }

    fn plan(pace: Pace, gone: &[Gone]) -> WavePlan {
        WavePlan::of(None, None, &Beside { pace, canary: None, gone }).unwrap()
    }

    fn names(plan: &WavePlan) -> Vec<&str> {
        plan.waves.iter().map(|wave| wave.name.as_str()).collect()
    }

    #[test]
    fn the_rest_goes_in_parts_each_behind_the_one_before() {
        assert_eq!(names(&plan(Pace::Smooth, &[])), ["canary", "rest-1"]);
        let mut went = vec![gone("canary", 0, 24_000, "2%"), gone("rest-1", 24_000, 100_000, "part")];
        let going = plan(Pace::Smooth, &went);
        assert_eq!((names(&going), going.cut), (vec!["canary", "rest-1", "rest-2"], Some(Cut)));
        assert_eq!(going.check_against(&went), Ok(()));
        let next = going.size(2, 1_200_000, &went);
        assert_eq!((next.offset, next.recipients), (124_000, 1_076_000));
        went.push(gone("rest-2", 124_000, 1_076_000, "rest"));
        let over = plan(Pace::Smooth, &went);
        assert_eq!((names(&over), over.cut), (vec!["canary", "rest-1", "rest-2"], None));
        assert_eq!(over.check_against(&went), Ok(()));
    }

    #[test]
    fn another_pace_in_the_middle_neither_repeats_nor_loses_anybody() {
        let mut went = vec![gone("canary", 0, 24_000, "2%"), gone("rest-1", 24_000, 100_000, "part")];
        // As soon as possible from now on: what is left goes whole, under the next name.
        let whole = plan(Pace::Asap, &went);
        assert_eq!((names(&whole), whole.cut), (vec!["canary", "rest-1", "rest-2"], None));
        assert_eq!(whole.size(2, 1_200_000, &went).recipients, 1_076_000);
        // And one that went whole is not cut afterwards.
        went = vec![gone("canary", 0, 24_000, "2%"), gone("rest", 24_000, 1_176_000, "rest")];
        assert_eq!(names(&plan(Pace::Smooth, &went)), ["canary", "rest"]);
    }

    #[test]
    fn an_end_is_an_end() {
        for share in ["none", "rest"] {
            let went = [gone("canary", 0, 24_000, "2%"), gone("rest-1", 24_000, 0, share)];
            assert_eq!(names(&plan(Pace::Smooth, &went)), ["canary", "rest-1"], "{share}");
        }
    }

    #[test]
    fn a_plan_written_afterwards_is_refused_with_the_way_out() {
        let went = [gone("canary", 0, 24_000, "2%"), gone("rest-1", 24_000, 100_000, "part")];
        let wave = |name: &str, percent| Wave {
            name: name.into(),
            percent,
            recipients: None,
            soak: None,
            time_zone: None,
            windows: None,
            parameters: None,
        };
        let written = [wave("canary", Some(2)), wave("rest", None)];
        let plan = WavePlan::of(Some(&written), None, &Beside { gone: &went, ..Beside::default() }).unwrap();
        let said = plan.check_against(&went).unwrap_err().to_string();
        assert!(said.contains("\"rest-1\" went as one of the parts") && said.contains("take it out again"), "{said}");
    }

    #[test]
    fn names_stay_short_enough_for_the_ledger() {
        let long = "a".repeat(32);
        assert_eq!((name(&long, 99).len(), name("rest", 1).as_str()), (31, "rest-1"));
        assert_eq!((Cut.least(1_200_000), Cut.least(40)), (24_000, 1));
    }
}

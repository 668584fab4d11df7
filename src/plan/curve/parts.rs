//! A send cut into parts, each a wave of its own at the Sender's full rate: how many messages, and when, so that the
//! busiest minute is as calm as it can be and everything still leaves in time. Valley filling over a grid of starts, by
//! bisection of the utilisation line. Proposes only: a part that is due passes the same gate as every wave.

use crate::plan::number;

use super::{Headroom, Response, Run, largest, least};

/// The line is found by so many halvings: to a thousandth of what the workloads bear.
const HALVINGS: usize = 10;

/// One workload over the time to come, in requests per second of its own.
#[derive(Clone, Debug)]
pub struct Ahead {
    /// What its most replicas bear.
    pub bears: f64,
    /// What is left of that, at each whole minute.
    pub left: Vec<f64>,
    /// Requests that reach it for each request of a visit.
    pub share: f64,
}

/// A send that is to be cut.
#[derive(Clone, Debug)]
pub struct Cut {
    /// Messages per second.
    pub rate: f64,
    /// Recipients that are left.
    pub left: u64,
    /// No part is smaller, but for the last.
    pub least: u64,
    /// Minutes in which a part may begin, in order, and how many minutes it may then take.
    pub starts: Vec<(usize, f64)>,
    /// So many minutes pass after a part before the next.
    pub pause: f64,
    /// So many minutes after its last message a part is held against what is left; by then next to nothing comes of it.
    pub tail: usize,
}

/// One part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The minute in which its first message leaves.
    pub start: usize,
    /// How many messages.
    pub messages: u64,
}

/// How a send is cut.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// In the order they go.
    pub parts: Vec<Part>,
    /// Messages for which there is no room in time.
    pub left: u64,
    /// The highest share of what a workload bears that is used while this is so.
    pub line: f64,
}

/// The whole part of a measure that is a count; what rounding left of a whole one counts.
fn messages(value: f64) -> u64 {
    u64::try_from(number::place(value + 1e-6)).unwrap_or(u64::MAX)
}

/// What all workloads together leave for the requests of visits, below a line of utilisation.
fn below(workloads: &[Ahead], line: f64) -> Headroom {
    let minutes = workloads.iter().map(|ahead| ahead.left.len()).min().unwrap_or(0);
    let kept = (1.0 - line).max(0.0);
    let at = |minute: usize| {
        let each: Vec<f64> = workloads
            .iter()
            .map(|ahead| (ahead.left.get(minute).copied().unwrap_or(f64::NAN) - kept * ahead.bears) / ahead.share)
            .collect();
        // What is not a number leaves no room: no comparison may let it pass for another.
        if each.iter().any(|left| left.is_nan()) { f64::NAN } else { least(&each) }
    };
    Headroom::new((0..minutes).map(at).collect())
}

/// The highest share of what a workload bears that is used without this send.
fn busiest(workloads: &[Ahead]) -> f64 {
    let used = |ahead: &Ahead| {
        let left = least(&ahead.left);
        if ahead.bears > 0.0 { (ahead.bears - left) / ahead.bears } else { 1.0 }
    };
    workloads.iter().map(used).fold(0.0, f64::max)
}

/// As soon as there is room below the line.
fn under(workloads: &[Ahead], response: &Response, cut: &Cut, line: f64) -> Parts {
    let mut headroom = below(workloads, line);
    let mut parts = Parts { parts: Vec::new(), left: cut.left, line };
    let mut free_from = 0.0;
    for &(start, takes) in &cut.starts {
        let at = number::of_count(u64::try_from(start).unwrap_or(u64::MAX));
        if parts.left == 0 {
            break;
        }
        if at < free_from {
            continue;
        }
        let leaves = number::place((number::of_count(parts.left) / (60.0 * cut.rate)).min(takes).ceil());
        let end = start.saturating_add(leaves).saturating_add(cut.tail).min(headroom.minutes().len());
        let most = largest(&headroom.between(start, end), response, cut.rate, 0);
        let count = messages(most.min(60.0 * cut.rate * takes)).min(parts.left);
        if count == 0 || count < cut.least.min(parts.left) {
            continue;
        }
        let length = number::of_count(count) / (60.0 * cut.rate);
        // Over whole minutes: no less comes of it, and hardly later.
        let minutes = number::place(length.ceil()).max(1);
        let whole = number::of_count(u64::try_from(minutes).unwrap_or(u64::MAX));
        headroom.take(response, &Run { start, minutes, per_second: number::of_count(count) / (60.0 * whole) });
        parts.left -= count;
        parts.parts.push(Part { start, messages: count });
        free_from = at + length + cut.pause;
    }
    parts
}

/// Cuts a send under the lowest line that lets all of it go in time. Where none does, under what the workloads bear: what
/// can go goes as soon as it can.
pub fn even(workloads: &[Ahead], response: &Response, cut: &Cut) -> Parts {
    let mut best = under(workloads, response, cut, 1.0);
    if best.left > 0 {
        return best;
    }
    let (mut low, mut high) = (busiest(workloads).min(1.0), 1.0);
    for _ in 0..HALVINGS {
        let line = f64::midpoint(low, high);
        let tried = under(workloads, response, cut, line);
        if tried.left == 0 {
            best = tried;
            high = line;
        } else {
            low = line;
        }
    }
    best
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::load::{Component, Profile};

    fn push() -> Vec<Component> {
        Profile::builtin("push", "consumer").unwrap().components()
    }

    fn flat(bears: f64, left: f64, minutes: usize) -> Ahead {
        Ahead { bears, left: vec![left; minutes], share: 1.0 }
    }

    fn every(minutes: usize, until: usize) -> Vec<(usize, f64)> {
        (0..until).step_by(minutes).map(|start| (start, f64::from(u32::try_from(until - start).unwrap()))).collect()
    }

    /// The load of all parts at a minute, in closed form.
    fn load(parts: &[Part], rate: f64, at: f64) -> f64 {
        let of = |part: &Part| {
            let (start, length) =
                (f64::from(u32::try_from(part.start).unwrap()), number::of_count(part.messages) / 60.0 / rate);
            let come = |component: &Component, after: f64| component.per_message * component.come(after);
            let each = push().iter().map(|c| come(c, at - start) - come(c, at - start - length)).sum::<f64>();
            rate * each
        };
        parts.iter().map(of).sum()
    }

    #[test]
    fn what_fits_whole_under_a_low_line_still_leaves_in_time() {
        // 1,000,000 pushes over twenty hours beside a demand of 100: sent evenly they would never bring more than
        // 1,000,000 · 0.4 / 72,000 = 5.6 a second, so that the line need hardly be above a tenth. All at once, at 5,000 a
        // second, the crest is over 400.
        let workloads = [flat(1_000.0, 900.0, 1_200 + 1_440)];
        let response = Response::new(&push(), 1.0, 1_200 + 1_440);
        let cut =
            Cut { rate: 5_000.0, left: 1_000_000, least: 10_000, starts: every(15, 1_200), pause: 0.0, tail: 1_440 };
        let parts = even(&workloads, &response, &cut);
        assert_eq!((parts.left, parts.parts.iter().map(|part| part.messages).sum::<u64>()), (0, 1_000_000));
        assert!(parts.line < 0.12, "{}", parts.line);
        assert!(parts.parts.iter().rev().skip(1).all(|part| part.messages >= 10_000));
        let busiest = (0..2_640).map(|minute| load(&parts.parts, 5_000.0, f64::from(minute))).fold(0.0, f64::max);
        assert!(busiest <= 1_000.0 * parts.line - 100.0 + 0.5, "{busiest} under {}", parts.line);
    }

    #[test]
    fn the_valley_takes_what_the_hill_cannot() {
        // Two hours that leave 20 of 1,000, then ten that leave 600: below the lowest line nothing goes on the hill.
        let left = (0..2_400).map(|minute| if minute < 120 { 20.0 } else { 600.0 }).collect();
        let workloads = [Ahead { bears: 1_000.0, left, share: 1.0 }];
        let response = Response::new(&push(), 1.0, 2_400);
        let cut = Cut { rate: 1_000.0, left: 200_000, least: 4_000, starts: every(15, 720), pause: 0.0, tail: 1_440 };
        let parts = even(&workloads, &response, &cut);
        assert_eq!(parts.left, 0);
        let early: u64 = parts.parts.iter().filter(|part| part.start < 100).map(|part| part.messages).sum();
        assert!(early < 4_000 + 200_000 / 20, "{early} on the hill, of {:?}", parts.parts);
    }

    #[test]
    fn a_hill_on_which_nothing_may_be_added_is_in_nobodys_way_before_and_after_it() {
        // The second hour leaves less than nothing: what leaves at once and is over by then may go, and so after it.
        let left = (0..3_000).map(|minute| if (60..120).contains(&minute) { -10.0 } else { 600.0 }).collect();
        let workloads = [Ahead { bears: 1_000.0, left, share: 1.0 }];
        let response = Response::new(&push(), 1.0, 3_000);
        let cut = Cut { rate: 1_000.0, left: 60_000, least: 60_000, starts: every(15, 720), pause: 0.0, tail: 30 };
        // One minute to leave and thirty more: 31 minutes before the hour at the latest.
        let when = |starts: Vec<(usize, f64)>| {
            let cut = Cut { starts, ..cut.clone() };
            even(&workloads, &response, &cut).parts.first().map(|part| part.start)
        };
        assert_eq!(when(every(15, 720)), Some(0));
        assert_eq!(when(every(15, 720).split_off(1)), Some(15));
        assert_eq!(when(every(15, 720).split_off(2)), Some(120), "30 + 1 + 30 > 60");
    }

    #[test]
    fn where_there_is_no_room_in_time_what_can_goes_as_soon_as_it_can() {
        let workloads = [flat(1_000.0, 10.0, 1_500)];
        let response = Response::new(&push(), 1.0, 1_500);
        let cut = Cut { rate: 1_000.0, left: 1_000_000, least: 1_000, starts: every(15, 60), pause: 0.0, tail: 1_440 };
        let parts = even(&workloads, &response, &cut);
        assert!(parts.left > 0 && parts.line.total_cmp(&1.0).is_eq());
        assert_eq!(parts.parts.first().map(|part| part.start), Some(0));
        // Not one where there is none at all, or where it is not known.
        for left in [-1.0, f64::NAN] {
            let none = even(&[flat(1_000.0, left, 1_500)], &response, &cut);
            assert_eq!((none.parts.len(), none.left), (0, 1_000_000));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
        #[test]
        fn no_minute_is_above_the_line_and_nobody_is_lost(
            hills in proptest::collection::vec(50.0..900.0_f64, 24), share in 0.2..2.0_f64,
            rate in 200.0..20_000.0_f64, left in 10_000_u64..2_000_000, pause in 0.0..30.0_f64,
        ) {
            let minutes = 24 * 60 + 1_440;
            let of = |bears: f64, share: f64| Ahead {
                bears,
                left: (0..minutes).map(|minute| bears - hills[(minute / 60) % 24] * bears / 1_000.0).collect(),
                share,
            };
            let workloads = [of(1_000.0, 1.0), of(3_000.0, share)];
            let response = Response::new(&push(), 1.0, minutes);
            let cut = Cut { rate, left, least: left / 50, starts: every(30, 1_440), pause, tail: 1_440 };
            let parts = even(&workloads, &response, &cut);
            prop_assert_eq!(parts.left + parts.parts.iter().map(|part| part.messages).sum::<u64>(), left);
            let allowed = |ahead: &Ahead, minute: usize| ahead.left[minute] - (1.0 - parts.line) * ahead.bears;
            for minute in (0..minutes).step_by(7) {
                let brings = load(&parts.parts, rate, f64::from(u32::try_from(minute).unwrap()));
                for ahead in &workloads {
                    let over = brings * ahead.share - allowed(ahead, minute).max(0.0);
                    // Parts of a broken minute are taken over whole ones: a little earlier or later.
                    prop_assert!(over <= 0.02 * ahead.bears, "{over} of {}", ahead.bears);
                }
            }
            for two in parts.parts.windows(2) {
                let ends = number::of_count(two[0].messages) / 60.0 / rate + pause;
                prop_assert!(number::of_count(u64::try_from(two[1].start - two[0].start).unwrap()) >= ends);
            }
        }
    }
}

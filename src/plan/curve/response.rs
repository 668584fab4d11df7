//! What one message a second brings: requests that have come after so long, and the crest of a send by how long it leaves.
//! Tables, worked out once for each kind of message; between their steps a smooth curve is taken, since a send that leaves
//! within a minute asks for its slope.

use jiff::Timestamp;

use crate::plan::load::{Burst, Component, minutes_between};
use crate::plan::number;

/// In the first minutes a response is looked at by the second: its most likely delay may be as short as that.
const FINE: u32 = 20;
const SECONDS: f64 = 60.0;
/// Lengths of sends for which the crest is known, in minutes, each a little longer than the one before.
const SHORTEST: f64 = 0.001;
const LONGER: f64 = 1.05;
/// No most likely delay of a sensible response is longer.
const LONGEST_MODE: f64 = 240.0;

/// How people and machines respond to one message, margin included.
#[derive(Clone, Debug)]
pub struct Response {
    components: Vec<Component>,
    /// Requests that have come after whole seconds, and after whole minutes.
    fine: Vec<f64>,
    minutes: Vec<f64>,
    /// Lengths, and the height of a send of that length.
    crests: Vec<(f64, f64)>,
    /// All requests that ever come.
    whole: f64,
    /// From this many minutes after its last message a send brings less and less.
    fades: f64,
}

impl Response {
    /// Of a kind of message, for so many minutes.
    pub fn new(components: &[Component], margin: f64, minutes: usize) -> Response {
        let come = |after: f64| -> f64 {
            components.iter().map(|component| margin * component.per_message * component.come(after)).sum()
        };
        let fine = (0..=FINE * 60).map(|second| come(f64::from(second) / SECONDS)).collect();
        let by_the_minute = (0_u32..).take(minutes + 1).map(|minute| come(f64::from(minute))).collect();
        let whole = components.iter().map(|component| margin * component.per_message).sum();
        let fades = components.iter().map(Component::mode).fold(0.0, f64::max);
        let components = components.to_vec();
        let mut response = Response { components, fine, minutes: by_the_minute, crests: Vec::new(), whole, fades };
        let longest = number::of_count(u64::try_from(minutes).unwrap_or(u64::MAX)).max(1.0);
        let mut length = SHORTEST;
        while length < longest * LONGER {
            response.crests.push((length, response.crest_at(length)));
            length *= LONGER;
        }
        response
    }

    /// Whether it was worked out for these.
    pub(super) fn is_of(&self, components: &[Component]) -> bool {
        self.components == components
    }

    /// Requests per message that have come after whole minutes.
    pub(super) fn by_the_minute(&self) -> &[f64] {
        &self.minutes
    }

    /// Requests per message that ever come.
    pub(super) fn whole(&self) -> f64 {
        self.whole
    }

    /// From so many minutes after its last message a send brings less and less.
    pub(super) fn fades(&self) -> f64 {
        self.fades
    }

    /// Requests per message that have come after so many minutes.
    pub(super) fn come(&self, after: f64) -> f64 {
        if after <= 0.0 {
            return 0.0;
        }
        let (table, place) =
            if after < f64::from(FINE) { (&self.fine, after * SECONDS) } else { (&self.minutes, after) };
        let index = number::place(place);
        let last = table.last().copied().unwrap_or(0.0);
        let Some(next) = table.get(index + 1) else { return table.get(index).copied().unwrap_or(last) };
        let at = table.get(index).copied().unwrap_or(last);
        let before = index.checked_sub(1).and_then(|before| table.get(before)).copied().unwrap_or(0.0);
        let behind = table.get(index + 2).copied().unwrap_or(*next);
        let weights = weights(place - number::of_count(u64::try_from(index).unwrap_or(u64::MAX)));
        weights[0] * before + weights[1] * at + weights[2] * next + weights[3] * behind
    }

    /// The height of a send of one message a second that leaves for so long. At its end, or up to a mode later.
    fn crest_at(&self, length: f64) -> f64 {
        let after = |wait: f64| self.come(length + wait) - self.come(wait);
        let mode = self.fades.min(LONGEST_MODE);
        let seconds = (0..=60).map(|second| f64::from(second) / SECONDS);
        let minutes = (2..=240).map(f64::from).take_while(|minute| *minute <= mode + 1.0);
        seconds.chain(minutes).map(after).fold(0.0, f64::max)
    }

    /// The same, between the lengths that are known.
    pub(super) fn crest(&self, length: f64) -> f64 {
        let next = self.crests.partition_point(|(known, _)| *known < length);
        match (next.checked_sub(1).and_then(|before| self.crests.get(before)), self.crests.get(next)) {
            (Some((short, low)), Some((long, high))) => low + (high - low) * (length - short) / (long - short),
            (None, Some((long, high))) => high * length / long,
            (_, None) => self.whole,
        }
    }

    /// Adds what a wave of this kind brings, at each whole minute from an instant on.
    pub(super) fn add(&self, burst: &Burst, from: Timestamp, sum: &mut [f64]) {
        let start = minutes_between(from, burst.send().start);
        self.add_come(burst.weight(), start, sum);
        self.add_come(-burst.weight(), start + burst.minutes(), sum);
    }

    /// Adds so many times what has come at each minute, were it begun at a minute that need be no whole one.
    fn add_come(&self, weight: f64, begun: f64, sum: &mut [f64]) {
        let first = number::place(begun.ceil());
        let Some(sum) = sum.get_mut(first..) else { return };
        let behind = number::of_count(u64::try_from(first).unwrap_or(u64::MAX)) - begun;
        let places = (0_u32..).map(f64::from).map(|minute| minute + behind);
        let coarse = number::place((f64::from(FINE) - behind).max(0.0).ceil()).min(sum.len());
        let (early, late) = sum.split_at_mut(coarse);
        for (sum, after) in early.iter_mut().zip(places) {
            *sum += weight * self.come(after);
        }
        let after = number::of_count(u64::try_from(coarse).unwrap_or(u64::MAX)) + behind;
        let index = number::place(after);
        let weights = weights(after - number::of_count(u64::try_from(index).unwrap_or(u64::MAX)));
        let from = index.saturating_sub(1);
        for (sum, around) in late.iter_mut().zip(self.minutes.get(from..).unwrap_or_default().windows(4)) {
            if let [before, at, next, behind] = around {
                *sum += weight * (weights[0] * before + weights[1] * at + weights[2] * next + weights[3] * behind);
            }
        }
    }
}

/// What the four steps around count for, so far between the second and the third: a cubic with the right slopes.
fn weights(part: f64) -> [f64; 4] {
    let (square, cube) = (part * part, part * part * part);
    [
        -0.5 * cube + square - 0.5 * part,
        1.5 * cube - 2.5 * square + 1.0,
        -1.5 * cube + 2.0 * square + 0.5 * part,
        0.5 * cube - 0.5 * square,
    ]
}

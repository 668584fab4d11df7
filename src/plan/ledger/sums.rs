//! Waves in one order, the sums of the first so many of them at instants that were asked for, and where their crests can be.
//! No part of what is committed: only what need not be worked out again.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use jiff::Timestamp;

use crate::plan::load::Burst;

/// So many waves are each looked at where they have their crests.
const MANY: usize = 32;

/// The sum of the first so many waves at an instant.
type Part = (usize, f64);

/// What is known of waves; whoever shares it counts the first so many of them as his own.
#[derive(Debug, Default)]
pub struct Sums {
    bursts: Vec<Burst>,
    /// The newest two sums at an instant, the one of more waves last: of those who share this, one is ahead of the others by
    /// a wave that is only tried.
    parts: HashMap<Timestamp, [Part; 2]>,
    /// Where crests can be, with the place of the first wave that has one there.
    crests: BTreeMap<Timestamp, usize>,
    /// Whether the crests of a wave are among them.
    are_known: Vec<bool>,
    /// Whether it has grown from others: those are asked for by themselves again, and stay what they are.
    has_grown: bool,
}

impl Sums {
    /// Of waves in this order.
    pub fn new(bursts: Vec<Burst>) -> Sums {
        let are_known = vec![false; bursts.len()];
        Sums { bursts, are_known, ..Sums::default() }
    }

    /// The first so many waves.
    pub fn first(&self, count: usize) -> &[Burst] {
        self.bursts.get(..count).unwrap_or(&self.bursts)
    }

    /// Puts some more behind the first so many, unless others stand there.
    pub fn grow(&mut self, count: usize, more: &[Burst]) -> bool {
        if !self.has_grown {
            return false;
        }
        let there = self.bursts.get(count..).unwrap_or_default();
        let common = there.len().min(more.len());
        if there.get(..common) != more.get(..common) {
            return false;
        }
        self.bursts.extend(more.iter().skip(common).cloned());
        self.are_known.resize(self.bursts.len(), false);
        true
    }

    /// The first so many, with others behind them.
    pub fn forked(&self, count: usize, more: &[Burst]) -> Sums {
        let of = |parts: &[Part; 2]| newest(parts, count).map(|part| [(0, 0.0), part]);
        let mut bursts = self.first(count).to_vec();
        bursts.extend_from_slice(more);
        let mut are_known = self.are_known.clone();
        are_known.truncate(count);
        are_known.resize(bursts.len(), false);
        Sums {
            bursts,
            parts: self.parts.iter().filter_map(|(instant, parts)| Some((*instant, of(parts)?))).collect(),
            crests: self.crests.iter().filter(|(_, place)| **place < count).map(|(at, place)| (*at, *place)).collect(),
            are_known,
            has_grown: true,
        }
    }

    /// The sum of the first so many at an instant, always in the same order.
    pub fn at(&mut self, instant: Timestamp, count: usize) -> f64 {
        let parts = self.parts.entry(instant).or_insert([(0, 0.0); 2]);
        let (from, sum) = newest(parts, count).unwrap_or((0, 0.0));
        if from == count {
            return sum;
        }
        let more = self.bursts.get(from..count).unwrap_or_default();
        let sum = more.iter().fold(sum, |sum, burst| sum + burst.at(instant));
        if count > parts[1].0 {
            *parts = [parts[1], (count, sum)];
        } else if count > parts[0].0 {
            parts[0] = (count, sum);
        }
        sum
    }

    /// Where crests of the first so many can be, in order.
    pub fn crests_between(&mut self, count: usize, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        for (place, (burst, is_known)) in self.bursts.iter().zip(&mut self.are_known).enumerate().take(count) {
            // One that has faded by then has no crest after that.
            if !*is_known && burst.latest_tail() >= from {
                *is_known = true;
                for crest in crests(burst, place) {
                    self.crests.entry(crest).and_modify(|first| *first = place.min(*first)).or_insert(place);
                }
            }
        }
        if from >= to {
            return Vec::new();
        }
        let between = self.crests.range((Bound::Excluded(from), Bound::Excluded(to)));
        between.filter(|(_, place)| **place < count).map(|(at, _)| *at).collect()
    }
}

/// Where the crests of a wave are looked for, with so many ahead of it: beyond `MANY` where others have theirs.
pub fn crests(burst: &Burst, place: usize) -> Vec<Timestamp> {
    if place < MANY { burst.crests().to_vec() } else { burst.crests_in_common() }
}

/// Of the sums at an instant the one of the most waves, but of no more than so many.
fn newest(parts: &[Part; 2], count: usize) -> Option<Part> {
    parts.iter().rev().find(|(of, _)| *of <= count).copied()
}

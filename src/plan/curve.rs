//! The headroom of the coming days by the minute, and how many messages could go at each of them: M(t). Flat arrays of
//! f64, so that a fortnight costs milliseconds. Foretells and proposes; whether anything goes is decided by the gate alone.
//! Source of the formulas: docs/capacity.md; a send's tail is followed to the end of the curve.

mod most;
mod pace;
mod parts;
mod response;

use jiff::{SignedDuration, Timestamp};

use super::gate::Site;
use super::ledger::Committed;
use super::load::minutes_between;
use super::number;

pub use most::{in_a_minute, in_each_minute, largest, largest_each_minute};
pub use pace::{Ask, Run, Sending, asap, busiest, replan, smooth};
pub use parts::{Ahead, Cut, Part, Parts, even};
pub use response::Response;

/// Minutes of the small and of the large blocks of which the least is kept.
const SMALL: usize = 8;
const LARGE: usize = 64;

/// Headroom, or whatever else is left for sends, in requests per second at each whole minute from some instant on.
#[derive(Clone, Debug, PartialEq)]
pub struct Headroom {
    minutes: Vec<f64>,
    /// The least of each eight, of each sixty-four minutes, and from each sixty-four to the end.
    small: Vec<f64>,
    large: Vec<f64>,
    from: Vec<f64>,
}

/// The least of some minutes. What is not a number leaves no room.
fn least(minutes: &[f64]) -> f64 {
    minutes.iter().fold(f64::INFINITY, |least, minute| if *minute < least { *minute } else { least })
}

impl Headroom {
    /// From one value per minute. What is not a number leaves no room.
    pub fn new(mut minutes: Vec<f64>) -> Headroom {
        minutes.iter_mut().filter(|minute| minute.is_nan()).for_each(|minute| *minute = f64::NEG_INFINITY);
        let small = minutes.chunks(SMALL).map(least).collect();
        let large: Vec<f64> = minutes.chunks(LARGE).map(least).collect();
        let mut headroom = Headroom { minutes, small, from: large.clone(), large };
        headroom.look_back();
        headroom
    }

    /// What a workload's most replicas bear beyond the reserve, its baseline and what is committed to it.
    pub fn of(site: &Site, from: Timestamp, minutes: usize) -> Headroom {
        let most = site.capacity.of(site.most);
        let most = most - most * site.reserve;
        let committed = site.committed.by_the_minute(from, minutes);
        let instants = (0_i64..).map(|minute| from.checked_add(SignedDuration::from_mins(minute)));
        let left =
            instants.zip(&committed).map(|(at, sends)| at.map_or(f64::NAN, |at| most - site.baseline.at(at) - sends));
        Headroom::new(left.collect())
    }

    /// From one minute until another.
    fn between(&self, from: usize, until: usize) -> Headroom {
        Headroom::new(self.minutes.get(from..until).unwrap_or_default().to_vec())
    }

    /// By the minute.
    pub fn minutes(&self) -> &[f64] {
        &self.minutes
    }

    fn len(&self) -> usize {
        self.minutes.len()
    }

    /// The least from each block to the end.
    fn look_back(&mut self) {
        let mut least = f64::INFINITY;
        for (from, large) in self.from.iter_mut().zip(&self.large).rev() {
            least = least.min(*large);
            *from = least;
        }
    }

    /// The least from a minute to the end; infinite behind it.
    fn least_from(&self, minute: usize) -> f64 {
        let next = minute / LARGE + 1;
        let rest = self.minutes.get(minute..(next * LARGE).min(self.len())).unwrap_or_default();
        least(rest).min(self.from.get(next).copied().unwrap_or(f64::INFINITY))
    }

    /// Takes away what a send brings that begins at a whole minute and leaves over whole minutes, at so many a second.
    fn take(&mut self, response: &Response, run: &Run) {
        let come = response.by_the_minute();
        let Some(left) = self.minutes.get_mut(run.start..) else { return };
        let (during, after) = left.split_at_mut((run.minutes + 1).min(left.len()));
        for (left, come) in during.iter_mut().zip(come) {
            *left -= run.per_second * come;
        }
        let late = come.get(run.minutes + 1..).unwrap_or_default();
        for ((left, late), early) in after.iter_mut().zip(late).zip(come.get(1..).unwrap_or_default()) {
            *left -= run.per_second * (late - early);
        }
        for block in run.start / LARGE..self.large.len() {
            self.refresh(block);
        }
        self.look_back();
    }

    fn refresh(&mut self, block: usize) {
        let from = block * LARGE;
        let Some(minutes) = self.minutes.get(from..(from + LARGE).min(self.minutes.len())) else { return };
        let mut all = f64::INFINITY;
        let places = self.small.iter_mut().skip(from / SMALL);
        for (place, minutes) in places.zip(minutes.chunks(SMALL)) {
            *place = least(minutes);
            all = all.min(*place);
        }
        if let Some(place) = self.large.get_mut(block) {
            *place = all;
        }
    }
}

impl Committed {
    /// The sum at each whole minute, in the order of the sum of one instant: what each shape brings is worked out once.
    pub fn by_the_minute(&self, from: Timestamp, minutes: usize) -> Vec<f64> {
        let mut sum = vec![0.0; minutes];
        let bursts = self.bursts();
        let oldest = bursts.iter().map(|burst| minutes_between(burst.send().start, from)).fold(0.0, f64::max);
        let length = minutes.saturating_add(number::place(oldest)).saturating_add(4);
        let mut shapes: Vec<Response> = Vec::new();
        for burst in &bursts {
            let components = &burst.send().components;
            if !shapes.iter().any(|shape| shape.is_of(components)) {
                shapes.push(Response::new(components, 1.0, length));
            }
            if let Some(shape) = shapes.iter().find(|shape| shape.is_of(components)) {
                shape.add(burst, from, &mut sum);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests;

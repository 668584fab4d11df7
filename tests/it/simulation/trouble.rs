//! Between the operator and the API server: what happens to each call and to each line of a watch, by the seed. It ends
//! when the story calms down.

use std::time::Duration;

use headroom::clock;
use headroom::sim::apiserver::{Call, Change, Delivery, Interceptor, Interference, Refusal, Then, Verb};
use jiff::{SignedDuration, Timestamp};

use super::dice::Dice;
use super::mix::{Class, Mix};

/// An operator that ends must have been replaced, and looked around, when all is calm.
const LAST_DEATH: SignedDuration = SignedDuration::from_secs(30);

/// Trouble.
pub struct Trouble {
    mix: Mix,
    calls: Dice,
    watches: Dice,
    calm: Timestamp,
    /// So many more may die.
    deaths: u64,
}

impl Trouble {
    /// What a seed's mix brings, until the world is calm.
    pub fn new(seed: u64, mix: &Mix, calm: Timestamp) -> Trouble {
        let deaths = mix.strength(Class::Crashes).div_ceil(2);
        Trouble { mix: mix.clone(), calls: Dice::of(seed, 2), watches: Dice::of(seed, 3), calm, deaths }
    }

    fn is_over(&self, call: &Call) -> bool {
        !call.ask.agent.starts_with("headroom") || clock::world() >= self.calm
    }

    /// Whether a class strikes now, so many times in a thousand for each step of its strength.
    fn strikes(&mut self, class: Class, per_mille: u64) -> bool {
        let share = self.mix.strength(class) * per_mille;
        share > 0 && self.calls.per_mille(share)
    }

    fn dies(&mut self) -> bool {
        let may = self.deaths > 0 && clock::world() < self.calm - LAST_DEATH;
        let dies = may && self.strikes(Class::Crashes, 3);
        self.deaths -= u64::from(dies);
        dies
    }
}

impl Interceptor for Trouble {
    fn before(&mut self, call: &Call) -> Interference {
        if self.is_over(call) {
            return Interference::default();
        }
        let mut delay = Duration::ZERO;
        if self.strikes(Class::Delays, 10) {
            // The operator waits ten seconds for an answer, and may fire within five.
            delay = Duration::from_millis(*self.calls.pick(&[200, 1_000, 4_900, 5_100, 9_900, 10_100, 14_000]));
        }
        let then = if self.dies() {
            Then::Die
        } else if self.strikes(Class::Refusals, 15) {
            let refusals = [(500, "InternalError"), (429, "TooManyRequests"), (503, "ServiceUnavailable")];
            let (code, reason) = *self.calls.pick(&refusals);
            Then::Refuse(Refusal::new(code, reason, "not now"))
        } else if self.strikes(Class::BrokenBefore, 10) {
            Then::Break
        } else {
            Then::Go
        };
        Interference { delay, then }
    }

    fn after(&mut self, call: &Call, _: u16) -> Interference {
        if self.is_over(call) || call.ask.verb == Verb::Watch {
            return Interference::default();
        }
        let mut delay = Duration::ZERO;
        if self.strikes(Class::Delays, 5) {
            delay = Duration::from_millis(*self.calls.pick(&[200, 1_000, 4_900, 9_900, 10_100]));
        }
        let then = if self.dies() {
            if self.calls.one_in(2) { Then::Die } else { Then::LastWords }
        } else if self.strikes(Class::AppliedAndRefused, 10) {
            Then::Refuse(Refusal::new(504, "Timeout", "the request did not end in time"))
        } else if self.strikes(Class::BrokenAfter, 10) {
            Then::Break
        } else {
            Then::Go
        };
        Interference { delay, then }
    }

    fn deliver(&mut self, watch: &Call, _: &Change) -> Delivery {
        if self.is_over(watch) {
            return Delivery::Tell;
        }
        if self.watches.per_mille(self.mix.strength(Class::CutWatches) * 10) {
            return Delivery::End;
        }
        if self.watches.per_mille(self.mix.strength(Class::LateWatches) * 30) {
            return Delivery::Late(Duration::from_millis(self.watches.between(10, 8_000)));
        }
        Delivery::Tell
    }
}

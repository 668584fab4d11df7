//! What one process remembers between two looks at a pool: how often headroom has been seen, and since when a
//! guardrail has been out of bounds. Losing it makes the operator slower, never bolder: counting starts anew.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

/// What was seen before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// Confirmations, by send and wave.
    pub streaks: BTreeMap<(String, String), Streak>,
    /// Since when a guardrail has been out of bounds, by name.
    pub out_since: BTreeMap<String, Timestamp>,
    /// What was last said of each campaign, by UID.
    pub said: BTreeMap<String, Said>,
    /// When the pool's numbers were last written.
    pub numbers_written: Option<Timestamp>,
}

/// What was last written of a campaign: numbers that move a little are not worth a write.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// What it was about.
    pub matter: String,
    /// When.
    pub at: Timestamp,
    /// Needed and free, where there were such numbers.
    pub numbers: Option<(f64, f64)>,
}

/// Distinct samples in a row at which everything held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streak {
    /// The first of them.
    pub first: Timestamp,
    /// The newest.
    pub newest: Timestamp,
    /// How many.
    pub count: u32,
}

impl Streak {
    /// Counts one more sample at which everything held; the same sample seen again adds nothing.
    pub fn extend(previous: Option<Streak>, sample: Timestamp) -> Streak {
        match previous {
            None => Streak { first: sample, newest: sample, count: 1 },
            Some(streak) if sample > streak.newest => Streak { newest: sample, count: streak.count + 1, ..streak },
            Some(streak) => streak,
        }
    }

    /// Whether that is often enough, over long enough.
    pub fn confirms(&self, samples: u32, span: SignedDuration) -> bool {
        self.count >= samples && self.newest.duration_since(self.first) >= span
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn three_samples_over_a_minute_confirm_and_repetitions_do_not() {
        let minute = SignedDuration::from_secs(60);
        let one = Streak::extend(None, at(0));
        assert!(!one.confirms(3, minute));
        let same = Streak::extend(Some(Streak::extend(Some(one), at(0))), at(0));
        assert_eq!(same.count, 1);
        let two = Streak::extend(Some(one), at(30));
        let early = Streak::extend(Some(two), at(59));
        assert_eq!(early.count, 3);
        assert!(!early.confirms(3, minute), "59 s are not a minute");
        assert!(Streak::extend(Some(two), at(60)).confirms(3, minute));
    }

    #[test]
    fn an_older_sample_than_the_newest_adds_nothing() {
        let two = Streak::extend(Some(Streak::extend(None, at(0))), at(30));
        assert_eq!(Streak::extend(Some(two), at(10)), two);
    }
}

//! What one process remembers between two looks at a pool: how often headroom has been seen, and since when a
//! guardrail has been out of bounds. Losing it makes the operator slower, never bolder: counting starts anew.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::newcomers::Newcomers;

/// What was seen before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// Confirmations, by send and wave.
    pub streaks: BTreeMap<(String, String), Streak>,
    /// How the next part of a send that is cut was chosen, by send and wave.
    pub parts: BTreeMap<(String, String), Chosen>,
    /// Which replicas became ready a moment ago.
    pub newcomers: Newcomers,
    /// Since when a guardrail has been out of bounds, by name.
    pub out_since: BTreeMap<String, Timestamp>,
    /// What was last said of each campaign, by UID.
    pub said: BTreeMap<String, Said>,
    /// What the pool's sentence was about.
    pub pool_matter: Option<String>,
    /// When the pool's numbers were last written.
    pub numbers_written: Option<Timestamp>,
    /// Since when nothing needs a floor any more, by claim: not worth a write before it has lasted.
    pub quiet: BTreeMap<String, Timestamp>,
}

/// How many recipients the next part of a send takes, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// When it is to go.
    pub at: Timestamp,
    /// How many.
    pub recipients: u64,
    /// The share of what the workloads bear that the whole send then uses at most.
    pub line: f64,
    /// When that was worked out.
    pub made: Timestamp,
    /// For what: its recipients are those that are left.
    pub basis: Basis,
}

/// What was last said of a campaign: numbers that move are not worth a write at each look.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// What it was about.
    pub matter: String,
    /// When.
    pub at: Timestamp,
    /// Needed and free, where there were such numbers.
    pub numbers: Option<(f64, f64)>,
}

/// What a confirmation rests on: whatever else is weighed is another question, whose count starts anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basis {
    /// Tells one Campaign from another of the same name: deleted and applied again it is another.
    pub object: u64,
    /// Generation of the Campaign.
    pub campaign: i64,
    /// Generation of the Sender.
    pub sender: i64,
    /// Generation of the pool.
    pub pool: i64,
    /// Recipients of the wave.
    pub recipients: u64,
}

impl Basis {
    /// For the Campaign with this UID, and generations and recipients as they are.
    pub fn new(uid: &str, campaign: i64, sender: i64, pool: i64, recipients: u64) -> Basis {
        let mut hasher = std::hash::DefaultHasher::new();
        std::hash::Hash::hash(uid, &mut hasher);
        Basis { object: std::hash::Hasher::finish(&hasher), campaign, sender, pool, recipients }
    }
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
    /// What was weighed.
    pub basis: Basis,
}

impl Streak {
    /// Counts one more sample at which everything held. The same sample seen again adds nothing; after a gap of more
    /// than `most_gap`, in which nobody looked, the count starts anew.
    pub fn extend(previous: Option<Streak>, sample: Timestamp, basis: Basis, most_gap: SignedDuration) -> Streak {
        match previous {
            Some(streak) if streak.basis == basis && sample <= streak.newest => streak,
            Some(streak) if streak.basis == basis && sample.duration_since(streak.newest) <= most_gap => {
                Streak { newest: sample, count: streak.count.saturating_add(1), ..streak }
            }
            _ => Streak { first: sample, newest: sample, count: 1, basis },
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

    const BASIS: Basis = Basis { object: 7, campaign: 1, sender: 1, pool: 1, recipients: 4_000 };

    fn more(previous: Option<Streak>, second: i64) -> Streak {
        Streak::extend(previous, at(second), BASIS, SignedDuration::from_secs(90))
    }

    #[test]
    fn three_samples_over_a_minute_confirm_and_repetitions_do_not() {
        let minute = SignedDuration::from_secs(60);
        let one = more(None, 0);
        assert!(!one.confirms(3, minute));
        assert_eq!(more(Some(more(Some(one), 0)), 0).count, 1);
        let two = more(Some(one), 30);
        let early = more(Some(two), 59);
        assert_eq!(early.count, 3);
        assert!(!early.confirms(3, minute), "59 s are not a minute");
        assert!(more(Some(two), 60).confirms(3, minute));
    }

    #[test]
    fn an_older_sample_than_the_newest_adds_nothing() {
        let two = more(Some(more(None, 0)), 30);
        assert_eq!(more(Some(two), 10), two);
    }

    #[test]
    fn a_gap_or_another_question_starts_the_count_anew() {
        let two = more(Some(more(None, 0)), 30);
        assert_eq!(more(Some(two), 120).count, 3);
        assert_eq!(more(Some(two), 121).count, 1, "nobody looked for 91 s");
        let larger = Basis { recipients: 400_000, ..BASIS };
        let other = Streak::extend(Some(two), at(60), larger, SignedDuration::from_secs(90));
        assert_eq!((other.count, other.first), (1, at(60)));
        assert_ne!(
            Basis::new("one", 1, 1, 1, 4_000),
            Basis::new("other", 1, 1, 1, 4_000),
            "applied again, it is another"
        );
    }
}

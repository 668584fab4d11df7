//! When a replica may take the lead of its install, and for how long it has it: decided from the Lease as it was read, and from this
//! machine's own time since boot. What another machine says of the time is never believed: a Lease has run out when it has been seen
//! unchanged for as long as it lasts, and whoever holds it has given up by then, since he counts from before he wrote it.

use jiff::SignedDuration;

/// How long things last, all from one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// So long a Lease must have been unchanged before another takes it.
    pub lasts: SignedDuration,
    /// So long whoever wrote it may act, counted from before the write: two thirds of that.
    pub acts: SignedDuration,
    /// Between two writes of whoever leads, and two reads of whoever waits: an eighth.
    pub pause: SignedDuration,
}

impl Times {
    /// Of a Lease that lasts so long.
    pub fn of(lasts: SignedDuration) -> Times {
        Times { lasts, acts: lasts * 2 / 3, pause: lasts / 8 }
    }
}

/// A Lease, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Who holds it; empty: nobody.
    pub holder: String,
    /// Its resource version: another for every write.
    pub version: String,
    /// How long it lasts, as its holder has written.
    pub lasts: SignedDuration,
}

/// What a replica that waits does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is no Lease: make one.
    Make,
    /// It is nobody's, or has run out, or is our own: take it, by the version that was read.
    Take,
    /// Somebody else leads.
    Wait,
}

/// What a replica that waits has seen.
#[derive(Debug, Default)]
pub struct Candidate {
    /// The version that was seen last, and since when.
    seen: Option<(String, SignedDuration)>,
}

impl Candidate {
    /// What to do about a Lease that was read at this time since boot.
    pub fn step(&mut self, me: &str, there: Option<&Record>, times: &Times, boot: SignedDuration) -> Step {
        let Some(record) = there else { return Step::Make };
        if record.holder.is_empty() || record.holder == me {
            return Step::Take;
        }
        let since = match &self.seen {
            Some((version, since)) if *version == record.version => *since,
            _ => {
                self.seen = Some((record.version.clone(), boot));
                boot
            }
        };
        // Replicas of two releases may have been given two lengths.
        if boot - since >= record.lasts.max(times.lasts) { Step::Take } else { Step::Wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: i64) -> SignedDuration {
        SignedDuration::from_secs(count)
    }

    fn record(holder: &str, version: &str, lasts: i64) -> Record {
        Record { holder: holder.to_owned(), version: version.to_owned(), lasts: seconds(lasts) }
    }

    #[test]
    fn whoever_leads_has_given_up_before_another_takes_over() {
        for lasts in [3, 15, 60] {
            let times = Times::of(seconds(lasts));
            // He counts from before the write, the other from after he has read it; between the two there is a third.
            assert!(times.acts + times.pause < times.lasts, "{times:?}");
            // And one write that failed costs nobody the lead.
            assert!(times.pause * 3 < times.acts, "{times:?}");
        }
    }

    #[test]
    fn what_is_nobodys_or_ones_own_is_taken_at_once() {
        let (mut candidate, times) = (Candidate::default(), Times::of(seconds(15)));
        assert_eq!(candidate.step("a", None, &times, seconds(100)), Step::Make);
        assert_eq!(candidate.step("a", Some(&record("", "1", 15)), &times, seconds(100)), Step::Take);
        assert_eq!(candidate.step("a", Some(&record("a", "2", 15)), &times, seconds(100)), Step::Take);
    }

    #[test]
    fn anothers_is_taken_when_it_was_seen_unchanged_for_as_long_as_it_lasts() {
        let (mut candidate, times) = (Candidate::default(), Times::of(seconds(15)));
        let mut step = |version: &str, lasts: i64, boot: i64| {
            candidate.step("a", Some(&record("b", version, lasts)), &times, seconds(boot))
        };
        assert_eq!(step("1", 15, 100), Step::Wait);
        assert_eq!(step("1", 15, 114), Step::Wait);
        // He has written it again: all begins anew, however near the end was.
        assert_eq!(step("2", 15, 115), Step::Wait);
        assert_eq!(step("2", 15, 129), Step::Wait);
        assert_eq!(step("2", 15, 130), Step::Take);
        // He was given a longer one; and a shorter one does not count.
        assert_eq!(step("3", 60, 200), Step::Wait);
        assert_eq!(step("3", 60, 259), Step::Wait);
        assert_eq!(step("3", 60, 260), Step::Take);
        assert_eq!(step("4", 1, 300), Step::Wait);
        assert_eq!(step("4", 1, 314), Step::Wait);
        assert_eq!(step("4", 1, 315), Step::Take);
    }
}

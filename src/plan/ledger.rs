//! What is committed: the load of everything that has, or may have, gone. A pure function of recorded waves, summed in
//! one order, so that a restart rebuilds it bit for bit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::load::Burst;

mod sums;

use sums::Sums;

/// What was requested needs so long to be seen by the sensor.
const LAG: SignedDuration = SignedDuration::from_secs(30);
/// Every whole minute is looked at for so long, and every fifth after that: by then nothing rises quickly.
const FINE: i32 = 240;
const COARSE: i32 = 5;

/// Everything committed to one workload, margins included, in requests per second.
///
/// Grows at its end only, and shares what it has in common with what it grew from: a thousand waves that are promised one
/// behind the other are added up once, and not once for each.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    sums: Arc<Mutex<Sums>>,
    /// So many of the waves there are its own; what follows belongs to what has grown from it.
    count: usize,
}

impl Committed {
    /// From waves in any order.
    pub fn new(mut bursts: Vec<Burst>) -> Committed {
        bursts.sort_by(|a, b| (a.send().start, &a.send().name).cmp(&(b.send().start, &b.send().name)));
        let count = bursts.len();
        Committed { sums: Arc::new(Mutex::new(Sums::new(bursts))), count }
    }

    /// With some more waves, which are added after those that are there.
    #[must_use]
    pub fn with_all(&self, more: &[Burst]) -> Committed {
        let count = self.count + more.len();
        let mut sums = self.sums();
        if sums.grow(self.count, more) {
            return Committed { sums: Arc::clone(&self.sums), count };
        }
        let other = sums.forked(self.count, more);
        Committed { sums: Arc::new(Mutex::new(other)), count }
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each wave, in the order in which sums are taken.
    pub(super) fn bursts(&self) -> Vec<Burst> {
        self.sums().first(self.count).to_vec()
    }

    /// Whether nothing is committed.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The sum at an instant.
    pub fn at(&self, instant: Timestamp) -> f64 {
        self.sums().at(instant, self.count)
    }

    /// When the last of it has faded.
    pub fn last_tail(&self) -> Option<Timestamp> {
        // Newest first: one that cannot last longer than another does need not be asked.
        self.sums().first(self.count).iter().rev().fold(None, |last, burst| {
            if last.is_some_and(|last| burst.latest_tail() <= last) { last } else { last.max(Some(burst.tail())) }
        })
    }

    /// The instants between which nothing new can happen: whole minutes, and where crests can be, those of a further wave
    /// among them.
    pub fn grid(&self, wave: Option<&Burst>, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let mut instants = vec![from];
        let mut minute = 1;
        loop {
            let Ok(instant) = from.checked_add(SignedDuration::from_mins(i64::from(minute))) else { break };
            if instant >= to {
                break;
            }
            instants.push(instant);
            minute += if minute < FINE { 1 } else { COARSE };
        }
        instants.extend(self.sums().crests_between(self.count, from, to));
        let own = wave.into_iter().flat_map(|wave| sums::crests(wave, self.count));
        instants.extend(own.filter(|crest| from < *crest && *crest < to));
        instants.push(to);
        // Runs that are in order already cost a sort that looks for them next to nothing.
        instants.sort();
        instants.dedup();
        instants
    }

    /// The most between two instants.
    pub fn max_between(&self, from: Timestamp, to: Timestamp) -> f64 {
        if self.is_empty() || to < from {
            return 0.0;
        }
        self.grid(None, from, to).into_iter().map(|instant| self.at(instant)).fold(0.0, f64::max)
    }

    /// The most from an instant on.
    pub fn max_from(&self, from: Timestamp) -> f64 {
        self.last_tail().map_or(0.0, |tail| self.max_between(from, tail.max(from)))
    }

    /// What is surely in a measurement already: the least there was while it was taken. A decay is never credited.
    pub fn measured(&self, sample_at: Timestamp, range: SignedDuration) -> f64 {
        if self.is_empty() {
            return 0.0;
        }
        let from = sample_at.checked_sub(range + LAG).unwrap_or(Timestamp::MIN);
        let step = SignedDuration::from_secs(5);
        let mut least = self.at(sample_at);
        let mut instant = from;
        while instant < sample_at {
            least = least.min(self.at(instant));
            match instant.checked_add(step) {
                Ok(next) => instant = next,
                Err(_) => break,
            }
        }
        least.max(0.0)
    }
}

#[cfg(test)]
mod tests;

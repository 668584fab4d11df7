//! The floor of one workload: the smallest number of replicas that opens the gate, and whether what was sent still
//! needs one. The gate and the floor are one function, so that they can never disagree.

use jiff::Timestamp;

use super::gate::{Ask, Site};
use super::load::Burst;

/// No workload is asked for more; the pool's own maximum comes on top.
const LIMIT: u32 = 100_000;
/// A floor is kept while what is committed is more than this share of the baseline's capacity.
const WORTH: f64 = 0.05;

impl Site {
    /// The smallest number of replicas for which (A) holds; None if no number does.
    pub fn needed_replicas(&self, wave: Option<&Burst>, now: Timestamp) -> Option<u32> {
        self.needed_for(&self.asked(wave, now))
    }

    /// The same, of what was asked.
    pub(super) fn needed_for(&self, ask: &Ask) -> Option<u32> {
        self.fewest(ask, LIMIT)
    }

    /// Whether what was sent still needs a floor: more than one replica, or a twentieth of the capacity that the
    /// baseline takes, whichever is larger. Without load of sends there is no floor.
    pub fn is_held(&self, now: Timestamp) -> bool {
        let replica = self.capacity.of(1);
        let usual = self.baseline.at(now);
        self.committed.max_from(now) > replica.max(WORTH * usual)
    }
}

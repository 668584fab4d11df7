//! The gate of one workload: (A) is there room now, with what is ready and held; (B) will there be, with the most that
//! may be asked for. Source of both: docs/capacity.md. Everything in requests per second, margins included.

use jiff::{SignedDuration, Timestamp};

use super::baseline::Baseline;
use super::capacity::Capacity;
use super::ledger::Committed;
use super::load::Burst;
use super::number::suffices;

/// The baseline is looked at so far ahead for (A).
const NEAR: SignedDuration = SignedDuration::from_mins(30);
/// But at least so long after new replicas can be there and were seen to be enough.
const BEYOND_LEAD: SignedDuration = SignedDuration::from_mins(10);
/// While a likely time is looked for: every minute for an hour, every ten after that.
const SEARCH: (SignedDuration, SignedDuration) = (SignedDuration::from_mins(1), SignedDuration::from_mins(10));

/// One workload in front of the gate.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// What its replicas bear.
    pub capacity: Capacity,
    /// Replicas that are ready.
    pub ready: u32,
    /// Replicas nobody else can take away.
    pub held: u32,
    /// The most there may be.
    pub most: u32,
    /// Share of what replicas bear that is kept for others.
    pub reserve: f64,
    /// Demand, as it was measured.
    pub demand: f64,
    /// Demand without any send, as it is expected.
    pub baseline: Baseline,
    /// What sends bring.
    pub committed: Committed,
    /// The part of that which is in the measurement already.
    pub measured: f64,
    /// How long new replicas take.
    pub lead: SignedDuration,
    /// How long headroom must be seen before it counts.
    pub span: SignedDuration,
}

/// The numbers of (A). They add up: free = capacity − reserve − baseline − committed, and (A) is free ≥ needed.
#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    /// What the wave brings at its peak.
    pub needed: f64,
    /// What is left for it.
    pub free: f64,
    /// Demand, as it is or will be very soon.
    pub baseline: f64,
    /// Still to come from other sends, when it matters most.
    pub committed: f64,
    /// What the replicas bear.
    pub capacity: f64,
    /// The part of it that is kept for others.
    pub reserve: f64,
    /// Before utilisation.
    pub raw_capacity: f64,
    /// The replicas: ready, and held.
    pub replicas: u32,
}

impl Room {
    /// (A): a positive proof; nothing that is not a number passes.
    pub fn is_enough(&self) -> bool {
        suffices(self.free, self.needed)
    }
}

/// When (B) first fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Short {
    /// The instant.
    pub at: Timestamp,
    /// What would be needed in all.
    pub needed: f64,
    /// What the most replicas bear.
    pub most: f64,
}

/// What a wave, and everything else, asks of a workload now: (A) without the replicas.
pub(super) struct Ask {
    baseline: f64,
    needed: f64,
    committed: f64,
}

impl Site {
    /// `C_now` counts what is ready and held, whichever is less.
    fn now_replicas(&self) -> u32 {
        self.ready.min(self.held)
    }

    fn ask(&self, wave: Option<&Burst>, now: Timestamp, demand: f64, measured: f64) -> Ask {
        let near = NEAR.max(self.lead + self.span + BEYOND_LEAD);
        let expected = self.baseline.highest(now, now.checked_add(near).unwrap_or(Timestamp::MAX)) + measured;
        // f64::max takes a NaN for the other number; here it must stay what it is.
        let sound = demand.is_finite() && demand >= 0.0 && expected.is_finite();
        let baseline = if sound { demand.max(expected) } else { f64::NAN };
        let tail = match wave {
            Some(wave) => wave.tail(),
            None => self.committed.last_tail().unwrap_or(now),
        };
        // Both crests are looked for at the same instants: what one finds and the other misses would be told as the load
        // of other sends.
        let (mut needed, mut most) = (wave.map_or(0.0, Burst::peak), 0.0_f64);
        for instant in self.committed.grid(wave, now, tail.max(now)) {
            let own = wave.map_or(0.0, |wave| wave.at(instant));
            needed = needed.max(own);
            most = most.max((self.committed.at(instant) - measured).max(0.0) + own);
        }
        Ask { baseline, needed, committed: (most - needed).max(0.0) }
    }

    fn room_of(&self, ask: &Ask, replicas: u32) -> Room {
        let capacity = self.capacity.of(replicas);
        let reserve = capacity * self.reserve;
        Room {
            needed: ask.needed,
            free: capacity - reserve - ask.baseline - ask.committed,
            baseline: ask.baseline,
            committed: ask.committed,
            capacity,
            reserve,
            raw_capacity: self.capacity.raw(replicas),
            replicas,
        }
    }

    /// What a wave asks, with demand as it was measured: once for all numbers of replicas.
    pub(super) fn asked(&self, wave: Option<&Burst>, now: Timestamp) -> Ask {
        self.ask(wave, now, self.demand, self.measured)
    }

    /// (A), with what is ready and held, of what was asked.
    pub(super) fn room_now(&self, ask: &Ask) -> Room {
        self.room_of(ask, self.now_replicas())
    }

    /// (A), with what is ready and held.
    pub fn room(&self, wave: Option<&Burst>, now: Timestamp) -> Room {
        self.room_with(self.now_replicas(), wave, now)
    }

    /// (A), were there so many replicas.
    pub fn room_with(&self, replicas: u32, wave: Option<&Burst>, now: Timestamp) -> Room {
        self.room_of(&self.asked(wave, now), replicas)
    }

    /// The smallest number of replicas for which (A) holds: asked of the gate itself, so that a floor always opens it.
    /// None if no number up to `limit` does.
    pub(super) fn fewest(&self, ask: &Ask, limit: u32) -> Option<u32> {
        let opens = |replicas: u32| self.room_of(ask, replicas).is_enough();
        if !opens(limit) {
            return None;
        }
        let (mut closed, mut open) = (0_u32, limit);
        if opens(0) {
            return Some(0);
        }
        while open - closed > 1 {
            let middle = closed + (open - closed) / 2;
            if opens(middle) { open = middle } else { closed = middle }
        }
        Some(open)
    }

    /// (B): the first instant at which even the most replicas would not bear it; None if they always do.
    pub fn later(&self, wave: &Burst, now: Timestamp) -> Option<Short> {
        self.later_than(&self.room(Some(wave), now), wave, now)
    }

    /// The same, where the room for it now is known.
    pub(super) fn later_than(&self, room: &Room, wave: &Burst, now: Timestamp) -> Option<Short> {
        let lead = if room.is_enough() { SignedDuration::ZERO } else { self.lead };
        self.short(wave, now, lead)
    }

    fn short(&self, wave: &Burst, now: Timestamp, lead: SignedDuration) -> Option<Short> {
        let moved = wave.moved(wave.send().start.checked_add(lead).unwrap_or(Timestamp::MAX));
        let from = now.checked_add(lead).unwrap_or(Timestamp::MAX);
        let most = self.capacity.of(self.most);
        let most = most - most * self.reserve;
        self.committed.grid(Some(&moved), from, moved.tail().max(from)).into_iter().find_map(|instant| {
            let needed = self.baseline.at(instant) + (self.committed.at(instant) + moved.at(instant));
            (!suffices(most, needed)).then_some(Short { at: instant, needed, most })
        })
    }

    /// `C_plan(t)`: the replicas to count on at an instant. Until more can be ready, those that are there.
    fn replicas_at(&self, now: Timestamp, at: Timestamp) -> u32 {
        if at.duration_since(now) < self.lead { self.now_replicas() } else { self.most }
    }

    /// Whether the wave would probably pass at an instant, with the replicas to count on then; an estimate, and no promise.
    pub fn would_fit(&self, wave: &Burst, now: Timestamp, at: Timestamp) -> bool {
        let moved = wave.moved(at.max(wave.send().start));
        // What is measured now says little about an hour that is known from other days.
        let demand = if at.duration_since(now) <= NEAR { self.demand } else { 0.0 };
        let ask = self.ask(Some(&moved), at, demand, 0.0);
        self.room_of(&ask, self.replicas_at(now, at)).is_enough()
            && self.short(&moved, at, SignedDuration::ZERO).is_none()
    }

    /// The first instant at which it would, as far as that can be told. None: not within `horizon`.
    pub fn earliest(&self, wave: &Burst, now: Timestamp, horizon: SignedDuration) -> Option<Timestamp> {
        let mut after = SignedDuration::ZERO;
        while after <= horizon {
            let at = now.checked_add(after).ok()?;
            if self.would_fit(wave, now, at) {
                return Some(at);
            }
            after += if after < SignedDuration::from_hours(1) { SEARCH.0 } else { SEARCH.1 };
        }
        None
    }

    /// Of several rooms the one with the least free for what is needed.
    pub fn narrowest(rooms: &[Room]) -> usize {
        let share = |room: &Room| {
            let share = room.free / room.needed.max(f64::MIN_POSITIVE);
            if share.is_finite() { share } else { f64::NEG_INFINITY }
        };
        let least = rooms.iter().enumerate().min_by(|a, b| share(a.1).total_cmp(&share(b.1)));
        least.map_or(0, |(index, _)| index)
    }
}

#[cfg(test)]
mod tests;

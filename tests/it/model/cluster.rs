//! What there is outside the operators, as small as it can be kept: the API server's Campaigns, pool and ledger, the
//! sensor, and the receiver's log. Versions are not numbers here: whoever holds a copy holds a flag beside it that says
//! whether the original is still the one that was copied, which is all that a compare-and-swap ever asks.

use super::hand::Operator;

pub const CAMPAIGNS: usize = 2;
/// Waves by name: `canary`, `rest`, and `more`, which `rest` is renamed to.
pub const WAVES: usize = 3;
pub const SLOTS: usize = CAMPAIGNS * WAVES;
/// The last instant at which a message may leave, in seconds.
pub const END: i64 = 600;
/// The canary is watched so long after its last message.
pub const SOAK: i64 = 60;

/// A moment, as a place in the model's clock.
pub type Moment = u8;

/// One wave of one send: what its ledger entry's name says.
pub fn slot(campaign: usize, wave: usize) -> usize {
    campaign * WAVES + wave
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finish {
    Completed,
    Skipped,
    Aborted,
}

/// What a Campaign's status says, as far as a decision reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Said {
    pub finish: Option<Finish>,
    /// Waves said to have an entry, one bit each.
    pub waves: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::struct_excessive_bools)] // Each is a switch of its own.
pub struct Campaign {
    pub is_there: bool,
    /// How often it was made anew: its UID.
    pub birth: u8,
    pub generation: u8,
    pub suspend: bool,
    pub abort: bool,
    /// Whether its second wave is called `more` instead of `rest`.
    pub is_renamed: bool,
    /// Thousands of recipients.
    pub audience: u8,
    pub said: Said,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    Aborted,
    Missed,
    Empty,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    Released,
    Rejected,
    Unknown,
    Missed,
    Skipped,
}

/// The result of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tried {
    NotFired,
    NotSent,
    Released,
    Rejected,
    Unknown,
}

/// One entry of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    pub skip: Option<Reason>,
    pub birth: u8,
    /// Thousands of recipients.
    pub offset: u8,
    pub recipients: u8,
    /// When its newest attempt was made.
    pub newest: Moment,
    pub attempts: u8,
    pub not_sent: u8,
    pub result: Option<Tried>,
    pub outcome: Option<Outcome>,
    /// The nonce of its newest attempt: the operator in whose hand that still is, if it is in any.
    pub maker: Option<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pool {
    pub suspend: bool,
    /// The wave that room is promised to, and when that was.
    pub reservation: Option<(u8, Moment)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sensor {
    /// 300 of 750 requests per second.
    Room,
    Silent,
    /// More than there is room beside.
    TooHigh,
}

/// What the receiver has of one wave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Received {
    pub effects: u8,
    pub at: Moment,
    pub offset: u8,
    pub recipients: u8,
}

/// What was seen to be broken on the way: history that a state alone does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Breach {
    Intent = 1,
    Evidence = 2,
    Proof = 4,
    Order = 8,
    Stop = 16,
    Room = 32,
    CaughtUp = 64,
    Ledger = 128,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub now: Moment,
    pub campaigns: [Campaign; CAMPAIGNS],
    pub entries: [Option<Entry>; SLOTS],
    pub pool: Pool,
    pub sensor: Sensor,
    /// Whether as many replicas are ready as the floor asks for.
    pub is_scaled: bool,
    pub received: [Received; SLOTS],
    /// A CREATE that nobody waits for any more and that may still arrive.
    pub late: Option<(u8, Entry)>,
    pub operators: [Operator; 2],
    /// Faults, and deeds of people, that may still come.
    pub faults: u8,
    pub deeds: u8,
    pub breaches: u16,
}

impl Entry {
    /// What no decision reads any more is all alike, so that states which differ in nothing else are one: how an attempt
    /// went once there is an outcome, and when a fact was written. Attempts are closer to one another than their longest
    /// pause, so that more than two of them are as good as two.
    pub fn normalise(&mut self) {
        self.attempts = self.attempts.min(2);
        if self.outcome.is_some() {
            (self.attempts, self.not_sent, self.result) = (1, 0, None);
        }
        if self.skip.is_some() {
            self.newest = 0;
        }
    }
}

impl State {
    pub fn broke(&mut self, breach: Breach) {
        self.breaches |= breach as u16;
    }

    pub fn has_broken(&self, breach: Breach) -> bool {
        self.breaches & breach as u16 != 0
    }

    /// A Campaign was written: every copy of it is old now.
    pub fn wrote_campaign(&mut self, campaign: usize) {
        for operator in &mut self.operators {
            if let Some(hand) = &mut operator.hand {
                hand.is_campaign_same[campaign] = false;
            }
            if let Some(kept) = &mut operator.kept_campaigns {
                kept.is_same[campaign] = false;
            }
        }
    }

    pub fn wrote_entry(&mut self, slot: usize) {
        for operator in &mut self.operators {
            if let Some(hand) = &mut operator.hand {
                hand.is_entry_same[slot] = false;
            }
            if let Some(kept) = &mut operator.kept_entries {
                kept.is_same[slot] = false;
            }
        }
    }

    pub fn wrote_pool(&mut self) {
        for hand in self.operators.iter_mut().filter_map(|operator| operator.hand.as_mut()) {
            hand.is_pool_same = false;
        }
    }

    /// Whether a person has stopped this Campaign, as it was when it had `birth`.
    pub fn is_stopped(&self, campaign: usize, birth: u8) -> bool {
        let there = &self.campaigns[campaign];
        !there.is_there || there.birth != birth || there.suspend || there.abort || self.pool.suspend
    }
}

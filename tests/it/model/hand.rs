//! What one operator holds: what it remembers, copies of a watch that has fallen behind, and the one plan it is carrying
//! out, with a flag beside each copy that a compare-and-swap will be made on.

use super::cluster::{CAMPAIGNS, Campaign, Entry, Moment, Outcome, Reason, SLOTS, Said, Tried};

/// Where the carrying out of a plan stands: what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// `act`: facts, outcomes and statuses, in that order. The real one says the last beside what follows: it touches no object
    /// that a release reads or writes.
    Facts,
    /// P0: reads again what was decided on.
    Reads,
    /// P2: reserves.
    Reserves,
    /// P3: arms.
    Arms,
    /// P4: the ledger.
    Commits,
    /// P5a and P5b: connects and reads again.
    Rereads,
    /// P5c and P6: the last check and the send.
    Sends,
    /// Writes the outcome.
    Records,
}

/// The wave to be released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order {
    pub slot: u8,
    pub birth: u8,
    pub offset: u8,
    pub recipients: u8,
    /// When it was weighed; None: longer ago than evidence lives.
    pub weighed: Option<Moment>,
    /// When room was reserved; None: not yet, or the pool's promise is another by now.
    pub reserved: Option<Moment>,
    /// When its fire window was opened; None: not yet, or it is shut again.
    pub opened: Option<Moment>,
    /// Whether an entry was there at P0.
    pub is_retry: bool,
    /// By the model's own eyes: somebody had stopped it before P5b read.
    pub was_stopped: bool,
    /// When its outcome was known; None: longer ago than it is tried to be written.
    pub sent: Option<Moment>,
    pub result: Option<Tried>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hand {
    pub phase: Phase,
    pub skips: [Option<(Reason, u8, u8)>; SLOTS],
    pub outcomes: [Option<Outcome>; SLOTS],
    pub says: [Option<Said>; CAMPAIGNS],
    pub order: Option<Order>,
    pub is_campaign_same: [bool; CAMPAIGNS],
    pub is_entry_same: [bool; SLOTS],
    pub is_pool_same: bool,
    /// The same for its spec alone: its generation.
    pub is_pool_spec_same: bool,
}

impl Hand {
    /// Flags that will never be looked at again are all alike, so that states which differ in nothing else are one.
    pub fn normalise(&mut self) {
        let has_facts = self.phase == Phase::Facts;
        let order = self.order;
        let slot = order.map(|order| usize::from(order.slot));
        for campaign in 0..CAMPAIGNS {
            let is_ordered = slot.is_some_and(|slot| slot / super::cluster::WAVES == campaign);
            if !((has_facts && self.says[campaign].is_some()) || (is_ordered && self.phase <= Phase::Rereads)) {
                self.is_campaign_same[campaign] = true;
            }
        }
        for entry in 0..SLOTS {
            let is_all = order.is_some() && self.phase <= Phase::Reads;
            let is_decided = has_facts && self.outcomes[entry].is_some();
            let is_retried =
                slot == Some(entry) && order.is_some_and(|order| order.is_retry) && self.phase <= Phase::Commits;
            let is_recorded = slot == Some(entry) && self.phase >= Phase::Commits;
            if !(is_all || is_decided || is_retried || is_recorded) {
                self.is_entry_same[entry] = true;
            }
        }
        if order.is_none() || self.phase > Phase::Reserves {
            self.is_pool_same = true;
        }
        if order.is_none() || self.phase > Phase::Rereads {
            self.is_pool_spec_same = true;
        }
        if let Some(order) = &mut self.order
            && self.phase == Phase::Records
        {
            let (weighed, reserved, opened) = (None, None, None);
            *order =
                Order { weighed, reserved, opened, birth: 0, offset: 0, recipients: 0, was_stopped: false, ..*order };
        }
    }
}

/// Samples in a row at which room was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Streak {
    pub first: Moment,
    pub newest: Moment,
    pub count: u8,
    /// Which of the Campaigns of one name it was seen for.
    pub birth: u8,
    pub generation: u8,
    pub recipients: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeptCampaigns {
    pub campaigns: [Campaign; CAMPAIGNS],
    pub is_same: [bool; CAMPAIGNS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeptEntries {
    pub entries: [Option<Entry>; SLOTS],
    pub is_same: [bool; SLOTS],
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operator {
    pub memory: [Option<Streak>; SLOTS],
    /// By the model's own eyes: at how many distinct moments in a row this process saw room, and the last of them.
    pub seen: (u8, Moment),
    /// A watch that has fallen behind shows what was there then.
    pub kept_campaigns: Option<Box<KeptCampaigns>>,
    pub kept_entries: Option<Box<KeptEntries>>,
    pub hand: Option<Box<Hand>>,
}

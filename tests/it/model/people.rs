//! What people and the world do meanwhile: stop, delete, make anew and edit Campaigns, silence a sensor, hold back a watch,
//! end a process, and let time pass. Deeds and faults are paid for out of two budgets in the state; mending is free.

use super::cluster::{Campaign, SLOTS, Sensor, State};
use super::hand::{KeptCampaigns, KeptEntries, Phase};
use super::steps::let_go;
use super::{Action, Fault, Mix, Protocol};

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Suspend(usize),
    Resume(usize),
    Abort(usize),
    Delete(usize),
    Create(usize),
    SuspendPool,
    ResumePool,
    /// The second wave gets another name.
    Rename(usize),
    /// The audience gets so many thousands.
    Audience(usize, u8),
}

/// What may go wrong outside of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A process ends, with all that it had in its hand or remembered.
    Crash(usize),
    /// A watch stands still; and it comes back.
    CampaignsLag(usize),
    EntriesLag(usize),
    CaughtUp(usize),
    Silence,
    TooHigh,
    /// Pods are lost.
    TooFew,
    /// The sensor tells again, demand is usual, pods are there.
    Mended,
    /// A CREATE that nobody waited for any more arrives.
    LateCreate,
}

impl Protocol {
    /// The faults that can befall an operator's next step.
    fn step_faults(&self, state: &State, me: usize, actions: &mut Vec<Action>) {
        let Some(hand) = &state.operators[me].hand else { return };
        let api: &[Fault] = match hand.phase {
            Phase::Reserves | Phase::Arms | Phase::Records => &[Fault::AnswerLost],
            Phase::Commits if hand.order.is_some_and(|order| order.is_retry) => &[Fault::AnswerLost],
            Phase::Commits => &[Fault::RequestLost, Fault::RequestLate],
            Phase::Rereads => &[Fault::ReadLost],
            _ => &[],
        };
        let receiver: &[Fault] = match hand.phase {
            Phase::Rereads => &[Fault::Refused],
            Phase::Sends => &[Fault::NoAnswer, Fault::Vanished, Fault::Rejected],
            _ => &[],
        };
        let (has_api, has_receiver) = (self.mix.api, self.mix.receiver);
        let chosen = api.iter().filter(|_| has_api).chain(receiver.iter().filter(|_| has_receiver));
        actions.extend(chosen.map(|fault| Action::Step(me, Some(*fault))));
    }

    /// Everything that may come next, in an order that is the same each time.
    pub fn choices(&self, state: &State, actions: &mut Vec<Action>) {
        if state.now < self.last {
            actions.push(Action::Tick);
        }
        let mix = &self.mix;
        let mut trouble = |is_mixed: bool, trouble| {
            if is_mixed {
                actions.push(Action::Trouble(trouble));
            }
        };
        for me in 0..state.operators.len() {
            let operator = &state.operators[me];
            let lags = operator.kept_campaigns.is_some() || operator.kept_entries.is_some();
            trouble(lags, Trouble::CaughtUp(me));
            if state.faults > 0 {
                trouble(mix.crash && operator.hand.is_some(), Trouble::Crash(me));
                trouble(mix.lag && operator.kept_campaigns.is_none(), Trouble::CampaignsLag(me));
                trouble(mix.lag && operator.kept_entries.is_none(), Trouble::EntriesLag(me));
            }
        }
        let is_fine = state.sensor == Sensor::Room && state.is_scaled;
        trouble(!is_fine, Trouble::Mended);
        if state.faults > 0 && is_fine {
            trouble(mix.sensor, Trouble::Silence);
            trouble(mix.sensor, Trouble::TooHigh);
            trouble(mix.sensor, Trouble::TooFew);
        }
        trouble(state.late.is_some(), Trouble::LateCreate);
        for me in 0..state.operators.len() {
            actions.push(Action::Step(me, None));
            if state.faults > 0 {
                self.step_faults(state, me, actions);
            }
        }
        if state.deeds > 0 {
            self.deeds(state, actions);
        }
    }

    fn deeds(&self, state: &State, actions: &mut Vec<Action>) {
        let mut deed = |is_possible: bool, deed| {
            if is_possible {
                actions.push(Action::Deed(deed));
            }
        };
        let Mix { stops, deletes, edits, .. } = self.mix;
        for (place, there) in state.campaigns.iter().enumerate() {
            deed(deletes && !there.is_there, Deed::Create(place));
            if !there.is_there {
                continue;
            }
            deed(stops, if there.suspend { Deed::Resume(place) } else { Deed::Suspend(place) });
            deed(stops && !there.abort, Deed::Abort(place));
            deed(deletes, Deed::Delete(place));
            deed(edits, Deed::Rename(place));
            for audience in [4, 8, 12] {
                deed(edits && there.audience != audience, Deed::Audience(place, audience));
            }
        }
        deed(stops, if state.pool.suspend { Deed::ResumePool } else { Deed::SuspendPool });
    }

    pub fn done(&self, state: &mut State, deed: Deed) {
        state.deeds -= 1;
        let place = match deed {
            Deed::SuspendPool | Deed::ResumePool => {
                state.pool.suspend = deed == Deed::SuspendPool;
                state.wrote_pool();
                for hand in state.operators.iter_mut().filter_map(|operator| operator.hand.as_mut()) {
                    hand.is_pool_spec_same = false;
                }
                return;
            }
            Deed::Suspend(place)
            | Deed::Resume(place)
            | Deed::Abort(place)
            | Deed::Delete(place)
            | Deed::Create(place)
            | Deed::Rename(place)
            | Deed::Audience(place, _) => place,
        };
        let there = &mut state.campaigns[place];
        match deed {
            Deed::Suspend(_) => there.suspend = true,
            Deed::Resume(_) => there.suspend = false,
            Deed::Abort(_) => there.abort = true,
            Deed::Delete(_) => *there = Campaign { birth: there.birth, ..Campaign::default() },
            Deed::Create(_) => {
                let birth = there.birth + 1;
                *there = Campaign { is_there: true, birth, audience: 8, generation: 1, ..Campaign::default() };
            }
            Deed::Rename(_) => there.is_renamed = !there.is_renamed,
            Deed::Audience(_, audience) => there.audience = audience,
            Deed::SuspendPool | Deed::ResumePool => {}
        }
        // Only what is remembered rests on a generation, and with one sample nothing does.
        if self.samples > 1 && there.is_there {
            there.generation += 1;
        }
        state.wrote_campaign(place);
    }

    pub fn befell(&self, state: &mut State, trouble: Trouble) -> Option<()> {
        if !matches!(trouble, Trouble::CaughtUp(_) | Trouble::Mended | Trouble::LateCreate) {
            state.faults -= 1;
        }
        match trouble {
            Trouble::Crash(me) => {
                let_go(state, me);
                state.operators[me] = super::hand::Operator::default();
            }
            Trouble::CampaignsLag(me) => {
                let kept = KeptCampaigns { campaigns: state.campaigns, is_same: [true; 2] };
                state.operators[me].kept_campaigns = Some(Box::new(kept));
            }
            Trouble::EntriesLag(me) => {
                let mut entries = state.entries;
                entries.iter_mut().flatten().for_each(|entry| entry.maker = None);
                let kept = KeptEntries { entries, is_same: [true; SLOTS] };
                state.operators[me].kept_entries = Some(Box::new(kept));
            }
            Trouble::CaughtUp(me) => {
                (state.operators[me].kept_campaigns, state.operators[me].kept_entries) = (None, None);
            }
            Trouble::Silence => state.sensor = Sensor::Silent,
            Trouble::TooHigh => state.sensor = Sensor::TooHigh,
            Trouble::TooFew => state.is_scaled = false,
            Trouble::Mended => (state.sensor, state.is_scaled) = (Sensor::Room, true),
            Trouble::LateCreate => {
                let (slot, entry) = state.late.take()?;
                let slot = usize::from(slot);
                if state.entries[slot].is_none() {
                    state.wrote_entry(slot);
                    state.entries[slot] = Some(entry);
                }
            }
        }
        Some(())
    }
}

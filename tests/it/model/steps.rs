//! What one operator does, step by step, as `src/controller/release.rs` and `act.rs` do it against the API server. Each
//! step is one call, or calls between which nothing of another can matter, and names what it stands for. The decision
//! itself is not here: it is the real plan's.

use super::cluster::{Breach, Entry, Moment, Outcome, SLOTS, Said, Sensor, State, Tried, WAVES};
use super::decide::{Seen, decide, last_start};
use super::hand::{Hand, Order, Phase};
use super::mutants::Mutant;
use super::properties::Sight;
use super::{Fault, Protocol};

/// `OUTCOME_PATIENCE` of release.rs, in seconds.
const PATIENCE: i64 = 300;
/// `RESERVATION_LIFE`.
const RESERVED: i64 = 60;
/// `EVIDENCE_LIFE`.
pub const FRESH: i64 = 30;
/// `FIRE_WINDOW`.
const WINDOW: i64 = 5;
impl Protocol {
    /// Takes the next step of one operator; None if there is none.
    pub fn step(&self, state: &mut State, me: usize, fault: Option<Fault>) -> Option<()> {
        let Some(hand) = state.operators[me].hand.take() else {
            return if fault.is_none() { self.look(state, me) } else { None };
        };
        let mut hand = *hand;
        let goes_on = match (hand.phase, fault) {
            (Phase::Facts, None) => self.act(state, me, &mut hand) && self.reads_at_once(state, &mut hand),
            (Phase::Reads, None) => self.read(state, &mut hand),
            // Written, and the answer lost: `release` returns the error, and the look ends.
            (Phase::Reserves, None | Some(Fault::AnswerLost)) => self.reserve(state, &mut hand) && fault.is_none(),
            (Phase::Arms, None | Some(Fault::AnswerLost)) => self.arm(state, &mut hand) && fault.is_none(),
            (Phase::Commits, _) => self.commit(state, me, &mut hand, fault)?,
            (Phase::Rereads, _) => self.reread(state, &mut hand, fault),
            (Phase::Sends, _) => self.send(state, me, &mut hand, fault)?,
            (Phase::Records, None | Some(Fault::AnswerLost)) => self.record(state, me, &mut hand, fault),
            _ => return None,
        };
        if goes_on {
            hand.normalise();
            state.operators[me].hand = Some(Box::new(hand));
        } else {
            let_go(state, me);
        }
        Some(())
    }

    pub fn seconds(&self, moment: Moment) -> i64 {
        self.clock[usize::from(moment)]
    }

    pub fn since(&self, state: &State, moment: Moment) -> i64 {
        self.seconds(state.now) - self.seconds(moment)
    }

    pub fn is_within(&self, state: &State, moment: Option<Moment>, seconds: i64) -> bool {
        moment.is_some_and(|moment| self.since(state, moment) <= seconds)
    }

    /// Moments that are too long ago to matter are all alike; so are promises that were given away.
    pub fn forget(&self, state: &mut State) {
        let now = self.seconds(state.now);
        let keep = |moment: Option<Moment>, seconds| moment.filter(|moment| now - self.seconds(*moment) <= seconds);
        let reservation = state.pool.reservation;
        let is_kept = |phase| phase == Phase::Sends || self.mutant == Some(Mutant::IgnoresReservation);
        for operator in &mut state.operators {
            let Some(hand) = &mut operator.hand else { continue };
            let Some(order) = &mut hand.order else { continue };
            order.weighed = keep(order.weighed, FRESH);
            order.sent = keep(order.sent, PATIENCE);
            order.reserved =
                order.reserved.filter(|made| is_kept(hand.phase) || reservation == Some((order.slot, *made)));
            // P4 still writes when it was armed.
            if hand.phase > Phase::Commits {
                order.opened = keep(order.opened, WINDOW);
            }
        }
    }

    /// `observe::observe` and `plan::plan`. Campaigns and entries come from the watch, the pool and the readings from
    /// servers that are asked.
    fn look(&self, state: &mut State, me: usize) -> Option<()> {
        let operator = &state.operators[me];
        let (campaigns, is_campaign_same) = match &operator.kept_campaigns {
            Some(kept) => (kept.campaigns, kept.is_same),
            None => (state.campaigns, [true; 2]),
        };
        let (mut entries, is_entry_same) = match &operator.kept_entries {
            Some(kept) => (kept.entries, kept.is_same),
            None => (state.entries, [true; SLOTS]),
        };
        for entry in entries.iter_mut().flatten() {
            entry.maker = None;
        }
        let mut seen = Seen {
            clock: self.clock,
            now: state.now,
            campaigns,
            entries,
            pool: state.pool,
            sensor: state.sensor,
            is_scaled: state.is_scaled,
            samples: self.samples,
            memory: operator.memory,
        };
        self.distort(&mut seen);
        let decided = decide(&seen);
        let is_room = state.sensor == Sensor::Room && state.is_scaled;
        let operator = &mut state.operators[me];
        let before = (operator.memory, operator.seen);
        operator.memory = self.remembered(&seen, &before.0, decided.memory);
        if self.samples > 1 {
            operator.seen = match operator.seen {
                _ if !is_room => (0, 0),
                (0, _) => (1, state.now),
                (count, newest) if newest != state.now => ((count + 1).min(self.samples), state.now),
                same => same,
            };
        }
        let seen_often = if self.samples > 1 { operator.seen.0 } else { u8::from(is_room) };
        // Which waves are said to have gone makes a difference only where the ledger is seen too late.
        let told = |said: Said| if self.mix.lag { said } else { Said { waves: 0, ..said } };
        let news = |campaign: usize| decided.says[campaign].map(told).filter(|said| *said != campaigns[campaign].said);
        let order = decided.release.map(|(slot, offset, recipients)| Order {
            slot,
            birth: campaigns[usize::from(slot) / WAVES].birth,
            offset,
            recipients,
            weighed: Some(state.now),
            reserved: None,
            opened: None,
            is_retry: false,
            was_stopped: false,
            sent: None,
            result: None,
        });
        let mut hand = Hand {
            phase: Phase::Facts,
            skips: decided.skips,
            outcomes: decided.outcomes,
            says: [news(0), news(1)],
            order,
            is_campaign_same,
            is_entry_same,
            is_pool_same: true,
            is_pool_spec_same: true,
        };
        skip_phase(&mut hand);
        let is_idle = hand.phase == Phase::Reads && hand.order.is_none();
        if is_idle && before == (operator.memory, operator.seen) {
            return None;
        }
        if order.is_some() && (!is_room || seen_often < self.samples) {
            state.broke(Breach::Proof);
        }
        if !is_idle && self.reads_at_once(state, &mut hand) {
            hand.normalise();
            state.operators[me].hand = Some(Box::new(hand));
        }
        Some(())
    }

    /// `act::act`: facts, outcomes, statuses; one call a step.
    fn act(&self, state: &mut State, me: usize, hand: &mut Hand) -> bool {
        if let Some(slot) = hand.skips.iter().position(Option::is_some) {
            // `ledger::create` of `act::fact`. AlreadyExists: whoever was first has decided.
            let (reason, birth, offset) = hand.skips[slot].take().unwrap();
            if state.entries[slot].is_none() {
                state.wrote_entry(slot);
                hand.is_entry_same[slot] = false;
                state.entries[slot] = Some(Entry {
                    skip: Some(reason),
                    birth,
                    offset,
                    recipients: 0,
                    newest: 0,
                    attempts: 0,
                    not_sent: 0,
                    result: None,
                    outcome: None,
                    maker: None,
                });
                remember(state, me, slot);
            }
        } else if let Some(slot) = hand.outcomes.iter().position(Option::is_some) {
            // `act::decide`: on the entry as it was read, by compare-and-swap; a conflict is left to the next look.
            let outcome = hand.outcomes[slot].take().unwrap();
            if hand.is_entry_same[slot] {
                state.wrote_entry(slot);
                hand.is_entry_same[slot] = false;
                decide_outcome(state, slot, outcome, false);
                remember(state, me, slot);
            }
        } else if let Some(campaign) = hand.says.iter().position(Option::is_some) {
            // `act::say`, on the version that was weighed.
            let said = hand.says[campaign].take().unwrap();
            if hand.is_campaign_same[campaign] && state.campaigns[campaign].is_there {
                state.wrote_campaign(campaign);
                hand.is_campaign_same[campaign] = false;
                state.campaigns[campaign].said = said;
            }
        }
        skip_phase(hand);
        hand.phase == Phase::Facts || hand.order.is_some()
    }

    /// P0 only reads, and what it reads only ever becomes more different from what was decided on: where it passes, it would
    /// have passed at once. So it is a step of its own only for the one who does not compare.
    fn reads_at_once(&self, state: &State, hand: &mut Hand) -> bool {
        hand.phase != Phase::Reads || self.mutant == Some(Mutant::NoSecondLook) || self.read(state, hand)
    }

    /// Whether the next step of a hand can only end it, without a trace: it is as good as empty, and the operator may look
    /// again at once.
    fn is_doomed(&self, state: &State, hand: &Hand) -> bool {
        let Some(order) = &hand.order else { return false };
        let (slot, campaign) = (usize::from(order.slot), usize::from(order.slot) / WAVES);
        match hand.phase {
            Phase::Reserves => !hand.is_pool_same && self.mutant != Some(Mutant::ReservesWithoutVersion),
            Phase::Arms if self.mutant == Some(Mutant::ArmsWithoutVersion) => !state.campaigns[campaign].is_there,
            Phase::Arms => !hand.is_campaign_same[campaign],
            Phase::Commits if order.is_retry => !hand.is_entry_same[slot],
            Phase::Commits => state.entries[slot].is_some() && self.mutant != Some(Mutant::TakesAnyEntryForItsOwn),
            _ => false,
        }
    }

    /// Empties the hands that can do nothing any more.
    pub fn empty_hands(&self, state: &mut State) {
        for me in 0..state.operators.len() {
            let Some(hand) = state.operators[me].hand.as_deref().copied() else { continue };
            if self.is_doomed(state, &hand) {
                self.witnessed(Sight::Conflict);
                let entry = hand.order.and_then(|order| state.entries[usize::from(order.slot)]);
                if hand.phase == Phase::Commits && entry.is_some_and(|entry| entry.skip.is_some()) {
                    self.witnessed(Sight::FactWins);
                }
                let_go(state, me);
                continue;
            }
            // The order of a look that still has facts to write, and that P0 will not let pass.
            let is_stale = |order: &Order| {
                let is_same = hand.is_entry_same.iter().all(|same| *same);
                !is_same || !hand.is_campaign_same[usize::from(order.slot) / WAVES] || !self.is_in_time(state, order)
            };
            if hand.phase == Phase::Facts && hand.order.as_ref().is_some_and(is_stale) && self.mutant.is_none() {
                let mut hand = Hand { order: None, ..hand };
                hand.normalise();
                state.operators[me].hand = Some(Box::new(hand));
            }
        }
    }

    /// P0, the head of `release::release`: Campaign at the version that was weighed, entries as they were known, evidence in
    /// time.
    fn read(&self, state: &State, hand: &mut Hand) -> bool {
        let Some(order) = &mut hand.order else { return false };
        let (slot, campaign) = (usize::from(order.slot), usize::from(order.slot) / WAVES);
        let is_checked = self.mutant != Some(Mutant::NoSecondLook);
        let is_campaign = state.campaigns[campaign].is_there && hand.is_campaign_same[campaign];
        let is_ledger = hand.is_entry_same.iter().all(|same| *same);
        if !state.campaigns[campaign].is_there || (is_checked && !(is_campaign && is_ledger)) {
            return false;
        }
        if is_checked && !self.is_in_time(state, order) {
            return false;
        }
        hand.is_campaign_same[campaign] = true;
        hand.is_entry_same[slot] = true;
        order.is_retry = state.entries[slot].is_some();
        hand.phase = Phase::Reserves;
        true
    }

    /// `release::in_time`.
    fn is_in_time(&self, state: &State, order: &Order) -> bool {
        self.is_within(state, order.weighed, FRESH) && self.seconds(state.now) <= last_start(order.recipients)
    }

    /// P2: the pool's status by compare-and-swap, on the pool as the look read it.
    fn reserve(&self, state: &mut State, hand: &mut Hand) -> bool {
        let Some(order) = &mut hand.order else { return false };
        if !hand.is_pool_same && self.mutant != Some(Mutant::ReservesWithoutVersion) {
            return false;
        }
        state.wrote_pool();
        state.pool.reservation = Some((order.slot, state.now));
        order.reserved = Some(state.now);
        hand.phase = Phase::Arms;
        true
    }

    /// P3: the fire window opens, then the Campaign's status is written by compare-and-swap on the version P0 read.
    fn arm(&self, state: &mut State, hand: &mut Hand) -> bool {
        let Some(order) = &mut hand.order else { return false };
        let campaign = usize::from(order.slot) / WAVES;
        order.opened = Some(state.now);
        let is_forced = self.mutant == Some(Mutant::ArmsWithoutVersion) && state.campaigns[campaign].is_there;
        if !hand.is_campaign_same[campaign] && !is_forced {
            return false;
        }
        state.wrote_campaign(campaign);
        hand.is_campaign_same[campaign] = true;
        hand.phase = if self.mutant == Some(Mutant::SendsBeforeLedger) { Phase::Rereads } else { Phase::Commits };
        true
    }

    /// P4: `release::created`, or `release::begin_another_try` on the entry that P0 read.
    fn commit(&self, state: &mut State, me: usize, hand: &mut Hand, fault: Option<Fault>) -> Option<bool> {
        let order = hand.order?;
        let slot = usize::from(order.slot);
        let mine = Some(u8::try_from(me).unwrap());
        let armed = order.opened.unwrap_or(state.now);
        let next = if order.result.is_some() { Phase::Records } else { Phase::Rereads };
        if order.is_retry {
            // One that comes late is one whose answer is lost, of an operator that was slow.
            if !matches!(fault, None | Some(Fault::AnswerLost)) {
                return None;
            }
            if !hand.is_entry_same[slot] {
                return Some(false);
            }
            state.wrote_entry(slot);
            let entry = state.entries[slot].as_mut().expect("P0 found it, and entries stay");
            (entry.newest, entry.result, entry.maker) = (armed, None, mine);
            entry.attempts += 1;
            hand.phase = next;
            return Some(fault.is_none());
        }
        let draft = Entry {
            skip: None,
            birth: order.birth,
            offset: order.offset,
            recipients: order.recipients,
            newest: armed,
            attempts: 0,
            not_sent: 0,
            result: None,
            outcome: None,
            maker: mine,
        };
        match (fault, &state.entries[slot]) {
            // No answer, and the GET finds none: it never comes, or it comes when nobody waits for it any more.
            (Some(Fault::RequestLost), None) => return Some(false),
            (Some(Fault::RequestLate), None) if state.late.is_none() => {
                state.late = Some((order.slot, Entry { maker: None, ..draft }));
                return Some(false);
            }
            (Some(_), _) => return None,
            // AlreadyExists, and not ours by its nonce.
            (None, Some(_)) if self.mutant != Some(Mutant::TakesAnyEntryForItsOwn) => return Some(false),
            (None, Some(_)) => {}
            // Answered; or not answered, and the GET finds ours by its nonce, which comes to the same.
            (None, None) => {
                state.wrote_entry(slot);
                state.entries[slot] = Some(draft);
            }
        }
        hand.is_entry_same[slot] = true;
        hand.phase = next;
        Some(true)
    }

    /// P5a and P5b: `Outside::connect`, then `release::unchanged`. Connecting touches nothing that anybody else sees.
    fn reread(&self, state: &State, hand: &mut Hand, fault: Option<Fault>) -> bool {
        let Some(order) = &mut hand.order else { return false };
        let campaign = usize::from(order.slot) / WAVES;
        hand.phase = Phase::Records;
        order.sent = Some(state.now);
        match fault {
            Some(Fault::Refused) => order.result = Some(Tried::NotSent),
            // A read that fails is no proof that nothing was changed.
            Some(_) => order.result = Some(Tried::NotFired),
            None => {
                order.was_stopped = state.is_stopped(campaign, order.birth);
                let is_promised = order.reserved.is_some() || self.mutant == Some(Mutant::IgnoresReservation);
                let is_same = hand.is_campaign_same[campaign] && hand.is_pool_spec_same && is_promised;
                if is_same || self.mutant == Some(Mutant::NoReread) {
                    hand.phase = Phase::Sends;
                } else {
                    order.result = Some(Tried::NotFired);
                }
            }
        }
        true
    }

    /// P5c, asked before the first byte, and P6: the request.
    fn send(&self, state: &mut State, me: usize, hand: &mut Hand, fault: Option<Fault>) -> Option<bool> {
        let order = hand.order.as_mut()?;
        hand.phase = if self.mutant == Some(Mutant::SendsBeforeLedger) { Phase::Commits } else { Phase::Records };
        order.sent = Some(state.now);
        let is_open = self.is_within(state, order.opened, WINDOW)
            && self.is_within(state, order.reserved, RESERVED)
            && self.is_in_time(state, order);
        if !is_open && self.mutant != Some(Mutant::NoLastCheck) {
            order.result = Some(Tried::NotFired);
            return fault.is_none().then_some(true);
        }
        let (has_effect, result) = match fault {
            None => (true, Tried::Released),
            Some(Fault::NoAnswer) => (true, Tried::Unknown),
            Some(Fault::Vanished) => (false, Tried::Unknown),
            Some(Fault::Rejected) => (false, Tried::Rejected),
            Some(_) => return None,
        };
        order.result = Some(result);
        let order = *order;
        self.witness(state, me, &order, has_effect);
        Some(true)
    }

    /// `release::record`: repeated with a fresh read until it is written, for no longer than its patience.
    fn record(&self, state: &mut State, me: usize, hand: &mut Hand, fault: Option<Fault>) -> bool {
        let Some(order) = hand.order else { return false };
        let slot = usize::from(order.slot);
        let is_forced = self.mutant == Some(Mutant::RecordsWithoutVersion);
        let Some(result) = order.result else { return false };
        if state.entries[slot].is_none() {
            return false;
        }
        if !hand.is_entry_same[slot] && !self.is_within(state, order.sent, PATIENCE) && !is_forced {
            return false;
        }
        state.wrote_entry(slot);
        let mine = Some(u8::try_from(me).unwrap());
        let entry = state.entries[slot].as_mut().unwrap();
        // `release::note`: the attempt of this nonce is told of, or a further one. Another that has begun since is the newest.
        if entry.maker == mine || is_forced {
            entry.attempts = entry.attempts.max(1);
            if entry.result != Some(result) && result == Tried::NotSent {
                entry.not_sent += 1;
            }
            entry.result = Some(result);
        }
        let outcome = match result {
            Tried::NotFired | Tried::NotSent => None,
            Tried::Released => Some(Outcome::Released),
            Tried::Rejected => Some(Outcome::Rejected),
            Tried::Unknown => Some(Outcome::Unknown),
        };
        if order.is_retry && result == Tried::Released {
            self.witnessed(Sight::Retry);
        }
        if let Some(outcome) = outcome {
            decide_outcome(state, slot, outcome, is_forced);
        }
        if fault.is_some() {
            hand.is_entry_same[slot] = false;
            return true;
        }
        remember(state, me, slot);
        false
    }
}

/// Writes an outcome, unless one is there: a later answer never launders it.
fn decide_outcome(state: &mut State, slot: usize, outcome: Outcome, is_forced: bool) {
    let entry = state.entries[slot].as_mut().expect("it was read");
    let before = entry.outcome;
    if before.is_none() || is_forced {
        entry.outcome = Some(outcome);
    }
    let is_changed = before.is_some() && entry.outcome != before;
    if is_changed || entry.skip.is_some() {
        state.broke(Breach::Ledger);
    }
}

/// `Context::remember_entry`: what we wrote ourselves counts, wherever the watch stands.
fn remember(state: &mut State, me: usize, slot: usize) {
    let entry = state.entries[slot];
    if let Some(kept) = &mut state.operators[me].kept_entries {
        kept.entries[slot] = entry;
        kept.is_same[slot] = true;
    }
}

/// Nothing is left to write before the release.
fn skip_phase(hand: &mut Hand) {
    let has_facts = hand.skips.iter().any(Option::is_some)
        || hand.outcomes.iter().any(Option::is_some)
        || hand.says.iter().any(Option::is_some);
    if !has_facts {
        hand.phase = Phase::Reads;
    }
}

/// The operator has nothing in its hand any more, and nobody knows the nonces it had.
pub fn let_go(state: &mut State, me: usize) {
    state.operators[me].hand = None;
    let mine = Some(u8::try_from(me).unwrap());
    for entry in state.entries.iter_mut().flatten().filter(|entry| entry.maker == mine) {
        entry.maker = None;
    }
}

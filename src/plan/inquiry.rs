//! A wave of which nobody knows, and a receiver that can be asked what became of it: when it is asked, what its answer is worth,
//! and how it is told meanwhile. "Done" is believed; anything else is no proof of anything, and a person decides.

use jiff::{SignedDuration, Timestamp};

use crate::api::release::{Disposition, Outcome};

use super::contract::{Contract, QUIESCENCE};
use super::snapshot::{Campaign, Entry, Sender, Snapshot};
use super::why::Why;

/// It is asked no more often than this, and no more seldom than that: the longer it is since the attempt, the less has changed.
const OFTEN: SignedDuration = SignedDuration::from_secs(5);
const SELDOM: SignedDuration = SignedDuration::from_mins(5);

/// What a receiver said when it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The nonce of the attempt that it was asked about.
    pub attempt: String,
    /// When it was asked.
    pub at: Timestamp,
    /// What it said.
    pub said: Said,
}

/// What an answer is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The wave is with it as it was asked for.
    Done,
    /// Nothing that proves anything; how that is told, such as `it answered 404`.
    Other(String),
}

impl Entry {
    /// Whether its receiver can tell what became of it: nobody knows, and it is still the Sender that was frozen.
    fn can_be_asked_about(&self, sender: Option<&Sender>) -> bool {
        let is_queryable = matches!(self.contract, Contract::Queryable { .. });
        is_queryable && self.is_unknown() && sender.is_some_and(|sender| !sender.deleting && self.is_under(sender))
    }

    /// When its receiver is asked next; None: it is not asked.
    fn asks_at(&self, sender: Option<&Sender>) -> Option<Timestamp> {
        if !self.can_be_asked_about(sender) || self.is_known_to_be_done() {
            return None;
        }
        let Some(heard) = &self.heard else { return Some(self.newest_attempt) };
        let age = heard.at.duration_since(self.newest_attempt);
        Some(heard.at.checked_add((age / 4).clamp(OFTEN, SELDOM)).unwrap_or(Timestamp::MAX))
    }

    /// Whether nobody knew of it until its receiver said that it has it.
    fn is_known_to_be_done(&self) -> bool {
        self.is_unknown() && self.heard.as_ref().is_some_and(|heard| heard.said == Said::Done)
    }

    /// When its receiver was asked last, and what it said that proves nothing.
    pub fn was_told(&self) -> Option<(Timestamp, String)> {
        match self.heard.as_ref()? {
            Heard { at, said: Said::Other(told), .. } => Some((*at, told.clone())),
            Heard { said: Said::Done, .. } => None,
        }
    }
}

/// Every entry of this pool whose receiver can tell what became of it, with the Sender by which it is reached.
fn askable(snapshot: &Snapshot) -> impl Iterator<Item = (&Entry, &Sender)> {
    let key = snapshot.pool.key();
    let fired = move |entry: &&Entry| entry.pool == key && entry.disposition == Disposition::Fire;
    snapshot.entries.iter().filter(fired).filter_map(|entry| {
        let is_of = |campaign: &&Campaign| campaign.send_id() == entry.send_id;
        let sender = snapshot.campaigns.iter().find(is_of)?.sender.as_ref()?;
        entry.can_be_asked_about(Some(sender)).then_some((entry, sender))
    })
}

/// The receivers that are to be asked now: by entry, with the Sender by which they are reached.
pub fn due<'a>(snapshot: &'a Snapshot, now: Timestamp) -> Vec<(&'a Entry, &'a Sender)> {
    askable(snapshot).filter(|(entry, sender)| entry.asks_at(Some(sender)).is_some_and(|at| at <= now)).collect()
}

/// How a wave is told of which nobody knows while its receiver may still say so; None: a person decides. Until the request cannot
/// be under way any more "not yet" means nothing, and nobody is called.
pub(super) fn asking(entry: &Entry, sender: Option<&Sender>, now: Timestamp) -> Option<Why> {
    if !entry.can_be_asked_about(sender) {
        return None;
    }
    let until = entry.newest_attempt.checked_add(QUIESCENCE).ok()?;
    let is_open = now < until || entry.is_known_to_be_done();
    let what = entry.message.clone().unwrap_or_else(|| "Headroom was stopped while it was being sent.".to_owned());
    let (wave, again) = (entry.wave.clone(), asks_on(entry, sender, now));
    is_open.then(|| Why::AskingReceiver { wave, what, at: entry.newest_attempt, told: entry.was_told(), again, until })
}

/// When to look again so that its receiver is asked. What was due and could not be asked is not looked at without a pause.
pub(super) fn asks_on(entry: &Entry, sender: Option<&Sender>, now: Timestamp) -> Option<Timestamp> {
    let soon = now.checked_add(OFTEN).unwrap_or(Timestamp::MAX);
    entry.asks_at(sender).map(|at| at.max(soon))
}

/// The outcomes that receivers have told of.
pub(super) fn outcomes(snapshot: &Snapshot) -> impl Iterator<Item = (String, Outcome, String)> {
    let word = "the receiver was asked what became of it, and said that it is done.".to_owned();
    let done = askable(snapshot).filter(|(entry, _)| entry.is_known_to_be_done());
    done.map(move |(entry, _)| (entry.name.clone(), Outcome::Released, word.clone()))
}

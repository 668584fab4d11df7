//! A wave of which nobody knows, or whose Job is under way, and somebody who can tell: when is asked, what an answer is worth, and
//! how it is told meanwhile. "Done" is believed; anything else is no proof of anything, and a person decides.

use jiff::{SignedDuration, Timestamp};

use crate::api::release::{Disposition, Outcome};

use super::contract::{Contract, QUIESCENCE};
use super::past::Past;
use super::snapshot::{Campaign, Entry, Sender, Snapshot};
use super::stand::Stand;
use super::why::Why;

/// It is asked no more often than this, and no more seldom than that: the longer it is since the attempt, the less has changed.
const OFTEN: SignedDuration = SignedDuration::from_secs(5);
const SELDOM: SignedDuration = SignedDuration::from_mins(5);
/// A Job that is under way is looked at no more seldom than this.
const WATCHED: SignedDuration = SignedDuration::from_secs(30);

/// What was said when it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The nonce of the attempt that it was asked about.
    pub attempt: String,
    /// When it was asked.
    pub at: Timestamp,
    /// What was said.
    pub said: Said,
}

/// What an answer is worth. The texts are how it is told, such as `it answered 404`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The wave is with its receiver as it was asked for, or its Job has done it.
    Done,
    /// Its Job is there and has not ended.
    Running(String),
    /// Its Job has failed, or is not there.
    Ended(String),
    /// Nothing that proves anything.
    Other(String),
}

impl Entry {
    /// Whether its Job is under way: it was seen to be there, and its end is not written.
    pub fn is_under_way(&self) -> bool {
        let is_running = matches!(self.heard, Some(Heard { said: Said::Running(_), .. }));
        self.contract == Contract::Job && (self.was_started() || (self.is_unknown() && is_running))
    }

    /// Whether somebody can tell what became of it: its receiver, while its Sender is the one that was frozen, or its Job.
    fn can_be_asked_about(&self, sender: Option<&Sender>) -> bool {
        match self.contract {
            Contract::Queryable { .. } => {
                self.is_unknown() && sender.is_some_and(|sender| !sender.deleting && self.is_under(sender))
            }
            Contract::Job => self.is_unknown() || self.was_started(),
            Contract::AtMostOnce | Contract::Keyed { .. } => false,
        }
    }

    /// When is asked next; None: nobody is asked.
    fn asks_at(&self, sender: Option<&Sender>) -> Option<Timestamp> {
        if !self.can_be_asked_about(sender) || self.is_known_to_be_done() {
            return None;
        }
        let Some(heard) = &self.heard else { return Some(self.newest_attempt) };
        let age = heard.at.duration_since(self.newest_attempt);
        let seldom = if self.is_under_way() { WATCHED } else { SELDOM };
        Some(heard.at.checked_add((age / 4).clamp(OFTEN, seldom)).unwrap_or(Timestamp::MAX))
    }

    /// Whether its end was not known until it was said that it is done.
    fn is_known_to_be_done(&self) -> bool {
        matches!(self.heard, Some(Heard { said: Said::Done, .. })) && (self.is_unknown() || self.was_started())
    }

    /// What was said last that proves nothing. Not when: a status that told that would be written anew each time.
    pub fn was_told(&self) -> Option<String> {
        match &self.heard.as_ref()?.said {
            Said::Running(told) | Said::Ended(told) | Said::Other(told) => Some(told.clone()),
            Said::Done => None,
        }
    }
}

/// Every entry of this pool of which somebody can tell what became of it, with the Sender by which it went.
fn askable(snapshot: &Snapshot) -> impl Iterator<Item = (&Entry, Option<&Sender>)> {
    let key = snapshot.pool.key();
    let fired = move |entry: &&Entry| entry.pool == key && entry.disposition == Disposition::Fire;
    snapshot.entries.iter().filter(fired).filter_map(|entry| {
        let is_of = |campaign: &&Campaign| campaign.send_id() == entry.send_id;
        let sender = snapshot.campaigns.iter().find(is_of).and_then(|campaign| campaign.sender.as_ref());
        entry.can_be_asked_about(sender).then_some((entry, sender))
    })
}

/// Of whom is to be asked now: by entry, with the Sender by which its receiver is reached. A Job is there without its Sender.
pub fn due(snapshot: &Snapshot, now: Timestamp) -> Vec<(&Entry, Option<&Sender>)> {
    askable(snapshot).filter(|(entry, sender)| entry.asks_at(*sender).is_some_and(|at| at <= now)).collect()
}

/// How a wave is told of which nobody knows while it may still be said; None: a person decides. Until the request cannot be under
/// way any more "not yet" means nothing, and nobody is called.
pub(super) fn asking(entry: &Entry, sender: Option<&Sender>, now: Timestamp) -> Option<Why> {
    // A Job that was there and is not, or has failed, comes to no other end.
    if !entry.can_be_asked_about(sender) || entry.newest_result.as_deref() == Some("Started") {
        return None;
    }
    let until = entry.newest_attempt.checked_add(QUIESCENCE).ok()?;
    let is_open = now < until || entry.is_known_to_be_done();
    let what = entry.message.clone().unwrap_or_else(|| "Headroom was stopped while it was being sent.".to_owned());
    let (wave, at, is_job) = (entry.wave.clone(), entry.newest_attempt, entry.contract == Contract::Job);
    let (told, again) = (entry.was_told(), asks_on(entry, sender, now));
    is_open.then_some(Why::AskingReceiver { wave, what, is_job, at, told, again, until })
}

/// When to look again so that is asked. What was due and could not be asked is not looked at without a pause.
pub(super) fn asks_on(entry: &Entry, sender: Option<&Sender>, now: Timestamp) -> Option<Timestamp> {
    let soon = now.checked_add(OFTEN).unwrap_or(Timestamp::MAX);
    entry.asks_at(sender).map(|at| at.max(soon))
}

/// A send one of whose waves is under way waits for its end.
pub(super) fn under_way<'a>(past: &Past<'_>, now: Timestamp) -> Option<Stand<'a>> {
    let entry = past.fired().find(|entry| entry.is_under_way())?;
    let why = Why::UnderWay {
        wave: entry.wave.clone(),
        recipients: entry.recipients,
        at: entry.newest_attempt,
        told: entry.was_told(),
    };
    Some(Stand::Rests { why, also: Vec::new(), skips: Vec::new(), until: asks_on(entry, None, now) })
}

/// The outcomes that were told.
pub(super) fn outcomes(snapshot: &Snapshot) -> impl Iterator<Item = (String, Outcome, String)> {
    askable(snapshot).filter_map(|(entry, _)| {
        let is_job = entry.contract == Contract::Job;
        let (outcome, word) = match &entry.heard.as_ref()?.said {
            Said::Done if is_job => (Outcome::Released, "its Job has completed.".to_owned()),
            Said::Done => {
                (Outcome::Released, "the receiver was asked what became of it, and said that it is done.".to_owned())
            }
            // It was there: what is gone or has failed may have sent.
            Said::Ended(told) if entry.was_started() => (Outcome::Unknown, format!("{told}.")),
            Said::Running(_) | Said::Ended(_) | Said::Other(_) => return None,
        };
        Some((entry.name.clone(), outcome, word))
    })
}

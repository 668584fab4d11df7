//! A wave of which nobody knows, or whose Job is under way, and somebody who can tell: when is asked, what an answer is worth, and
//! how it is told meanwhile. "Done" is believed; anything else is no proof of anything, and a person decides.

use jiff::{SignedDuration, Timestamp};

use crate::api::release::{Disposition, Outcome};

use super::contract::{Contract, QUIESCENCE};
use super::doubt;
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
    /// Its Job was running when it was last seen, and what is the matter with it now.
    Hidden(String),
    /// Its Job has failed, or is gone.
    Ended(String),
    /// There is no Job, and none was ever seen.
    Absent(String),
    /// Nothing that proves anything.
    Other(String),
}

impl Entry {
    /// Whether its Job is under way: it was seen to be there, and its end is not written.
    pub fn is_under_way(&self) -> bool {
        let was_running = matches!(self.heard, Some(Heard { said: Said::Running(_) | Said::Hidden(_), .. }));
        self.contract == Contract::Job && (self.was_started() || (self.is_unknown() && was_running))
    }

    /// Whether its Job was seen to be under way when it was last looked for.
    pub fn is_seen_under_way(&self) -> bool {
        self.is_under_way() && matches!(self.heard, None | Some(Heard { said: Said::Running(_), .. }))
    }

    /// Whether all of it may still be to come: of its Job it is not known that it has ended.
    pub fn may_be_coming(&self) -> bool {
        let has_ended = matches!(self.heard, Some(Heard { said: Said::Ended(_) | Said::Absent(_), .. }));
        self.is_under_way() || (self.contract == Contract::Job && self.is_unknown() && !has_ended)
    }

    /// Whether there is something to ask: its end is not known, and its contract is one by which that can be told.
    fn is_open_to_questions(&self) -> bool {
        match self.contract {
            Contract::Queryable { .. } => self.is_unknown(),
            Contract::Job => self.is_unknown() || self.was_started(),
            Contract::AtMostOnce | Contract::Keyed { .. } => false,
        }
    }

    /// Whether somebody can tell what became of it: its receiver, while its Sender is the one that was frozen, or its Job.
    fn can_be_asked_about(&self, sender: Option<&Sender>) -> bool {
        let is_there = |sender: &Sender| !sender.deleting && self.is_under(sender);
        self.is_open_to_questions() && (self.contract == Contract::Job || sender.is_some_and(is_there))
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
    pub(super) fn is_known_to_be_done(&self) -> bool {
        matches!(self.heard, Some(Heard { said: Said::Done, .. })) && (self.is_unknown() || self.was_started())
    }

    /// What was said last that proves nothing. Not when: a status that told that would be written anew each time.
    pub fn was_told(&self) -> Option<String> {
        self.heard.as_ref()?.said.told().map(ToOwned::to_owned)
    }
}

impl Said {
    /// How it is told; None: it is done.
    pub fn told(&self) -> Option<&str> {
        match self {
            Said::Done => None,
            Said::Running(told) | Said::Hidden(told) | Said::Ended(told) | Said::Absent(told) | Said::Other(told) => {
                Some(told)
            }
        }
    }

    /// What is known of a Job that said this after that: one that was running and cannot be seen may be running still, and one that
    /// was running and is not there was deleted.
    #[must_use]
    pub fn after(self, before: Option<&Said>) -> Said {
        let was_running = matches!(before, Some(Said::Running(_) | Said::Hidden(_)));
        match self {
            Said::Other(told) if was_running => Said::Hidden(told),
            Said::Absent(told) if was_running => Said::Ended(told),
            said => said,
        }
    }
}

/// Every entry of this pool of which somebody can tell what became of it, with the Sender by which it went.
fn askable(snapshot: &Snapshot) -> impl Iterator<Item = (&Entry, Option<&Sender>)> {
    let key = snapshot.pool.key();
    // First what is seldom so: campaigns are not looked through for each line of the ledger.
    let fired = move |entry: &&Entry| {
        entry.is_open_to_questions() && entry.pool == key && entry.disposition == Disposition::Fire
    };
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

/// A send one of whose waves is under way waits for its end. Of a Job that cannot be seen a person may say what became of it.
pub(super) fn under_way<'a>(campaign: &Campaign, past: &Past<'_>, now: Timestamp) -> Option<Stand<'a>> {
    let entry = past.fired().find(|entry| entry.is_under_way())?;
    let why = Why::UnderWay {
        resolve: (!entry.is_seen_under_way()).then(|| doubt::resolving(campaign, past, now)),
        wave: entry.wave.clone(),
        recipients: entry.recipients,
        at: entry.newest_attempt,
        told: entry.was_told(),
    };
    Some(Stand::Rests { why, also: Vec::new(), skips: Vec::new(), until: asks_on(entry, None, now) })
}

/// The outcomes that were told.
pub(super) fn outcomes(snapshot: &Snapshot) -> Vec<(String, Outcome, String)> {
    let told = askable(snapshot).filter_map(|(entry, _)| {
        let is_job = entry.contract == Contract::Job;
        let (outcome, word) = match &entry.heard.as_ref()?.said {
            Said::Done if is_job => (Outcome::Released, "its Job has completed.".to_owned()),
            Said::Done => {
                (Outcome::Released, "the receiver was asked what became of it, and said that it is done.".to_owned())
            }
            // It was there: what is gone or has failed may have sent.
            Said::Ended(told) | Said::Absent(told) if entry.was_started() => (Outcome::Unknown, format!("{told}.")),
            // It ran although nobody knew that it was made: when it was seen to end is written, for what may still arrive.
            Said::Ended(told) if is_job && entry.message.as_deref() != Some(&format!("{told}.")) => {
                (Outcome::Unknown, format!("{told}."))
            }
            Said::Running(_) | Said::Hidden(_) | Said::Ended(_) | Said::Absent(_) | Said::Other(_) => return None,
        };
        Some((entry.name.clone(), outcome, word))
    });
    told.collect()
}

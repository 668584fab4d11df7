//! A wave of which nobody knows, or that was started and is under way, and somebody who can tell: when is asked, what an answer is
//! worth, and how it is told meanwhile. "Done" is believed; anything else is no proof of anything, and a person decides.

use jiff::{SignedDuration, Timestamp};

use crate::api::release::{Disposition, Outcome};

use super::contract::{Contract, QUIESCENCE, Way};
use super::doubt;
use super::past::Past;
use super::resume;
use super::snapshot::{Campaign, Entry, Sender, Snapshot};
use super::why::Why;

/// It is asked no more often than this, and no more seldom than that: the longer it is since the attempt, the less has changed.
const OFTEN: SignedDuration = SignedDuration::from_secs(5);
const SELDOM: SignedDuration = SignedDuration::from_mins(5);
/// What is under way is looked at no more seldom than this.
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
    /// So many of its recipients it has been sent to at least, where that was said.
    pub sent: Option<u64>,
    /// How it stands still, where it was said that it is paused.
    pub still: Option<Still>,
    /// When it was last said that it runs.
    pub ran: Option<Timestamp>,
}

/// What is told of something that is paused: whatever becomes of it changes this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Still {
    /// The instant of its last change.
    pub changed: String,
    /// How many messages it counts.
    pub sent: u64,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// What it is worth.
    pub said: Said,
    /// So many recipients it has been sent to at least.
    pub sent: Option<u64>,
    /// How it stands still, where it is paused.
    pub still: Option<Still>,
}

impl From<Said> for Answered {
    fn from(said: Said) -> Answered {
        Answered { said, sent: None, still: None }
    }
}

impl Heard {
    /// What is known after this was said, where that was heard before: how far it was counts until something newer is known.
    pub fn next(attempt: String, at: Timestamp, answered: Answered, before: Option<&Heard>) -> Heard {
        let Answered { said, sent, still } = answered;
        let said = said.after(before.map(|before| &before.said));
        let ran = if matches!(said, Said::Running(_)) { Some(at) } else { before.and_then(|before| before.ran) };
        Heard { attempt, at, said, sent: sent.or(before.and_then(|before| before.sent)), still, ran }
    }
}

/// What an answer is worth. The texts are how it is told, such as `it answered 404`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The wave is with its receiver as it was asked for, or what was started has done it.
    Done,
    /// It has been done, and of some recipients it is not known whether they were sent to: they are left so.
    Short(String),
    /// What was started is there and has not ended.
    Running(String),
    /// It was running when it was last seen, and what is the matter with it now: it stands still, or cannot be seen.
    Hidden(String),
    /// It has failed, or is gone.
    Ended(String),
    /// Nothing was started, and nothing ever seen to be.
    Absent(String),
    /// Nothing that proves anything.
    Other(String),
}

impl Entry {
    /// Whether it is under way: it was seen to be started, and its end is not written.
    pub fn is_under_way(&self) -> bool {
        let was_running = matches!(self.heard, Some(Heard { said: Said::Running(_) | Said::Hidden(_), .. }));
        self.contract.is_followed() && (self.was_started() || (self.is_unknown() && was_running))
    }

    /// Whether it was seen to be under way when it was last asked for.
    pub fn is_seen_under_way(&self) -> bool {
        self.is_under_way() && matches!(self.heard, None | Some(Heard { said: Said::Running(_), .. }))
    }

    /// Whether all of it may still be to come: of what was started it is not known that it has ended.
    pub fn may_be_coming(&self) -> bool {
        let has_ended =
            self.was_seen_to_end() || matches!(self.heard, Some(Heard { said: Said::Ended(_) | Said::Absent(_), .. }));
        self.is_under_way() || (self.contract.is_followed() && self.is_unknown() && !has_ended)
    }

    /// Whether it was started, and nobody knows what of it has gone, because that it ended was seen.
    fn was_seen_to_end(&self) -> bool {
        self.outcome == Some(Outcome::Unknown) && self.newest_result.as_deref() == Some("Started")
    }

    /// Whether there is something to ask: its end is not known, and its contract is one by which that can be told.
    fn is_open_to_questions(&self) -> bool {
        match self.contract {
            Contract::Queryable { .. } => self.is_unknown(),
            Contract::Job | Contract::Listmonk => self.is_unknown() || self.was_started(),
            Contract::AtMostOnce | Contract::Keyed { .. } => false,
        }
    }

    /// Whether somebody can tell what became of it: its receiver, while its Sender is the one that was frozen, or what was started.
    fn can_be_asked_about(&self, sender: Option<&Sender>) -> bool {
        let is_there = |sender: &Sender| !sender.deleting && self.is_under(sender);
        self.is_open_to_questions() && (self.contract.is_followed() || sender.is_some_and(is_there))
    }

    /// When is asked next; None: nobody is asked.
    fn asks_at(&self, sender: Option<&Sender>) -> Option<Timestamp> {
        if !self.can_be_asked_about(sender) || self.is_known_to_be_done() {
            return None;
        }
        let Some(heard) = &self.heard else { return Some(self.newest_attempt) };
        if self.comes_to_rest(heard.at) {
            return Some(heard.at.checked_add(resume::CLOSELY).unwrap_or(Timestamp::MAX));
        }
        let age = heard.at.duration_since(self.newest_attempt);
        let seldom = if self.is_under_way() { WATCHED } else { SELDOM };
        Some(heard.at.checked_add((age / 4).clamp(OFTEN, seldom)).unwrap_or(Timestamp::MAX))
    }

    /// Whether its end was not known until it was said that it is done.
    pub(super) fn is_known_to_be_done(&self) -> bool {
        let is_done = matches!(self.heard, Some(Heard { said: Said::Done | Said::Short(_), .. }));
        is_done && (self.is_unknown() || self.was_started())
    }

    /// So many of its recipients it has been sent to at least, while it is under way.
    pub fn sent_so_far(&self) -> Option<u64> {
        self.heard.as_ref().filter(|_| self.is_under_way())?.sent
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
            Said::Short(told)
            | Said::Running(told)
            | Said::Hidden(told)
            | Said::Ended(told)
            | Said::Absent(told)
            | Said::Other(told) => Some(told),
        }
    }

    /// What is known of what said this after that: what was running and cannot be seen may be running still, and what was running and
    /// is not there was deleted.
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

/// Of whom is to be asked now: by entry, with the Sender by which its receiver is reached. What was started is there without it.
pub fn due(snapshot: &Snapshot, now: Timestamp) -> Vec<(&Entry, Option<&Sender>)> {
    askable(snapshot).filter(|(entry, sender)| entry.asks_at(*sender).is_some_and(|at| at <= now)).collect()
}

/// How a wave is told of which nobody knows while it may still be said; None: a person decides. Until the request cannot be under
/// way any more "not yet" means nothing, and nobody is called.
pub(super) fn asking(entry: &Entry, sender: Option<&Sender>, now: Timestamp) -> Option<Why> {
    // What was there and is not, or has failed, comes to no other end.
    if !entry.can_be_asked_about(sender) || entry.newest_result.as_deref() == Some("Started") {
        return None;
    }
    let until = entry.newest_attempt.checked_add(QUIESCENCE).ok()?;
    let is_open = now < until || entry.is_known_to_be_done();
    let what = entry.message.clone().unwrap_or_else(|| "Headroom was stopped while it was being sent.".to_owned());
    let (wave, at, way) = (entry.wave.clone(), entry.newest_attempt, entry.contract.way());
    let (told, again) = (entry.was_told(), asks_on(entry, sender, now));
    is_open.then_some(Why::AskingReceiver { wave, what, way, at, told, again, until })
}

/// When to look again so that is asked. What was due and could not be asked is not looked at without a pause.
pub(super) fn asks_on(entry: &Entry, sender: Option<&Sender>, now: Timestamp) -> Option<Timestamp> {
    let soon = now.checked_add(OFTEN).unwrap_or(Timestamp::MAX);
    entry.asks_at(sender).map(|at| at.max(soon))
}

/// How a wave is told that is under way, with what follows after it. Of what stands still, or cannot be seen, a person may say what
/// became.
pub(super) fn under_way(campaign: &Campaign, past: &Past<'_>, entry: &Entry, further: &str, now: Timestamp) -> Why {
    let told = entry.was_told().or_else(|| begun(entry.contract.way()));
    Why::UnderWay {
        resolve: (!entry.is_seen_under_way()).then(|| doubt::resolving(campaign, past, now)),
        wave: entry.wave.clone(),
        recipients: entry.recipients,
        at: entry.newest_attempt,
        told: told.map(|told| format!("{told}{further}")),
    }
}

/// What is told of a wave that was started, before it was first asked for.
fn begun(way: Way) -> Option<String> {
    (way == Way::Listmonk).then(|| "its campaign in listmonk has been started".to_owned())
}

/// The outcomes that were told.
pub(super) fn outcomes(snapshot: &Snapshot) -> Vec<(String, Outcome, String)> {
    let told = askable(snapshot).filter_map(|(entry, _)| {
        let way = entry.contract.way();
        let (outcome, word) = match &entry.heard.as_ref()?.said {
            Said::Done => {
                let told = match way {
                    Way::Job => "its Job has completed.",
                    Way::Listmonk => "listmonk has sent it to all its recipients.",
                    Way::Request => "the receiver was asked what became of it, and said that it is done.",
                };
                (Outcome::Released, told.to_owned())
            }
            // Nothing is ever sent to those of whom it is not known: that is how nobody hears of it twice.
            Said::Short(told) => (Outcome::Released, format!("{told}.")),
            // It was there: what is gone or has failed may have sent.
            Said::Ended(told) | Said::Absent(told) if entry.was_started() => (Outcome::Unknown, format!("{told}.")),
            // It ran although nobody knew that it was made: when it was seen to end is written, for what may still arrive.
            Said::Ended(told) if way != Way::Request && entry.message.as_deref() != Some(&format!("{told}.")) => {
                (Outcome::Unknown, format!("{told}."))
            }
            Said::Running(_) | Said::Hidden(_) | Said::Ended(_) | Said::Absent(_) | Said::Other(_) => return None,
        };
        Some((entry.name.clone(), outcome, word))
    });
    told.collect()
}

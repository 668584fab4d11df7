//! What keeps a send from going on because nobody can tell what of it has gone: entries of another Campaign, waves that the
//! ledger does not know, and attempts whose end was never seen. A person looks; nothing is guessed and nothing repeated.

use jiff::Timestamp;

use crate::api::release::Outcome;

use super::again;
use super::contract::{MOST_ATTEMPTS, MOST_TRIES};
use super::identity;
use super::inquiry;
use super::past::Past;
use super::resolve::{self, Answer};
use super::snapshot::{Campaign, Entry};
use super::why::{Resolving, Why};

/// Entries of this send that another Campaign left.
pub(super) fn foreign(campaign: &Campaign, send: &identity::SendId, past: &Past<'_>) -> Option<Why> {
    let others: Vec<&&Entry> = past.entries.iter().filter(|entry| entry.campaign_uid != campaign.uid).collect();
    let first = others.first()?;
    Some(Why::SentBefore {
        send_id: send.as_str().to_owned(),
        campaign: first.campaign.clone(),
        waves: others.iter().map(|entry| (entry.wave.clone(), entry.recipients, entry.first_attempt)).collect(),
    })
}

/// Waves that the status tells of and the ledger does not know.
pub(super) fn lost(campaign: &Campaign, past: &Past<'_>) -> Option<Why> {
    if let Some(entry) = &campaign.unreadable_entry {
        return Some(Why::LedgerUnreadable { entry: entry.clone() });
    }
    let waves: Vec<String> = campaign
        .said_to_have_gone()
        .into_iter()
        .filter(|name| past.of_wave(name).is_none())
        .map(ToOwned::to_owned)
        .collect();
    (!waves.is_empty()).then_some(Why::LedgerLost { waves })
}

/// Waves of which nobody knows whether they went, or that the receiver did not take.
pub(super) fn uncertain(campaign: &Campaign, past: &Past<'_>, now: Timestamp) -> Option<Why> {
    past.fired().find_map(|entry| {
        let what = |silent: &str| entry.message.clone().unwrap_or_else(|| silent.to_owned());
        let wave = entry.wave.clone();
        let resolve = || resolving(campaign, past, now);
        match entry.outcome {
            _ if entry.is_under_way() => None,
            Some(Outcome::Unknown) if entry.will_be_cleared_up(campaign.sender.as_ref(), now) => None,
            Some(Outcome::Rejected) => {
                Some(Why::Rejected { wave, what: what("no reason was given."), resolve: resolve() })
            }
            // In six minutes that is written, and its receiver asked: nobody has to do anything.
            None if entry.will_be_cleared_up(campaign.sender.as_ref(), now) && !entry.may_be_tried_again() => {
                again::asking_again(entry, entry.opens_at())
            }
            _ if entry.is_unknown() => {
                let asking = inquiry::asking(entry, campaign.sender.as_ref(), now);
                asking.or_else(|| Some(unknown(campaign, past, entry, now)))
            }
            None if entry.tries >= MOST_TRIES || entry.attempts >= MOST_ATTEMPTS => {
                let what = what("it could not be sent.");
                Some(Why::Unreachable { wave, what, tries: entry.attempts, resolve: resolve() })
            }
            _ => None,
        }
    })
}

/// Nobody knows of it, and only a person can.
pub(super) fn unknown(campaign: &Campaign, past: &Past<'_>, entry: &Entry, now: Timestamp) -> Why {
    let silent = match entry.outcome {
        None => "Headroom was stopped while it was being sent.",
        Some(_) => "what became of it was not written.",
    };
    let what = entry.message.clone().unwrap_or_else(|| silent.to_owned());
    let resolve = resolving(campaign, past, now);
    let (told, asks_at) = (entry.was_told(), inquiry::asks_on(entry, campaign.sender.as_ref(), now));
    let way = entry.contract.way();
    Why::OutcomeUnknown { wave: entry.wave.clone(), what, way, at: entry.newest_attempt, told, asks_at, resolve }
}

pub(super) fn resolving(campaign: &Campaign, past: &Past<'_>, now: Timestamp) -> Resolving {
    let (waits, refused) = match resolve::answer(campaign, &past.entries, now) {
        Answer::Waits(until) => (Some(until), None),
        Answer::Refused(why) => (None, Some(why)),
        Answer::Nothing | Answer::Taken(_) => (None, None),
    };
    Resolving { namespace: campaign.namespace.clone(), name: campaign.name.clone(), waits, refused }
}

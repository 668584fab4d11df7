//! A wave that was tried before and goes again by itself: when, and how it is told until then. Nothing of it has gone, or nobody
//! knows and its receiver keeps keys; what decides between the two is in `contract`.

use jiff::Timestamp;

use super::contract::Contract;
use super::doubt;
use super::past::Past;
use super::snapshot::{Campaign, Entry, Sender};
use super::stand::{Stand, rests};
use super::why::Why;

/// One of which nobody knows has no time left in which its receiver could be asked again.
pub(super) fn rests_unknown<'a>(
    campaign: &Campaign,
    past: &Past<'_>,
    entry: Option<&Entry>,
    now: Timestamp,
) -> Stand<'a> {
    let Some(entry) = entry else { return Stand::Ended };
    let why = doubt::unknown(campaign, past, entry, now);
    let until = why.resolves_at();
    Stand::Rests { why, also: Vec::new(), skips: Vec::new(), until }
}

/// Why a wave that was tried before, and may go again, does not go now.
pub(super) fn not_again_yet<'a>(
    campaign: &Campaign,
    past: &Past<'_>,
    entry: &Entry,
    sender: &Sender,
    now: Timestamp,
) -> Option<Stand<'a>> {
    if entry.lost_at().is_some_and(|lost| now >= lost) {
        return Some(rests_unknown(campaign, past, Some(entry), now));
    }
    let way = Contract::of_sender(&sender.spec).unwrap_or_default().way();
    if !entry.is_for(sender) || entry.contract.way() != way {
        let name = &entry.wave;
        let why = format!(
            "wave \"{name}\" was first tried with another URL, Job template, listmonk or Sender, and is not moved to a new one by itself; put the old one back, or set spec.abort"
        );
        let sender = format!("{}/{}", sender.namespace, sender.name);
        return Some(rests(Why::SenderUnable { sender, why }));
    }
    let again = entry.opens_at().filter(|again| now < *again)?;
    let why = asking_again(entry, Some(again)).unwrap_or_else(|| {
        let what = entry.message.clone().unwrap_or_else(|| "it did not reach the receiver.".to_owned());
        Why::NotYetTried { wave: entry.wave.clone(), what, again: Some(again) }
    });
    Some(Stand::Rests { why, also: Vec::new(), skips: Vec::new(), until: Some(again) })
}

/// How a wave is told of which nobody knows, until its receiver has been asked again.
pub(super) fn asking_again(entry: &Entry, again: Option<Timestamp>) -> Option<Why> {
    let until = entry.forgotten_at().filter(|_| entry.is_unknown())?;
    let silent = "Headroom was stopped while it was being sent.";
    let what = entry.message.clone().unwrap_or_else(|| silent.to_owned());
    let (wave, tries) = (entry.wave.clone(), entry.tries);
    Some(Why::AskingAgain { wave, what, at: entry.newest_attempt, again, tries, until })
}

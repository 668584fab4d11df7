//! Waves that are leaving and must not go on: cancelled when their send is ended or their Campaign taken away, paused while a
//! guardrail says so. Only what was seen to be running is halted; what of it goes on again is `resume`'s matter.

use crate::api::campaign_status::Phase;
use crate::api::release::{Disposition, SkipReason};

use super::approval;
use super::contract::Way;
use super::guard::Guard;
use super::inquiry::{Heard, Said};
use super::resume::{self, Written};
use super::snapshot::{Campaign, Entry, Snapshot};
use super::stand::aborts;
use jiff::Timestamp;

/// What is done to a wave that is leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Until it is let go on: see `resume`.
    Pause,
    /// For good.
    Cancel,
}

/// What is said of a wave whose Campaign is not there any more: whoever halts it looks first whether that is so.
pub const GONE: &str = "its Campaign was deleted";

/// A wave that must not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// Its entry in the ledger.
    pub entry: String,
    /// What is done to it.
    pub how: How,
    /// Why, as the end of a sentence.
    pub why: String,
    /// Set where a pause is written down, so that it can be told from anybody else's.
    pub written: Option<Written>,
}

/// All of a pool's.
pub(super) fn halts(snapshot: &Snapshot, guard: &Guard, now: Timestamp) -> Vec<Halt> {
    let pool = snapshot.pool.key();
    // Of a pool that is not there it is not known whose it was; and a Campaign may name another pool by now.
    let is_here = |entry: &Entry| entry.pool == pool && !snapshot.pool.missing;
    let is_own = |entry: &Entry| snapshot.campaigns.iter().any(|campaign| campaign.uid == entry.campaign_uid);
    let leaving = snapshot.entries.iter().filter(|entry| {
        let is_leaving = entry.disposition == Disposition::Fire && entry.is_under_way();
        is_leaving && entry.contract.way() == Way::Listmonk && (is_here(entry) || is_own(entry))
    });
    leaving.filter_map(|entry| halt(snapshot, guard, entry, now)).collect()
}

fn halt(snapshot: &Snapshot, guard: &Guard, entry: &Entry, now: Timestamp) -> Option<Halt> {
    let said = entry.heard.as_ref().map(|Heard { said, .. }| said);
    let campaign = snapshot.campaigns.iter().find(|campaign| campaign.uid == entry.campaign_uid);
    let to = |how, why: String, written| Some(Halt { entry: entry.name.clone(), how, why, written });
    if let Some(why) = ends(snapshot, campaign, entry) {
        // What stands still could be let go on by anybody.
        let goes_on = matches!(said, Some(Said::Running(_) | Said::Hidden(_)));
        return if goes_on { to(How::Cancel, why, None) } else { None };
    }
    if !matches!(said, Some(Said::Running(_))) {
        return None;
    }
    // One that ends a send ends none that is held, or that nobody understands; what is leaving of it stands still all the same.
    let is_answered_for = campaign.is_some_and(|campaign| approval::without_headroom(campaign, now).is_some());
    let rail = guard.ends.as_ref().or_else(|| guard.pauses.as_ref().filter(|_| !is_answered_for))?;
    let written = resume::written(entry, format!("guardrail {rail} was out of bounds"), &snapshot.nonce);
    to(How::Pause, format!("guardrail {rail} is out of bounds"), written)
}

/// Why the send of a wave has ended, if it has.
fn ends(snapshot: &Snapshot, campaign: Option<&Campaign>, entry: &Entry) -> Option<String> {
    // Written for other waves of the send, as they were in the middle of it; that a window has passed stops nothing that is leaving.
    let is_end = |other: &&Entry| {
        other.send_id == entry.send_id && matches!(other.skip, Some(SkipReason::Aborted | SkipReason::Breached))
    };
    if let Some(end) = snapshot.entries.iter().find(is_end) {
        return Some(format!("the send was ended: {}", end.skipped_by.clone().unwrap_or_default()));
    }
    let Some(campaign) = campaign else {
        return entry.is_orphaned.then(|| GONE.to_owned());
    };
    if campaign.deleting {
        return Some("its Campaign is being deleted".to_owned());
    }
    let was_aborted = campaign.status.phase == Some(Phase::Aborted);
    aborts(campaign)
        .or_else(|| was_aborted.then(|| "it was aborted".to_owned()))
        .map(|by| format!("the send was ended: {by}"))
}

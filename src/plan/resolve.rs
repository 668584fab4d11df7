//! What a person says became of a wave of which nobody knows, or that its receiver did not take: whether that is a word about this
//! very attempt, at a time at which it can be known, and what follows from it. The operator guesses nothing.
//!
//! Who may say it is not decided here: the API server lets only holders of the verb `resolve` on the Sender write the annotation,
//! and only in their own name.

use jiff::Timestamp;

use crate::api::release::{Outcome, ResolvedAs};

use super::contract::{self, QUIESCENCE};
use super::intent;
use super::past::BySend;
use super::snapshot::{Campaign, Entry, Snapshot};

/// What is to be taken down of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolve {
    /// Namespace and name of the Campaign that carries the word.
    pub campaign: (String, String),
    /// Name of the ledger entry.
    pub entry: String,
    /// The wave.
    pub wave: String,
    /// The attempt.
    pub attempt: String,
    /// What became of it.
    pub resolved_as: ResolvedAs,
    /// Who says so.
    pub by: String,
    /// How that person knows.
    pub reason: String,
    /// UID of the Sender by which it may be tried again, and the digest of its URL.
    pub sender: Option<(String, String)>,
}

impl Resolve {
    /// The outcome that the entry has then; None: it has none, and may be tried again.
    pub fn outcome(&self) -> Option<Outcome> {
        match self.resolved_as {
            ResolvedAs::Sent => Some(Outcome::Released),
            ResolvedAs::NotSent => None,
            ResolvedAs::Skip => Some(Outcome::Skipped),
        }
    }
}

/// What a word of a person leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// There is none, or it was taken down before.
    Nothing,
    /// Until then the request may still be under way, and nobody can know.
    Waits(Timestamp),
    /// It cannot be taken, and why.
    Refused(String),
    /// It is taken down.
    Taken(Box<Resolve>),
}

/// The longest text the ledger takes for who said it, and for how that person knows.
const LONGEST: usize = 256;

/// How a word is written.
pub fn word(wave: &str, resolved_as: ResolvedAs, attempt: &str, by: &str) -> String {
    format!("{wave} {} {attempt} {by}", name(resolved_as))
}

/// What it is called.
pub fn name(resolved_as: ResolvedAs) -> &'static str {
    match resolved_as {
        ResolvedAs::Sent => "Sent",
        ResolvedAs::NotSent => "NotSent",
        ResolvedAs::Skip => "Skip",
    }
}

fn parse(word: &str) -> Option<(&str, ResolvedAs, &str, &str)> {
    let mut parts = word.trim().splitn(4, ' ');
    let (wave, resolved_as, attempt, by) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?.trim());
    let all = [ResolvedAs::Sent, ResolvedAs::NotSent, ResolvedAs::Skip];
    let resolved_as = all.into_iter().find(|one| name(*one) == resolved_as)?;
    (!by.is_empty()).then_some((wave, resolved_as, attempt, by))
}

/// What the campaign's word leads to, of all entries of its send.
pub(super) fn answer(campaign: &Campaign, entries: &[&Entry], now: Timestamp) -> Answer {
    let Some(word) = &campaign.asks.resolve else { return Answer::Nothing };
    let Some((wave, resolved_as, attempt, by)) = parse(word) else {
        return Answer::Refused("the annotation headroom.dev/resolve cannot be read".to_owned());
    };
    let Some(entry) = entries.iter().find(|entry| entry.wave == wave) else {
        return Answer::Refused(format!("the ledger has no wave \"{wave}\" of this send"));
    };
    if entry.resolved.iter().any(|resolved| resolved == attempt) || is_settled(entry) {
        return Answer::Nothing;
    }
    if entry.newest_nonce != attempt {
        return Answer::Refused(format!("it is about an earlier attempt of wave \"{wave}\""));
    }
    // Whoever may speak of one Sender may not speak of another.
    let named = &campaign.spec.sender_ref;
    let named = format!("{}/{}", named.namespace.as_ref().unwrap_or(&campaign.namespace), named.name);
    if let Some(other) = entry.sender_key.as_ref().filter(|key| **key != named) {
        return Answer::Refused(format!(
            "wave \"{wave}\" went by the Sender {other}, and spec.senderRef names {named}"
        ));
    }
    let reason = campaign.asks.resolve_reason.as_deref().unwrap_or_default().trim();
    if reason.is_empty() {
        return Answer::Refused("it does not say how that is known (headroom.dev/resolve-reason)".to_owned());
    }
    if entry.is_seen_under_way() {
        return Answer::Refused(format!("wave \"{wave}\" is leaving, and what becomes of it will be told"));
    }
    // What says that it has gone is heard before it is written.
    if entry.is_known_to_be_done() && resolved_as != ResolvedAs::Sent {
        return Answer::Refused(format!("wave \"{wave}\" has gone: that was said when it was asked for"));
    }
    let is_known_to_be_away = entry.outcome == Some(Outcome::Rejected) || entry.may_be_tried_again();
    if is_known_to_be_away && resolved_as == ResolvedAs::Sent {
        return Answer::Refused(format!("nothing of wave \"{wave}\" has gone, as Headroom knows itself"));
    }
    let quiet = entry.newest_attempt.checked_add(QUIESCENCE).unwrap_or(Timestamp::MAX);
    if !is_known_to_be_away && now < quiet {
        return Answer::Waits(quiet);
    }
    let text = |text: &str| text.chars().take(LONGEST).collect::<String>();
    let sender = campaign.sender.as_ref();
    let sender = sender.map(|it| (it.uid.clone(), contract::place(&it.spec)));
    Answer::Taken(Box::new(Resolve {
        campaign: (campaign.namespace.clone(), campaign.name.clone()),
        entry: entry.name.clone(),
        wave: wave.to_owned(),
        attempt: attempt.to_owned(),
        resolved_as,
        by: text(by),
        reason: text(reason),
        sender: sender.filter(|_| resolved_as == ResolvedAs::NotSent),
    }))
}

/// What nobody has to say anything of.
fn is_settled(entry: &Entry) -> bool {
    matches!(entry.outcome, Some(Outcome::Released | Outcome::Skipped | Outcome::Missed)) || entry.skip.is_some()
}

/// Everything that people have said and that is to be taken down now.
pub(super) fn taken(snapshot: &Snapshot, ledger: &BySend<'_>, now: Timestamp) -> Vec<Resolve> {
    let mut all: Vec<Resolve> = Vec::new();
    for campaign in snapshot.campaigns.iter().filter(|campaign| campaign.asks.resolve.is_some()) {
        // Of a send that is not this namespace's own nobody here may say anything.
        let Ok(send) = intent::send_id(campaign) else { continue };
        if let Answer::Taken(resolve) = answer(campaign, ledger.entries(send.as_str()), now)
            && all.iter().all(|other| other.entry != resolve.entry)
        {
            all.push(*resolve);
        }
    }
    all
}

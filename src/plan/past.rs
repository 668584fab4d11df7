//! A campaign's own part of the ledger: what went, what was skipped, and the facts that are to be written to it when no
//! further wave shall go.

use std::collections::HashMap;

use crate::api::release::{Disposition, EntryWave, Outcome, SkipReason};

use super::identity::{self, WaveId};
use super::intent;
use super::order::Skip;
use super::rules::Rules;
use super::snapshot::{Campaign, Entry, Snapshot};
use super::waves::{Gone, WavePlan};

/// The ledger of one look by send, so that no campaign reads everybody's entries to find its own.
pub struct BySend<'a>(HashMap<&'a str, Vec<&'a Entry>>);

impl<'a> BySend<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> BySend<'a> {
        let mut sends: HashMap<&str, Vec<&Entry>> = HashMap::new();
        for entry in &snapshot.entries {
            sends.entry(entry.send_id.as_str()).or_default().push(entry);
        }
        BySend(sends)
    }

    /// In the order they were read.
    pub(super) fn entries(&self, send_id: &str) -> &[&'a Entry] {
        self.0.get(send_id).map_or(&[], Vec::as_slice)
    }
}

/// The campaign's own part of the ledger.
pub(super) struct Past<'a> {
    /// All entries of its send, in the order they were made.
    pub(super) entries: Vec<&'a Entry>,
}

impl<'a> Past<'a> {
    pub(super) fn of(ledger: &BySend<'a>, send_id: &str) -> Past<'a> {
        let mut entries = ledger.entries(send_id).to_vec();
        entries.sort_by(|a, b| (a.first_attempt, a.offset, &a.name).cmp(&(b.first_attempt, b.offset, &b.name)));
        Past { entries }
    }

    pub(super) fn of_wave(&self, name: &str) -> Option<&'a Entry> {
        self.entries.iter().copied().find(|entry| entry.wave == name)
    }

    pub(super) fn fired(&self) -> impl Iterator<Item = &'a Entry> + Clone {
        self.entries.iter().copied().filter(|entry| entry.disposition == Disposition::Fire)
    }

    pub(super) fn released(&self) -> impl Iterator<Item = &'a Entry> + Clone {
        self.fired().filter(|entry| entry.outcome == Some(Outcome::Released))
    }

    pub(super) fn messages(&self) -> u64 {
        self.released().map(|entry| entry.recipients).sum()
    }

    /// The one that ended the send, if one did.
    pub(super) fn ending(&self) -> Option<(&'a Entry, SkipReason)> {
        self.entries.iter().copied().find_map(|entry| match entry.skip {
            Some(reason) if reason != SkipReason::Empty => Some((entry, reason)),
            _ => None,
        })
    }

    pub(super) fn gone(&self) -> Vec<Gone> {
        self.entries
            .iter()
            .map(|entry| Gone {
                name: entry.wave.clone(),
                offset: entry.offset,
                recipients: entry.recipients,
                share: entry.share.clone(),
            })
            .collect()
    }
}

/// Names of all waves, also of a campaign that cannot be understood.
pub(super) fn names(campaign: &Campaign, rules: Option<&Rules>, gone: &[Gone]) -> Vec<String> {
    match intent::waves(campaign, rules, gone, None).or_else(|_| WavePlan::resolve(None, None)) {
        Ok(plan) => plan.waves.into_iter().map(|wave| wave.name).collect(),
        Err(_) => vec!["rest".to_owned()],
    }
}

/// Facts that no wave without an entry will go.
pub(super) fn skip_rest(
    snapshot: &Snapshot,
    campaign: &Campaign,
    send: &identity::SendId,
    names: &[String],
    past: &Past<'_>,
    reason: SkipReason,
    by: &str,
) -> Vec<Skip> {
    let end = past.entries.iter().map(|entry| entry.offset + entry.recipients).max().unwrap_or(0);
    names
        .iter()
        .filter(|name| past.of_wave(name).is_none())
        .map(|name| skip(snapshot, campaign, send, (name, end), reason, by))
        .collect()
}

pub(super) fn skip(
    snapshot: &Snapshot,
    campaign: &Campaign,
    send: &identity::SendId,
    wave: (&str, u64),
    reason: SkipReason,
    by: &str,
) -> Skip {
    let (name, offset) = wave;
    Skip {
        campaign: (campaign.namespace.clone(), campaign.name.clone()),
        campaign_uid: campaign.uid.clone(),
        campaign_generation: campaign.generation,
        pool: snapshot.pool.key(),
        send_id: send.as_str().to_owned(),
        send_label: send.label(),
        pool_label: identity::pool_label(&snapshot.pool.namespace, &snapshot.pool.name),
        entry: WaveId::new(send, name).ledger_name(),
        nonce: format!("{}-{name}", snapshot.nonce),
        wave: EntryWave {
            name: name.to_owned(),
            offset: i64::try_from(offset).unwrap_or(i64::MAX),
            recipients: 0,
            share: "none".to_owned(),
        },
        reason,
        by: by.to_owned(),
    }
}

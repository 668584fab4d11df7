//! The ledger: `WaveReleases` in one namespace of the cluster. Reads them as plain entries, creates them once, and writes
//! outcomes. Its CREATE is what makes a wave go at most once: the name is a function of the send and the wave.

use jiff::Timestamp;
use kube::api::{Api, ListParams, PostParams};
use kube::{Client, ResourceExt};

use crate::api::release::{Resolution, ResolvedAs, WaveRelease};
use crate::plan::snapshot::Entry;

use super::error::{Error, bounded};
use super::objects;

/// Every entry with this label, as the API server's majority has them now.
pub async fn labelled(client: &Client, namespace: &str, label: &str, value: &str) -> Result<Vec<WaveRelease>, Error> {
    let api = Api::<WaveRelease>::namespaced(client.clone(), namespace);
    let params = ListParams::default().labels(&format!("{label}={value}"));
    Ok(bounded("list ledger entries", api.list(&params)).await?.items)
}

/// Creates an entry. `AlreadyExists` and `Ambiguous` say nothing about whose entry is there: read it and look at its nonce.
pub async fn create(client: &Client, entry: &WaveRelease) -> Result<WaveRelease, Error> {
    let api = Api::<WaveRelease>::namespaced(client.clone(), &entry.namespace().unwrap_or_default());
    let what = format!("create ledger entry {}", entry.name_any());
    let reply = bounded(what.clone(), api.create(&PostParams::default(), entry)).await?;
    objects::same(&what, "spec", entry, &reply)?;
    Ok(reply)
}

/// An entry as the plan reads it; None if a number in it is out of range, which only a person can have written.
pub fn entry(release: &WaveRelease) -> Option<Entry> {
    let spec = &release.spec;
    let status = release.status.clone().unwrap_or_default();
    let newest = status.attempts.last();
    let first_attempt: Timestamp = spec.first_attempt_at.0;
    let newest_nonce = newest.map_or_else(|| spec.nonce.clone(), |attempt| attempt.nonce.clone());
    let not_sent = |resolution: &&Resolution| resolution.resolved_as == ResolvedAs::NotSent;
    let again = status.resolutions.iter().rfind(not_sent);
    let newest_result = match again {
        Some(resolution) if resolution.attempt == newest_nonce => Some("NotSent".to_owned()),
        _ => newest.and_then(|attempt| attempt.result.clone()),
    };
    let of_spec = || spec.request.as_ref().map(|request| (request.sender_uid.clone(), request.url_digest.clone()));
    let of_person = again.and_then(|said| Some((said.sender_uid.clone()?, said.url_digest.clone()?)));
    // What was tried before a person looked does not count against what is tried after.
    let before = again.and_then(|said| status.attempts.iter().position(|attempt| attempt.nonce == said.attempt));
    let since = status.attempts.iter().skip(before.map_or(0, |place| place + 1));
    Some(Entry {
        name: release.name_any(),
        send_id: spec.send_id.clone(),
        wave: spec.wave.name.clone(),
        offset: u64::try_from(spec.wave.offset).ok()?,
        recipients: u64::try_from(spec.wave.recipients).ok()?,
        share: spec.wave.share.clone(),
        disposition: spec.disposition,
        skip: spec.skip.as_ref().map(|skip| skip.reason),
        skipped_by: spec.skip.as_ref().map(|skip| skip.by.clone()),
        campaign_uid: spec.campaign.uid.clone(),
        campaign: format!("{}/{}", spec.campaign.namespace, spec.campaign.name),
        pool: spec.pool.clone(),
        first_attempt,
        newest_attempt: newest.map_or(first_attempt, |attempt| attempt.at.0),
        attempts: status.attempts.len(),
        not_sent: since.filter(|attempt| attempt.result.as_deref() == Some("NotSent")).count(),
        newest_nonce,
        newest_result,
        resolved: status.resolutions.iter().map(|resolution| resolution.attempt.clone()).collect(),
        outcome: status.outcome,
        message: status.message.or_else(|| newest.and_then(|attempt| attempt.message.clone())),
        load: spec.load.clone(),
        sender_key: spec.request.as_ref().map(|request| request.sender.clone()),
        sender: of_person.or_else(of_spec),
        body: spec.request.as_ref().map(|request| request.body.clone()),
    })
}

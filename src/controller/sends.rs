//! Who sends what: Campaigns by their `sendId`, whatever pool they draw on, and entries of the ledger that cannot be read, by the
//! label of their send. Put in order once for all campaigns of a look; reads what is kept, and decides nothing.

use std::collections::HashMap;
use std::sync::Arc;

use kube::ResourceExt;
use kube::api::ObjectMeta;

use crate::api::campaign_status::Phase;
use crate::api::{Campaign, SEND_LABEL, WaveRelease};
use crate::cluster::stores::{self, Guarded};

/// Sends that are under way, and entries that cannot be read.
pub(super) struct Sends<'a> {
    /// Campaigns that have not ended and are not being deleted, by `sendId`.
    live: HashMap<String, Vec<&'a Campaign>>,
    /// The first by name of the entries that cannot be read, by the label of their send.
    pub(super) unreadable: HashMap<String, String>,
}

/// Who was first.
fn rank(meta: &ObjectMeta) -> (Option<jiff::Timestamp>, Option<&str>) {
    (meta.creation_timestamp.as_ref().map(|at| at.0), meta.uid.as_deref())
}

impl<'a> Sends<'a> {
    /// Of everything that is kept.
    pub(super) fn of(campaigns: &'a [Arc<Guarded<Campaign>>], entries: &[Arc<Guarded<WaveRelease>>]) -> Sends<'a> {
        let mut live: HashMap<String, Vec<&Campaign>> = HashMap::new();
        for campaign in stores::readable(campaigns) {
            let phase = campaign.status.as_ref().and_then(|status| status.phase);
            if !phase.is_some_and(Phase::is_finished) && campaign.metadata.deletion_timestamp.is_none() {
                let send_id = campaign.spec.send_id.clone().unwrap_or_else(|| stores::key_of(campaign));
                live.entry(send_id).or_default().push(campaign);
            }
        }
        let mut unreadable: HashMap<String, String> = HashMap::new();
        for entry in entries.iter().filter(|entry| entry.0.is_err()) {
            if let Some(label) = entry.labels().get(SEND_LABEL) {
                let name = entry.name_any();
                // The store has an order of its own: of several always the same one is named.
                let first = unreadable.entry(label.clone()).or_insert_with(|| name.clone());
                if name < *first {
                    *first = name;
                }
            }
        }
        Sends { live, unreadable }
    }

    /// An older Campaign with the same `sendId`; of several the first by name.
    pub(super) fn taken_by(&self, send_id: &str, campaign: &Campaign) -> Option<String> {
        let older = self.live.get(send_id)?.iter();
        older.filter(|other| rank(&other.metadata) < rank(&campaign.metadata)).map(|other| stores::key_of(other)).min()
    }
}

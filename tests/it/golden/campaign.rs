//! A campaign and its Sender as a case writes them: specs in the form of the API, and what is around them.

use std::collections::BTreeMap;

use headroom::api::CampaignSpec;
use headroom::plan::approval::digest;
use headroom::plan::snapshot::{Asks, Campaign, Sender};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::case::Ago;
use super::merge::strict;

/// A campaign.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WrittenCampaign {
    name: String,
    namespace: String,
    /// By default `uid-<name>`.
    uid: Option<String>,
    generation: i64,
    /// How long it has been there.
    created: Ago,
    #[serde(default)]
    deleting: bool,
    spec: Value,
    #[serde(default)]
    asks: WrittenAsks,
    #[serde(default)]
    status: Option<Value>,
    sender: Option<WrittenSender>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    taken_by: Option<String>,
    unreadable_entry: Option<String>,
}

/// What people ask of it from outside Git, as the annotations say it. `DIGEST` stands for that of the spec as it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct WrittenAsks {
    hold: Option<String>,
    resume: Option<String>,
    abort: Option<String>,
    approved: Option<String>,
    without_headroom: Option<String>,
    reason: Option<String>,
    resolve: Option<String>,
    resolve_reason: Option<String>,
}

impl WrittenAsks {
    fn asks(&self, spec: &CampaignSpec) -> Asks {
        let with = |text: &Option<String>| text.as_ref().map(|text| text.replace("DIGEST", &digest(spec)));
        Asks {
            hold: self.hold.clone(),
            resume: self.resume.clone(),
            abort: self.abort.clone(),
            approved: with(&self.approved),
            without_headroom: with(&self.without_headroom),
            without_headroom_reason: self.reason.clone(),
            resolve: self.resolve.clone(),
            resolve_reason: self.resolve_reason.clone(),
        }
    }
}

/// A Sender.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WrittenSender {
    spec: Value,
    #[serde(default)]
    deleting: bool,
    trouble: Option<String>,
}

impl WrittenCampaign {
    /// As the snapshot holds it.
    pub fn campaign(&self, now: Timestamp) -> Result<Campaign, String> {
        let what = &self.name;
        let sender = match &self.sender {
            None => None,
            Some(sender) => Some(Sender {
                namespace: "mail".to_owned(),
                name: "push".to_owned(),
                uid: "uid-sender".to_owned(),
                generation: 1,
                deleting: sender.deleting,
                spec: strict(&format!("{what}.sender.spec"), &sender.spec)?,
                trouble: sender.trouble.clone(),
            }),
        };
        let status = self.status.as_ref().map(|status| strict(&format!("{what}.status"), status)).transpose()?;
        let spec: CampaignSpec = strict(&format!("{what}.spec"), &self.spec)?;
        Ok(Campaign {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            uid: self.uid.clone().unwrap_or_else(|| format!("uid-{}", self.name)),
            generation: self.generation,
            version: "7".to_owned(),
            created: now - self.created.0,
            deleting: self.deleting,
            asks: self.asks.asks(&spec),
            spec,
            status: status.unwrap_or_default(),
            sender,
            labels: self.labels.clone(),
            taken_by: self.taken_by.clone(),
            unreadable_entry: self.unreadable_entry.clone(),
        })
    }
}

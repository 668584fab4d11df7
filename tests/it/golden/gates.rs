//! What may keep campaigns back beside the room there is, as a case writes it: the one switch, incidents, checks, rollouts,
//! other campaigns, and what people ask by annotations.

use std::collections::BTreeMap;

use headroom::api::Phase;
use headroom::api::campaign::{AfterKind, CampaignSpec};
use headroom::plan::after::{Other, Rollout};
use headroom::plan::approval;
use headroom::plan::snapshot::{Asks, Gates};
use headroom::plan::stop::Stop;
use jiff::Timestamp;
use serde::Deserialize;

use super::measured::Answer;

/// Everything beside the room there is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct WrittenGates {
    /// The data of the `ConfigMap`, if it is there.
    stop: Option<BTreeMap<String, String>>,
    /// Why it cannot be read.
    stop_unreadable: Option<String>,
    /// How many incidents are open.
    incidents: Option<Answer>,
    /// What each check reads, by name.
    pub checks: BTreeMap<String, Answer>,
    /// Deployments that campaigns wait for, by name.
    rollouts: BTreeMap<String, WrittenRollout>,
    /// Other campaigns, by `<namespace>/<name>`.
    others: BTreeMap<String, WrittenOther>,
}

/// A Deployment; without images it is missing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenRollout {
    complete: bool,
    images: Option<Vec<String>>,
}

/// Another campaign.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WrittenOther {
    phase: Option<Phase>,
    #[serde(default)]
    has_gone: bool,
    #[serde(default)]
    after: Vec<String>,
}

impl WrittenGates {
    /// As the snapshot holds it. `checks` are the names of the pool's, in their order.
    pub fn gates(&self, checks: &[String], now: Timestamp) -> Result<Gates, String> {
        let read = |answer: &Answer| answer.reading(now);
        let stop = self.stop.as_ref().map(Stop::read);
        let rollout = |(name, written): (&String, &WrittenRollout)| {
            let there = match &written.images {
                None => Rollout::Missing,
                Some(images) => Rollout::There { complete: written.complete, images: images.clone() },
            };
            ((AfterKind::Deployment, name.clone()), there)
        };
        let other = |(key, written): (&String, &WrittenOther)| {
            let other = Other { phase: written.phase, has_gone: written.has_gone, after: written.after.clone() };
            (key.clone(), other)
        };
        Ok(Gates {
            stop: self.stop_unreadable.as_deref().map(Stop::unreadable).or(stop),
            incidents: self.incidents.as_ref().map(read).transpose()?.flatten(),
            checks: checks.iter().map(|name| self.checks.get(name).map_or(Ok(None), read)).collect::<Result<_, _>>()?,
            rollouts: self.rollouts.iter().map(rollout).collect(),
            others: self.others.iter().map(other).collect(),
        })
    }
}

/// What people ask by annotations; `DIGEST` stands for the digest of the spec as the case has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct WrittenAsks {
    hold: Option<String>,
    resume: Option<String>,
    abort: Option<String>,
    approved: Option<String>,
    without_headroom: Option<String>,
    reason: Option<String>,
}

impl WrittenAsks {
    /// As the snapshot holds it.
    pub fn asks(&self, spec: &CampaignSpec) -> Asks {
        let with_digest = |text: &String| text.replace("DIGEST", &approval::digest(spec));
        Asks {
            hold: self.hold.clone(),
            resume: self.resume.clone(),
            abort: self.abort.clone(),
            approved: self.approved.as_ref().map(with_digest),
            without_headroom: self.without_headroom.as_ref().map(with_digest),
            without_headroom_reason: self.reason.clone(),
        }
    }
}

//! What may keep campaigns back beside the room there is, as a case writes it: the one switch, incidents, checks, rollouts and
//! other campaigns.

use std::collections::BTreeMap;

use headroom::api::Phase;
use headroom::api::campaign::AfterKind;
use headroom::plan::after::{Other, Rollout};
use headroom::plan::reading::{Reading, SensorFault};
use headroom::plan::snapshot::Gates;
use headroom::plan::stop::Stop;
use jiff::Timestamp;
use serde::Deserialize;

use super::measured::Answer;

/// All of it; what is not written was not asked, or is not there.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct WrittenGates {
    stop: Option<WrittenStop>,
    incidents: Option<Answer>,
    /// By name.
    pub checks: BTreeMap<String, Answer>,
    /// Deployments, by name.
    rollouts: BTreeMap<String, WrittenRollout>,
    /// By name, in the namespace `marketing`.
    others: BTreeMap<String, WrittenOther>,
}

/// The data of the `ConfigMap`, or `unreadable`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum WrittenStop {
    Data(BTreeMap<String, String>),
    Word(String),
}

/// `Missing`, `Unreadable`, or as it stands.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum WrittenRollout {
    There(Images),
    Word(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Images {
    complete: bool,
    #[serde(default)]
    images: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOther {
    phase: Option<Phase>,
    /// Whether the ledger has a wave of it that was released.
    #[serde(default)]
    gone: bool,
    /// The campaigns it waits for itself, by name.
    #[serde(default)]
    after: Vec<String>,
}

fn here(name: &str) -> String {
    format!("marketing/{name}")
}

impl WrittenGates {
    /// As the snapshot holds it; `checks` are the answers in the order of the pool's checks.
    pub fn gates(&self, checks: Vec<Option<Result<Reading, SensorFault>>>, now: Timestamp) -> Result<Gates, String> {
        let stop = match &self.stop {
            None => None,
            Some(WrittenStop::Data(data)) => Some(Stop::read(data)),
            Some(WrittenStop::Word(word)) if word == "unreadable" => Some(Stop::unreadable("it took too long")),
            Some(WrittenStop::Word(word)) => return Err(format!("gates.stop: {word}")),
        };
        let rollout = |(name, written): (&String, &WrittenRollout)| {
            let rollout = match written {
                WrittenRollout::There(Images { complete, images }) => {
                    Rollout::There { complete: *complete, images: images.clone() }
                }
                WrittenRollout::Word(word) if word == "Missing" => Rollout::Missing,
                WrittenRollout::Word(word) if word == "Unreadable" => Rollout::Unreadable("it is forbidden".to_owned()),
                WrittenRollout::Word(word) => return Err(format!("gates.rollouts.{name}: {word}")),
            };
            Ok(((AfterKind::Deployment, name.clone()), rollout))
        };
        let other = |(name, written): (&String, &WrittenOther)| {
            let after = written.after.iter().map(|name| here(name)).collect();
            (here(name), Other { phase: written.phase, has_gone: written.gone, after })
        };
        Ok(Gates {
            stop,
            incidents: self.incidents.as_ref().map_or(Ok(None), |answer| answer.reading(now))?,
            checks,
            rollouts: self.rollouts.iter().map(rollout).collect::<Result<_, _>>()?,
            others: self.others.iter().map(other).collect(),
        })
    }
}

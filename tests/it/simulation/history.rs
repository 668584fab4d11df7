//! What was true when: every version of every object, as the API server stored it, and who made it. Checkers look at this
//! and at the receivers' books, never at what the operator says of itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use headroom::sim::apiserver::Record;
use jiff::Timestamp;
use serde_json::Value;

/// A version of an object.
#[derive(Clone, Debug)]
pub struct Version {
    /// When it was stored.
    pub at: Timestamp,
    /// Its place in the order of all changes.
    pub revision: u64,
    /// Who stored it.
    pub by: String,
    /// The object; as it was at last, if it is gone.
    pub object: Arc<Value>,
    /// It is gone.
    pub is_gone: bool,
}

impl Version {
    /// Whether the operator stored it.
    pub fn is_ours(&self) -> bool {
        self.by.starts_with("headroom")
    }

    /// A value in it.
    pub fn get(&self, pointer: &str) -> &Value {
        self.object.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// A text in it; empty if there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.get(pointer).as_str().unwrap_or_default()
    }

    /// Whether it is there and stays.
    pub fn stays(&self) -> bool {
        !self.is_gone && self.get("/metadata/deletionTimestamp").is_null()
    }
}

/// All of it.
#[derive(Debug, Default)]
pub struct History(BTreeMap<&'static str, BTreeMap<String, Vec<Version>>>);

/// The kinds that are looked at.
const KINDS: [&str; 6] = [
    "campaigns.headroom.dev",
    "capacitypools.headroom.dev",
    "senders.headroom.dev",
    "wavereleases.headroom.dev",
    "horizontalpodautoscalers.autoscaling",
    "deployments.apps",
];

impl History {
    /// From what the API server wrote down.
    pub fn of(calls: &[Record]) -> History {
        let mut all = History::default();
        for call in calls {
            for change in &call.changes {
                let text = |pointer: &str| change.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
                let group = text("/apiVersion").split('/').next().unwrap_or_default();
                let kind = text("/kind").to_lowercase();
                let is_it = |resource: &&&'static str| {
                    resource.split_once('.').is_some_and(|(plural, of)| {
                        plural.len() == kind.len() + 1 && plural.starts_with(&kind) && of == group
                    })
                };
                let Some(resource) = KINDS.iter().find(is_it) else { continue };
                let key = format!("{}/{}", text("/metadata/namespace"), text("/metadata/name"));
                all.0.entry(resource).or_default().entry(key).or_default().push(Version {
                    at: call.at,
                    revision: change.revision,
                    by: call.agent.clone(),
                    object: Arc::clone(&change.object),
                    is_gone: change.gone,
                });
            }
        }
        all
    }

    /// Every object of a kind, with its versions, oldest first.
    pub fn all(&self, resource: &str) -> impl Iterator<Item = (&String, &Vec<Version>)> {
        self.0.get(resource).into_iter().flatten()
    }

    /// The versions of one object.
    pub fn versions(&self, resource: &str, key: &str) -> &[Version] {
        self.0.get(resource).and_then(|all| all.get(key)).map_or(&[], Vec::as_slice)
    }

    /// The version that was there at a revision.
    pub fn at(&self, resource: &str, key: &str, revision: u64) -> Option<&Version> {
        self.versions(resource, key).iter().rev().find(|version| version.revision <= revision)
    }

    /// The version that was there at an instant.
    pub fn then(&self, resource: &str, key: &str, at: Timestamp) -> Option<&Version> {
        self.versions(resource, key).iter().rev().find(|version| version.at <= at)
    }

    /// Every version that was there at some time between two instants.
    pub fn between(&self, resource: &str, key: &str, from: Timestamp, to: Timestamp) -> Vec<&Version> {
        let versions = self.versions(resource, key);
        let first = versions.iter().rposition(|version| version.at <= from).unwrap_or(0);
        versions.iter().skip(first).take_while(|version| version.at <= to).collect()
    }
}

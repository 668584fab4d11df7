//! One case as it is written: the facts, laid over the base, and what is expected of them.

use std::collections::BTreeMap;
use std::path::Path;

use headroom::plan::units::Span;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::campaign::WrittenCampaign;
use super::entry::WrittenEntry;
use super::expect::Expect;
use super::gates::WrittenGates;
use super::measured::{Answer, WrittenOrphan, WrittenWorkload};
use super::merge::merge;
use super::pool::WrittenPool;
use crate::support::bed::root;

/// A case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Case {
    /// What it shows, as a sentence.
    pub title: String,
    /// The arithmetic.
    pub why: String,
    /// When it is decided.
    pub now: Timestamp,
    /// The pool.
    pub pool: WrittenPool,
    /// What was read of each workload, by name.
    pub workloads: BTreeMap<String, WrittenWorkload>,
    /// Claims of workloads that are not in the pool any more.
    #[serde(default)]
    pub orphans: Vec<WrittenOrphan>,
    /// What each limit reads, by name.
    #[serde(default)]
    pub limits: BTreeMap<String, Answer>,
    /// What each guardrail reads, by name.
    #[serde(default)]
    pub guardrails: BTreeMap<String, Answer>,
    /// What may keep campaigns back beside the room there is.
    #[serde(default)]
    pub gates: WrittenGates,
    /// The campaigns.
    pub campaigns: Vec<WrittenCampaign>,
    /// The ledger.
    #[serde(default)]
    pub entries: Vec<WrittenEntry>,
    /// What this process has seen before.
    #[serde(default)]
    pub memory: WrittenMemory,
    /// What is expected.
    pub expect: Expect,
}

/// What this process has seen before.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WrittenMemory {
    /// Confirmations.
    #[serde(default)]
    pub streaks: Vec<WrittenStreak>,
    /// For how long a guardrail has been out of bounds, by name.
    #[serde(default)]
    pub out_for: BTreeMap<String, Ago>,
    /// How many replicas of the workload `web` were ready when this process looked last, and how long ago that was.
    pub ready: Option<(i32, Ago)>,
}

/// Samples in a row at which everything held.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WrittenStreak {
    /// The send.
    pub send: String,
    /// The wave.
    pub wave: String,
    /// How many samples.
    pub count: u32,
    /// How old the first of them is.
    pub first: Ago,
    /// How old the newest is.
    pub newest: Ago,
    /// Recipients of the wave that was weighed.
    pub recipients: u64,
    /// Generation of the Campaign that was weighed.
    #[serde(default = "one")]
    pub generation: i64,
}

fn one() -> i64 {
    1
}

/// So long before the case's instant; written as a span such as `90s`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Ago(pub SignedDuration);

impl TryFrom<String> for Ago {
    type Error = String;

    fn try_from(text: String) -> Result<Ago, String> {
        Span::parse_or_zero(&text).map(|span| Ago(span.to_duration())).map_err(|error| error.to_string())
    }
}

fn yaml(text: &str) -> Result<Value, String> {
    let value: serde_yaml::Value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    serde_json::to_value(value).map_err(|error| error.to_string())
}

impl Case {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Case, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        Case::of(&text)
    }

    /// Understands a text.
    pub fn of(text: &str) -> Result<Case, String> {
        let base = std::fs::read_to_string(root().join("tests/golden/base.yaml")).map_err(|error| error.to_string())?;
        let (base, mut written) = (yaml(&base)?, yaml(text)?);
        let facts = base.get("case").ok_or("the base has no case")?;
        let fields = written.as_object_mut().ok_or("a case is a map")?;
        for list in ["workloads", "campaigns"] {
            if let Some(default) = facts.get(list) {
                fields.entry(list).or_insert_with(|| default.clone());
            }
        }
        // Members of lists and maps are laid over the base's own member.
        let member = |name: &str| base.get(name).ok_or(format!("the base has no {name}"));
        if let Some(Value::Object(workloads)) = fields.get_mut("workloads") {
            let default = facts.get("workloads").and_then(Value::as_object);
            for name in default.iter().flat_map(|default| default.keys()) {
                workloads.entry(name).or_insert_with(|| Value::Object(serde_json::Map::new()));
            }
            for workload in workloads.values_mut() {
                *workload = merge(member("workload")?, workload);
            }
        }
        for (list, name) in [("campaigns", "campaign"), ("entries", "entry")] {
            if let Some(Value::Array(items)) = fields.get_mut(list) {
                for item in items {
                    *item = merge(member(name)?, item);
                }
            }
        }
        let case = merge(facts, &written);
        serde_json::from_value(case).map_err(|error| error.to_string())
    }
}

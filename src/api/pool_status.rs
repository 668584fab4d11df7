//! What the operator says about a pool, and the claims it has written ahead of every floor.
//!
//! A claim is the one part of this status that decisions read: it names the baseline to give back, and it is
//! written before the target is touched.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition;

/// What the operator says about a pool.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapacityPoolStatus {
    /// The generation of the spec this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// One word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub reason: Option<String>,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// Short texts for kubectl; not an API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<PoolDisplay>,
    /// Each workload as it was last weighed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub workloads: Vec<WorkloadStatus>,
    /// Scale that is borrowed, or about to be: written before the target is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".into()]))]
    pub claims: Vec<Claim>,
    /// The wave that has been promised the pool's headroom and has not left a ledger entry yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Reservation>,
    /// Guardrails that are broken, or were until a short while ago.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub breaches: Vec<Breach>,
    /// Campaigns that draw on the pool and have not finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_length: Option<i64>,
    /// The first of them, in the order they go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub queue: Vec<Queued>,
    /// `Ready`, `SensorTrusted`, `ScaleHeld`, `ScaleRestored`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::schema")]
    pub conditions: Vec<Condition>,
}

/// Short texts for kubectl.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolDisplay {
    /// Demand of the narrowest workload.
    #[schemars(length(max = 24))]
    pub demand: String,
    /// Load still to come from sends.
    #[schemars(length(max = 24))]
    pub committed: String,
    /// Headroom of the narrowest workload.
    #[schemars(length(max = 24))]
    pub free: String,
    /// The raised floor, and what it was.
    #[schemars(length(max = 64))]
    pub floor: String,
}

/// One workload as it was last weighed. Rates in requests per second.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadStatus {
    /// Name in the spec.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Newest demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand: Option<i64>,
    /// What the replicas that are ready and held bear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<i64>,
    /// Still to come from sends, with its margin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<i64>,
    /// What is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<i64>,
    /// Ready replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<i32>,
    /// Replicas that cannot be taken away while our floor stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<i32>,
    /// The floor that stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<i32>,
    /// By how much demand moves from one ten minutes to the next: a canary must bring three times as much to be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<i64>,
    /// From a rise of the floor until its replicas were ready: 19 of 20 took no longer, in seconds; once five were seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<i64>,
    /// The last rises, in seconds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub leads: Vec<i64>,
    /// Where the baseline demand comes from: `7 days of history`, `demand.peak`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub baseline: Option<String>,
    /// Why this workload keeps the gate closed, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub message: Option<String>,
}

/// A lease on the scale of one target.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// Random; the annotation on the target repeats it.
    #[schemars(length(max = 64))]
    pub id: String,
    /// The workload it is for.
    #[schemars(length(max = 63))]
    pub workload: String,
    /// `HorizontalPodAutoscaler` or `Deployment`.
    #[schemars(length(max = 63))]
    pub kind: String,
    /// Name of the target.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Its UID: another object of the same name is not what was claimed.
    #[schemars(length(max = 64))]
    pub uid: String,
    /// The value to give back; absent: the field was not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<i32>,
    /// The floor that is, or is about to be, written.
    pub floor: i32,
    /// Since when nothing needs the floor any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_since: Option<Time>,
    /// Since when the load has gone by the model, and the sensor is silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<Time>,
    /// When the floor was last given back by a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stepped_at: Option<Time>,
    /// Since when a floor that rose waits for its replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raised_at: Option<Time>,
    /// Whether the target was read with this claim's floor on it.
    #[serde(default)]
    pub observed: bool,
    /// How often the floor was written again against somebody else.
    #[serde(default)]
    pub reassertions: i32,
    /// Who last changed the value under the claim, and to what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rival: Option<Rival>,
}

/// Somebody else who writes the same field.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rival {
    /// The field manager in `managedFields`.
    #[schemars(length(max = 128))]
    pub manager: String,
    /// What it wrote.
    pub value: i32,
    /// When it was seen.
    pub seen_at: Time,
}

/// A promise of headroom to one wave, void after `validUntil` unless the ledger has its entry.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// Name of the ledger entry to come.
    #[schemars(length(max = 253))]
    pub entry: String,
    /// Void after this.
    pub valid_until: Time,
}

/// A guardrail that is out of bounds, or has not been fine for long enough.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Breach {
    /// Its name in the spec.
    #[schemars(length(max = 63))]
    pub guardrail: String,
    /// Since when it has been out of bounds.
    pub since: Time,
    /// Since when it has been fine again, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fine_since: Option<Time>,
}

/// A campaign that waits for its turn.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Queued {
    /// `<namespace>/<name>`.
    #[schemars(length(max = 128))]
    pub campaign: String,
}

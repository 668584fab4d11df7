//! What the operator says about a Campaign: output for people and tools.
//!
//! Decisions read specs, live objects and the ledger. Of this status they read the armed wave only, and it
//! can only make the operator more careful.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition;

/// What the operator says about a Campaign.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CampaignStatus {
    /// The generation of the spec this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the campaign stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// One word from the documented list: why it does not move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub reason: Option<String>,
    /// What is awaited, with numbers, and what a person could do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// Which of several installs speaks of it: the one that looks after its pool, or the first that saw it without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub install: Option<String>,
    /// Identity of the send, as it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub send_id: Option<String>,
    /// The priority that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// A person's hold. It stays, whatever a sync from Git does to the annotation that asked for it, until it is resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The approval that it needs or has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalStatus>,
    /// Short texts for kubectl; not an API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<Display>,
    /// When the next wave may go, as far as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_start: Option<NextStart>,
    /// The room there is and the room that is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headroom: Option<Headroom>,
    /// Every wave of the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 96))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub waves: Vec<WaveStatus>,
    /// The wave that is about to be fired: written with a compare-and-swap before the ledger is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub armed: Option<Armed>,
    /// `Accepted`, `WindowOpen`, `ScaleReady`, `HeadroomConfirmed`, `Finished`, `Completed`, `Stalled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::schema")]
    pub conditions: Vec<Condition>,
}

/// Where a campaign stands.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
pub enum Phase {
    /// Not looked at yet, or something it refers to is not there yet.
    Pending,
    /// It cannot be carried out as it is written.
    Refused,
    /// A person must approve it first.
    AwaitingApproval,
    /// Its next wave may not start yet.
    Scheduled,
    /// It waits for room or for its turn.
    Queued,
    /// Scale is being raised for the next wave.
    Scaling,
    /// Room is there and is being confirmed.
    Confirming,
    /// A wave is leaving.
    Sending,
    /// A wave has left and is being watched.
    Soaking,
    /// Something keeps the next wave back until it is lifted.
    Held,
    /// Only a person can go on.
    NeedsAttention,
    /// All waves have left; the load they caused still arrives.
    Observing,
    /// All waves went, and their load has gone.
    Completed,
    /// Waves that had not gone in time were skipped.
    Skipped,
    /// It was ended by a person or by a guardrail.
    Aborted,
}

impl Phase {
    /// Whether the campaign has ended for good.
    pub fn is_finished(self) -> bool {
        matches!(self, Phase::Completed | Phase::Skipped | Phase::Aborted)
    }

    /// Its name as kubectl shows it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Pending => "Pending",
            Phase::Refused => "Refused",
            Phase::AwaitingApproval => "AwaitingApproval",
            Phase::Scheduled => "Scheduled",
            Phase::Queued => "Queued",
            Phase::Scaling => "Scaling",
            Phase::Confirming => "Confirming",
            Phase::Sending => "Sending",
            Phase::Soaking => "Soaking",
            Phase::Held => "Held",
            Phase::NeedsAttention => "NeedsAttention",
            Phase::Observing => "Observing",
            Phase::Completed => "Completed",
            Phase::Skipped => "Skipped",
            Phase::Aborted => "Aborted",
        }
    }
}

/// A person's hold.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Who asked for it and why, as it was written.
    #[schemars(length(max = 256))]
    pub reason: String,
    /// Since when. A resume names this instant, so that an old one does not lift a new hold.
    pub since: Time,
}

/// The approval of a campaign.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalStatus {
    /// Whether one is needed.
    pub required: bool,
    /// The digest of the exact spec, to which an approval is bound.
    #[schemars(length(max = 64))]
    pub digest: String,
    /// Who approved exactly this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub by: Option<String>,
}

/// Short texts for kubectl.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Display {
    /// `1/2`.
    #[schemars(length(max = 16))]
    pub waves: String,
    /// `24k/1.2M`.
    #[schemars(length(max = 24))]
    pub sent: String,
    /// `150/552`.
    #[schemars(length(max = 24))]
    pub room: String,
    /// `Fri 14:10`.
    #[schemars(length(max = 24))]
    pub next: String,
}

/// When the next wave may go.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NextStart {
    /// The instant.
    pub at: Time,
    /// Why then.
    #[schemars(length(max = 256))]
    pub reason: String,
}

/// The room there is and the room that is needed, in requests per second.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Headroom {
    /// What the wave needs at the narrowest workload, rounded up.
    pub needed: i64,
    /// What is free there, rounded down.
    pub free: i64,
    /// The narrowest workload.
    #[schemars(length(max = 63))]
    pub bottleneck: String,
    /// `2/3`: samples at which everything held, of those asked for.
    #[schemars(length(max = 16))]
    pub confirmations: String,
    /// Every check of the gate: workloads (what is free, and what is needed), limits and guardrails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 48))]
    pub checks: Vec<Check>,
    /// When it was weighed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluated_at: Option<Time>,
}

/// One check of the gate.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Name of the workload, limit or guardrail.
    #[schemars(length(max = 80))]
    pub name: String,
    /// Whether it lets the wave go.
    pub passed: bool,
    /// What was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub value: Option<String>,
    /// What it is held against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub limit: Option<String>,
    /// How old the sample was when it was weighed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub sample_age: Option<String>,
    /// Of a workload's ready replicas, those that had fresh samples in it, such as `9/10`; of other checks nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub coverage: Option<String>,
    /// Why it does not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub message: Option<String>,
}

/// One wave of the plan.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaveStatus {
    /// Its name.
    #[schemars(length(max = 32))]
    pub name: String,
    /// `Pending`, `Firing`, `Released`, `Rejected`, `Unknown`, `Missed`, `Skipped`.
    #[schemars(length(max = 16))]
    pub state: String,
    /// How many recipients: final once it has gone, planned before.
    pub recipients: i64,
    /// To so many it has been sent at least, while it is under way and its Sender can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub sent: Option<i64>,
    /// When its first attempt was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired_at: Option<Time>,
    /// When it has been watched for long enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soaked_at: Option<Time>,
    /// Name of its entry in the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub release: Option<String>,
}

/// A wave that is about to be fired.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Armed {
    /// Its name.
    #[schemars(length(max = 32))]
    pub wave: String,
    /// The nonce its ledger entry will carry.
    #[schemars(length(max = 64))]
    pub nonce: String,
    /// When it was armed.
    pub at: Time,
}

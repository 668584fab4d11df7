//! `WaveRelease`: the ledger. One immutable object per wave that was ever fired or skipped.
//!
//! Its name is a function of the send and the wave, so that the API server refuses a second one. It holds
//! all that is needed to try again, and to rebuild the load the wave brings, for ever; nothing live is consulted.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was decided about one wave, frozen.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "headroom.dev",
    version = "v1alpha1",
    kind = "WaveRelease",
    namespaced,
    status = "WaveReleaseStatus",
    category = "headroom",
    doc = "A WaveRelease is one line of the ledger: a wave that was fired or skipped. The operator alone writes it; it is the record that prevents a second send.",
    printcolumn(name = "Send", type_ = "string", json_path = ".spec.sendId"),
    printcolumn(name = "Wave", type_ = "string", json_path = ".spec.wave.name"),
    printcolumn(name = "Recipients", type_ = "integer", json_path = ".spec.wave.recipients"),
    printcolumn(name = "Disposition", type_ = "string", json_path = ".spec.disposition"),
    printcolumn(name = "Outcome", type_ = "string", json_path = ".status.outcome"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message", priority = 1)
)]
// Stands at the root, not on `status`: a rule there is not asked when `/status` is removed as a whole.
#[kube(
    validation = Rule::new("self.spec == oldSelf.spec").message("a ledger entry never changes"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.outcome) || !(oldSelf.status.outcome in ['Released', 'Skipped', 'Missed']) || (has(self.status) && has(self.status.outcome) && self.status.outcome == oldSelf.status.outcome)").message("the outcome of a wave that was released, skipped or missed never changes"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.outcome) || (has(self.status) && has(self.status.outcome)) || (oldSelf.status.outcome in ['Unknown', 'Rejected'] && has(self.status) && has(self.status.resolutions) && size(self.status.resolutions) > (has(oldSelf.status.resolutions) ? size(oldSelf.status.resolutions) : 0))").message("an outcome is never taken away, but by a person who says that nothing went"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.resolutions) || (has(self.status) && has(self.status.resolutions) && size(self.status.resolutions) >= size(oldSelf.status.resolutions))").message("what a person has said of a wave is never taken away")
)]
#[serde(rename_all = "camelCase")]
pub struct WaveReleaseSpec {
    /// Identity of the send.
    #[schemars(length(max = 128))]
    pub send_id: String,
    /// The wave, as sized when it was armed.
    pub wave: EntryWave,
    /// Whether the wave was fired or skipped.
    pub disposition: Disposition,
    /// Why it was skipped, and by whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<Skip>,
    /// The Campaign it came from.
    pub campaign: EntryCampaign,
    /// `<namespace>/<name>` of the `CapacityPool`.
    #[schemars(length(max = 128))]
    pub pool: String,
    /// Random; tells the operator its own entry from another's.
    #[schemars(length(max = 64))]
    pub nonce: String,
    /// What was sent, unless the wave was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<EntryRequest>,
    /// The load it brings, unless the wave was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<EntryLoad>,
    /// What was known when it was fired, unless the wave was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// When the first attempt was made.
    pub first_attempt_at: Time,
}

/// A wave as it was sized when it was armed.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryWave {
    /// Its name.
    #[schemars(length(max = 32))]
    pub name: String,
    /// The first recipient, counted from 0.
    #[schemars(range(min = 0))]
    pub offset: i64,
    /// How many.
    #[schemars(range(min = 0))]
    pub recipients: i64,
    /// The size as it was written, such as `2 %`, `24000` or `rest`.
    #[schemars(length(max = 32))]
    pub share: String,
}

/// Whether a wave was fired or skipped.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
pub enum Disposition {
    /// A request was, or is about to be, sent.
    Fire,
    /// Nothing was or will be sent.
    Skip,
}

/// Why a wave was skipped.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Skip {
    /// The reason.
    pub reason: SkipReason,
    /// Who or what decided it.
    #[schemars(length(max = 256))]
    pub by: String,
}

/// Why a wave was skipped. Every one but `Empty` ends the send.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
pub enum SkipReason {
    /// The campaign was aborted.
    Aborted,
    /// A guardrail whose breach ends a campaign was broken.
    Breached,
    /// Its time had passed.
    Missed,
    /// It would have had no recipients.
    Empty,
}

/// The Campaign an entry came from.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryCampaign {
    /// Its namespace.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Its UID: a Campaign applied again has another.
    #[schemars(length(max = 64))]
    pub uid: String,
    /// The generation that was read.
    pub generation: i64,
}

/// What was sent, byte for byte.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryRequest {
    /// `<namespace>/<name>` of the Sender.
    #[schemars(length(max = 128))]
    pub sender: String,
    /// Its UID.
    #[schemars(length(max = 64))]
    pub sender_uid: String,
    /// SHA-256 of the URL: the URL itself may hold a secret.
    #[schemars(length(max = 80))]
    pub url_digest: String,
    /// The idempotency key, a function of send and wave.
    #[schemars(length(max = 64))]
    pub key: String,
    /// The header that carries the key.
    #[schemars(length(max = 64))]
    pub key_header: String,
    /// The body.
    #[schemars(length(max = 65_536))]
    pub body: String,
    /// SHA-256 of the body.
    #[schemars(length(max = 80))]
    pub digest: String,
    /// The receiver's guarantee at that time.
    #[schemars(length(max = 32))]
    pub contract: String,
    /// So long the receiver keeps the key, counted from the first attempt, where that is its guarantee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub retention: Option<String>,
    /// What was made ready for it, where it goes by listmonk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listmonk: Option<EntryListmonk>,
    /// SHA-256 of the URL at which the receiver is asked what became of it, where that is its guarantee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80))]
    pub query_digest: Option<String>,
}

/// What was made ready for a wave in listmonk, by its numbers there.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryListmonk {
    /// Its campaign.
    #[schemars(range(min = 1))]
    pub campaign: i64,
    /// The last person on its list, in the order by chance that the send has: the next wave begins behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub last: Option<i64>,
    /// How many messages that campaign counted before it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub sent: Option<i64>,
}

/// The load a wave brings: enough to compute it again without anything live.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryLoad {
    /// Messages per second.
    pub send_rate: f64,
    /// Factor by which it may be exceeded.
    pub margin: f64,
    /// People and scanners, each with its own response.
    #[schemars(length(max = 8))]
    pub components: Vec<EntryComponent>,
    /// Share of the requests that reaches each workload.
    #[schemars(length(max = 16))]
    pub shares: Vec<EntryShare>,
}

/// One log-normal response.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryComponent {
    /// Requests that one message causes.
    pub requests_per_message: f64,
    /// Median of the delay, in minutes.
    pub median: f64,
    /// Standard deviation of its logarithm.
    pub sigma: f64,
}

/// How much of a wave's load reaches one workload.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryShare {
    /// Name of the workload.
    #[schemars(length(max = 63))]
    pub workload: String,
    /// `requestsPerRequest` at that time.
    pub requests_per_request: f64,
}

/// What was known when the wave was fired. Rates in requests per second.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The narrowest workload.
    #[schemars(length(max = 63))]
    pub bottleneck: String,
    /// What the wave needs there, with its margin.
    pub needed: f64,
    /// What was free.
    pub free: f64,
    /// The demand that was measured.
    pub demand: f64,
    /// Replicas that were ready and held.
    pub replicas: i32,
    /// Samples at which everything held.
    pub confirmations: i32,
    /// When it was last weighed.
    pub evaluated_at: Time,
    /// Who let it go without confirmed headroom, if somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_headroom: Option<WithoutHeadroom>,
}

/// A release that a person answered for, because headroom could not be confirmed.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WithoutHeadroom {
    /// Who.
    #[schemars(length(max = 256))]
    pub by: String,
    /// Why, in that person's words.
    #[schemars(length(max = 256))]
    pub reason: String,
    /// What would have held it back.
    #[schemars(length(max = 1024))]
    pub instead_of: String,
}

/// What became of an entry.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaveReleaseStatus {
    /// The outcome; none while an attempt is under way or nothing is known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// When it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Time>,
    /// Who or what decided it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub decided_by: Option<String>,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// Every try, the first included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub attempts: Vec<Attempt>,
    /// What people have said became of it, the first included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub resolutions: Vec<Resolution>,
    /// When Headroom paused it while it was leaving, the first included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub pauses: Vec<Pause>,
    /// When Headroom let it go on, the first try included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub resumes: Vec<Resume>,
}

/// A pause of a wave that is leaving, written before it is asked for.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    /// Random; tells this pause from any other.
    #[schemars(length(max = 64))]
    pub nonce: String,
    /// When it was written. To the microsecond: what was heard of the wave within the same second came before it or after it.
    pub at: MicroTime,
    /// Why, as the end of a sentence.
    #[schemars(length(max = 256))]
    pub reason: String,
    /// How many messages were counted when the wave was last started.
    #[schemars(range(min = 0))]
    pub sent_before: i64,
    /// How many were seen to be taken in the minute before, all since the wave was last started: of a run in which none was, people are
    /// left out when it is let go on.
    #[schemars(range(min = 0))]
    pub taken: i64,
    /// The instant of the last change there, once it has said that it was running and is paused by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub changed: Option<String>,
    /// How it came to rest, once the messages that were on their way have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Rest>,
}

/// How a wave that was paused came to rest.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rest {
    /// When that was seen.
    pub at: Time,
    /// The instant of the last change there.
    #[schemars(length(max = 64))]
    pub changed: String,
    /// How many messages are counted.
    #[schemars(range(min = 0))]
    pub sent: i64,
}

/// A try to let a wave go on, written before it is asked for.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resume {
    /// Random; tells this try from any other.
    #[schemars(length(max = 64))]
    pub nonce: String,
    /// When it was begun.
    pub at: Time,
    /// The nonce of the pause that it ends.
    #[schemars(length(max = 64))]
    pub pause: String,
    /// What was known when headroom was confirmed for those who are left.
    pub evidence: Evidence,
    /// `Started`, or why not: `NotFired`, `NotSent`, `Rejected` or `Unknown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub result: Option<String>,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub message: Option<String>,
}

/// What a person says became of an attempt.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
pub enum ResolvedAs {
    /// It has gone: the receiver has it.
    Sent,
    /// Nothing of it has gone: it may be tried again.
    NotSent,
    /// It shall not go any more; the waves after it may.
    Skip,
}

/// What a person has said became of an attempt, and how that person knows.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resolution {
    /// The nonce of the attempt.
    #[schemars(length(max = 64))]
    pub attempt: String,
    /// What became of it.
    pub resolved_as: ResolvedAs,
    /// Who says so.
    #[schemars(length(max = 256))]
    pub by: String,
    /// How that person knows.
    #[schemars(length(max = 256))]
    pub reason: String,
    /// When it was taken down.
    pub at: Time,
    /// UID of the Sender by which it may be tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub sender_uid: Option<String>,
    /// SHA-256 of that Sender's URL then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80))]
    pub url_digest: Option<String>,
}

/// What became of a wave.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
pub enum Outcome {
    /// The receiver has it.
    Released,
    /// The receiver refused it.
    Rejected,
    /// It may or may not have gone.
    Unknown,
    /// Its time had passed.
    Missed,
    /// It was decided that it does not go.
    Skipped,
}

/// One try.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Random; tells the operator its own try from another's.
    #[schemars(length(max = 64))]
    pub nonce: String,
    /// When it was begun.
    pub at: Time,
    /// `NotFired`, `NotSent`, `Deferred` by a receiver that keeps keys, `Started` of what tells its end itself, or the outcome it led to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub result: Option<String>,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub message: Option<String>,
    /// When the receiver may be asked again under the same key, where it keeps keys and that may clear it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Time>,
    /// Messages per second by this try, where its Sender or Campaign has had another rate since the entry was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_rate: Option<f64>,
}

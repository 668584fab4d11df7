//! `Campaign`: what a marketer writes. What to send, to how many, and when it may go.
//!
//! Rules at the root and on `spec` only compare with the past and are true while the spec is unchanged, so that a
//! status write is never refused by them; sums and unions stand on the field they speak of.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::campaign_status::CampaignStatus;
use super::reference::ObjectRef;
use super::schema;

/// What to send, to how many, and when it may go.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "headroom.dev",
    version = "v1alpha1",
    kind = "Campaign",
    namespaced,
    status = "CampaignStatus",
    category = "headroom",
    doc = "A Campaign is one send (e-mail, push, SMS) that goes out in waves, each only when its pool has confirmed headroom for it.",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(
        name = "Waves",
        type_ = "string",
        json_path = ".status.display.waves",
        description = "released of planned"
    ),
    printcolumn(
        name = "Sent",
        type_ = "string",
        json_path = ".status.display.sent",
        description = "messages gone of all; ~ is by the clock"
    ),
    printcolumn(
        name = "Room",
        type_ = "string",
        json_path = ".status.display.room",
        description = "free / needed, requests per second"
    ),
    printcolumn(
        name = "Next",
        type_ = "string",
        json_path = ".status.display.next",
        description = "next wave, in the campaign's time zone"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Why", type_ = "string", json_path = ".status.reason", description = "why it does not move"),
    printcolumn(name = "Pool", type_ = "string", json_path = ".spec.poolRef.name", priority = 1),
    printcolumn(name = "Sender", type_ = "string", json_path = ".spec.senderRef.name", priority = 1),
    printcolumn(name = "Channel", type_ = "string", json_path = ".spec.channel", priority = 1),
    printcolumn(name = "Priority", type_ = "integer", json_path = ".status.priority", priority = 1),
    printcolumn(name = "Deadline", type_ = "string", json_path = ".spec.schedule.end", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message", priority = 1)
)]
#[kube(validation = Rule::new("self.metadata.name.size() <= 52").message("metadata.name may have at most 52 characters: it becomes part of the names in the ledger"))]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.sendId) == has(oldSelf.sendId) && (!has(self.sendId) || self.sendId == oldSelf.sendId)").message("sendId is the identity of the send: it cannot be changed, added or removed; create a new Campaign instead"),
    validation = Rule::new("!has(oldSelf.abort) || !oldSelf.abort || (has(self.abort) && self.abort)").message("abort cannot be taken back: create a new Campaign with a sendId of its own instead"),
    validation = Rule::new("self.senderRef == oldSelf.senderRef").message("senderRef cannot be changed: another sender could send the same message to the same people again; create a new Campaign instead"),
    validation = Rule::new("!has(self.pace) || self.pace != 'Smooth' || !has(self.waves)").message("pace Smooth plans the waves itself: leave out waves, or pace")
)]
pub struct CampaignSpec {
    /// The `CapacityPool` that takes the traffic of this send.
    pub pool_ref: ObjectRef,
    /// The Sender that releases the waves. It cannot be changed.
    pub sender_ref: ObjectRef,
    /// Name of a load profile: `email`, `push`, `sms`, or another one together with `load`.
    #[schemars(length(max = 32), regex(pattern = schema::OPEN_NAME))]
    pub channel: String,
    /// Whom it goes to.
    pub audience: Audience,
    /// When messages may leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Sent in the order written. Default: the pool's plan, else a canary of 2 % and the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["name".into()]),
        validation = Rule::new("self.filter(w, !has(w.percent) && !has(w.recipients)).size() <= 1").message("only one wave may leave out its size; it takes the rest"),
        validation = Rule::new("self.exists(w, has(w.recipients)) || (self.all(w, has(w.percent)) ? self.map(w, w.percent).sum() == 100 : self.filter(w, has(w.percent)).map(w, w.percent).sum() < 100)").message("the percentages of the waves must add up to 100, or to less when one wave leaves its size out and takes the rest")
    )]
    pub waves: Option<Vec<Wave>>,
    /// How fast a send without `waves` goes: as soon as there is room for all of the rest, or cut into parts that keep the
    /// busiest minute as calm as it can be until the end. Default `Asap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
    /// Strings handed to the Sender: quote numbers. Never personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::parameters")]
    pub parameters: Option<BTreeMap<String, String>>,
    /// Identity of the send, beginning with `<namespace>/`. Default `<namespace>/<name>`; it cannot be changed, added or removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[a-z0-9]([a-z0-9._/-]*[a-z0-9])?$"))]
    pub send_id: Option<String>,
    /// Higher goes first. Default 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub priority: Option<i32>,
    /// May use the reserve that the pool keeps, where the pool allows it to this namespace. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgent: Option<bool>,
    /// Messages leave no faster than this, such as `200/s`. A Sender that cannot be told so is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 24), regex(pattern = schema::RATE))]
    pub max_send_rate: Option<String>,
    /// Nothing goes before all of these are so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8))]
    pub after: Option<Vec<After>>,
    /// Whether a person must approve this exact spec before anything goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// What is known about its load better than the profile says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("!has(self.peak) || !(has(self.visitRate) || has(self.requestsPerVisit) || has(self.responseMedian))").message("give load.peak alone, or the other fields of load"))]
    pub load: Option<Load>,
    /// No further wave goes while this is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// Ends the campaign for good: no further wave goes, whatever is applied later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort: Option<bool>,
    /// One line for people: what this send is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub description: Option<String>,
    /// Whom to ask about this send: a team, channel or address. No personal data of recipients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub contact: Option<String>,
}

/// How fast a send goes whose waves are not written.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum Pace {
    /// As soon as there is room: the rest goes whole.
    #[default]
    Asap,
    /// The rest goes in parts, which Headroom sizes so that the busiest minute is as calm as it can be: until
    /// `schedule.end`, or over 24 hours where there is none.
    Smooth,
}

/// Something that must be so before anything goes: one of them.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.campaign) ? 1 : 0) + (has(self.workload) ? 1 : 0) + (has(self.check) ? 1 : 0) == 1").message("give an entry of after one of campaign, workload and check"))]
pub struct After {
    /// Another Campaign of this namespace has completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<AfterCampaign>,
    /// A workload in the pool's namespace is rolled out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<AfterWorkload>,
    /// A check of the pool, by its name, is fulfilled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), regex(pattern = schema::LABEL))]
    pub check: Option<String>,
}

/// A Campaign that goes first.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AfterCampaign {
    /// Its name, in the same namespace.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
}

/// A workload that must be rolled out.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AfterWorkload {
    /// Its kind.
    pub kind: AfterKind,
    /// Its name, in the pool's namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// A container of it must run exactly this image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
}

/// Kinds of workloads that can be waited for.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
pub enum AfterKind {
    /// A Deployment.
    Deployment,
}

/// Whether a person must approve.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
}

/// Whom a send goes to.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Audience {
    /// Number of recipients, digits only.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub size: i64,
    /// Kind of recipients: `consumer` (default) or `business`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = schema::OPEN_NAME))]
    pub class: Option<String>,
}

/// When messages may leave. Times without an offset are local times in `timeZone`.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.start) || !has(self.end) || self.start.matches('(Z|[+-][0-9]{2}:[0-9]{2})$') || self.end.matches('(Z|[+-][0-9]{2}:[0-9]{2})$') || self.start < self.end").message("start must be before end"))]
pub struct Schedule {
    /// IANA name such as `Europe/Berlin`. Default UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = schema::ZONE))]
    pub time_zone: Option<String>,
    /// Nothing goes before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = schema::INSTANT))]
    pub start: Option<String>,
    /// No message leaves after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = schema::INSTANT))]
    pub end: Option<String>,
    /// Messages leave only inside. A wave starts only if it can also end inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 14))]
    pub windows: Option<Vec<Window>>,
    /// What becomes of waves that have not gone by `end`. Default Skip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_deadline: Option<OnDeadline>,
}

/// What becomes of waves that have not gone by `end`.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum OnDeadline {
    /// They are skipped and the campaign ends.
    #[default]
    Skip,
    /// The campaign is held for a person.
    Hold,
}

/// A time of day on some days of the week.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.from != self.to").message("from and to are the same; for a whole day write from \"00:00\" to \"24:00\""))]
pub struct Window {
    /// `[Mon-Fri]`, `[Sat, Sun]`. Default: every day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::days")]
    pub days: Option<Vec<String>>,
    /// `"09:00"`, quoted.
    #[schemars(length(max = 5), regex(pattern = schema::FROM))]
    pub from: String,
    /// `"18:00"`, quoted; earlier than `from`: it runs over midnight.
    #[schemars(length(max = 5), regex(pattern = schema::TO))]
    pub to: String,
}

/// One part of the audience, sent in one go.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.percent) && has(self.recipients))").message("give a wave percent or recipients, not both"))]
pub struct Wave {
    /// Part of the identity of what goes: a wave that has gone keeps its name for ever.
    #[schemars(length(max = 32), regex(pattern = schema::LABEL))]
    pub name: String,
    /// Share of the audience, a whole number without a sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub percent: Option<i32>,
    /// Number of recipients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub recipients: Option<i64>,
    /// How long to watch after its last message before the next wave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = schema::SPAN))]
    pub soak: Option<String>,
    /// Instead of the campaign's, for this wave's windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = schema::ZONE))]
    pub time_zone: Option<String>,
    /// Instead of the campaign's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 14))]
    pub windows: Option<Vec<Window>>,
    /// Added to the campaign's, for this wave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::parameters")]
    pub parameters: Option<BTreeMap<String, String>>,
}

/// What is known about the load of a send.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    /// Share of recipients who come, such as `2.5%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), regex(pattern = schema::PERCENT))]
    pub visit_rate: Option<String>,
    /// Requests that one visit makes, counted by the pool's demand query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub requests_per_visit: Option<i32>,
    /// Half of those who come have come by then, such as `165m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = schema::SPAN))]
    pub response_median: Option<String>,
    /// Requests per second at the peak of the whole audience at the Sender's rate, such as `640/s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 24), regex(pattern = schema::RATE))]
    pub peak: Option<String>,
}

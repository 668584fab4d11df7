//! `CapacityPool`: what a service owner writes. What takes the traffic, what it can bear, and the rules of using it.
//!
//! No server-side defaults: the operator applies them and shows the effective value in status, so that a later
//! apply from Git never meets a value that nobody wrote.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::campaign::Wave;
use super::pool_status::CapacityPoolStatus;
use super::reference::{NamespaceSelector, TargetRef};
use super::schema;

/// What takes the traffic, what it can bear, and the rules of using it.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "headroom.dev",
    version = "v1alpha1",
    kind = "CapacityPool",
    namespaced,
    status = "CapacityPoolStatus",
    category = "headroom",
    doc = "A CapacityPool describes the workloads behind a kind of traffic: how much each bears, how far it may be scaled, and what must stay healthy.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Demand", type_ = "string", json_path = ".status.display.demand"),
    printcolumn(
        name = "Committed",
        type_ = "string",
        json_path = ".status.display.committed",
        description = "still to come from sends, with its margin"
    ),
    printcolumn(name = "Free", type_ = "string", json_path = ".status.display.free"),
    printcolumn(
        name = "Floor",
        type_ = "string",
        json_path = ".status.display.floor",
        description = "raised floor of the narrowest workload"
    ),
    printcolumn(name = "Queue", type_ = "integer", json_path = ".status.queueLength"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Why", type_ = "string", json_path = ".status.reason"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message", priority = 1)
)]
#[serde(rename_all = "camelCase")]
pub struct CapacityPoolSpec {
    /// They are in series: the pool's headroom is that of the narrowest, never a sum.
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub workloads: Vec<Workload>,
    /// What cannot be scaled, such as connections of a database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub limits: Option<Vec<Limit>>,
    /// Questions of yes or no that a Campaign's `after` may wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 24))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub checks: Option<Vec<PoolCheck>>,
    /// Watched while and after messages leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub guardrails: Option<Vec<Guardrail>>,
    /// Share of `capacityPerReplica` that is used. Default 70 %, at most 85 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), regex(pattern = r"^([1-9]|[1-7][0-9]|8[0-4])(\.[0-9]+)?%$|^85%$"))]
    pub target_utilization: Option<String>,
    /// Factor by which expected loads may be exceeded, such as `"1.66"`. Default 2.3: nothing is known of the campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), regex(pattern = r"^[1-9][0-9]?(\.[0-9]+)?$"))]
    pub load_margin: Option<String>,
    /// `Enforce` (default), or `Observe`: it decides and reports, and neither scales nor sends anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// `Elastic` (default): nodes come when pods need them. `Fixed`: replicas that find no place on the nodes that are there do
    /// not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Nodes>,
    /// Share of what the replicas bear that only urgent campaigns may use, such as `20%`. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), regex(pattern = r"^[0-9]([0-9])?(\.[0-9]+)?%$"))]
    pub reserve: Option<String>,
    /// No campaign counts with a higher priority here, whatever it says. Default 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub max_priority: Option<i32>,
    /// Scale is raised no longer than this before a wave's time, however slowly pods become ready. Default `30m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = schema::SPAN))]
    pub max_prescale_lead: Option<String>,
    /// What is known of channels here, instead of the built-in profiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub profiles: Option<Vec<LoadProfile>>,
    /// Who may draw on the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admission: Option<Admission>,
    /// How often headroom must be seen before it counts as confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Confirm>,
    /// What makes a sample believable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensor: Option<SensorRules>,
    /// Where this pool is measured. Default: the operator's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<PrometheusServer>,
    /// Plan for campaigns that bring no `waves` of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["name".into()]),
        validation = Rule::new("self.filter(w, !has(w.percent) && !has(w.recipients)).size() <= 1").message("only one wave may leave out its size; it takes the rest"),
        validation = Rule::new("self.exists(w, has(w.recipients)) || (self.all(w, has(w.percent)) ? self.map(w, w.percent).sum() == 100 : self.filter(w, has(w.percent)).map(w, w.percent).sum() < 100)").message("the percentages of the waves must add up to 100, or to less when one wave leaves its size out and takes the rest")
    )]
    pub waves: Option<Vec<Wave>>,
    /// How borrowed scale is given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_down: Option<ScaleDown>,
    /// Nothing goes, and borrowed scale is given back at once, while this is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

/// One workload that takes the traffic.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// Its name in messages.
    #[schemars(length(max = 63), regex(pattern = schema::LABEL))]
    pub name: String,
    /// What is scaled.
    pub target_ref: TargetRef,
    /// What it is asked to do.
    pub demand: Demand,
    /// What one replica bears within its objectives, in the unit of the demand query.
    #[schemars(length(max = 24), regex(pattern = schema::RATE))]
    pub capacity_per_replica: String,
    /// Of a visit's requests, the share that reaches this workload. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub requests_per_request: Option<f64>,
    /// The most replicas Headroom may ask for.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_replicas: i32,
}

/// What a workload is asked to do, in requests per second.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Demand {
    /// `PromQL` that gives one number: requests per second.
    #[schemars(length(min = 1, max = 4096))]
    pub query: String,
    /// Stands for history where there is none yet: the most that an ordinary day brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 24), regex(pattern = schema::RATE))]
    pub peak: Option<String>,
    /// How several series become one number. Without it several series close the gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduce: Option<Reduce>,
    /// How it is seen that the demand of every ready replica is in it. Default: each replica has series of its own, with the
    /// name of its pod in the label `pod`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// What can be true of it, such as `{min: 5/s}`. A value outside is a fault of the sensor, and closes the gate. Without `min` a
    /// demand of exactly 0 does too, where `coverage` does not show its replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plausible: Option<Plausible>,
}

/// Values that can be true; one of these, or both.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.min) || has(self.max)").message("give plausible min or max"))]
pub struct Plausible {
    /// None is below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 24), regex(pattern = schema::THRESHOLD))]
    pub min: Option<String>,
    /// None is above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 24), regex(pattern = schema::THRESHOLD))]
    pub max: Option<String>,
}

/// How it is seen that the demand of every ready replica is measured; one of these.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.podLabel) ? 1 : 0) + (has(self.query) ? 1 : 0) + (has(self.unverified) ? 1 : 0) == 1").message("give demand.coverage podLabel, query or unverified, one of them"))]
pub struct Coverage {
    /// The label of the query's series that holds the name of the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = "^[a-zA-Z_][a-zA-Z0-9_]*$"))]
    pub pod_label: Option<String>,
    /// `PromQL` that gives the number of replicas that were scraped, such as `count(up{job="web"} == 1)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub query: Option<String>,
    /// It is not looked at; why that is safe here, such as `counted at the ingress, which every request passes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub unverified: Option<String>,
}

/// How several series become one number.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema)]
pub enum Reduce {
    /// All of them together.
    Sum,
    /// The largest.
    Max,
}

/// Something that cannot be scaled and must stay below a maximum.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limit {
    /// Its name in messages.
    #[schemars(length(max = 63), regex(pattern = schema::LABEL))]
    pub name: String,
    /// `PromQL` that gives one number.
    #[schemars(length(min = 1, max = 4096))]
    pub query: String,
    /// `70%`, `800ms`, `5/s`, `"0.05"`.
    #[schemars(length(max = 24), regex(pattern = schema::THRESHOLD))]
    pub max: String,
    /// By how much one further request per second raises it, in the unit of its query. Default: in proportion to demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub per_request: Option<f64>,
    /// What can be true of it. A value outside is a fault of the sensor: it closes the gate, and is no breach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plausible: Option<Plausible>,
}

/// A question of yes or no, asked of Prometheus.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.max) != has(self.min)").message("give a check max or min, one of them"))]
pub struct PoolCheck {
    /// The name by which a Campaign's `after` knows it.
    #[schemars(length(max = 63), regex(pattern = schema::LABEL))]
    pub name: String,
    /// `PromQL` that gives one number.
    #[schemars(length(min = 1, max = 4096))]
    pub query: String,
    /// Fulfilled while the value is not above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 24), regex(pattern = schema::THRESHOLD))]
    pub max: Option<String>,
    /// Fulfilled while the value is not below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 24), regex(pattern = schema::THRESHOLD))]
    pub min: Option<String>,
}

/// Whether a pool acts.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum Mode {
    /// It scales and sends.
    #[default]
    Enforce,
    /// It only says what it would do.
    Observe,
}

/// Whether the cluster can grow.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum Nodes {
    /// Nodes come when pods need them.
    #[default]
    Elastic,
    /// There are these nodes and no others.
    Fixed,
}

/// What is known of the load of a channel's messages.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadProfile {
    /// The channel.
    #[schemars(length(max = 32), regex(pattern = schema::OPEN_NAME))]
    pub channel: String,
    /// The class of recipients. Default: every class that has no profile of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = schema::OPEN_NAME))]
    pub class: Option<String>,
    /// Share of recipients who come, such as `2.5%`.
    #[schemars(length(max = 8), regex(pattern = schema::PERCENT))]
    pub visit_rate: String,
    /// Requests that one visit makes.
    #[schemars(range(min = 1, max = 10_000))]
    pub requests_per_visit: i32,
    /// Half of those who come have come by then, such as `165m`.
    #[schemars(length(max = 16), regex(pattern = schema::SPAN))]
    pub response_median: String,
    /// Standard deviation of the logarithm of the delay, such as `"2.4"`. Default: that of the built-in profile of the channel, else 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), regex(pattern = r"^[0-9](\.[0-9]+)?$"))]
    pub response_sigma: Option<String>,
    /// Requests that machines make for one message, before anybody reads it, such as `"0.09"`. Default: as the built-in profile has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), regex(pattern = r"^[0-9][0-9]?(\.[0-9]+)?$"))]
    pub scanned_links: Option<String>,
}

/// Something that must stay healthy while and after messages leave.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.max) != has(self.min)").message("give a guardrail max or min, one of them"))]
pub struct Guardrail {
    /// Its name in messages.
    #[schemars(length(max = 63), regex(pattern = schema::LABEL))]
    pub name: String,
    /// `PromQL` that gives one number.
    #[schemars(length(min = 1, max = 4096))]
    pub query: String,
    /// The value must not be above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 24), regex(pattern = schema::THRESHOLD))]
    pub max: Option<String>,
    /// The value must not be below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 24), regex(pattern = schema::THRESHOLD))]
    pub min: Option<String>,
    /// How long it must be out of bounds to count as a breach. Default: at once.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = schema::SPAN))]
    pub lasting: Option<String>,
    /// Default Hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_breach: Option<OnBreach>,
    /// What can be true of it. A value outside is a fault of the sensor: it closes the gate, and is no breach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plausible: Option<Plausible>,
}

/// What a breach does to the campaigns of the pool.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum OnBreach {
    /// No further wave.
    #[default]
    Hold,
    /// No further wave, and what is leaving is paused, where its Sender can; it goes on when that is over and there is room.
    Pause,
    /// Ends the campaign that is being sent.
    Abort,
}

/// Who may draw on a pool.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Admission {
    /// Namespaces whose Campaigns may use the pool. Absent: its own only; `{}`: every namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<NamespaceSelector>,
    /// Namespaces whose urgent Campaigns may use the reserve. Absent: the pool's own only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgent_namespace_selector: Option<NamespaceSelector>,
    /// The highest priority that counts, by namespace. Where several select a Campaign's namespace the lowest holds, and
    /// never more than `maxPriority`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub priorities: Option<Vec<NamespacePriority>>,
    /// A Campaign to more recipients than this needs the approval of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub approval_above: Option<i64>,
    /// So many Campaigns may be in the middle of their send at a time. Default: as many as there is room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_concurrent: Option<i32>,
    /// Times in which nothing leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub freezes: Option<Vec<Freeze>>,
    /// Nothing goes while this counts more than 0 incidents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incidents: Option<Incidents>,
}

/// The highest priority that counts in some namespaces.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespacePriority {
    /// The namespaces it holds for; `{}`: every namespace.
    pub namespace_selector: NamespaceSelector,
    /// No campaign of theirs counts with a higher priority here, whatever it says.
    #[schemars(range(min = 0, max = 1000))]
    pub max_priority: i32,
}

/// A time in which nothing leaves.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Freeze {
    /// An instant with an offset, such as `2027-11-26T00:00:00Z`.
    #[schemars(length(max = 32), regex(pattern = schema::ABSOLUTE))]
    pub from: String,
    /// An instant with an offset.
    #[schemars(length(max = 32), regex(pattern = schema::ABSOLUTE))]
    pub to: String,
    /// Shown to those who wait.
    #[schemars(length(min = 1, max = 128))]
    pub reason: String,
}

/// How incidents are counted.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Incidents {
    /// `PromQL` that gives one number. It must give 0 in peace, not nothing: see docs/rules.md.
    #[schemars(length(min = 1, max = 4096))]
    pub query: String,
}

/// How often headroom must be seen before it counts as confirmed.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Confirm {
    /// Distinct samples at which everything holds. Default 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20))]
    pub samples: Option<i32>,
    /// They must span at least this. Default 60s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = schema::SPAN))]
    pub span: Option<String>,
}

/// What makes a sample believable.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SensorRules {
    /// Older samples close the gate. Default 90s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = schema::SPAN))]
    pub max_sample_age: Option<String>,
    /// Of a workload's ready replicas, the share whose fresh samples must be behind its demand. Default 90%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), regex(pattern = schema::WHOLE_PERCENT))]
    pub min_coverage: Option<String>,
    /// Whether the Prometheus of this pool must show Headroom's own heartbeat. Default Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<Heartbeat>,
}

/// Whether a Prometheus must show that it measures this cluster, and now.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum Heartbeat {
    /// What it says counts only while it shows the heartbeat of the operator that asks.
    #[default]
    Required,
    /// It is believed without: the owner answers for that it is the right one, and that it still scrapes.
    Unverified,
}

/// Where a pool is measured.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrometheusServer {
    /// Such as `http://prometheus.monitoring.svc:9090`. The platform team must list it in the chart's `prometheus.addresses`, and it is asked
    /// without credentials.
    #[schemars(length(max = 512), regex(pattern = "^https?://[^@?#]+$"))]
    pub address: String,
}

/// How borrowed scale is given back, once the load that needed it has gone.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScaleDown {
    /// How long to keep it after that. Default 10m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = schema::SPAN))]
    pub hold: Option<String>,
    /// How much of the floor is given back each minute. Default 10 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), regex(pattern = schema::WHOLE_PERCENT))]
    pub step: Option<String>,
    /// So long after the load has gone by the model, scale is given back even if the sensor stays silent. Default 24h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = schema::SPAN))]
    pub max_hold: Option<String>,
}

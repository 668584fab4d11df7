//! One moment of a simulated world, and what a whole story came to: plain data for a terminal, a machine, a plot or a
//! test.

use jiff::Timestamp;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::ResourceExt;
use serde::Serialize;
use serde_json::Value;

use crate::api::{FLOOR_ANNOTATION, WaveRelease};

use super::apiserver::{ApiServer, Record};
use super::prometheus::ready;
use super::receiver::{Heard, Taken};
use super::traffic::Traffic;

/// One moment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// Every campaign.
    pub campaigns: Vec<CampaignMoment>,
    /// Every workload.
    pub workloads: Vec<WorkloadMoment>,
}

/// A campaign at one moment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CampaignMoment {
    /// `<namespace>/<name>`.
    pub name: String,
    /// Its phase.
    pub phase: String,
    /// Its reason.
    pub reason: String,
    /// Waves that have gone, of all.
    pub waves: String,
    /// Messages that have gone, of all.
    pub sent: String,
    /// What is free, of what is needed.
    pub room: String,
    /// The sentence.
    pub message: String,
}

/// A workload at one moment. Requests per second, by the truth.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadMoment {
    /// `<namespace>/<name>` of its pool, and its name in it.
    pub name: String,
    /// Everything that is asked of it.
    pub demand: f64,
    /// The part that sends bring.
    pub caused: f64,
    /// What the ready replicas truly bear.
    pub bears: f64,
    /// Ready replicas.
    pub ready: u32,
    /// The floor that stands, if one does.
    pub floor: Option<i32>,
}

/// How a story ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Outcome {
    /// Every campaign has ended, and the scale is back.
    Over,
    /// Something still waits, and for as long as was asked nothing was written any more.
    Quiet,
    /// Something was still under way when the time was over.
    OutOfTime,
}

/// A whole story.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Played {
    /// Every moment.
    pub moments: Vec<Moment>,
    /// Every release that was taken.
    pub taken: Vec<Taken>,
    /// How it ended.
    pub outcome: Outcome,
    /// What the ledger holds at the end.
    pub ledger: Vec<LedgerLine>,
    /// Targets that carry a floor of ours at the end, with what they are set to; and those that do not.
    pub targets: Vec<TargetLine>,
    /// Whether the operator was still at work at the end.
    pub is_alive: bool,
    /// What the API server was asked, by whom, and what it changed.
    #[serde(skip)]
    pub calls: Vec<Record>,
    /// Every request that a receiver got.
    #[serde(skip)]
    pub heard: Vec<Heard>,
    /// When the operator was started.
    #[serde(skip)]
    pub begun: Timestamp,
    /// When it was over.
    #[serde(skip)]
    pub ended: Timestamp,
}

/// One entry of the ledger.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerLine {
    /// Its name.
    pub name: String,
    /// Its wave.
    pub wave: String,
    /// Its idempotency key; none for a wave that was passed over.
    pub key: Option<String>,
    /// What became of it.
    pub outcome: Option<String>,
}

/// One autoscaler.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetLine {
    /// Its name.
    pub name: String,
    /// Its least replicas.
    pub least: Option<i32>,
    /// Whether it carries a note of ours.
    pub is_noted: bool,
}

/// The ledger as it is.
pub fn ledger(server: &ApiServer) -> Vec<LedgerLine> {
    let line = |entry: WaveRelease| LedgerLine {
        name: entry.name_any(),
        wave: entry.spec.wave.name.clone(),
        key: entry.spec.request.as_ref().map(|request| request.key.clone()),
        outcome: entry.status.as_ref().and_then(|status| status.outcome).map(|outcome| format!("{outcome:?}")),
    };
    server.read_all::<WaveRelease>("").into_iter().map(line).collect()
}

/// The autoscalers as they are.
pub fn targets(server: &ApiServer) -> Vec<TargetLine> {
    let line = |hpa: HorizontalPodAutoscaler| TargetLine {
        name: format!("{}/{}", hpa.namespace().unwrap_or_default(), hpa.name_any()),
        least: hpa.spec.as_ref().and_then(|spec| spec.min_replicas),
        is_noted: hpa.annotations().contains_key(FLOOR_ANNOTATION),
    };
    server.read_all::<HorizontalPodAutoscaler>("").into_iter().map(line).collect()
}

/// A text; empty where there is none.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `<namespace>/<name>` of an object.
fn key(object: &Value) -> String {
    let metadata = &object["metadata"];
    format!("{}/{}", text(&metadata["namespace"]), text(&metadata["name"]))
}

impl Moment {
    /// The world as it is.
    pub fn of(server: &ApiServer, traffic: &Traffic, at: Timestamp) -> Moment {
        // Read where they lie: a fortnight has forty thousand moments, and few of them differ.
        let campaigns = server.list("campaigns.headroom.dev", "");
        let campaigns = campaigns.iter().map(|campaign| {
            let status = &campaign["status"];
            let display = &status["display"];
            CampaignMoment {
                name: key(campaign),
                phase: match text(&status["phase"]) {
                    "" => "Pending".to_owned(),
                    phase => phase.to_owned(),
                },
                reason: text(&status["reason"]).to_owned(),
                waves: text(&display["waves"]).to_owned(),
                sent: text(&display["sent"]).to_owned(),
                room: text(&display["room"]).to_owned(),
                message: text(&status["message"]).to_owned(),
            }
        });
        let pools = server.list("capacitypools.headroom.dev", "");
        let floor = |pool: &str, workload: &str| {
            let there = pools.iter().find(|there| key(there) == pool)?;
            let mut claims = there["status"]["claims"].as_array()?.iter();
            let claim = claims.find(|claim| text(&claim["workload"]) == workload)?;
            claim["floor"].as_i64().and_then(|floor| i32::try_from(floor).ok())
        };
        let workloads = traffic.workloads.iter().map(|workload| {
            let ready = ready(server, workload);
            WorkloadMoment {
                name: format!("{} {}", workload.pool, workload.name),
                demand: traffic.demand(workload, at),
                caused: traffic.caused(workload, at),
                bears: f64::from(ready) * workload.bears,
                ready,
                floor: floor(&workload.pool, &workload.name),
            }
        });
        Moment { at, campaigns: campaigns.collect(), workloads: workloads.collect() }
    }
}

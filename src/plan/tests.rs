#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unnecessary_wraps)]
//! Whole decisions, from plain data. Owns the world they begin with, in which everything is in place; each subject has a
//! file of its own, and changes one thing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::claim::{Note, Target, TargetKind};
use super::contract::Contract;
use super::reading::{HistoryPoints, Reading, SensorFault};
use super::reason::Reason;
use super::rules::Rules;
use super::scope::Scope;
use super::snapshot::{Asks, Campaign, Entry, Found, Gates, Pool, Sender, Settings, TargetFault, Workload};
use super::*;
use crate::api::pool_status::{CapacityPoolStatus, Claim};
use crate::api::release::{EntryLoad, SkipReason};

mod asked;
mod edges;
mod floors;
mod gates;
mod guardrails;
mod halted;
mod idle;
mod keys;
mod limits;
mod opening;
mod resolve;
mod resumed;
mod sent;
mod turn;

const NOW: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(NOW + second).unwrap()
}

fn reading(value: f64, age: i64) -> Result<Reading, SensorFault> {
    Ok(Reading {
        value,
        sample_at: at(-age),
        evaluated_at: at(0),
        range: SignedDuration::from_secs(10),
        replicas: None,
    })
}

/// A pool with one workload.
fn pool_spec() -> Value {
    json!({
        "workloads": [{
            "name": "web", "targetRef": {"kind": "Deployment", "name": "web"}, "demand": {"query": "q", "peak": "300/s", "coverage": {"unverified": "a test"}},
            "capacityPerReplica": "100/s", "maxReplicas": 30,
        }],
        "targetUtilization": "75%", "loadMargin": "1.66", "confirm": {"samples": 1, "span": "0s"},
        "admission": {"namespaceSelector": {}},
    })
}

/// That pool, which 20 ready and held replicas make ready for 1,500 requests per second.
fn snapshot() -> Snapshot {
    let rules = Rules::parse(&serde_json::from_value(pool_spec()).unwrap());
    let claim = super::claim::tests::claim(Some(2), 20);
    let note = Note {
        pool: "shop/storefront".into(),
        claim: "c".into(),
        baseline: Some(2),
        last_written: 20,
        reassertions: 0,
    };
    let target = Target {
        kind: TargetKind::Hpa,
        name: "web".into(),
        uid: "u".into(),
        value: Some(20),
        note: Some(note),
        note_is_alive: true,
        writer: None,
    };
    Snapshot {
        pool: Pool {
            namespace: "shop".into(),
            name: "storefront".into(),
            generation: 1,
            missing: false,
            deleting: false,
            rules,
            status: CapacityPoolStatus {
                observed_generation: Some(1),
                claims: vec![claim],
                ..CapacityPoolStatus::default()
            },
        },
        workloads: vec![Workload {
            target: Ok(Found { target, autoscaler_max: Some(40), ready: 20, replicas: 20, placeable: None }),
            demand: Some(reading(300.0, 1)),
            history: Some(Ok(HistoryPoints { points: Vec::new(), step: SignedDuration::from_mins(5) })),
        }],
        orphans: Vec::new(),
        limits: Vec::new(),
        guardrails: Vec::new(),
        gates: Gates::default(),
        campaigns: vec![campaign("sale", &json!({}))],
        entries: Vec::new(),
        settings: Settings {
            install: "headroom/headroom".into(),
            breach_recovery: SignedDuration::from_mins(10),
            scope: Scope::Everywhere,
        },
        memory: Memory::default(),
        nonce: "nonce".into(),
    }
}

pub(super) fn campaign(name: &str, over: &Value) -> Campaign {
    let mut spec = json!({
        "poolRef": {"namespace": "shop", "name": "storefront"}, "senderRef": {"namespace": "mail", "name": "push"},
        "channel": "push", "audience": {"size": 40000}, "load": {"responseMedian": "10s"},
        "waves": [{"name": "canary", "percent": 10, "soak": "1m"}, {"name": "rest"}],
    });
    for (field, value) in over.as_object().unwrap() {
        spec[field] = value.clone();
    }
    let sender = json!({"namespaceSelector": {}, "sendRate": "2000/s", "webhook": {"url": "http://mail/send"}});
    Campaign {
        namespace: "marketing".into(),
        name: name.into(),
        uid: format!("uid-{name}"),
        generation: 1,
        version: "7".into(),
        created: at(-1000),
        deleting: false,
        spec: serde_json::from_value(spec).unwrap(),
        asks: Asks::default(),
        status: crate::api::CampaignStatus::default(),
        sender: Some(Sender {
            namespace: "mail".into(),
            name: "push".into(),
            uid: "sender".into(),
            generation: 1,
            deleting: false,
            spec: serde_json::from_value(sender).unwrap(),
            trouble: None,
        }),
        labels: BTreeMap::new(),
        taken_by: None,
        unreadable_entry: None,
    }
}

fn entry(wave: &str, recipients: u64, second: i64, outcome: Option<Outcome>) -> Entry {
    let load = json!({
        "sendRate": 2000.0, "margin": 1.66,
        "components": [{"requestsPerMessage": 0.4, "median": 10.0 / 60.0, "sigma": 2.0}],
        "shares": [{"workload": "web", "requestsPerRequest": 1.0}],
    });
    Entry {
        name: identity::WaveId::new(&identity::SendId::for_campaign("marketing", "sale"), wave).ledger_name(),
        send_id: "marketing/sale".into(),
        wave: wave.into(),
        offset: 0,
        recipients,
        share: if wave == "rest" { "rest".into() } else { "10%".into() },
        disposition: Disposition::Fire,
        skip: None,
        skipped_by: None,
        campaign_uid: "uid-sale".into(),
        is_orphaned: false,
        campaign: "marketing/sale".into(),
        pool: "shop/storefront".into(),
        first_attempt: at(second),
        newest_attempt: at(second),
        attempts: 1,
        tries: 0,
        may_have_left_at: Vec::new(),
        contract: Contract::AtMostOnce,
        newest_nonce: "attempt".into(),
        newest_result: None,
        again: None,
        heard: None,
        was_deferred: false,
        resolved: Vec::new(),
        outcome,
        decided_at: None,
        message: None,
        load: Some(serde_json::from_value::<EntryLoad>(load).unwrap()),
        rates: Vec::new(),
        sender_key: Some("mail/push".into()),
        sender: Some(("sender".into(), identity::digest(b"http://mail/send"))),
        body: Some("{}".into()),
        runs: resume::Runs::default(),
    }
}

/// What is said of the first campaign: its reason, and the sentence.
fn said(plan: &Plan) -> (String, String) {
    let status = &plan.reports.first().expect("something is said").status;
    (status.reason.clone().unwrap(), status.message.clone().unwrap())
}

fn reason(snapshot: &Snapshot) -> String {
    said(&plan(snapshot, at(0))).0
}

//! Pools with many campaigns, as plain data: the one place where a snapshot is made for the figures.

use std::collections::BTreeMap;
use std::fmt;

use headroom::api::release::{Disposition, EntryLoad, Outcome};
use headroom::api::{CampaignStatus, Phase};
use headroom::plan;
use headroom::plan::claim::{Note, Target, TargetKind};
use headroom::plan::contract::Contract;
use headroom::plan::identity::{SendId, WaveId, digest};
use headroom::plan::memory::Memory;
use headroom::plan::reading::{HistoryPoints, Reading};
use headroom::plan::rules::Rules;
use headroom::plan::scope::Scope;
use headroom::plan::snapshot::{Asks, Campaign, Entry, Found, Gates, Pool, Sender, Settings, Snapshot, Workload};
use headroom::sim::story::Story;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// What the campaigns of a pool are in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing is due: every campaign waits for its start.
    Idle,
    /// A pool in use: of a hundred campaigns sixty have ended, thirty-six wait for their start, three have sent their
    /// canary and soak, and one is due.
    Mixed,
    /// Every campaign is due at once.
    Waiting,
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Kind::Idle => "none due",
            Kind::Mixed => "one in a hundred due",
            Kind::Waiting => "all due",
        })
    }
}

/// When all this is.
pub fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn at(second: i64) -> Timestamp {
    now() + SignedDuration::from_secs(second)
}

/// A pool with a week of history, and its campaigns.
pub fn snapshot(kind: Kind, campaigns: u32) -> Snapshot {
    let spec = json!({
        "workloads": [{
            "name": "web", "targetRef": {"kind": "Deployment", "name": "web"}, "demand": {"query": "q", "peak": "300/s", "coverage": {"unverified": "a test"}},
            "capacityPerReplica": "100/s", "maxReplicas": 40,
        }],
        "targetUtilization": "75%", "admission": {"namespaceSelector": {}},
    });
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
    let claim = json!({
        "id": "c", "workload": "web", "kind": "HorizontalPodAutoscaler", "name": "web", "uid": "u", "baseline": 2,
        "floor": 20, "observed": true, "reassertions": 0,
    });
    let status = json!({ "observedGeneration": 1, "claims": [claim] });
    let points = (0..8 * 288).map(|step| (at(-300 * step), 300.0)).collect();
    let (sample_at, evaluated_at, range) = (at(-1), at(0), SignedDuration::from_secs(60));
    let reading = Reading { value: 300.0, sample_at, evaluated_at, range, replicas: None };
    let mut snapshot = Snapshot {
        gates: Gates::default(),
        pool: Pool {
            namespace: "shop".into(),
            name: "storefront".into(),
            generation: 1,
            missing: false,
            deleting: false,
            rules: Rules::parse(&serde_json::from_value(spec).unwrap()),
            status: serde_json::from_value(status).unwrap(),
        },
        workloads: vec![Workload {
            target: Ok(Found { target, autoscaler_max: Some(40), ready: 20, replicas: 20, placeable: None }),
            demand: Some(Ok(reading)),
            history: Some(Ok(HistoryPoints { points, step: SignedDuration::from_mins(5) })),
        }],
        orphans: Vec::new(),
        limits: Vec::new(),
        guardrails: Vec::new(),
        campaigns: Vec::new(),
        entries: Vec::new(),
        settings: Settings {
            install: "headroom/headroom".into(),
            breach_recovery: SignedDuration::from_mins(10),
            scope: Scope::Everywhere,
        },
        memory: Memory::default(),
        nonce: "nonce".into(),
    };
    for index in 0..campaigns {
        add(&mut snapshot, kind, index);
    }
    snapshot
}

fn add(snapshot: &mut Snapshot, kind: Kind, index: u32) {
    let name = format!("sale-{index}");
    let part = match kind {
        Kind::Idle => 60,
        Kind::Waiting => 99,
        Kind::Mixed => index % 100,
    };
    // No two are of one size: those of one size have their crests at the same instants, and cost less.
    let size = 40_000 + 10 * index;
    let mut campaign =
        campaign(&name, size, &if part < 96 { json!({"start": "2027-02-01T09:00:00Z"}) } else { json!({}) });
    let days_ago = -86_400 * i64::from(index % 60 + 2);
    match part {
        0..60 => {
            campaign.status = CampaignStatus {
                phase: Some(Phase::Completed),
                observed_generation: Some(1),
                ..CampaignStatus::default()
            };
            snapshot
                .entries
                .extend([entry(&name, "canary", 0, 800, days_ago), entry(&name, "rest", 800, 39_200, days_ago + 900)]);
        }
        96..99 => snapshot.entries.push(entry(&name, "canary", 0, 800, -120)),
        _ => {}
    }
    snapshot.campaigns.push(campaign);
}

fn campaign(name: &str, size: u32, schedule: &Value) -> Campaign {
    let spec = json!({
        "poolRef": {"namespace": "shop", "name": "storefront"}, "senderRef": {"namespace": "mail", "name": "letters"},
        "channel": "email", "audience": {"size": size}, "schedule": schedule,
    });
    let sender = json!({"namespaceSelector": {}, "sendRate": "500/s", "webhook": {"url": "http://mail/send"}});
    Campaign {
        asks: Asks::default(),
        namespace: "marketing".into(),
        name: name.into(),
        uid: format!("uid-{name}"),
        generation: 1,
        version: "7".into(),
        created: at(-1000),
        deleting: false,
        spec: serde_json::from_value(spec).unwrap(),
        status: CampaignStatus::default(),
        sender: Some(Sender {
            namespace: "mail".into(),
            name: "letters".into(),
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

fn entry(campaign: &str, wave: &str, offset: u64, recipients: u64, second: i64) -> Entry {
    let load = json!({
        "sendRate": 500.0, "margin": 2.3,
        "components": [
            {"requestsPerMessage": 0.25, "median": 165.0, "sigma": 2.4},
            {"requestsPerMessage": 0.09, "median": 0.5, "sigma": 1.0},
        ],
        "shares": [{"workload": "web", "requestsPerRequest": 1.0}],
    });
    Entry {
        name: WaveId::new(&SendId::for_campaign("marketing", campaign), wave).ledger_name(),
        send_id: format!("marketing/{campaign}"),
        wave: wave.into(),
        offset,
        recipients,
        share: if wave == "rest" { "rest".into() } else { "2%".into() },
        disposition: Disposition::Fire,
        skip: None,
        skipped_by: None,
        is_orphaned: false,
        campaign_uid: format!("uid-{campaign}"),
        campaign: format!("marketing/{campaign}"),
        pool: "shop/storefront".into(),
        first_attempt: at(second),
        newest_attempt: at(second),
        attempts: 1,
        tries: 0,
        may_have_left_at: Vec::new(),
        was_deferred: false,
        contract: Contract::AtMostOnce,
        again: None,
        newest_nonce: "attempt".into(),
        newest_result: Some("Released".into()),
        heard: None,
        resolved: Vec::new(),
        decided_at: None,
        outcome: Some(Outcome::Released),
        message: None,
        load: Some(serde_json::from_value::<EntryLoad>(load).unwrap()),
        rates: Vec::new(),
        sender_key: None,
        sender: Some(("sender".into(), digest(b"http://mail/send"))),
        body: Some("{}".into()),
        runs: headroom::plan::resume::Runs::default(),
    }
}

/// The same after one look: what was said stands in the statuses, so that the next look has little to say, as usual.
pub fn seen_once(mut snapshot: Snapshot) -> Snapshot {
    let plan = plan::plan(&snapshot, now());
    for report in plan.reports {
        let (namespace, name) = &report.campaign;
        let mut campaigns = snapshot.campaigns.iter_mut();
        if let Some(campaign) = campaigns.find(|there| there.namespace == *namespace && there.name == *name) {
            campaign.status = report.status;
        }
    }
    snapshot.pool.status = plan.pool;
    snapshot.memory = plan.memory;
    snapshot
}

/// Makes of a story's campaign one a day.
pub fn one_campaign_a_day(story: &mut Story, days: i64) {
    let campaign = story.campaigns.first().unwrap().clone();
    story.campaigns = (0..days)
        .map(|day| {
            let mut campaign = campaign.clone();
            let start = story.start + SignedDuration::from_hours(24 * day + 1);
            campaign["metadata"]["name"] = json!(format!("sale-{day}"));
            campaign["spec"]["schedule"] = json!({"start": start.to_string()});
            campaign
        })
        .collect();
}

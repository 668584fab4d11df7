//! What was measured and read, as a case writes it: a number with an age, or the name of a fault; a workload's replicas,
//! and the claim on them.

use headroom::api::pool_status::{Claim, Rival, WorkloadStatus};
use headroom::plan::claim::{Note, Target, TargetKind};
use headroom::plan::reading::{HistoryPoints, Reading, SensorFault};
use headroom::plan::snapshot::{Found, Orphan, TargetFault, Workload};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Deserialize;

use super::case::Ago;

/// A number, `NaN`, the name of a fault, or `Unasked`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Said {
    Number(f64),
    Word(String),
}

impl Said {
    fn fault(word: &str) -> Result<SensorFault, String> {
        Ok(match word {
            "Empty" => SensorFault::Empty,
            "NotANumber" => SensorFault::NotANumber,
            "Infinite" => SensorFault::Infinite,
            "SeveralSeries" => SensorFault::SeveralSeries { count: 3 },
            "WrongType" => SensorFault::WrongType { found: "matrix".to_owned() },
            "Warnings" => SensorFault::Warnings { text: "a store is down".to_owned() },
            "Partial" => SensorFault::Partial,
            "TimedOut" => SensorFault::TimedOut { seconds: 5 },
            "BadQuery" => SensorFault::BadQuery { why: "parse error".to_owned() },
            "ClockOff" => SensorFault::ClockOff { seconds: 9 },
            other => return Err(format!("there is no fault {other}")),
        })
    }

    fn reading(&self, age: Ago, range: Ago, now: Timestamp) -> Result<Option<Result<Reading, SensorFault>>, String> {
        let value = match self {
            Said::Number(value) => *value,
            // A sensor refuses it; a decision that is handed one all the same must not open.
            Said::Word(word) if word == "NaN" => f64::NAN,
            Said::Word(word) if word == "Unasked" => return Ok(None),
            Said::Word(word) => return Said::fault(word).map(|fault| Some(Err(fault))),
        };
        Ok(Some(Ok(Reading { value, sample_at: now - age.0, evaluated_at: now, range: range.0, replicas: None })))
    }
}

/// A limit or a guardrail: its answer alone, or with the age of its sample.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    Aged(Aged),
    Plain(Said),
}

/// An answer with the age of its sample.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aged {
    value: Said,
    age: Ago,
}

impl Answer {
    /// As the snapshot holds it.
    pub fn reading(&self, now: Timestamp) -> Result<Option<Result<Reading, SensorFault>>, String> {
        let second = Ago(SignedDuration::from_secs(1));
        match self {
            Answer::Plain(said) => said.reading(second, second, now),
            Answer::Aged(aged) => aged.value.reading(aged.age, second, now),
        }
    }
}

/// Days of history.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum History {
    Word(String),
    Days(Level),
}

/// So many days at one level, and what differs from it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_field_names)] // As a case writes it: `{days: 8, level: 300}`.
pub struct Level {
    days: f64,
    level: f64,
    /// Stretches of another level: `[how long ago it began, how long it lasted, level]`.
    #[serde(default)]
    but: Vec<(Ago, Ago, f64)>,
}

impl History {
    fn points(&self, now: Timestamp) -> Result<Option<Result<HistoryPoints, SensorFault>>, String> {
        let step = SignedDuration::from_mins(5);
        let found = |points| Ok(Some(Ok(HistoryPoints { points, step })));
        let days = match self {
            History::Word(word) if word == "Unasked" => return Ok(None),
            History::Word(word) if word == "None" => return found(Vec::new()),
            History::Word(word) => return Said::fault(word).map(|fault| Some(Err(fault))),
            History::Days(days) => days,
        };
        let mut points = Vec::new();
        let mut ago = SignedDuration::from_mins(5);
        while ago.as_secs_f64() <= days.days * 86_400.0 {
            let other = days.but.iter().find(|(began, lasted, _)| ago <= began.0 && ago > began.0 - lasted.0);
            points.push((now - ago, other.map_or(days.level, |(.., level)| *level)));
            ago += step;
        }
        found(points)
    }
}

/// What was read of one workload.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WrittenWorkload {
    demand: Said,
    age: Ago,
    range: Ago,
    history: History,
    ready: i32,
    /// Those of them that have fresh samples in the demand; absent: all.
    seen: Option<f64>,
    /// `HorizontalPodAutoscaler` or `Deployment`.
    kind: String,
    /// The most its autoscaler allows.
    hpa_max: Option<i32>,
    /// How many the nodes hold, where the pool counts them.
    placeable: Option<i32>,
    /// Claimed, written and read back; absent: never touched.
    held: Option<i32>,
    /// What stood there before anybody claimed it; absent: the field was not set.
    baseline: Option<i32>,
    /// What stands there, where it is not what was written.
    live: Option<i32>,
    /// Whether the annotation has been taken away.
    #[serde(default)]
    note_lost: bool,
    /// Another pool whose annotation stands there.
    claimed_by: Option<String>,
    /// Whether what the annotation speaks of is still claimed.
    #[serde(default = "yes")]
    note_is_alive: bool,
    writer: Option<String>,
    #[serde(default)]
    claim: WrittenClaim,
    /// `Missing`, or a sentence why it cannot be scaled.
    unsupported: Option<String>,
    unreadable: Option<String>,
    #[serde(default)]
    missing: bool,
    /// What the pool's status says of how its demand moves.
    noise: Option<i64>,
    /// How long rises of its floor took, in seconds, as the pool's status has it.
    #[serde(default)]
    leads: Vec<i64>,
}

fn yes() -> bool {
    true
}

/// What a claim says beside floor and baseline.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct WrittenClaim {
    quiet_for: Option<Ago>,
    silent_for: Option<Ago>,
    stepped: Option<Ago>,
    reassertions: i32,
    /// Not written yet.
    unobserved: bool,
    /// `[field manager, value]`.
    rival: Option<(String, i32)>,
}

impl WrittenWorkload {
    /// What the pool's status says of it.
    pub fn status(&self, name: &str) -> WorkloadStatus {
        WorkloadStatus {
            name: name.to_owned(),
            noise: self.noise,
            leads: self.leads.clone(),
            ..WorkloadStatus::default()
        }
    }

    /// The claim in the pool's status.
    pub fn claim(&self, name: &str, now: Timestamp) -> Option<Claim> {
        let ago = |ago: Option<Ago>| ago.map(|ago| Time(now - ago.0));
        self.held.map(|floor| Claim {
            silent_since: ago(self.claim.silent_for),
            id: format!("claim-{name}"),
            workload: name.to_owned(),
            kind: self.kind.clone(),
            name: name.to_owned(),
            uid: format!("uid-{name}"),
            baseline: self.baseline,
            floor,
            quiet_since: ago(self.claim.quiet_for),
            stepped_at: ago(self.claim.stepped),
            raised_at: None,
            observed: !self.claim.unobserved,
            reassertions: self.claim.reassertions,
            rival: self.claim.rival.clone().map(|(manager, value)| Rival { manager, value, seen_at: Time(now) }),
        })
    }

    fn target(&self, name: &str, pool: &str) -> Result<Target, String> {
        let kind = match self.kind.as_str() {
            "HorizontalPodAutoscaler" => TargetKind::Hpa,
            "Deployment" => TargetKind::Deployment,
            other => return Err(format!("workloads.{name}.kind: {other}")),
        };
        let note = |pool: &str, claim: String, last_written| Note {
            pool: pool.to_owned(),
            claim,
            baseline: self.baseline,
            last_written,
            reassertions: self.claim.reassertions,
        };
        let ours = self.held.filter(|_| !self.note_lost).map(|held| note(pool, format!("claim-{name}"), held));
        let theirs = self.claimed_by.as_ref().map(|pool| note(pool, "theirs".to_owned(), self.live.unwrap_or(0)));
        Ok(Target {
            kind,
            name: name.to_owned(),
            uid: format!("uid-{name}"),
            value: self.live.or(self.held).or(self.baseline),
            note: theirs.or(ours),
            note_is_alive: self.note_is_alive,
            writer: self.writer.clone(),
        })
    }

    /// As the snapshot holds it.
    pub fn workload(&self, name: &str, pool: &str, now: Timestamp) -> Result<Workload, String> {
        let mut demand = self.demand.reading(self.age, self.range, now)?;
        if let Some(Ok(reading)) = &mut demand {
            reading.replicas = Some(self.seen.unwrap_or(f64::from(self.ready)));
        }
        let target = if self.missing {
            Err(TargetFault::Missing)
        } else if let Some(why) = &self.unsupported {
            Err(TargetFault::Unsupported(why.clone()))
        } else if let Some(why) = &self.unreadable {
            Err(TargetFault::Unreadable(why.clone()))
        } else {
            let target = self.target(name, pool)?;
            Ok(Found {
                target,
                autoscaler_max: self.hpa_max,
                ready: self.ready,
                replicas: self.ready,
                placeable: self.placeable,
            })
        };
        Ok(Workload { target, demand, history: self.history.points(now)? })
    }
}

/// A claim whose workload has left the pool.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WrittenOrphan {
    name: String,
    held: i32,
    baseline: Option<i32>,
    #[serde(default)]
    quiet_for: Option<Ago>,
    /// Whether what was claimed has been deleted since.
    #[serde(default)]
    gone: bool,
}

impl WrittenOrphan {
    /// As the snapshot holds it; its claim stands in the pool's status as well.
    pub fn orphan(&self, pool: &str, now: Timestamp) -> Orphan {
        let id = format!("claim-{}", self.name);
        let claim = Claim {
            silent_since: None,
            id: id.clone(),
            workload: self.name.clone(),
            kind: "HorizontalPodAutoscaler".to_owned(),
            name: self.name.clone(),
            uid: format!("uid-{}", self.name),
            baseline: self.baseline,
            floor: self.held,
            quiet_since: self.quiet_for.map(|ago| Time(now - ago.0)),
            stepped_at: None,
            raised_at: None,
            observed: true,
            reassertions: 0,
            rival: None,
        };
        let note = Note {
            pool: pool.to_owned(),
            claim: id,
            baseline: self.baseline,
            last_written: self.held,
            reassertions: 0,
        };
        let target = Target {
            kind: TargetKind::Hpa,
            name: self.name.clone(),
            uid: claim.uid.clone(),
            value: Some(self.held),
            note: Some(note),
            note_is_alive: true,
            writer: None,
        };
        Orphan { claim, target: if self.gone { Err(TargetFault::Missing) } else { Ok(target) } }
    }
}

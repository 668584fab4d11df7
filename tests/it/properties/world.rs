//! Random worlds: the base of the golden cases with something drawn for every fact that a decision rests on. What was drawn
//! is kept beside the snapshot, so that a property is held against that and not against what the program made of it.

use std::sync::OnceLock;

use headroom::api::pool_status::Breach;
use headroom::api::release::{Disposition, Outcome, SkipReason};
use headroom::plan::memory::{Basis, Streak};
use headroom::plan::reading::{Reading, SensorFault};
use headroom::plan::snapshot::{Campaign, Entry, Snapshot};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;

use crate::golden::case::Case;
use crate::golden::world::build;

use super::gates::{Gate, Permit, gate};

/// What a sensor says.
#[derive(Clone, Debug)]
pub enum Drawn {
    Value(f64, i64),
    Fault,
    Unasked,
}

impl Drawn {
    pub fn answer(&self, now: Timestamp) -> Option<Result<Reading, SensorFault>> {
        match self {
            Drawn::Value(value, age) => Some(Ok(Reading {
                value: *value,
                sample_at: now - SignedDuration::from_secs(*age),
                evaluated_at: now,
                range: SignedDuration::from_secs(10),
                replicas: None,
            })),
            Drawn::Fault => Some(Err(SensorFault::Empty)),
            Drawn::Unasked => None,
        }
    }

    /// Finite, fresh and there.
    pub fn is_sound(&self) -> bool {
        matches!(self, Drawn::Value(value, age) if value.is_finite() && *age <= 90)
    }

    /// What was read, if anything was.
    pub fn value(&self) -> f64 {
        if let Drawn::Value(value, _) = self { *value } else { f64::NAN }
    }
}

/// What became of the first wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Went {
    Not,
    Released,
    Unknown,
    Rejected,
    Open,
    NotSent,
    Skipped,
}

/// What was drawn.
#[derive(Clone, Debug)]
pub struct Drawing {
    pub demand: Drawn,
    pub limit: Drawn,
    pub guardrail: Drawn,
    pub history: Option<bool>,
    pub ready: i32,
    pub held: Option<i32>,
    pub went: Went,
    pub went_ago: i64,
    pub other: Option<(u64, i64)>,
    pub audience: i64,
    /// One of sixteen each: suspend, abort, pool suspended, pool deleting, breach; more often none.
    pub stop: u8,
    pub end: Option<i64>,
    pub confirmations: u32,
    pub streak: Option<(u32, i64)>,
    pub second: bool,
    pub gate: Gate,
    pub permit: Permit,
}

fn drawn(usual: std::ops::Range<f64>) -> impl Strategy<Value = Drawn> {
    prop_oneof![
        12 => (usual, 0_i64..60).prop_map(|(value, age)| Drawn::Value(value, age)),
        1 => (0.0..0.5, 85_i64..100).prop_map(|(value, age)| Drawn::Value(value, age)),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 1e300]).prop_map(|value| Drawn::Value(value, 1)),
        1 => Just(Drawn::Fault),
        1 => Just(Drawn::Unasked),
    ]
}

/// A drawing of a world.
pub fn drawing() -> impl Strategy<Value = Drawing> {
    let sensors = (drawn(1.0..2_000.0), drawn(0.0..0.5), drawn(0.0..0.011));
    let went = prop_oneof![
        8 => Just(Went::Not),
        6 => Just(Went::Released),
        1 => prop::sample::select(vec![Went::Unknown, Went::Rejected, Went::Open, Went::Skipped]),
        1 => Just(Went::NotSent),
    ];
    let history = prop_oneof![14 => Just(Some(true)), 1 => Just(Some(false)), 1 => Just(None)];
    let scale = (history, 0_i32..40, prop::option::weighted(0.9, 0_i32..40));
    let past = (went, 0_i64..2_000, prop::option::weighted(0.3, (1_u64..600_000, 0_i64..2_000)));
    let ask = (1_i64..3_000_000, 0_u8..16, prop::option::weighted(0.3, 0_i64..1_500));
    let seen = (1_u32..4, prop::option::weighted(0.5, (1_u32..4, 0_i64..120)), prop::bool::weighted(0.3));
    // Mostly peace; a number of incidents that is drawn is as often as not a strange one.
    let peace = prop_oneof![1 => Just(Drawn::Value(0.0, 1)), 1 => drawn(0.0..2.0)];
    let said = (gate(peace), prop::option::weighted(0.06, prop_oneof![-1_i64..2, 1_i64..14_000, 14_399_i64..14_402]));
    (sensors, scale, past, ask, seen, said).prop_map(|(sensors, scale, past, ask, seen, said)| Drawing {
        demand: sensors.0,
        limit: sensors.1,
        guardrail: sensors.2,
        history: scale.0,
        ready: scale.1,
        held: scale.2,
        went: past.0,
        went_ago: past.1,
        other: past.2,
        audience: ask.0,
        stop: ask.1,
        end: ask.2,
        confirmations: seen.0,
        streak: seen.1,
        second: seen.2,
        gate: said.0,
        permit: said.1,
    })
}

const BASE: &str = "
title: a world
why: drawn
pool: {spec: {limits: [{name: db, query: q, max: 70%}], guardrails: [{name: errors, query: q, max: 1%}]}}
limits: {db: 0.1}
guardrails: {errors: 0}
campaigns:
- {name: sale, spec: {load: null, audience: {size: 40000}, waves: [{name: canary, percent: 10, soak: 1m}, {name: rest}]}}
- {name: second, spec: {load: null, waves: [{name: all}]}}
entries:
- {wave: canary, recipients: 4000, share: 10%, ago: 0s}
- {campaign: marketing/other, wave: all, recipients: 1, ago: 0s}
expect: {}
";

fn base() -> &'static (Snapshot, Timestamp) {
    static WORLD: OnceLock<(Snapshot, Timestamp)> = OnceLock::new();
    WORLD.get_or_init(|| build(&Case::of(BASE).unwrap()).unwrap())
}

/// When every world is decided.
pub fn now() -> Timestamp {
    base().1
}

/// So many seconds before.
pub fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

fn first_wave(drawing: &Drawing, mut entry: Entry) -> Option<Entry> {
    entry.recipients = u64::try_from(drawing.audience / 10).unwrap();
    (entry.first_attempt, entry.newest_attempt) = (ago(drawing.went_ago), ago(drawing.went_ago));
    match drawing.went {
        Went::Not => return None,
        Went::Released => entry.outcome = Some(Outcome::Released),
        Went::Unknown => entry.outcome = Some(Outcome::Unknown),
        Went::Rejected => entry.outcome = Some(Outcome::Rejected),
        Went::Open => entry.outcome = None,
        Went::NotSent => {
            (entry.outcome, entry.newest_result, entry.tries) = (None, Some("NotSent".to_owned()), 1);
        }
        Went::Skipped => {
            (entry.outcome, entry.disposition, entry.skip, entry.load) =
                (None, Disposition::Skip, Some(SkipReason::Missed), None);
        }
    }
    Some(entry)
}

impl Drawing {
    /// As a snapshot.
    pub fn snapshot(&self) -> Snapshot {
        let mut world = base().0.clone();
        let workload = world.workloads.first_mut().unwrap();
        workload.demand = self.demand.answer(now());
        if let Some(Ok(reading)) = &mut workload.demand {
            reading.replicas = Some(f64::from(self.ready));
        }
        match self.history {
            Some(true) => {}
            Some(false) => workload.history = Some(Err(SensorFault::Partial)),
            None => workload.history = None,
        }
        let found = workload.target.as_mut().unwrap();
        found.ready = self.ready;
        if let Some(held) = self.held {
            found.target.value = Some(held);
            found.target.note.as_mut().unwrap().last_written = held;
            world.pool.status.claims.first_mut().unwrap().floor = held;
        } else {
            (found.target.value, found.target.note) = (Some(2), None);
            world.pool.status.claims.clear();
        }
        world.limits = vec![self.limit.answer(now())];
        world.guardrails = vec![self.guardrail.answer(now())];
        let [first, other] = <[Entry; 2]>::try_from(std::mem::take(&mut world.entries)).unwrap();
        world.entries.extend(first_wave(self, first));
        world.entries.extend(self.other.map(|(recipients, seconds)| Entry {
            recipients,
            first_attempt: ago(seconds),
            newest_attempt: ago(seconds),
            ..other
        }));
        if !self.second {
            world.campaigns.truncate(1);
        }
        let sale: &mut Campaign = world.campaigns.first_mut().unwrap();
        sale.spec.audience.size = self.audience;
        if let Some(end) = self.end {
            let end = now() + SignedDuration::from_secs(end);
            let schedule = serde_json::json!({ "end": end.to_string() });
            sale.spec.schedule = serde_json::from_value(schedule).unwrap();
        }
        let rules = world.pool.rules.as_mut().unwrap();
        (rules.confirmations, rules.confirm_span) = (self.confirmations, SignedDuration::ZERO);
        match self.stop {
            0 => sale.spec.suspend = Some(true),
            1 => sale.spec.abort = Some(true),
            2 => rules.suspended = true,
            3 => world.pool.deleting = true,
            4 => {
                let (since, fine_since) = (Time(ago(900)), Some(Time(ago(60))));
                world.pool.status.breaches = vec![Breach { guardrail: "errors".into(), since, fine_since }];
            }
            _ => {}
        }
        if let Some((count, newest)) = self.streak {
            let wave = if self.went == Went::Released { "rest" } else { "canary" };
            let tenth = u64::try_from(self.audience / 10).unwrap();
            let all = u64::try_from(self.audience).unwrap();
            let recipients = if self.went == Went::Released { all - tenth } else { tenth };
            let basis = Basis::new(&world.campaigns[0].uid, 1, 1, 1, recipients);
            let streak = Streak { first: ago(newest + 60), newest: ago(newest), count, basis };
            world.memory.streaks.insert(("marketing/sale".into(), wave.into()), streak);
        }
        self.gate.lay_upon(&mut world, self.permit);
        world
    }

    /// Whether somebody answers for the first campaign, for a time that counts: more than none and at most four hours.
    pub fn is_answered_for(&self) -> bool {
        self.permit.is_some_and(|left| left > 0 && left <= 4 * 3_600)
    }

    /// Whether something forbids that anything of the first campaign goes.
    pub fn is_stopped(&self) -> bool {
        self.stop <= 4
    }
}

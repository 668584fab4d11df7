//! Guardrails: which are broken, since when, and which cannot be measured.
//!
//! A breach is remembered in the pool's status until its guardrail has been fine for long enough. One that cannot be
//! measured is no breach: it closes the gate, and neither starts nor ends anything. One that is out of bounds and has not
//! been for long enough is no breach either, and closes the gate all the same.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::pool::OnBreach;
use crate::api::pool_status::Breach;

use super::believe;
use super::memory::Memory;
use super::reading::SensorFault;
use super::rules::{GuardrailRules, Rules};
use super::snapshot::Snapshot;
use super::why::{Measured, Why};

/// The guardrails of a pool, as they stand.
#[derive(Debug, Default)]
pub struct Guard {
    /// Broken, or not fine for long enough yet.
    pub breaches: Vec<Breach>,
    /// The first of them that stops campaigns, as a reason.
    pub stops: Option<Why>,
    /// The name of one that ends what is being sent, while it is out of bounds.
    pub ends: Option<String>,
    /// The name of one that pauses what is leaving, while it is out of bounds.
    pub pauses: Option<String>,
    /// Why the gate is closed although nothing is broken: one cannot be measured, or is out of bounds for less than its
    /// `for`, or an incident is open. A gate opens on proof, and none of them is one.
    pub shut: Vec<Why>,
}

/// Weighs every guardrail. `arriving` is how many minutes the load already caused still takes.
pub fn weigh(snapshot: &Snapshot, rules: &Rules, memory: &mut Memory, arriving: Option<f64>, now: Timestamp) -> Guard {
    let mut guard = Guard::default();
    for (index, rail) in rules.guardrails.iter().enumerate() {
        let before = snapshot.pool.status.breaches.iter().find(|breach| breach.guardrail == rail.name);
        let answer = snapshot.guardrails.get(index).and_then(Option::as_ref);
        let value = match answer {
            None => {
                // Where nothing was asked no gate is weighed either; where this alone was not, it is not proved.
                guard.shut.push(unasked(Measured::Guardrail, &rail.name));
                None
            }
            Some(answer) => {
                let of = (Measured::Guardrail, rail.name.as_str());
                match believe::plausible(answer, of, &rail.plausible, rules.max_sample_age, now) {
                    Ok(reading) => Some(reading.value),
                    Err(why) => {
                        guard.shut.push(why);
                        None
                    }
                }
            }
        };
        let Some(breach) = next(rail, before, value, memory, snapshot.settings.breach_recovery, now) else {
            if let (Some(value), Some(since)) = (value, memory.out_since.get(&rail.name)) {
                guard.shut.push(Why::OutOfBounds {
                    guardrail: rail.name.clone(),
                    value,
                    bound: rail.bound.clone(),
                    since: *since,
                    lasting: rail.lasting,
                });
            }
            continue;
        };
        let recovery = snapshot.settings.breach_recovery.max(rail.lasting);
        let until = breach.fine_since.as_ref().and_then(|since| since.0.checked_add(recovery).ok());
        let told = match rail.on_breach {
            OnBreach::Abort => Some(&mut guard.ends),
            OnBreach::Pause => Some(&mut guard.pauses),
            OnBreach::Hold => None,
        };
        // Silence ends nothing: what was broken and cannot be measured now holds, until somebody sees how it is.
        if let Some(told) = told.filter(|_| breach.fine_since.is_none() && value.is_some()) {
            told.get_or_insert_with(|| rail.name.clone());
        }
        guard.stops.get_or_insert_with(|| Why::Breached {
            guardrail: rail.name.clone(),
            value,
            bound: rail.bound.clone(),
            since: breach.since.0,
            fine_since: breach.fine_since.as_ref().map(|since| since.0),
            until,
            arriving,
            held: !snapshot.pool.status.claims.is_empty(),
        });
        guard.breaches.push(breach);
    }
    guard.shut.extend(incident(snapshot, rules, now));
    guard
}

/// Open incidents, or why nobody can tell whether there are any.
fn incident(snapshot: &Snapshot, rules: &Rules, now: Timestamp) -> Option<Why> {
    rules.incidents.as_ref()?;
    let Some(answer) = &snapshot.gates.incidents else {
        return Some(unasked(Measured::Incidents, "incidents"));
    };
    match believe::reading(answer, Measured::Incidents, "incidents", "", rules.max_sample_age, now) {
        // A count of exactly nothing is peace; whatever else it says is not.
        Ok(reading) if reading.value == 0.0 => None,
        Ok(reading) => Some(Why::Incident { count: reading.value }),
        Err(why) => Some(why),
    }
}

fn unasked(measured: Measured, name: &str) -> Why {
    let fault = SensorFault::Unreachable { why: "it was not asked for".to_owned() };
    Why::Sensor { measured, name: name.to_owned(), fault }
}

/// One guardrail: what is remembered of it next.
fn next(
    rail: &GuardrailRules,
    before: Option<&Breach>,
    value: Option<f64>,
    memory: &mut Memory,
    recovery: jiff::SignedDuration,
    now: Timestamp,
) -> Option<Breach> {
    let Some(value) = value else {
        // Nobody saw whether it was out, or fine, all that time: what is to last must be seen to last.
        memory.out_since.remove(&rail.name);
        return before.map(|before| Breach { fine_since: None, ..before.clone() });
    };
    if rail.bound.admits(value) {
        memory.out_since.remove(&rail.name);
        let mut breach = before.cloned()?;
        let fine_since = breach.fine_since.get_or_insert(Time(now)).0;
        return (now.duration_since(fine_since) < recovery.max(rail.lasting)).then_some(breach);
    }
    let out_since = *memory.out_since.entry(rail.name.clone()).or_insert(now);
    match before {
        // Out again before it had been fine for long enough: the same breach goes on.
        Some(before) => Some(Breach { fine_since: None, ..before.clone() }),
        None if now.duration_since(out_since) >= rail.lasting => {
            Some(Breach { guardrail: rail.name.clone(), since: Time(out_since), fine_since: None })
        }
        None => None,
    }
}

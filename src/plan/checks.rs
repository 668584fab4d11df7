//! Every check of the gate as a campaign's status lists it: what was measured, what it is held against, and how old the
//! sample was. Says what was weighed; decides nothing.

use jiff::{SignedDuration, Timestamp};

use crate::api::campaign_status::Check;

use super::believe;
use super::gate::Room;
use super::reading::{Reading, SensorFault};
use super::rules::{Bound, Plausible, Rules};
use super::snapshot::{Snapshot, Workload};
use super::units::people;
use super::why::{Measured, Numbers, Why};

/// The longest texts the API server takes.
const LONGEST_VALUE: usize = 32;
const LONGEST_MESSAGE: usize = 512;
const LONGEST_COVERAGE: usize = 16;

/// All checks: workloads, then limits, then guardrails, each in the order written. `numbers` are those of the sentence,
/// which may speak of more replicas than are ready.
pub fn all(
    snapshot: &Snapshot,
    rules: &Rules,
    rooms: &[(String, Room)],
    numbers: &Numbers,
    now: Timestamp,
) -> Vec<Check> {
    let seen = |name: &str| {
        let index = rules.workloads.iter().position(|workload| workload.name == name)?;
        snapshot.workloads.get(index)
    };
    let demand = |name: &str| seen(name)?.demand.as_ref();
    let workloads = rooms.iter().map(|(name, room)| {
        let free = if *name == numbers.workload { numbers.free } else { room.free };
        Check {
            name: name.clone(),
            passed: room.is_enough(),
            value: Some(short(&people::free(free.max(0.0)))),
            limit: Some(short(&people::needed(room.needed))),
            sample_age: age(demand(name), now),
            coverage: seen(name).and_then(coverage),
            message: None,
        }
    });
    let limits = rules.limits.iter().enumerate().map(|(index, limit)| {
        let answer = snapshot.limits.get(index).and_then(Option::as_ref);
        let bound = Bound::Max(limit.max.clone());
        let of = (Measured::Limit, limit.name.as_str());
        told(of, answer, &bound, |value| value < limit.max.value(), &limit.plausible, (rules.max_sample_age, now))
    });
    let guardrails = rules.guardrails.iter().enumerate().map(|(index, rail)| {
        let answer = snapshot.guardrails.get(index).and_then(Option::as_ref);
        let of = (Measured::Guardrail, rail.name.as_str());
        let passes = |value| rail.bound.admits(value);
        told(of, answer, &rail.bound, passes, &rail.plausible, (rules.max_sample_age, now))
    });
    workloads.chain(limits).chain(guardrails).collect()
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST_VALUE).collect()
}

fn age(answer: Option<&Result<Reading, SensorFault>>, now: Timestamp) -> Option<String> {
    let reading = answer?.as_ref().ok()?;
    Some(short(&format!("{}s", now.duration_since(reading.sample_at).as_secs())))
}

/// `9/10`: the replicas behind a demand, of those that are ready; None where the owner answers for them.
fn coverage(workload: &Workload) -> Option<String> {
    let seen = workload.demand.as_ref()?.as_ref().ok()?.replicas?;
    let ready = workload.target.as_ref().ok()?.ready;
    Some(format!("{seen:.0}/{ready}").chars().take(LONGEST_COVERAGE).collect())
}

/// One threshold. What could not be measured, is too old or cannot be true does not pass, and says why.
fn told(
    (measured, name): (Measured, &str),
    answer: Option<&Result<Reading, SensorFault>>,
    bound: &Bound,
    passes: impl Fn(f64) -> bool,
    plausible: &Plausible,
    (most, now): (SignedDuration, Timestamp),
) -> Check {
    let threshold = bound.threshold();
    let believed = answer.map(|answer| believe::plausible(answer, (measured, name), plausible, most, now));
    let value = answer.and_then(|answer| answer.as_ref().ok()).map(|reading| reading.value);
    let message = match &believed {
        Some(Ok(_)) => None,
        Some(Err(Why::Sensor { fault, .. })) => Some(fault.to_string()),
        Some(Err(Why::TooOld { age, limit, .. })) => {
            Some(format!("the newest sample is {age} s old (limit {limit} s)."))
        }
        Some(Err(_)) => Some("the pool says that this cannot be true (plausible).".to_owned()),
        None => Some("it was not asked for at this look.".to_owned()),
    };
    Check {
        name: name.to_owned(),
        passed: believed.is_some_and(|believed| believed.is_ok_and(|reading| passes(reading.value))),
        value: value.map(|value| short(&threshold.show_against(value))),
        limit: Some(short(&threshold.show(threshold.value()))),
        sample_age: age(answer, now),
        coverage: None,
        message: message.map(|message| message.chars().take(LONGEST_MESSAGE).collect()),
    }
}

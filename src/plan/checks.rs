//! Every check of the gate as a campaign's status lists it: what was measured, what it is held against, and how old the
//! sample was. Says what was weighed; decides nothing.

use jiff::Timestamp;

use crate::api::campaign_status::Check;

use super::gate::Room;
use super::reading::{Reading, SensorFault};
use super::rules::Rules;
use super::snapshot::Snapshot;
use super::units::people;
use super::why::Numbers;

/// The longest texts the API server takes.
const LONGEST_VALUE: usize = 32;
const LONGEST_MESSAGE: usize = 512;

/// All checks: workloads, then limits, then guardrails, each in the order written. `numbers` are those of the sentence,
/// which may speak of more replicas than are ready.
pub fn all(
    snapshot: &Snapshot,
    rules: &Rules,
    rooms: &[(String, Room)],
    numbers: &Numbers,
    now: Timestamp,
) -> Vec<Check> {
    let demand = |name: &str| {
        let index = rules.workloads.iter().position(|workload| workload.name == name)?;
        snapshot.workloads.get(index)?.demand.as_ref()
    };
    let workloads = rooms.iter().map(|(name, room)| {
        let free = if *name == numbers.workload { numbers.free } else { room.free };
        Check {
            name: name.clone(),
            passed: room.is_enough(),
            value: Some(short(&people::free(free.max(0.0)))),
            limit: Some(short(&people::needed(room.needed))),
            sample_age: age(demand(name), now),
            message: None,
        }
    });
    let limits = rules.limits.iter().enumerate().map(|(index, limit)| {
        let answer = snapshot.limits.get(index).and_then(Option::as_ref);
        let shown = |value| limit.max.show_against(value);
        told(&limit.name, answer, &limit.max.show(limit.max.value()), |value| value < limit.max.value(), shown, now)
    });
    let guardrails = rules.guardrails.iter().enumerate().map(|(index, rail)| {
        let answer = snapshot.guardrails.get(index).and_then(Option::as_ref);
        let threshold = rail.bound.threshold();
        let shown = |value| threshold.show_against(value);
        told(&rail.name, answer, &threshold.show(threshold.value()), |value| rail.bound.admits(value), shown, now)
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

/// One threshold. What could not be measured does not pass, and says why.
fn told(
    name: &str,
    answer: Option<&Result<Reading, SensorFault>>,
    limit: &str,
    passes: impl Fn(f64) -> bool,
    shown: impl Fn(f64) -> String,
    now: Timestamp,
) -> Check {
    let value = answer.and_then(|answer| answer.as_ref().ok()).map(|reading| reading.value);
    let message = match answer {
        Some(Ok(_)) => None,
        Some(Err(fault)) => Some(fault.to_string().chars().take(LONGEST_MESSAGE).collect()),
        None => Some("it was not asked for at this look.".to_owned()),
    };
    Check {
        name: name.to_owned(),
        passed: value.is_some_and(passes),
        value: value.map(|value| short(&shown(value))),
        limit: Some(short(limit)),
        sample_age: age(answer, now),
        message,
    }
}

//! What is said of a pool: its status, built from what was measured, decided and promised.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::api::condition::{self, Wanted};
use crate::api::pool_status::{Breach, CapacityPoolStatus, Claim, PoolDisplay, Queued, WorkloadStatus};

use super::claim;
use super::explain::{self, Voice};
use super::gate::Room;
use super::lead;
use super::measure::Measure;
use super::memory::Memory;
use super::reason::Reason;
use super::rules::Rules;
use super::snapshot::Snapshot;
use super::units::people::{self, Rounding};
use super::why::Why;

/// The pool's numbers are written no more often than this.
const REFRESH: SignedDuration = SignedDuration::from_mins(1);
/// And only if one of them moved by so much.
const MOVED: i64 = 20;
/// The longest sentence the API server takes of a workload.
const LONGEST_MESSAGE: usize = 512;
/// So many of the queue are shown.
const SHOWN: usize = 20;

/// What one look knows of the pool.
pub struct Seen<'a> {
    /// Why a workload or the pool as a whole cannot be used; None: all is well, or nothing was asked.
    pub fault: Option<&'a Why>,
    /// Whether anything was asked of the sensor.
    pub asked: bool,
    /// Each workload that was measured.
    pub measures: &'a [Measure<'a>],
    /// Why a workload keeps the gate closed; in the order of the rules.
    pub troubles: &'a [Option<Why>],
    /// The claims as decided, as far as they are worth a write.
    pub claims: Vec<Claim>,
    /// How long replicas took that are ready now: by workload, in seconds.
    pub leads: &'a [(String, i64)],
    /// Broken guardrails.
    pub breaches: Vec<Breach>,
    /// Campaigns that have not finished, in the order they go.
    pub queue: Vec<Queued>,
}

/// The pool's new status.
pub fn tell(
    snapshot: &Snapshot,
    rules: Option<&Rules>,
    seen: Seen<'_>,
    memory: &mut Memory,
    now: Timestamp,
) -> CapacityPoolStatus {
    let old = &snapshot.pool.status;
    let generation = Some(snapshot.pool.generation);
    let voice = Voice { zone: &TimeZone::UTC, now };
    let mut status = old.clone();
    let invalid = snapshot.pool.rules.as_ref().err();
    let (ready, reason, message) = match (invalid, seen.fault) {
        (Some(unusable), _) => (false, Reason::Invalid.to_string(), format!("The pool cannot be used: {unusable}.")),
        (None, Some(why)) => (false, why.place().1.to_string(), explain::sentence(why, &voice)),
        (None, None) if rules.is_some_and(|rules| rules.suspended) => (
            false,
            Reason::PoolSuspended.to_string(),
            "The pool is suspended by its owner: nothing goes, and borrowed scale is given back.".to_owned(),
        ),
        (None, None) if !seen.asked && old.observed_generation == generation => {
            // Nothing was asked, so nothing new is known.
            (
                old.conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True"),
                old.reason.clone().unwrap_or_default(),
                old.message.clone().unwrap_or_default(),
            )
        }
        (None, None) => (true, "Ready".to_owned(), "The pool can be used.".to_owned()),
    };
    // A sentence with numbers in it is written again when what it is about changes.
    let about = seen.fault.map(Why::matter);
    let same = old.reason.as_deref() == Some(&reason)
        && old.observed_generation == generation
        && (memory.pool_matter.is_none() || memory.pool_matter == about);
    memory.pool_matter = about;
    let message = old.message.clone().filter(|_| same).unwrap_or(message);

    status.observed_generation = generation;
    status.queue_length = Some(i64::try_from(seen.queue.len()).unwrap_or(i64::MAX));
    status.queue = seen.queue.into_iter().take(SHOWN).collect();
    status.breaches = seen.breaches;
    let claims_changed = status.claims != seen.claims;
    status.claims = seen.claims;
    if seen.asked {
        let mut fresh = workloads(snapshot, rules, seen.measures, &status.claims, now);
        for told in &mut fresh {
            let before = old.workloads.iter().find(|before| before.name == told.name);
            let took = seen.leads.iter().find(|(workload, _)| *workload == told.name).map(|(_, took)| *took);
            lead::remember(told, before, took);
        }
        for (told, trouble) in fresh.iter_mut().zip(seen.troubles) {
            let text = trouble.as_ref().map(|why| explain::sentence(why, &voice));
            told.message = text.map(|text| text.chars().take(LONGEST_MESSAGE).collect());
        }
        let due =
            memory.numbers_written.is_none_or(|at| now.duration_since(at) >= REFRESH) && moved(&old.workloads, &fresh);
        if due || claims_changed || !same || old.workloads.len() != fresh.len() {
            memory.numbers_written = Some(now);
            status.display = Some(display(&fresh, &status.claims));
            status.workloads = fresh;
        }
    }
    let trusted = match seen.fault {
        Some(Why::Sensor { .. } | Why::TooOld { .. } | Why::Negative { .. }) => Some(false),
        _ if seen.asked => Some(true),
        _ => old.conditions.iter().find(|condition| condition.type_ == "SensorTrusted").and_then(|condition| {
            match condition.status.as_str() {
                "True" => Some(true),
                "False" => Some(false),
                _ => None,
            }
        }),
    };
    let wanted = |kind, status| Wanted { kind, status, reason: reason.clone(), message: message.clone() };
    let (held, scale) = scale(&status.claims);
    let about_scale = |kind, status| Wanted {
        kind,
        status: Some(status),
        reason: if held { "Held" } else { "Restored" }.to_owned(),
        message: scale.clone(),
    };
    let conditions = [
        wanted("Ready", Some(ready)),
        wanted("SensorTrusted", trusted),
        about_scale("ScaleHeld", held),
        about_scale("ScaleRestored", !held),
    ];
    status.conditions = condition::merge(&conditions, &old.conditions, generation, now);
    status.reason = Some(reason);
    status.message = Some(message);
    status
}

/// What is borrowed, in a sentence.
fn scale(claims: &[Claim]) -> (bool, String) {
    if claims.is_empty() {
        return (false, "No scale is borrowed.".to_owned());
    }
    let told: Vec<String> = claims
        .iter()
        .map(|claim| {
            let baseline = claim.baseline.map_or_else(|| "not set".to_owned(), |baseline| baseline.to_string());
            let rival = claim.rival.as_ref().map_or_else(String::new, |rival| {
                format!("; {} set it to {} meanwhile, which is what will be given back", rival.manager, rival.value)
            });
            format!("{} {}: floor {} (before: {baseline}{rival})", claim.kind, claim.name, claim.floor)
        })
        .collect();
    // The API server refuses a maximum below the minimum; whoever meets that must be able to find out why.
    (
        true,
        format!(
            "{}. While a floor stands, an autoscaler's maxReplicas cannot be set below it; spec.suspend gives it back at once.",
            told.join("; ")
        ),
    )
}

fn whole(value: f64, rounding: Rounding) -> Option<i64> {
    people::per_second(value, rounding).replace(',', "").parse().ok()
}

fn workloads(
    snapshot: &Snapshot,
    rules: Option<&Rules>,
    measures: &[Measure<'_>],
    claims: &[Claim],
    now: Timestamp,
) -> Vec<WorkloadStatus> {
    let Some(rules) = rules else { return Vec::new() };
    rules
        .workloads
        .iter()
        .enumerate()
        .map(|(index, workload)| {
            let found = snapshot.workloads.get(index).and_then(|seen| seen.target.as_ref().ok());
            let floor = found.and_then(|found| claim::on(claims, &found.target)).map(|claim| claim.floor);
            let mut told = WorkloadStatus {
                name: workload.name.clone(),
                ready: found.map(|found| found.ready),
                floor,
                ..WorkloadStatus::default()
            };
            let measure = measures.iter().find(|measure| measure.rules.name == workload.name);
            if let Some(measure) = measure {
                told.demand = whole(measure.demand.value, Rounding::Up);
                told.noise = measure.noise().and_then(|noise| whole(noise, Rounding::Up));
                told.held = i32::try_from(measure.held).ok();
                if let Some(site) = measure.at_rest() {
                    let room: Room = site.room(None, now);
                    told.capacity = whole(room.capacity, Rounding::Down);
                    told.committed = whole(room.committed, Rounding::Up);
                    told.free = whole(room.free.max(0.0), Rounding::Down);
                    told.baseline = Some(site.baseline.source());
                }
            }
            told
        })
        .collect()
}

fn moved(old: &[WorkloadStatus], fresh: &[WorkloadStatus]) -> bool {
    let far = |old: Option<i64>, new: Option<i64>| match (old, new) {
        (Some(old), Some(new)) => (new - old).abs().saturating_mul(MOVED) > old.abs().max(MOVED),
        (old, new) => old != new,
    };
    old.iter().zip(fresh).any(|(old, new)| {
        far(old.demand, new.demand)
            || far(old.capacity, new.capacity)
            || far(old.committed, new.committed)
            || far(old.free, new.free)
            || far(old.noise, new.noise)
            || (old.ready, old.held, old.floor) != (new.ready, new.held, new.floor)
            || old.message.is_some() != new.message.is_some()
    })
}

fn display(workloads: &[WorkloadStatus], claims: &[Claim]) -> PoolDisplay {
    let narrowest = workloads.iter().filter(|workload| workload.free.is_some()).min_by_key(|workload| workload.free);
    let show = |number: Option<i64>| {
        number.map_or_else(String::new, |number| people::grouped(u64::try_from(number).unwrap_or(0)))
    };
    let floor = claims.first().map_or_else(String::new, |claim| {
        let baseline = claim.baseline.map_or_else(|| "unset".to_owned(), |baseline| baseline.to_string());
        format!("{} (was {baseline})", claim.floor)
    });
    PoolDisplay {
        demand: show(narrowest.and_then(|workload| workload.demand)),
        committed: show(narrowest.and_then(|workload| workload.committed)),
        free: show(narrowest.and_then(|workload| workload.free)),
        floor,
    }
}

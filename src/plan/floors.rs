//! The floors of one pool: what each workload's replicas shall be at least, and the claims that say so.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::pool_status::Claim;

use super::bursts;
use super::capacity::Capacity;
use super::claim::{self, Move, Pace, TargetKind, Wish, Write};
use super::lead;
use super::measure::Measure;
use super::rules::{Rules, WorkloadRules};
use super::snapshot::{Found, Snapshot, TargetFault, Workload};
use super::stop::Stop;

/// The decided floors.
#[derive(Debug, Default)]
pub struct Floors {
    /// Every claim, as the pool's status shall hold it.
    pub claims: Vec<Claim>,
    /// What to write, and to which target, once the claims are in place.
    pub writes: Vec<FloorWrite>,
    /// How long replicas took that are ready now: by workload, in seconds.
    pub leads: Vec<(String, i64)>,
}

/// One write to a target.
#[derive(Clone, Debug, PartialEq)]
pub struct FloorWrite {
    /// The kind that carries the floor.
    pub kind: TargetKind,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Value and note.
    pub write: Write,
}

/// The share by which a plain workload must bear more than its demand before it is made smaller.
const SPARE: f64 = 1.1;

/// What waves wait for.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// Whether any wave waits.
    pub any: bool,
    /// Whether one waits because something could not be measured.
    pub silent: bool,
}

/// Since when nothing needs a floor any more, by claim.
pub fn quiet(claims: &[Claim]) -> BTreeMap<String, Timestamp> {
    claims.iter().filter_map(|claim| Some((claim.id.clone(), claim.quiet_since.as_ref()?.0))).collect()
}

/// What shall be written of the claims: since when nothing needs a floor is not worth a write of its own before it has
/// lasted, since the next wave often ends it. Until then it is remembered; a process that has just started counts anew,
/// which gives back later.
pub fn lasting(snapshot: &Snapshot, rules: Option<&Rules>, mut claims: Vec<Claim>, now: Timestamp) -> Vec<Claim> {
    let lasts = rules.map_or(SignedDuration::ZERO, |rules| rules.hold / 2);
    let told = &snapshot.pool.status.claims;
    for claim in &mut claims {
        let is_told = told.iter().any(|told| told.id == claim.id && told.quiet_since.is_some());
        if !is_told {
            claim.quiet_since.take_if(|since| now.duration_since(since.0) < lasts);
        }
    }
    claims
}

/// Decides every floor. `needed` holds what waves wait for, by workload.
pub fn decide(
    snapshot: &Snapshot,
    rules: Option<&Rules>,
    measures: &[Measure<'_>],
    needed: &[Option<i32>],
    waits: Waits,
    now: Timestamp,
) -> Floors {
    let mut floors = Floors::default();
    let is_left = snapshot.gates.stop.as_ref().is_some_and(Stop::gives_back);
    let give_back_now = is_left || snapshot.pool.deleting || rules.is_some_and(|rules| rules.suspended);
    let pace = rules
        .map_or(Pace { hold: SignedDuration::ZERO, step: 1.0 }, |rules| Pace { hold: rules.hold, step: rules.step });
    let pool = snapshot.pool.key();
    for (index, workload) in rules.iter().flat_map(|rules| &rules.workloads).enumerate() {
        let Some(Ok(found)) = snapshot.workloads.get(index).map(|workload| workload.target.as_ref()) else {
            // What cannot be read now is neither touched nor forgotten; an orphan is seen to below.
            let mut ours = snapshot.pool.status.claims.iter().filter(|claim| claim.workload == workload.name);
            let ours = ours.find(|claim| !is_orphan(snapshot, claim)).cloned();
            floors.claims.extend(ours.map(|claim| remembered(snapshot, claim)));
            continue;
        };
        let claim = claim::on(&snapshot.pool.status.claims, &found.target)
            .cloned()
            .or_else(|| inherited(snapshot, &workload.name, found))
            .map(|claim| Claim { workload: workload.name.clone(), ..remembered(snapshot, claim) });
        let measure = measures.iter().find(|measure| measure.rules.name == workload.name);
        let is_silent = !waits.any && measure.and_then(Measure::at_rest).is_none();
        let claim = claim.map(|claim| watched(snapshot, workload, claim, is_silent, now));
        let waited_out = rules.zip(claim.as_ref()).is_some_and(|(rules, claim)| is_waited_out(rules, claim, now));
        let most = found.most(workload.most);
        let wish = if give_back_now {
            Wish::ReleaseNow
        } else if let Some(replicas) = needed.get(index).copied().flatten() {
            Wish::Hold { replicas: replicas.min(most), rising: true }
        } else {
            match measure {
                _ if waited_out => Wish::Release,
                // Somebody else has had the last word while waves wait: the claim stays and remembers that, or the
                // three times would begin anew. Once nothing waits it is given up.
                Some(measure) if measure.trouble.is_some() && waits.any => Wish::Keep,
                // Nothing goes down because a sensor is silent: the wave that waits for it may need the floor at once.
                Some(_) if waits.silent => Wish::Keep,
                Some(measure) => at_rest(measure, most, now),
                None => Wish::Keep,
            }
        };
        let capacity = Capacity::new(workload.per_replica, workload.utilization);
        let bears = |replicas: i32| match found.target.kind {
            TargetKind::Hpa => true,
            TargetKind::Deployment if waited_out => true,
            TargetKind::Deployment => measure.is_some_and(|measure| {
                u32::try_from(replicas).is_ok_and(|replicas| measure.demand.value * SPARE <= capacity.of(replicas))
            }),
        };
        let id = format!("{}-{index}", snapshot.nonce);
        let (target, most) = (&found.target, Some(most));
        let mut next = claim::next(&pool, &workload.name, target, claim.as_ref(), wish, most, pace, &bears, &id, now);
        let took = next.claim.as_mut().and_then(|next| lead::watch(claim.as_ref(), next, found.ready, now));
        floors.leads.extend(took.map(|took| (workload.name.clone(), took)));
        floors.take(next, target.kind, &target.name, &target.uid);
    }
    for orphan in &snapshot.orphans {
        if floors.claims.iter().any(|claim| claim.id == orphan.claim.id) {
            // A workload has taken it over.
            continue;
        }
        let target = match &orphan.target {
            Ok(target) => target,
            // Gone, and what was borrowed with it.
            Err(TargetFault::Missing) => continue,
            Err(TargetFault::Unreadable(_) | TargetFault::Unsupported(_)) => {
                floors.claims.push(remembered(snapshot, orphan.claim.clone()));
                continue;
            }
        };
        // Its workload may come back at any moment, and nobody can measure what it bears till then: a silent sensor.
        let bereft = rules.and_then(|rules| bereft(snapshot, rules, &orphan.claim));
        let claim = remembered(snapshot, orphan.claim.clone());
        let claim = &match bereft {
            Some(workload) => watched(snapshot, workload, claim, !waits.any, now),
            None => claim,
        };
        let wish = match rules {
            _ if give_back_now => Wish::ReleaseNow,
            Some(rules) if bereft.is_some() && !is_waited_out(rules, claim, now) => Wish::Keep,
            Some(_) => Wish::Release,
            // Rules that cannot be understood give nothing back: the next edit may mend them.
            None => Wish::Keep,
        };
        let most = bereft.map(|workload| workload.most);
        let next =
            claim::next(&pool, &claim.workload, target, Some(claim), wish, most, pace, &|_| true, &claim.id, now);
        floors.take(next, target.kind, &target.name, &target.uid);
    }
    floors
}

/// The claim on an autoscaler that was deleted while its floor stood: the workload keeps the replicas it was given, so that
/// the claim goes on with the workload itself, and gives them back. Anybody else's number is left alone.
fn inherited(snapshot: &Snapshot, workload: &str, found: &Found) -> Option<Claim> {
    let orphan = snapshot.orphans.iter().find(|orphan| {
        orphan.claim.workload == workload
            && orphan.claim.kind == TargetKind::Hpa.name()
            && orphan.target == Err(TargetFault::Missing)
    })?;
    let target = &found.target;
    let stands = target.kind == TargetKind::Deployment && target.value == Some(orphan.claim.floor);
    stands.then(|| Claim {
        kind: target.kind.name().to_owned(),
        name: target.name.clone(),
        uid: target.uid.clone(),
        observed: false,
        ..orphan.claim.clone()
    })
}

/// The claim, with what is remembered of it and was not worth a write yet.
fn remembered(snapshot: &Snapshot, claim: Claim) -> Claim {
    let quiet_since = claim.quiet_since.clone().or_else(|| snapshot.memory.quiet.get(&claim.id).copied().map(Time));
    Claim { quiet_since, ..claim }
}

/// The workload whose floor the claim is, if the rules still name it and it is not there: deleted, perhaps to be created anew.
fn bereft<'a>(snapshot: &Snapshot, rules: &'a Rules, claim: &Claim) -> Option<&'a WorkloadRules> {
    let mut workloads = rules.workloads.iter().zip(&snapshot.workloads);
    let is_it = |found: &Workload| matches!(found.target, Err(TargetFault::Missing));
    workloads.find(|(workload, found)| workload.name == claim.workload && is_it(found)).map(|(workload, _)| workload)
}

/// A sensor that stays silent delays the giving back, and not for ever.
fn is_waited_out(rules: &Rules, claim: &Claim, now: Timestamp) -> bool {
    claim.silent_since.as_ref().is_some_and(|since| now.duration_since(since.0) >= rules.max_hold)
}

fn is_orphan(snapshot: &Snapshot, claim: &Claim) -> bool {
    snapshot.orphans.iter().any(|orphan| orphan.claim.id == claim.id)
}

/// The claim, with the time noted since which nothing is heard and nothing more comes by the model: less than a replica.
fn watched(snapshot: &Snapshot, workload: &WorkloadRules, claim: Claim, is_silent: bool, now: Timestamp) -> Claim {
    let pool = snapshot.pool.key();
    let replica = Capacity::new(workload.per_replica, workload.utilization).of(1);
    let entries = snapshot.entries.iter().filter(|entry| entry.pool == pool);
    let is_quiet = is_silent && bursts::committed(entries, workload, now).max_from(now) <= replica;
    let silent_since = is_quiet.then(|| claim.silent_since.clone().unwrap_or(Time(now)));
    Claim { silent_since, ..claim }
}

/// What recorded waves still need, when none waits.
fn at_rest(measure: &Measure<'_>, most: i32, now: Timestamp) -> Wish {
    let Some(site) = measure.at_rest() else { return Wish::Keep };
    if !site.is_held(now) {
        return Wish::Release;
    }
    let need = site.needed_replicas(None, now).and_then(|need| i32::try_from(need).ok());
    Wish::Hold { replicas: need.unwrap_or(most).min(most), rising: false }
}

impl Floors {
    fn take(&mut self, next: Move, kind: TargetKind, name: &str, uid: &str) {
        self.claims.extend(next.claim);
        if let Some(write) = next.write {
            self.writes.push(FloorWrite { kind, name: name.to_owned(), uid: uid.to_owned(), write });
        }
    }
}

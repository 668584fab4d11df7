//! From a case to the snapshot that is decided on: the one place where it is put together.

use std::collections::BTreeMap;

use headroom::plan::memory::{Basis, Memory, Streak};
use headroom::plan::newcomers::Newcomers;
use headroom::plan::scope::Scope;
use headroom::plan::snapshot::{Settings, Snapshot};
use jiff::{SignedDuration, Timestamp};

use super::case::Case;
use super::measured::Answer;

/// Answers in the order of what was asked; a name that was not asked for is an error.
fn answers<T>(
    what: &str,
    names: &[String],
    written: &BTreeMap<String, Answer>,
    read: impl Fn(&Answer) -> Result<Option<T>, String>,
) -> Result<Vec<Option<T>>, String> {
    if let Some(strange) = written.keys().find(|name| !names.contains(name)) {
        return Err(format!("{what}.{strange}: the pool has no such one"));
    }
    names.iter().map(|name| written.get(name).map_or(Ok(None), &read)).collect()
}

/// The snapshot, and the instant.
pub fn build(case: &Case) -> Result<(Snapshot, Timestamp), String> {
    let (now, spec) = (case.now, case.pool.spec()?);
    let key = case.pool.key();
    let names: Vec<String> = spec.workloads.iter().map(|workload| workload.name.clone()).collect();
    if let Some(strange) = case.workloads.keys().find(|name| !names.contains(name)) {
        return Err(format!("workloads.{strange}: the pool has no such one"));
    }
    let (mut workloads, mut claims, mut told) = (Vec::new(), Vec::new(), Vec::new());
    for name in &names {
        let written = case.workloads.get(name).ok_or(format!("workloads.{name}: nothing is said of it"))?;
        workloads.push(written.workload(name, &key, now)?);
        claims.extend(written.claim(name, now));
        told.push(written.status(name));
    }
    let orphans: Vec<_> = case.orphans.iter().map(|orphan| orphan.orphan(&key, now)).collect();
    claims.extend(orphans.iter().map(|orphan| orphan.claim.clone()));
    let limits: Vec<String> = spec.limits.iter().flatten().map(|limit| limit.name.clone()).collect();
    let guardrails: Vec<String> = spec.guardrails.iter().flatten().map(|rail| rail.name.clone()).collect();
    let checks: Vec<String> = spec.checks.iter().flatten().map(|check| check.name.clone()).collect();
    let streak = |streak: &super::case::WrittenStreak| {
        let name = streak.send.rsplit('/').next().unwrap_or_default();
        let basis = Basis::new(&format!("uid-{name}"), streak.generation, 1, 1, streak.recipients);
        let (first, newest) = (now - streak.first.0, now - streak.newest.0);
        ((streak.send.clone(), streak.wave.clone()), Streak { first, newest, count: streak.count, basis })
    };
    let mut newcomers = Newcomers::default();
    if let Some((ready, ago)) = &case.memory.ready {
        newcomers.count("web", *ready, SignedDuration::from_secs(90), now - ago.0);
    }
    let memory = Memory {
        streaks: case.memory.streaks.iter().map(streak).collect(),
        out_since: case.memory.out_for.iter().map(|(name, ago)| (name.clone(), now - ago.0)).collect(),
        newcomers,
        ..Memory::default()
    };
    let snapshot = Snapshot {
        pool: case.pool.pool(claims, told, now)?,
        workloads,
        gates: case
            .gates
            .gates(answers("gates.checks", &checks, &case.gates.checks, |answer| answer.reading(now))?, now)?,
        orphans,
        limits: answers("limits", &limits, &case.limits, |answer| answer.reading(now))?,
        guardrails: answers("guardrails", &guardrails, &case.guardrails, |answer| answer.reading(now))?,
        campaigns: case.campaigns.iter().map(|campaign| campaign.campaign(now)).collect::<Result<_, _>>()?,
        entries: case.entries.iter().map(|entry| entry.entry(now)).collect::<Result<_, _>>()?,
        settings: Settings {
            install: "headroom/headroom".to_owned(),
            breach_recovery: SignedDuration::from_mins(10),
            scope: Scope::Everywhere,
        },
        memory,
        nonce: "nonce".to_owned(),
    };
    Ok((snapshot, now))
}

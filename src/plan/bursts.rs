//! The load that recorded waves bring to each workload, rebuilt from the ledger alone: a restart finds the same.

use jiff::{SignedDuration, Timestamp};

use super::canary::{self, Noise, Unseen};
use super::contract::QUIESCENCE;
use super::ledger::Committed;
use super::load::{Burst, Component, Send};
use super::number;
use super::resume::EndedRun;
use super::rules::{Rules, WorkloadRules};
use super::snapshot::{Entry, Snapshot};

/// Traffic of a send is watched no longer than this after its last wave.
const LONGEST_WATCH: SignedDuration = SignedDuration::from_hours(24);

/// Requests per second that are next to nothing: a thousand such sends bring one.
const NOTHING: f64 = 0.001;

/// The load of one recorded wave, before it is shared out to workloads. Of one that was tried at several rates, at the fastest.
pub fn of(entry: &Entry) -> Option<Burst> {
    at_rate(entry, f64::max)
}

/// So long its messages take to leave, at the slowest rate at which it was tried.
pub fn takes(entry: &Entry) -> Option<SignedDuration> {
    at_rate(entry, f64::min).map(|burst| burst.takes())
}

/// The same from its newest attempt on, at the rate that is chosen of two. Nobody knows by which try it went, nor whether it goes
/// as fast as its request said at first.
fn at_rate(entry: &Entry, choose: fn(f64, f64) -> f64) -> Option<Burst> {
    let load = entry.load.as_ref()?;
    let component = |component: &crate::api::release::EntryComponent| Component {
        per_message: component.requests_per_message,
        median: component.median,
        sigma: component.sigma,
    };
    Some(Burst::new(Send {
        name: entry.name.clone(),
        start: entry.newest_attempt,
        rate: entry.rates.iter().copied().fold(load.send_rate, choose),
        recipients: entry.recipients,
        components: load.components.iter().map(component).collect(),
        margin: load.margin,
    }))
}

/// All that a recorded wave may have brought. While it can have gone by one attempt or by another it counts for both: nobody knows
/// by which, and room that is wrongly thought to be taken only costs time.
fn brought(entry: &Entry, now: Timestamp) -> impl Iterator<Item = Burst> {
    let slow = at_rate(entry, f64::min).filter(|_| !entry.rates.is_empty());
    of(entry).into_iter().chain(slow).flat_map(move |burst| departures(entry, &burst, now)).chain(ended_runs(entry))
}

/// What it has brought if it leaves like this, once for each time at which it may have begun.
fn departures(entry: &Entry, burst: &Burst, now: Timestamp) -> Vec<Burst> {
    let starts: &[Timestamp] = &entry.may_have_left_at;
    let newest = starts.is_empty().then_some(entry.newest_attempt);
    // What was started and has not ended may begin now; of what was seen to end it is known when its last message left at the latest.
    let coming = entry.may_be_coming().then_some(now);
    let takes = burst.takes();
    let seen =
        entry.ended().and_then(|ended| ended.checked_sub(takes).ok()).filter(|start| *start > entry.newest_attempt);
    let starts = starts.iter().copied().chain(newest).chain(coming).chain(seen).chain(entry.went_on_at());
    starts.map(|start| burst.moved(start)).collect()
}

/// When the last message of a recorded wave leaves, as it was planned or, if that was later, seen.
pub fn end_of(entry: &Entry) -> Timestamp {
    let begun = begun(entry);
    let planned = takes(entry).and_then(|takes| begun.checked_add(takes).ok()).unwrap_or(begun);
    entry.ended().map_or(planned, |ended| ended.max(planned))
}

/// When its first message had left at the latest. A request waits for the last look at what it rests on, and for its answer; where
/// that it was taken was found out later, it was under way no longer than any can be.
fn begun(entry: &Entry) -> Timestamp {
    let latest = entry.newest_attempt.checked_add(QUIESCENCE).unwrap_or(Timestamp::MAX);
    entry.taken().map_or(entry.newest_attempt, |taken| taken.min(latest).max(entry.newest_attempt))
}

/// The share of a recorded wave that reaches a workload: as it was recorded, or as it is now for one that came later.
fn share(entry: &Entry, workload: &WorkloadRules) -> f64 {
    let recorded = entry.load.iter().flat_map(|load| &load.shares).find(|share| share.workload == workload.name);
    recorded.map_or(workload.share, |share| share.requests_per_request)
}

/// Everything that entries bring to one workload from now on. What has faded to next to nothing is left out, so that a
/// ledger of years is no slower than one of weeks.
pub fn committed<'a>(entries: impl Iterator<Item = &'a Entry>, workload: &WorkloadRules, now: Timestamp) -> Committed {
    let bursts = entries.flat_map(|entry| {
        let whole = entry.brings_load().then(|| brought(entry, now));
        // Of one that was ended by a person's word, what had left by then comes all the same.
        let sent = if whole.is_none() { ended_runs(entry) } else { Vec::new() };
        whole.into_iter().flatten().chain(sent).map(move |burst| burst.scaled(share(entry, workload)))
    });
    Committed::new(bursts.filter(|burst| still_counts(burst, now)).collect())
}

fn still_counts(burst: &Burst, now: Timestamp) -> bool {
    burst.at(now) > NOTHING || now.duration_since(burst.end()) < LONGEST_WATCH
}

/// The same, where one that stands still is asked to go on: of that one what it has sent, and not what is left of it.
pub fn committed_beside<'a>(
    at_rest: &Entry,
    entries: impl Iterator<Item = &'a Entry>,
    workload: &WorkloadRules,
    now: Timestamp,
) -> Committed {
    let others = committed(entries.filter(|entry| entry.name != at_rest.name), workload, now);
    let sent = ended_runs(at_rest).into_iter().map(|burst| burst.scaled(share(at_rest, workload)));
    let sent: Vec<Burst> = sent.filter(|burst| still_counts(burst, now)).collect();
    others.with_all(&sent)
}

/// What each run of a wave brought that Headroom has paused. As much as can have left from its start until it was seen at rest, since
/// what is counted there may be too little; and what was counted, as late as it can have left.
fn ended_runs(entry: &Entry) -> Vec<Burst> {
    if entry.runs.pauses.is_empty() {
        return Vec::new();
    }
    let Some(whole) = of(entry) else { return Vec::new() };
    let rate = whole.send().rate;
    let of_run = |run: EndedRun| {
        let lasted = run.ended.duration_since(run.began).as_secs_f64().max(0.0);
        let able = u64::try_from(number::place((lasted * rate).ceil())).unwrap_or(u64::MAX);
        let early = whole.to_fewer(able.max(run.sent)).moved(run.began);
        let late = whole.to_fewer(run.sent);
        let start = run.ended.checked_sub(late.takes()).unwrap_or(run.began).max(run.began);
        [early, late.moved(start)]
    };
    entry.runs.ended(entry.newest_attempt).flat_map(of_run).collect()
}

/// The same of those whose time is known: what is only started may have come at any time, so that none of it is surely in a measurement.
pub fn timed<'a>(entries: impl Iterator<Item = &'a Entry>, workload: &WorkloadRules, now: Timestamp) -> Committed {
    committed(entries.filter(|entry| !entry.contract.is_followed()), workload, now)
}

/// How demand moves on each workload, where the pool's status knows it.
pub fn noises(snapshot: &Snapshot, rules: &Rules) -> Vec<Noise> {
    let known = snapshot.pool.status.workloads.iter();
    known
        .filter_map(|told| {
            let workload = rules.workloads.iter().find(|workload| workload.name == told.name)?;
            let deviation = number::of_count(u64::try_from(told.noise?).ok()?);
            Some(Noise { workload: told.name.clone(), share: workload.share, deviation })
        })
        .collect()
}

/// Why nothing can be told from the traffic of a recorded wave while it is watched, if nothing can.
pub fn unseen(entry: &Entry, snapshot: &Snapshot, soak: SignedDuration) -> Option<Unseen> {
    let rules = snapshot.pool.rules.as_ref().ok()?;
    let burst = of(entry)?;
    let send = burst.send();
    // The first part of a load is people's.
    let people = send.components.first()?;
    canary::unseen(&noises(snapshot, rules), people, send.rate, send.margin, send.recipients, soak)
}

/// Whether a campaign's own load still matters: more than one replica of some workload. What still comes, where, and
/// when to look again.
pub fn still_arriving<'a>(
    fired: &(impl Iterator<Item = &'a Entry> + Clone),
    rules: &Rules,
    now: Timestamp,
) -> Option<(f64, String, Timestamp)> {
    let ends = fired.clone().filter(|entry| entry.load.is_some()).map(end_of);
    if ends.max().is_none_or(|end| now.duration_since(end) > LONGEST_WATCH) {
        return None;
    }
    rules
        .workloads
        .iter()
        .map(|workload| {
            let replica = workload.per_replica * workload.utilization;
            let load = committed(fired.clone(), workload, now).max_from(now);
            (load / replica, load, workload.name.clone())
        })
        .filter(|(replicas, ..)| *replicas > 1.0)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, load, workload)| (load, workload, now + SignedDuration::from_secs(10)))
}

/// Minutes until what is committed to a pool brings less than a twentieth of its height now; None if nothing comes.
pub fn minutes_left<'a>(entries: impl Iterator<Item = &'a Entry>, now: Timestamp) -> Option<f64> {
    let bursts = entries.filter(|entry| entry.brings_load()).flat_map(|entry| brought(entry, now));
    let last = bursts.filter(|burst| burst.latest_tail() > now).map(|burst| burst.tail()).max()?;
    (last > now).then(|| last.duration_since(now).as_secs_f64() / 60.0)
}

//! Borrowed scale: never above the cap, never lowered for want of knowledge, given back to whoever set it last.

use headroom::sim::ailment::Ailment;
use headroom::sim::moment::Outcome;
use headroom::sim::receiver::Taken;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Case, HPAS, POOLS, Version};

const LEAST: &str = "/spec/minReplicas";

/// A write that changed the least replicas: what it was, and what it became.
struct Step<'a> {
    /// Whether what it was had been set by the operator.
    was_ours: bool,
    after: &'a Version,
    from: i64,
    to: i64,
}

fn steps<'a>(case: &'a Case<'_>) -> Vec<Step<'a>> {
    let least = |version: &Version| version.get(LEAST).as_i64().unwrap_or(1);
    let mut steps = Vec::new();
    let mut was_ours = false;
    for pair in case.history.versions(HPAS, &case.target_key()).windows(2) {
        let is_same = pair[0].text("/metadata/uid") == pair[1].text("/metadata/uid") && !pair[1].is_gone;
        let (from, to) = (least(&pair[0]), least(&pair[1]));
        if !is_same {
            was_ours = false;
        } else if from != to {
            steps.push(Step { was_ours, after: &pair[1], from, to });
            was_ours = pair[1].is_ours();
        }
    }
    steps
}

pub fn below_the_cap(case: &Case<'_>) -> Result<(), String> {
    for step in steps(case).iter().filter(|step| step.after.is_ours() && step.to > step.from) {
        let most = step.after.get("/spec/maxReplicas").as_i64().unwrap();
        let since = step.after.at - SignedDuration::from_secs(60);
        let pools = case.history.between(POOLS, &case.pool_key(), since, step.after.at);
        let caps = pools.iter().filter_map(|pool| pool.get("/spec/workloads/0/maxReplicas").as_i64());
        let cap = caps.max().unwrap_or(0).min(most);
        // What somebody else has set is given back, however much it is.
        let is_floor = !step.after.get("/metadata/annotations/headroom.dev~1floor").is_null();
        if is_floor && step.to > cap {
            return Err(format!("the floor went from {} to {} at {}, above {cap}", step.from, step.to, step.after.at));
        }
    }
    Ok(())
}

/// Whether the pool, or its owner, has asked for everything back.
fn asked_back(case: &Case<'_>, at: Timestamp) -> bool {
    let pool = case.history.then(POOLS, &case.pool_key(), at);
    pool.is_none_or(|pool| !pool.stays() || pool.get("/spec/suspend") == &Value::Bool(true))
        || case.mix.has(super::Class::Namespaces)
        || case.mix.has(super::Class::Pools)
}

pub fn not_lowered_in_silence(case: &Case<'_>) -> Result<(), String> {
    for step in steps(case).iter().filter(|step| step.after.is_ours() && step.to < step.from) {
        let is_silent = |spell: &&headroom::sim::ailment::Spell| {
            let (begins, ends) = (case.played.begun + spell.from, case.played.begun + spell.until);
            let since = begins + SignedDuration::from_secs(if spell.what == Ailment::Stale { 32 } else { 16 });
            !matches!(spell.what, Ailment::Lying(_) | Ailment::Clock(_))
                && step.after.at > since
                && step.after.at < ends
        };
        // A foreign value that is adopted, and then given back, is no lowering of a floor.
        if let Some(spell) = case.story.troubles.spells.iter().find(is_silent)
            && step.was_ours
            && !asked_back(case, step.after.at)
        {
            return Err(format!(
                "the floor went from {} to {} at {} during {spell:?}",
                step.from, step.to, step.after.at
            ));
        }
    }
    Ok(())
}

/// The most that was sent before an instant still brings from then on, until the last of it has left.
fn still_brings(case: &Case<'_>, before: Timestamp) -> f64 {
    let left = |taken: &Taken| taken.at + super::leaving(taken.recipients, 2_000.0);
    let sent: Vec<&Taken> =
        case.played.taken.iter().filter(|taken| taken.at < before && !taken_back(case, taken)).collect();
    let Some(end) = sent.iter().map(|taken| left(taken)).max() else { return 0.0 };
    let share = case.story.workloads[0].share;
    let at = |instant: Timestamp| sent.iter().map(|taken| taken.burst.scaled(share).at(instant)).sum::<f64>();
    let instants = (0..).map(|second| before + SignedDuration::from_secs(second)).take_while(|instant| *instant < end);
    instants.map(at).fold(0.0, f64::max)
}

pub fn not_lowered_under_load(case: &Case<'_>) -> Result<(), String> {
    let bears = case.story.workloads[0].bears;
    for step in steps(case).iter().filter(|step| step.after.is_ours() && step.to < step.from) {
        if asked_back(case, step.after.at) || case.mix.has(super::Class::Rivals) {
            continue;
        }
        // While messages leave, at least what they alone are known to bring must stay.
        let Ok(to) = i32::try_from(step.to) else { continue };
        let brings = still_brings(case, step.after.at);
        if f64::from(to) * bears < brings {
            return Err(format!(
                "the floor went from {} to {} at {} while waves left that bring {brings:.0}/s",
                step.from, step.to, step.after.at
            ));
        }
    }
    Ok(())
}

/// Whether nobody can know that it went: the receiver refused it, or said nothing.
fn taken_back(case: &Case<'_>, taken: &Taken) -> bool {
    let entries = case.history.all(super::ENTRIES).map(|(_, versions)| &versions[versions.len() - 1]);
    entries
        .filter(|entry| entry.text("/spec/request/key") == taken.key)
        .all(|entry| entry.text("/status/outcome") != "Released")
}

pub fn given_back(case: &Case<'_>) -> Result<(), String> {
    if case.played.outcome != Outcome::Over {
        return Ok(());
    }
    let versions = case.history.versions(HPAS, &case.target_key());
    let Some(last) = versions.last().filter(|last| !last.is_gone) else { return Ok(()) };
    let uid = last.text("/metadata/uid");
    let of_target: Vec<&Version> = versions.iter().filter(|version| version.text("/metadata/uid") == uid).collect();
    let least = |version: &Version| version.get(LEAST).as_i64();
    let mut theirs = least(of_target[0]);
    for pair in of_target.windows(2) {
        if !pair[1].is_ours() && least(pair[0]) != least(pair[1]) {
            theirs = least(pair[1]);
        }
    }
    let note = last.get("/metadata/annotations/headroom.dev~1floor");
    if least(last) != theirs || !note.is_null() {
        return Err(format!(
            "{theirs:?} is what somebody else set, and in the end it is {:?}, note {note}",
            least(last)
        ));
    }
    Ok(())
}

pub fn gives_way(case: &Case<'_>) -> Result<(), String> {
    let least = |version: &Version| version.get(LEAST).as_i64().unwrap_or(1);
    let (mut claim, mut times, mut was_ours) = (String::new(), 0, false);
    for pair in case.history.versions(HPAS, &case.target_key()).windows(2) {
        let [before, after] = pair else { continue };
        if after.is_gone || before.text("/metadata/uid") != after.text("/metadata/uid") {
            (claim, times, was_ours) = (String::new(), 0, false);
            continue;
        }
        let (from, to) = (least(before), least(after));
        if !after.is_ours() {
            was_ours &= from == to;
            continue;
        }
        let note = after.text("/metadata/annotations/headroom.dev~1floor");
        let note: Value = serde_json::from_str(note).unwrap_or_default();
        let id = note["claim"].as_str().unwrap_or_default().to_owned();
        // A new claim, or one that was given back in between, counts from the beginning.
        if id == claim {
            times += i32::from(!was_ours && to > from);
        } else {
            (claim, times) = (id, 0);
        }
        was_ours = true;
        // Whoever dies of its first write has not seen it on the target: the next takes it for one that is yet to be made.
        if times > 3 + i32::from(case.mix.has(super::Class::Crashes)) {
            return Err(format!("the floor was written again {times} times under claim {claim}"));
        }
    }
    Ok(())
}

//! What the operator writes for a wave, each write with what changed by it, and that it writes nothing while nothing is due.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::proxy::{Proxy, When, Write, runtime};
use crate::support::world::{Wants, World};

fn kilobytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What a write is for. The first four are the protocol of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum For {
    Reserve,
    Arm,
    Entry,
    Outcome,
    Campaign,
    Pool,
    /// A claim: the half of a floor's write that goes ahead of it.
    Claim,
    /// The floor itself, on its target.
    Floor,
    Event,
}

/// What a write is for, by its path and by what the one before it said there.
fn purpose(write: &Write, before: Option<&Value>) -> For {
    let (status, nothing) = (&write.body["status"], Value::Null);
    let differs = |field: &str| before.unwrap_or(&nothing)[field] != status[field];
    match write.call().as_str() {
        call if call.contains("/events") => For::Event,
        call if call.contains("/horizontalpodautoscalers/") => For::Floor,
        call if call.starts_with("POST") => For::Entry,
        call if call.contains("/wavereleases/") => For::Outcome,
        call if call.contains("/campaigns/") => {
            if differs("armed") {
                For::Arm
            } else {
                For::Campaign
            }
        }
        // The finalizer goes with the first claim and the last.
        call if call.starts_with("PATCH") => For::Claim,
        _ if differs("reservation") => For::Reserve,
        _ if differs("claims") => For::Claim,
        _ => For::Pool,
    }
}

/// The places at which two values differ.
fn changed(before: &Value, after: &Value, path: &str, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names {
                let of = |all: &serde_json::Map<String, Value>| all.get(name).cloned().unwrap_or_default();
                changed(&of(before), &of(after), &format!("{path}.{name}"), found);
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                let named = after["name"].as_str().or(after["type"].as_str()).map(ToOwned::to_owned);
                let name = named.unwrap_or_else(|| index.to_string());
                changed(before, after, &format!("{path}[{name}]"), found);
            }
        }
        _ if before == after => {}
        _ => found.push(path.to_owned()),
    }
}

/// Each write with what it is for, printed in its order with what changed by it.
fn told(begun: Timestamp, writes: &[Write]) -> Vec<(For, &Write)> {
    let mut before: BTreeMap<&str, &Value> = BTreeMap::new();
    let mut told = Vec::new();
    for write in writes {
        let (verb, path) = (&write.method, write.path.as_str());
        let purpose = purpose(write, before.get(path).copied());
        told.push((purpose, write));
        if purpose == For::Event {
            continue;
        }
        let status = &write.body["status"];
        let mut what = Vec::new();
        // A condition repeats reason and message.
        changed(before.get(path).unwrap_or(&&Value::Null), status, "", &mut what);
        what.retain(|place| !place.starts_with(".conditions") || place.ends_with(".status"));
        eprintln!(
            "figures: {:7.2} s {purpose:?}: {verb} {} [{} {}] {}",
            write.begun.duration_since(begun).as_secs_f64(),
            path.split('?').next().unwrap().rsplit("/namespaces/").next().unwrap(),
            status["phase"].as_str().unwrap_or("-"),
            status["reason"].as_str().unwrap_or("-"),
            what.join(" "),
        );
        if !status.is_null() {
            before.insert(path, status);
        }
    }
    told
}

/// What was written for each wave, from the entry of the one before to its own; the first has what leads to it.
fn by_wave<'a>(told: &[(For, &'a Write)]) -> Vec<(&'a str, BTreeMap<For, usize>)> {
    let (mut waves, mut counts) = (Vec::new(), BTreeMap::new());
    for (purpose, write) in told {
        *counts.entry(*purpose).or_default() += 1;
        if *purpose == For::Entry {
            waves.push((write.body["spec"]["wave"]["name"].as_str().unwrap(), std::mem::take(&mut counts)));
        }
    }
    waves
}

#[test]
fn writes_for_a_wave_and_none_while_nothing_is_due() {
    let runtime = runtime();
    let proxy = runtime.block_on(Proxy::to_api_server(When::Before, Box::new(|_, _, _| false)));
    let server = format!("http://127.0.0.1:{}", proxy.port);
    // A floor stays between waves, as it does where waves are minutes apart.
    let pool = json!({"scaleDown": {"hold": "30s", "step": "100%"}});
    let world = World::new("figures", Wants { server: Some(server), pool, ..Wants::default() });
    world.until(30, "the pool is seen", || world.pool()["status"]["observedGeneration"] == 1);
    proxy.take_writes();
    // Who leads is written by the clock, whatever is there.
    let is_ours = |write: &Write| {
        write.path.contains(&format!("/namespaces/{}", world.name))
            && !write.path.contains("/leases/headroom.headroom.dev")
    };
    // Those in the middle need no more replicas than the first, and leave within two seconds each.
    let wave = |name: &str, recipients: u32| json!({"name": name, "recipients": recipients, "soak": "2s"});
    let waves = [wave("first", 12_000), wave("a", 4_000), wave("b", 4_000), wave("c", 4_000), wave("d", 4_000)];
    let all: Vec<Value> = waves.into_iter().chain([json!({"name": "rest"})]).collect();
    let begun = Timestamp::now();
    world.apply_campaign("many", &json!({"audience": {"size": 40_000}, "waves": all}));
    world.until_phase("many", "Completed", 240);
    world.until_restored(2);
    let writes: Vec<Write> = proxy.take_writes().into_iter().filter(is_ours).collect();
    let told = told(begun, &writes);
    // The outcome of the one before is counted with it.
    let steps = [For::Reserve, For::Arm, For::Entry];
    let is_counted = |purpose: For| purpose < For::Claim;
    let sum = |counts: &BTreeMap<For, usize>, is: &dyn Fn(For) -> bool| {
        counts.iter().filter(|(purpose, _)| is(**purpose)).map(|(_, count)| count).sum::<usize>()
    };
    let waves = by_wave(&told);
    for (name, counts) in &waves {
        eprintln!("figures: writes of wave {name}: {}, {counts:?}", sum(counts, &is_counted));
        assert!(steps.iter().all(|step| counts.contains_key(step)), "{name}: {counts:?}");
    }
    let (between, rising): (Vec<_>, Vec<_>) =
        waves[1..].iter().partition(|(_, counts)| !counts.contains_key(&For::Floor));
    let mean = |waves: &[&(&str, BTreeMap<For, usize>)]| {
        let all: Vec<f64> =
            waves.iter().map(|(_, counts)| f64::from(u32::try_from(sum(counts, &is_counted)).unwrap())).collect();
        (all.len(), all.iter().sum::<f64>() / f64::from(u32::try_from(all.len().max(1)).unwrap()))
    };
    let (standing, scaled) = (mean(&between), mean(&rising));
    eprintln!(
        "figures: writes of a wave without events and floors: {:.1} on a floor that stands ({} waves), {:.1} where it moves ({}); {} of 6 waves and their restore, and {} of their floors",
        standing.1,
        standing.0,
        scaled.1,
        scaled.0,
        told.iter().filter(|(purpose, _)| is_counted(*purpose)).count(),
        told.iter().filter(|(purpose, _)| matches!(purpose, For::Claim | For::Floor)).count(),
    );
    // Trouble on the way only adds to them: of the waves on a floor that stands, the least are those of one.
    let least = between.iter().map(|(_, counts)| sum(counts, &is_counted)).min();
    assert!(least.is_some_and(|least| (4..=9).contains(&least)), "{waves:?}");

    // A hundred campaigns that wait for tomorrow: each is told once, and then nothing is written at all.
    let tomorrow =
        (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let campaigns: Vec<String> = (0..100)
        .map(|number| world.campaign(&format!("later-{number}"), &json!({"schedule": {"start": tomorrow}})).to_string())
        .collect();
    world.bed().apply(&campaigns.join("\n---\n"));
    world.until(60, "all are told", || {
        world.bed().told_of_all(&world.marketing(), "reason").iter().filter(|reason| *reason == "BeforeStart").count()
            == 100
    });
    world.until(60, "everything is said", || {
        proxy.take_writes();
        std::thread::sleep(std::time::Duration::from_secs(5));
        !proxy.take_writes().iter().any(is_ours)
    });
    // What is idle is looked at once a minute.
    std::thread::sleep(std::time::Duration::from_secs(70));
    let idle: Vec<String> = proxy.take_writes().into_iter().filter(is_ours).map(|write| write.call()).collect();
    let resident = kilobytes(world.operator.as_ref().unwrap().pid());
    eprintln!(
        "figures: writes in 70 s with 100 idle campaigns: {}; resident memory of the operator: {} MiB",
        idle.len(),
        resident / 1024
    );
    assert!(idle.is_empty(), "{idle:#?}");
}

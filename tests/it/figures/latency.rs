//! How soon a wave leaves once its headroom is confirmed. Confirmed is the instant at which Prometheus's last answer before the
//! wave was handed to the operator; it has decided nothing yet then. The first byte has come when the receiver has the
//! request.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::support::proxy::Proxy;
use crate::support::world::{Wants, World, by_gauge};

use super::{MOST_WAVES, is_entry, open_pool, quick, times, waves};

/// The nearest rank.
fn rank(sorted: &[SignedDuration], percent: usize) -> f64 {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1].as_secs_f64() * 1000.0
}

fn print(from: &str, mut took: Vec<SignedDuration>) {
    took.sort();
    let (p50, p99, most) = (rank(&took, 50), rank(&took, 99), rank(&took, 100));
    eprintln!(
        "figures: from {from} to the first byte, {} waves: p50 {p50:.1} ms, p99 {p99:.1} ms, longest {most:.1} ms",
        took.len()
    );
}

#[test]
fn from_headroom_confirmed_to_the_first_byte() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let proxy = runtime.block_on(async { Proxy::to_prometheus() });
    let wants = Wants {
        demand: 50.0,
        pool: open_pool(&by_gauge("latency", "60/s")),
        prometheus: Some(format!("http://127.0.0.1:{}", proxy.port)),
        ..Wants::default()
    };
    let world = World::new("latency", wants);
    let all = waves(6);
    // One campaign behind the other, so that no wave waits for another's.
    for (number, begin) in (0..all).step_by(MOST_WAVES).enumerate() {
        let name = format!("send-{number}");
        world.apply_campaign(&name, &quick(MOST_WAVES.min(all - begin)));
        let campaign = format!("campaign/{name}");
        let patience = ["--for=condition=Completed", "--timeout=300s"];
        world.bed().kubectl(&[&["-n", &world.marketing(), "wait", &campaign][..], &patience[..]].concat());
    }
    let (received, history, answers) = (world.received(), world.history(), proxy.answers());
    let keys: BTreeMap<String, String> = world
        .entries()
        .iter()
        .map(|entry| (&entry["metadata"]["name"], &entry["spec"]["request"]["key"]))
        .map(|(name, key)| (key.as_str().unwrap().to_owned(), name.as_str().unwrap().to_owned()))
        .collect();
    let created: BTreeMap<&str, (Timestamp, Timestamp)> = history
        .iter()
        .filter(|event| is_entry(event))
        .map(|event| (event["objectRef"]["name"].as_str().unwrap(), times(event)))
        .collect();
    let is_reservation = |event: &&serde_json::Value| {
        event["objectRef"]["resource"] == "capacitypools" && event["objectRef"]["subresource"] == "status"
    };
    let reserved: Vec<Timestamp> = history.iter().filter(is_reservation).map(|event| times(event).0).collect();
    let last = |of: &[Timestamp], until: Timestamp| of.iter().copied().filter(|at| *at < until).max().unwrap();
    let mut took = [Vec::new(), Vec::new(), Vec::new()];
    for request in &received {
        let came: Timestamp = request["at"].as_str().unwrap().parse().unwrap();
        let (asked, committed) = created[keys[request["key"].as_str().unwrap()].as_str()];
        // The reservation is the last that is written of the pool before the entry.
        let reserved = last(&reserved, asked);
        let confirmed = last(&answers, reserved);
        assert!(confirmed < reserved && reserved < asked && asked < committed && committed < came, "{request}");
        for (all, from) in took.iter_mut().zip([confirmed, reserved, committed]) {
            all.push(came.duration_since(from));
        }
    }
    assert_eq!(took[0].len(), all, "each wave came, and once");
    // Beyond its fire window of 5 s nothing leaves; it may be heard a little later.
    assert!(took[2].iter().all(|took| *took < SignedDuration::from_secs(6)), "{:?}", took[2]);
    for (from, took) in ["headroom confirmed", "the reservation", "the entry in the ledger"].into_iter().zip(took) {
        print(from, took);
    }
    world.check_safety();
}

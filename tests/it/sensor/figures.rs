//! Figures of the sensor on a real Prometheus, as counts and as times beside their scrape: what is asked for a thousand campaigns, and
//! how long after a sample its decision is seen. Upper bounds: other things run beside.
//!
//! `cargo test --test it sensor::figures -- --ignored --nocapture`

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::world::{Wants, World, by_gauge};

/// How many queries this world's operator has asked, as Prometheus has scraped it.
fn asked(world: &World) -> f64 {
    let target = format!("prometheus/targets/operator-{}.json", world.operator_namespace());
    let target: Value = serde_json::from_str(&std::fs::read_to_string(world.bed().dir.join(target)).unwrap()).unwrap();
    let address = target[0]["targets"][0].as_str().unwrap();
    let query = format!(r#"sum(headroom_prometheus_queries_total{{instance="{address}"}})"#);
    // A new target is scraped within seconds.
    world.until(60, "the operator is scraped", || world.bed().measured(&query).is_some());
    world.bed().measured(&query).unwrap()
}

#[test]
#[ignore = "a figure"]
fn queries_for_a_thousand_campaigns_that_share_ten() {
    let query = |number: u32| format!("sum(shop_demand{{app=\"web\"}}) / {number}");
    let limit = |number| json!({"name": format!("limit-{number}"), "query": query(number), "max": "100000"});
    let mut pool = by_gauge("asking", "1800/s");
    pool["limits"] = (1..=8).map(limit).collect();
    pool["guardrails"] = json!([{"name": "rail", "query": query(9), "max": "100000", "onBreach": "Hold"}]);
    // Of 1,800 that its replicas may bear at the most, a hundred are left.
    let world = World::new("asking", Wants { pool, demand: 1_700.0, ..Wants::default() });
    let count = |campaigns: usize| {
        let (before, begun) = (asked(&world), Instant::now());
        std::thread::sleep(Duration::from_mins(1));
        let a_minute = (asked(&world) - before) * 60.0 / begun.elapsed().as_secs_f64();
        eprintln!(
            "sensor: {a_minute:.0} HTTP queries a minute for {campaigns} campaigns that wait for room, by ten queries"
        );
    };
    let waits = |number: usize| world.campaign(&format!("sale-{number}"), &json!({"waves": [{"name": "all"}]}));
    let apply = |numbers: std::ops::Range<usize>| {
        let all: Vec<String> = numbers.map(|number| waits(number).to_string()).collect();
        world.bed().apply(&all.join("\n---\n"));
    };
    apply(0..1);
    world.until(60, "one waits", || world.status("sale-0")["phase"].is_string());
    eprintln!("sensor: {}", world.status("sale-0")["message"]);
    count(1);
    (0..10).for_each(|part| apply(part * 100..part * 100 + 100));
    world.until(300, "a thousand wait", || world.bed().told_of_all(&world.marketing(), "phase").len() == 1000);
    count(1000);
}

#[test]
#[ignore = "a figure"]
fn from_a_sample_to_the_decision_that_rests_on_it() {
    let world = World::new("lagging", Wants { pool: by_gauge("lagging", "320/s"), ..Wants::default() });
    // Confirmed for an hour: it never goes.
    world.patch_pool(&json!({"confirm": {"samples": 20, "span": "1h"}}));
    world.apply_campaign("sale", &json!({}));
    world.until_phase("sale", "Confirming", 120);
    let gauge = format!(r#"shop_demand{{namespace="{}",app="web"}}"#, world.shop());
    let mut lags: Vec<f64> = Vec::new();
    for round in 0..20 {
        let (demand, reason) = if round % 2 == 0 { (2_300.0, "WaitingForRoom") } else { (300.0, "Confirming") };
        // At any moment between two looks.
        std::thread::sleep(Duration::from_millis(6_000 + 370 * round));
        let changed = Instant::now();
        world.change_shop(json!({"demand": {"web": demand}}));
        world.until(120, reason, || world.status("sale")["reason"] == reason);
        let (seen, window) = (jiff::Timestamp::now().as_duration().as_secs_f64(), changed.elapsed().as_secs() + 1);
        let of_it = format!("min_over_time(timestamp({gauge} == {demand})[{window}s:200ms])");
        lags.push(seen - world.bed().measured(&of_it).unwrap());
    }
    lags.sort_by(f64::total_cmp);
    eprintln!(
        "sensor: from the first sample of another demand to a status that tells of it, {} times, looked at every 5 s: median {:.1} s, longest {:.1} s",
        lags.len(),
        lags[lags.len() / 2],
        lags[lags.len() - 1]
    );
}

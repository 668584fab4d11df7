//! Figures, as counts of one run: what the operator writes for a wave and while nothing is due, and what it takes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::proxy::{Proxy, When};
use crate::support::world::{Wants, World};

fn kilobytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn writes_for_a_wave_and_none_while_nothing_is_due() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let proxy = runtime.block_on(Proxy::to_api_server(When::Before, Box::new(|_, _, _| false)));
    let server = format!("http://127.0.0.1:{}", proxy.port);
    let world = World::new("figures", Wants { server: Some(server), ..Wants::default() });
    world.until(30, "the pool is seen", || world.pool()["status"]["observedGeneration"] == 1);
    proxy.take_writes();
    // Who leads is written by the clock, whatever is there.
    let is_ours = |write: &String| {
        write.contains(&format!("/namespaces/{}", world.name)) && !write.contains("/leases/headroom.headroom.dev")
    };
    let writes_of = |name: &str, over: &Value| {
        world.apply_campaign(name, over);
        world.until_phase(name, "Completed", 180);
        world.until_restored(2);
        proxy.take_writes().into_iter().filter(is_ours).collect::<Vec<String>>()
    };
    let writes = writes_of("two", &json!({}));
    let third = json!({"waves": [{"name": "canary", "percent": 10, "soak": "2s"}, {"name": "more", "percent": 10, "soak": "2s"}, {"name": "rest"}]});
    let with_a_third = writes_of("three", &third);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for write in &writes {
        let kind =
            ["/events", "/horizontalpodautoscalers/", "/wavereleases", "/campaigns/", "/capacitypools/", "/senders/"]
                .into_iter()
                .find(|kind| write.contains(kind))
                .unwrap_or("other");
        *counts.entry(kind).or_default() += 1;
    }
    let counted = |writes: &[String]| {
        let beside = |write: &&String| write.contains("/events") || write.contains("/horizontalpodautoscalers/");
        writes.len() - writes.iter().filter(beside).count()
    };
    let (two, three) = (counted(&writes), counted(&with_a_third));
    eprintln!(
        "figures: writes without events and floors: 2 waves and their restore {two}, 3 waves {three}, so {} for a wave ({counts:?})",
        three.saturating_sub(two)
    );
    assert!(two <= 80, "{writes:#?}");

    // A hundred campaigns that wait for tomorrow: each is told once, and then nothing is written at all.
    let tomorrow =
        (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let campaigns: Vec<String> = (0..100)
        .map(|number| world.campaign(&format!("later-{number}"), &json!({"schedule": {"start": tomorrow}})).to_string())
        .collect();
    world.bed().apply(&campaigns.join("\n---\n"));
    world.until(60, "all are told", || {
        let reasons = world.bed().kubectl(&[
            "-n",
            &world.marketing(),
            "get",
            "campaigns",
            "-o",
            "jsonpath={.items[*].status.reason}",
        ]);
        reasons.matches("BeforeStart").count() == 100
    });
    world.until(60, "everything is said", || {
        proxy.take_writes();
        std::thread::sleep(std::time::Duration::from_secs(5));
        !proxy.take_writes().iter().any(is_ours)
    });
    // What is idle is looked at once a minute.
    std::thread::sleep(std::time::Duration::from_secs(70));
    let idle: Vec<String> = proxy.take_writes().into_iter().filter(is_ours).collect();
    let resident = kilobytes(world.operator.as_ref().unwrap().pid());
    eprintln!(
        "figures: writes in 70 s with 100 idle campaigns: {}; resident memory of the operator: {} MiB",
        idle.len(),
        resident / 1024
    );
    assert!(idle.is_empty(), "{idle:#?}");
}

//! A sensor that falls silent: nothing goes, nothing scales down, and the reason is said; it goes on when it is back.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::prometheus::{Prometheus, Sees, free_port};
use crate::support::world::{Wants, World};

#[test]
fn a_silent_prometheus_holds_everything_and_scales_nothing_down() {
    let port = free_port(0);
    let server = format!("http://127.0.0.1:{port}");
    // A gauge: Prometheus repeats its last sample for five minutes, and only the age tells that it has died.
    let demand = json!({"workloads": [{
        "name": "web", "targetRef": {"kind": "Deployment", "name": "web"},
        "demand": {
            "query": r#"sum(shop_demand{namespace="silence-shop",app="web"})"#, "peak": "320/s",
            "coverage": {"unverified": "the shop itself knows its demand"},
        },
        "capacityPerReplica": "100/s", "maxReplicas": 24,
    }]});
    let world = World::new("silence", Wants { prometheus: Some(server), pool: demand, ..Wants::default() });
    // Dead before the first wave.
    world.apply_campaign(
        "sale",
        &json!({"waves": [{"name": "canary", "percent": 10, "soak": "20s"}, {"name": "rest"}]}),
    );
    let status = world.until_reason("sale", "SensorUntrusted", 30);
    assert!(status["message"].as_str().unwrap().contains("Prometheus cannot be reached"), "{}", status["message"]);
    world.always(5, "nothing goes and nothing is scaled", || world.received().is_empty() && world.floor() == 2);
    let seeing = Prometheus::start(port, &Sees::Everything);
    world.until(90, "the canary has gone", || world.received().len() == 1);

    // Dead between the waves: the floor stands.
    drop(seeing);
    let last_scraped = Instant::now();
    world.until_reason("sale", "SensorUntrusted", 60);
    let floor = world.floor();
    assert!(floor > 2);
    world.always(5, "nothing goes and the floor stands", || world.received().len() == 1 && world.floor() == floor);

    // Back, and measuring nothing: it answers with what it remembers.
    let blind = Prometheus::start(port, &Sees::Nothing);
    let told = || world.status("sale")["message"].as_str().unwrap_or_default().to_owned();
    let is_old = |told: &str| {
        told.starts_with("Waiting: the newest sample of the demand of \"web\" is ")
            && told.contains(" s old (limit 10 s). Is the scrape of silence-shop/web working?")
    };
    // On a machine so slow that it is back after the heartbeat's 90 s only, that is what is said.
    let is_late =
        |told: &str| last_scraped.elapsed() > Duration::from_secs(90) && told.contains("a heartbeat of Headroom");
    world.until(60, "the newest sample is too old", || is_old(&told()) || is_late(&told()));
    world.always(5, "nothing goes and the floor stands", || world.received().len() == 1 && world.floor() == floor);
    drop(blind);
    let _seeing = Prometheus::start(port, &Sees::Everything);
    world.until_phase("sale", "Completed", 120);
    assert_eq!(world.waves_received(), ["canary", "rest"]);
    world.check_safety();
    world.until_restored(2);
}

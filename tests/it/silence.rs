//! A sensor that falls silent: nothing goes, nothing scales down, and the reason is said; it goes on when it is back.

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
    world.until_reason("sale", "SensorUntrusted", 60);
    let floor = world.floor();
    assert!(floor > 2);
    world.always(5, "nothing goes and the floor stands", || world.received().len() == 1 && world.floor() == floor);

    // Back, and measuring nothing: it answers with what it remembers.
    let blind = Prometheus::start(port, &Sees::Nothing);
    let status = world.until_reason("sale", "SampleTooOld", 60);
    let told = status["message"].as_str().unwrap();
    assert!(
        told.starts_with("Waiting: the newest sample of the demand of \"web\" is ")
            && told.contains(" s old (limit 10 s). Is the scrape of silence-shop/web working?"),
        "{told}"
    );
    world.always(5, "nothing goes and the floor stands", || world.received().len() == 1 && world.floor() == floor);
    drop(blind);
    let _seeing = Prometheus::start(port, &Sees::Everything);
    world.until_phase("sale", "Completed", 120);
    assert_eq!(world.waves_received(), ["canary", "rest"]);
    world.check_safety();
    world.until_restored(2);
}

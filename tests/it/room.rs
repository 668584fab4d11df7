//! Without room nothing goes: not when demand is too high even for the most replicas, not for two that fit one at a
//! time, and by the ground truth never in randomised runs.

use serde_json::json;

use crate::support::dice::Dice;
use crate::support::world::{Wants, World, by_gauge};

#[test]
fn without_room_even_at_the_most_it_waits_says_the_numbers_and_goes_when_demand_falls() {
    // 24 replicas bear 1,800; 1,500 of demand leave less than the canary needs.
    let world = World::new("full", Wants { demand: 1500.0, pool: by_gauge("full", "320/s"), ..Wants::default() });
    world.apply_campaign("sale", &json!({}));
    let status = world.until_reason("sale", "WaitingForRoom", 40);
    let message = status["message"].as_str().unwrap();
    assert!(message.starts_with("Waiting for room: wave \"canary\" needs "), "{message}");
    let sum = "(24 replicas, the most the pool allows: 2,400 × 75 % = 1,800; demand 1,500; 0 still to come";
    assert!(message.contains(sum), "{message}");
    assert_eq!(world.floor(), 2, "no floor for what cannot fit");
    world.always(5, "nothing goes", || world.received().is_empty());
    world.change_shop(json!({"demand": {"web": 300.0}}));
    world.until_phase("sale", "Completed", 120);
    world.check_safety();
}

#[test]
fn of_two_campaigns_that_fit_one_at_a_time_the_second_waits_and_says_for_whom() {
    let world = World::new("pair", Wants { pool: json!({}), ..Wants::default() });
    let whole = json!({"waves": [{"name": "all"}], "audience": {"size": 40000}});
    let mut first = whole.clone();
    first["priority"] = json!(900);
    world.apply_campaign("first", &first);
    world.apply_campaign("second", &whole);
    // Read together with its reason: while new replicas are not yet measured, that is what the next status tells.
    let mut told = String::new();
    world.until(60, "the second waits for the first", || {
        let status = world.status("second");
        told = status["message"].as_str().unwrap_or_default().to_owned();
        status["reason"] == "WaitingForTurn"
    });
    assert!(told.contains("pair-marketing/first"), "{told}");
    // "Wave … needs …; N req/s are free, M req/s committed to other sends."
    let committed = told.split(" req/s committed to other sends").next().unwrap().rsplit(' ').next().unwrap();
    assert!(committed.replace(',', "").parse::<f64>().unwrap() >= 700.0, "{told}");
    world.until(60, "the first goes", || world.status("first")["display"]["waves"] == "1/1");
    world.until_phase("second", "Completed", 240);
    let received = world.received();
    assert_eq!(received[0]["body"]["campaign"]["name"], "first");
    assert_eq!(received.len(), 2);
    world.check_safety();
    world.until_restored(2);
}

/// Runs of random demand: `HEADROOM_SEEDS=20 cargo test --test it random_demand` runs more of them. Some begin where even
/// the most replicas leave no room, so that an operator which does not measure would be seen to send.
#[test]
fn random_demand_never_leads_to_a_release_without_room() {
    let count: u64 = std::env::var("HEADROOM_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let world = World::new("random", Wants { pool: by_gauge("random", "100/s"), ..Wants::default() });
    let second = || std::thread::sleep(std::time::Duration::from_secs(1));
    let mut waited = 0;
    for seed in 1..=count {
        let mut dice = Dice(seed);
        eprintln!("random demand: seed {seed}");
        // Of every two seeds one begins with little room.
        let mut demand = f64::from(u32::try_from(dice.next(700) + 900 * (seed % 2)).unwrap()) + 100.0;
        world.change_shop(json!({ "demand": {"web": demand} }));
        world.until(30, "the demand is measured", || {
            let query = r#"sum(shop_demand{namespace="random-shop",app="web"})"#;
            world.bed().measured(query).is_some_and(|measured| measured >= demand - 1.0)
        });
        let size = 5_000 + dice.next(30_000);
        let name = format!("run-{seed}");
        world.apply_campaign(&name, &json!({"audience": {"size": size}, "waves": [{"name": "canary", "percent": 10, "soak": "1s"}, {"name": "rest"}]}));
        let mut has_waited = false;
        for _ in 0..14 {
            // Up by at most 40 in a second: a sensor is never newer than its last scrape.
            demand = (demand + f64::from(u32::try_from(dice.next(90)).unwrap()) - 50.0).clamp(100.0, 1_700.0);
            world.change_shop(json!({ "demand": {"web": demand} }));
            has_waited |= world.status(&name)["reason"] == "WaitingForRoom";
            second();
        }
        waited += u32::from(has_waited);
        while demand > 300.0 {
            demand = (demand - 150.0).max(300.0);
            world.change_shop(json!({ "demand": {"web": demand} }));
            second();
        }
        world.until(180, &format!("seed {seed} is sent"), || world.status(&name)["display"]["waves"] == "2/2");
        world.check_safety();
    }
    let releases = world.received().len();
    eprintln!("random demand: {count} seeds, {releases} releases, 0 without room; {waited} seeds had to wait for room");
    assert!(waited >= 1, "none of the seeds ever lacked room, so that nothing was shown");
}

#[test]
fn of_two_workloads_the_narrowest_decides_and_is_named() {
    let world = World::new("series", Wants::default());
    let shop = world.shop();
    world.bed().apply(
        &json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "checkout", "namespace": shop},
            "spec": {
                "replicas": 2, "selector": {"matchLabels": {"app": "checkout"}},
                "template": {"metadata": {"labels": {"app": "checkout"}}, "spec": {"containers": [{"name": "checkout", "image": "shop"}]}},
            },
        })
        .to_string(),
    );
    world.bed().shop(
        reqwest::Method::PUT,
        &format!("/worlds/{shop}"),
        Some(json!({
            "workloads": [
                {"name": "web", "per_replica": 100.0, "demand": 300.0},
                {"name": "checkout", "per_replica": 30.0, "demand": 20.0, "share": 0.25},
            ],
            "response": {"visit_rate": 0.04, "requests_per_visit": 10.0, "median_minutes": 0.05, "sigma": 2.0},
            "send_rate": 2000.0,
        })),
    );
    let workload = |name: &str, per_replica: &str, peak: &str, share: f64, most: u32| {
        json!({
            "name": name, "targetRef": {"kind": "Deployment", "name": name},
            "demand": {"query": format!(r#"sum(rate(http_requests_total{{namespace="{shop}",app="{name}"}}[5s]))"#), "peak": peak},
            "capacityPerReplica": per_replica, "requestsPerRequest": share, "maxReplicas": most,
        })
    };
    // A quarter of the visit reaches checkout, and three of its replicas bear 67: too few for what the canary brings.
    let narrow = json!({"workloads": [workload("web", "100/s", "320/s", 1.0, 24), workload("checkout", "30/s", "25/s", 0.25, 3)]});
    world.apply_pool(&narrow);
    world.apply_campaign("sale", &json!({}));
    let status = world.until_reason("sale", "WaitingForRoom", 60);
    assert!(status["message"].as_str().unwrap().contains(" on checkout, "), "{}", status["message"]);
    assert_eq!(status["headroom"]["bottleneck"], "checkout");
    world.always(4, "nothing goes", || world.received().is_empty());
    world.apply_pool(&json!({"workloads": [workload("web", "100/s", "320/s", 1.0, 24), workload("checkout", "30/s", "25/s", 0.25, 20)]}));
    world.until_phase("sale", "Completed", 150);
    world.check_safety();
    world.until_restored(2);
    let left = world.bed().kubectl(&["-n", &shop, "get", "deployment", "checkout", "-o", "jsonpath={.spec.replicas}"]);
    assert_eq!(left, "2");
}

//! Two replicas of an install: one acts. The other goes on when it is asked to stop, killed, cut off from the API server, or stopped in
//! the very window in which a wave may leave; and whoever wakes too late sends nothing.

use std::time::Instant;

use serde_json::json;

use crate::support::operator::Operator;
use crate::support::proxy::{Blow, Match, Proxy, When, last_reading, runtime};
use crate::support::world::{Wants, World};

/// Who holds the Lease; empty: nobody.
fn holder(world: &World) -> String {
    let lease = world.bed().try_kubectl(&[
        "-n",
        &world.operator_namespace(),
        "get",
        "lease",
        "headroom.headroom.dev",
        "-o",
        "jsonpath={.spec.holderIdentity}",
    ]);
    lease.unwrap_or_default()
}

fn log(operator: &Operator) -> String {
    std::fs::read_to_string(&operator.log).unwrap()
}

fn leads(world: &World, operator: &Operator) -> bool {
    let holder = holder(world);
    let is_it = |line: &str| line.contains("this replica leads its install") && line.contains(&format!("\"{holder}\""));
    log(operator).lines().any(is_it)
}

/// A world whose first replica leads, and a second that stands by.
fn two(name: &str, server: Option<String>) -> (World, Operator) {
    // Shorter than the window in which a wave is fired.
    let values = vec!["leaderElection.leaseDuration=3s".to_owned()];
    let world = World::new(name, Wants { server, values, ..Wants::default() });
    world.until(60, "the first leads", || leads(&world, world.operator.as_ref().unwrap()));
    let second = Operator::start_as("-second", &world.operator_namespace(), "headroom", None, None);
    world.until(60, "the second stands by", || log(&second).contains("another replica leads; this one stands by"));
    (world, second)
}

fn first(world: &World) -> &Operator {
    world.operator.as_ref().unwrap()
}

/// A campaign of two waves, the first of which is watched for a while.
fn apply(world: &World) {
    let waves = json!([{"name": "canary", "percent": 10, "soak": "8s"}, {"name": "rest"}]);
    world.apply_campaign("sale", &json!({ "waves": waves }));
}

/// The same two, when the first of two waves has gone.
fn half_sent(name: &str, server: Option<String>) -> (World, Operator) {
    let (world, second) = two(name, server);
    apply(&world);
    // What is not written of it when its operator ends is a person's matter.
    world.until(120, "the first wave has gone, and that is written", || {
        world.entries().iter().any(|entry| entry["status"]["outcome"] == "Released")
    });
    (world, second)
}

/// Everything has gone once, and is given back.
fn check(world: &World) {
    world.until_phase("sale", "Completed", 150);
    assert_eq!(world.waves_received(), ["canary", "rest"]);
    world.check_safety();
    world.until_restored(2);
}

#[test]
fn whoever_is_asked_to_stop_hands_over_at_once() {
    let (world, second) = half_sent("handover", None);
    assert!(first(&world).is_alive());
    first(&world).signal("-TERM");
    let begun = Instant::now();
    world.until(60, "the second leads", || leads(&world, &second));
    println!("handed over after {:.1} s", begun.elapsed().as_secs_f64());
    world.until(60, "the first has ended", || !first(&world).is_alive());
    assert!(log(first(&world)).contains("stopping"), "{}", log(first(&world)));
    check(&world);
}

#[test]
fn whoever_is_killed_is_replaced_when_its_lease_has_run_out() {
    let (world, second) = half_sent("takeover", None);
    assert!(first(&world).is_alive());
    first(&world).signal("-KILL");
    let begun = Instant::now();
    world.until(60, "the second leads", || leads(&world, &second));
    // Three seconds, less the time since its last renewal.
    assert!(begun.elapsed().as_secs_f64() > 2.0, "{:?}", begun.elapsed());
    println!("taken over after {:.1} s", begun.elapsed().as_secs_f64());
    check(&world);
}

#[test]
fn whoever_cannot_reach_the_api_server_gives_up_before_another_takes_over() {
    let runtime = runtime();
    let never: Match = Box::new(|_, _, _| false);
    let proxy = runtime.block_on(Proxy::to_api_server(When::Before, never));
    let (world, second) = half_sent("cutoff", Some(format!("http://127.0.0.1:{}", proxy.port)));
    proxy.cut();
    world.until(60, "the first gives up", || log(first(&world)).contains("this replica leads no more"));
    world.until(60, "the first has ended", || !first(&world).is_alive());
    world.until(60, "the second leads", || leads(&world, &second));
    check(&world);
}

/// The first replica stands still between its last reading and the first byte, for as long as this says.
fn stands_still(name: &str, until: impl FnOnce(&World, &Operator), then: impl FnOnce(&World, &Operator)) {
    let runtime = runtime();
    let proxy = runtime.block_on(Proxy::to_api_server(When::Before, last_reading())).with(Blow::Stop);
    let (world, second) = two(name, Some(format!("http://127.0.0.1:{}", proxy.port)));
    proxy.aim(first(&world).victim());
    apply(&world);
    world.until(120, "the first stands still", || proxy.has_killed());
    until(&world, &second);
    assert!(world.received().is_empty());
    assert!(first(&world).is_alive());
    first(&world).signal("-CONT");
    then(&world, &second);
    check(&world);
    let entries = world.entries();
    let canary = entries.iter().find(|entry| entry["spec"]["wave"]["name"] == "canary").unwrap();
    let attempts = canary["status"]["attempts"].as_array().unwrap();
    let results: Vec<&str> = attempts.iter().map(|attempt| attempt["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["NotFired", "Released"], "{attempts:?}");
}

#[test]
fn whoever_stood_still_in_the_fire_window_sends_nothing_when_it_wakes() {
    let until = |world: &World, second: &Operator| {
        world.until(60, "the second leads", || leads(world, second));
        let told = world.until_reason("sale", "OutcomeUnknown", 60);
        assert!(told["message"].as_str().unwrap().contains("wave \"canary\" may or may not have gone"), "{told}");
    };
    // It finds that its time is over, says so of its attempt, and ends; then the other goes on.
    stands_still("stopped", until, |world, second| {
        world.until(60, "the first has ended", || !first(world).is_alive());
        assert!(leads(world, second));
    });
}

/// Five seconds from when it was armed it may still fire; two from its last renewal it may act no more.
#[test]
fn whoever_wakes_while_the_fire_window_is_open_and_leads_no_more_sends_nothing() {
    let pause = |_: &World, _: &Operator| std::thread::sleep(std::time::Duration::from_millis(2_500));
    // Where nobody else was quicker it leads again, and what it called off goes by a new attempt.
    stands_still("woken", pause, |_, _| {});
}

//! The operator killed right before and right after each step that cannot be taken back. Started again there is no
//! second effect and no lost baseline; what nobody can know is visible, and waits for a person. And a step whose answer says
//! nothing, while the operator lives on: it looks what is there, and takes the step no second time.

use serde_json::json;

use crate::support::proxy::{Blow, Match, Proxy, When, last_reading, runtime};
use crate::support::world::{Wants, World};

/// What is to come after the operator was started again.
enum End {
    /// Both waves have gone.
    Completed,
    /// A person must look, and so many requests may have been seen.
    NeedsAttention(usize),
}

/// A world whose operator reaches the API server through a proxy.
fn behind(proxy: &Proxy, name: &str) -> World {
    let server = format!("http://127.0.0.1:{}", proxy.port);
    World::new(name, Wants { server: Some(server), ..Wants::default() })
}

/// Two waves, and the proxy waits for its call.
fn apply(world: &World, proxy: &Proxy) {
    proxy.aim(world.operator.as_ref().unwrap().victim());
    world
        .apply_campaign("sale", &json!({"waves": [{"name": "canary", "percent": 10, "soak": "1s"}, {"name": "rest"}]}));
}

fn case(name: &str, when: When, matches: Match, end: &End) {
    let runtime = runtime();
    let proxy = runtime.block_on(Proxy::to_api_server(when, matches));
    run(behind(&proxy, name), &proxy, end);
}

fn run(mut world: World, proxy: &Proxy, end: &End) {
    apply(&world, proxy);
    world.until(120, "the operator is killed", || proxy.has_killed());
    assert!(!world.operator.as_ref().unwrap().is_alive());
    world.restart(None);
    match end {
        End::Completed => {
            world.until_phase("sale", "Completed", 120);
            assert_eq!(world.waves_received(), ["canary", "rest"]);
        }
        End::NeedsAttention(seen) => {
            let status = world.until_phase("sale", "NeedsAttention", 60);
            assert_eq!(status["reason"], "OutcomeUnknown");
            assert!(
                status["message"]
                    .as_str()
                    .unwrap()
                    .starts_with("Needs attention: wave \"canary\" may or may not have gone"),
                "{}",
                status["message"]
            );
            assert_eq!(status["waves"][0]["state"], "Unknown");
            world.always(8, "nothing is repeated", || world.received().len() == *seen);
            world.patch_campaign("sale", &json!({"abort": true}));
            world.until_phase("sale", "Aborted", 30);
        }
    }
    world.check_safety();
    world.until_restored(2);
}

fn is_status_of(method: &str, path: &str, kind: &str) -> bool {
    method == "PUT" && path.contains(kind) && path.split('?').next().unwrap().ends_with("/status")
}

fn arm() -> Match {
    Box::new(|method, path, body| is_status_of(method, path, "/campaigns/") && body.contains("\"armed\":{"))
}

fn create() -> Match {
    Box::new(|method, path, _| method == "POST" && path.contains("/wavereleases"))
}

fn outcome() -> Match {
    Box::new(|method, path, _| is_status_of(method, path, "/wavereleases/"))
}

fn claim() -> Match {
    Box::new(|method, path, body| is_status_of(method, path, "/capacitypools/") && body.contains("\"claims\":[{"))
}

fn floor() -> Match {
    Box::new(|method, path, body| {
        method == "PATCH" && path.contains("/horizontalpodautoscalers/") && body.contains("\"headroom.dev/floor\":\"")
    })
}

fn restore() -> Match {
    Box::new(|method, path, body| {
        method == "PATCH" && path.contains("/horizontalpodautoscalers/") && body.contains("\"headroom.dev/floor\":null")
    })
}

#[test]
fn before_it_is_armed() {
    case("arm-before", When::Before, arm(), &End::Completed);
}

#[test]
fn after_it_is_armed() {
    case("arm-after", When::After, arm(), &End::Completed);
}

#[test]
fn before_the_ledger_has_it() {
    case("create-before", When::Before, create(), &End::Completed);
}

#[test]
fn after_the_ledger_has_it() {
    case("create-after", When::After, create(), &End::NeedsAttention(0));
}

#[test]
fn before_it_is_sent() {
    case("send-before", When::Before, last_reading(), &End::NeedsAttention(0));
}

#[test]
fn after_it_is_sent() {
    let runtime = runtime();
    let _inside = runtime.enter();
    let proxy = Proxy::to_shop(When::After, Box::new(|method, path, _| method == "POST" && path.ends_with("/send")));
    let world = World::new(
        "send-after",
        Wants { receiver: Some(format!("http://127.0.0.1:{}", proxy.port)), ..Wants::default() },
    );
    run(world, &proxy, &End::NeedsAttention(1));
}

#[test]
fn before_the_outcome_is_written() {
    case("outcome-before", When::Before, outcome(), &End::NeedsAttention(1));
}

#[test]
fn after_the_outcome_is_written() {
    case("outcome-after", When::After, outcome(), &End::Completed);
}

#[test]
fn before_the_claim_is_written() {
    case("claim-before", When::Before, claim(), &End::Completed);
}

#[test]
fn after_the_claim_is_written() {
    case("claim-after", When::After, claim(), &End::Completed);
}

#[test]
fn before_the_floor_is_written() {
    case("floor-before", When::Before, floor(), &End::Completed);
}

#[test]
fn after_the_floor_is_written() {
    case("floor-after", When::After, floor(), &End::Completed);
}

#[test]
fn before_the_scale_is_given_back() {
    case("restore-before", When::Before, restore(), &End::Completed);
}

#[test]
fn after_the_scale_is_given_back() {
    case("restore-after", When::After, restore(), &End::Completed);
}

#[test]
fn what_was_made_and_answered_with_504_is_looked_for_and_made_no_second_time() {
    let runtime = runtime();
    let proxy = runtime.block_on(Proxy::to_api_server(When::After, create())).with(Blow::Refuse);
    let world = behind(&proxy, "create-doubted");
    apply(&world, &proxy);
    world.until_phase("sale", "Completed", 120);
    assert!(proxy.struck_at().is_some(), "an entry's making was answered with 504");
    assert_eq!(world.waves_received(), ["canary", "rest"]);
    let (writes, is_create) = (proxy.take_writes(), create());
    let made = writes
        .iter()
        .filter(|write| is_create(&write.method, &write.path, ""))
        .filter(|write| world.is_of_ours(&write.body["spec"]));
    let answers: Vec<(&str, u16)> =
        made.map(|write| (write.body["spec"]["wave"]["name"].as_str().unwrap(), write.status)).collect();
    assert_eq!(answers, [("canary", 201), ("rest", 201)], "each entry is asked for once");
    world.check_safety();
}

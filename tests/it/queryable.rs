//! A receiver that can be asked: a wave of which nobody knows is never sent again, and is released when its receiver says that it
//! has it.

use serde_json::{Value, json};

use crate::support::world::{Wants, World};

#[test]
fn a_wave_of_which_nobody_knows_is_released_when_its_receiver_says_so() {
    let world = World::new("queryable", Wants::default());
    let url = format!("{}/worlds/queryable-shop/sends/{{{{ key }}}}", world.bed().shop);
    let patch = json!({"spec": {"webhook": {"contract": {"queryable": {"url": url}}}}}).to_string();
    world.bed().kubectl(&["-n", "queryable-mail", "patch", "sender", "push", "--type=merge", "-p", &patch]);
    // It takes the canary and the answer is lost; and for a while it says nothing of it either.
    world.change_shop(json!({"behaviour": ["cut"], "tells": false}));
    world.apply_campaign("sale", &json!({}));
    let told = world.until_reason("sale", "AskingReceiver", 120);
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("Its receiver is asked what became of it."), "{message}");
    assert!(message.contains("Nobody has to do anything before"), "{message}");
    assert_eq!(told["phase"], "Confirming");
    assert_eq!(world.waves_received(), ["canary"]);
    world.change_shop(json!({"tells": true}));

    world.until_phase("sale", "Completed", 240);
    assert_eq!(world.waves_received(), ["canary", "rest"]);
    let entries = world.entries();
    let of = |wave: &str| {
        let is_it = |entry: &&Value| {
            entry["spec"]["sendId"] == "queryable-marketing/sale" && entry["spec"]["wave"]["name"] == wave
        };
        entries.iter().find(is_it).unwrap()
    };
    let canary = of("canary");
    assert_eq!(canary["spec"]["request"]["contract"], "queryable");
    assert!(canary["spec"]["request"]["queryDigest"].as_str().unwrap().starts_with("sha256:"));
    let status = &canary["status"];
    assert_eq!((&status["outcome"], &status["decidedBy"]), (&json!("Released"), &json!("headroom")));
    assert_eq!(status["message"], "the receiver was asked what became of it, and said that it is done.");
    // What was seen of the attempt itself is not rewritten.
    let results: Vec<&Value> =
        status["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["result"]).collect();
    assert_eq!(results, [&json!("Unknown")]);
    world.check_safety();
    world.until_restored(2);
}

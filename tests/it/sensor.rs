//! A real Prometheus in trouble: one that answers well, and measures something else than what runs here, and whatever else may
//! befall one while a send is under way. What it cannot show is told, and nothing goes without room.

use serde_json::json;

use crate::support::prometheus::{Prometheus, Sees, free_port};
use crate::support::world::{Wants, World};

mod fault;
mod figures;
mod runs;

#[test]
fn half_of_the_pods_or_another_cluster_behind_the_same_address_opens_nothing() {
    let port = free_port(1);
    let world = World::new("lying", Wants { prometheus: Some(format!("http://127.0.0.1:{port}")), ..Wants::default() });
    let told = |words: &str| {
        world.until(90, words, || world.status("sale")["message"].as_str().is_some_and(|told| told.contains(words)));
        world.always(5, "nothing goes", || world.received().is_empty());
    };
    // Two of about five pods are lost to it, and with them two fifths of the demand that it tells.
    let part = Prometheus::start(port, &Sees::AllBut("web-.+-bbbb[bc]"));
    world.apply_campaign("sale", &json!({}));
    told(" ready replicas ");
    told(" have fresh samples in it (90 % are needed). They are told by the label \"pod\".");
    part.forget();

    // The same shop, and no Headroom: as the Prometheus of another cluster answers, whose shop has the same names.
    let other = Prometheus::start(port, &Sees::TheShop);
    told("Headroom does not find its own heartbeat in that Prometheus");
    let pool = world.pool();
    let conditions = pool["status"]["conditions"].as_array().unwrap();
    assert!(
        conditions.iter().any(|it| it["message"].as_str().is_some_and(|message| message.contains("heartbeat"))),
        "{conditions:?}"
    );
    other.forget();

    let _seeing = Prometheus::start(port, &Sees::Everything);
    world.until_phase("sale", "Completed", 120);
    assert_eq!(world.waves_received(), ["canary", "rest"]);
    world.check_safety();
}

//! Two pods of the operator on a real node: the one that leads is taken away in the middle of a send, by a drain and by an upgrade, and the
//! other goes on.

use serde_json::{Value, json};

use super::{held_long, under_way};
use crate::support::node;
use crate::support::world::{Wants, World};

fn lease(world: &World) -> Value {
    world.get(&["-n", &world.operator_namespace(), "get", "lease", "headroom.headroom.dev"])["spec"].clone()
}

/// The pod that leads.
fn leader(world: &World) -> String {
    let mut found = String::new();
    world.until(60, "one of them leads", || {
        lease(world)["holderIdentity"].as_str().unwrap_or_default().split_once('_').is_some_and(|(pod, _)| {
            pod.clone_into(&mut found);
            true
        })
    });
    found
}

#[test]
fn the_other_pod_goes_on() {
    let Some(world) = node::world("handover", &Wants { pool: held_long("handover"), ..Wants::default() }) else {
        return;
    };
    let two = [&node::VALUES[..], &["replicas=2"]].concat();
    world.helm("upgrade", &two);
    let pods = world.get(&["-n", &world.operator_namespace(), "get", "pods"])["items"].as_array().unwrap().len();
    assert_eq!(pods, 2);
    let first = leader(&world);
    under_way(&world, "sale", 3_000);
    world.until(60, "the receiver has the first wave", || world.received().len() == 1);
    world.bed().kubectl(&["-n", &world.operator_namespace(), "delete", "pod", &first]);
    let second = leader(&world);
    assert_ne!(first, second);
    world.until_phase("sale", "Completed", 120);
    assert_eq!(world.waves_received(), ["canary", "rest"]);

    // An upgrade takes both pods away, one after the other, while a second send is under way.
    world.apply_campaign(
        "more",
        &json!({
            "audience": {"size": 4000}, "waves": [{"name": "first", "percent": 10, "soak": "15s"}, {"name": "last"}],
        }),
    );
    world.until(120, "its first wave has gone", || world.received().len() == 3);
    let transitions = lease(&world)["leaseTransitions"].as_i64().unwrap();
    world.helm("upgrade", &[&two[..], &[format!("image.tag={}", node::IMAGES[1]).as_str()]].concat());
    let third = leader(&world);
    assert!(![&first, &second].contains(&&third), "{third}");
    assert!(lease(&world)["leaseTransitions"].as_i64().unwrap() > transitions);
    world.until_phase("more", "Completed", 120);
    assert_eq!(world.waves_received(), ["canary", "rest", "first", "last"]);
    world.check_safety();
}

//! A pool whose cluster does not grow: replicas count only where the nodes hold them, and only if the operator may look.

use serde_json::json;

use crate::support::bed::root;
use crate::support::world::{Wants, World, by_gauge};

/// A node of this world alone, with room for so many replicas of one core.
fn node(world: &World, name: &str, cores: u32) {
    let team = &world.name;
    let room = json!({"cpu": cores.to_string(), "memory": "64Gi", "pods": "110"});
    world.bed().apply(
        &json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {
                "name": format!("{team}-{name}"), "labels": {"team": team}, "annotations": {"kwok.x-k8s.io/node": "fake"},
            },
            "spec": {"taints": [{"key": "team", "value": team, "effect": "NoSchedule"}]},
            "status": {"allocatable": room, "capacity": room},
        })
        .to_string(),
    );
}

#[test]
fn replicas_that_find_no_place_do_not_count() {
    let mut pool = by_gauge("nodes", "320/s");
    pool["nodes"] = json!("Fixed");
    let world = World::new("nodes", Wants { pool, ..Wants::default() });
    node(&world, "small", 6);
    let template = json!({"spec": {"template": {"spec": {
        "nodeSelector": {"team": "nodes"},
        "tolerations": [{"key": "team", "value": "nodes", "effect": "NoSchedule"}],
        "containers": [{"name": "web", "resources": {"requests": {"cpu": "1"}}}],
    }}}});
    world.bed().kubectl(&["-n", &world.shop(), "patch", "deployment", "web", "-p", &template.to_string()]);

    // Without the right to look nothing goes, and it is said whose matter that is.
    world.apply_campaign("sale", &json!({}));
    let status = world.until_reason("sale", "TargetMissing", 60);
    let message = status["message"].as_str().unwrap();
    assert!(message.contains("nodes is forbidden") && message.contains("by the chart's \"nodes.count\""), "{message}");

    let chart = root().join("charts/headroom");
    let upgraded = world
        .bed()
        .command("helm")
        .args(["upgrade", "headroom", chart.to_str().unwrap(), "--namespace", "nodes-op", "--reuse-values"])
        .args(["--set", "nodes.count=true"])
        .output()
        .unwrap();
    assert!(upgraded.status.success(), "{}", String::from_utf8_lossy(&upgraded.stderr));

    // The pool would take 24 replicas; the node holds 6.
    let holds = "the nodes hold";
    world.until(60, "the nodes are counted", || {
        world.status("sale")["message"].as_str().is_some_and(|message| message.contains(holds))
    });
    let status = world.until_reason("sale", "WaitingForRoom", 60);
    let message = status["message"].as_str().unwrap();
    assert!(message.contains(&format!("{holds} 6: ")) || message.contains(&format!("the most {holds}: ")), "{message}");
    world.always(3, "nothing goes", || world.received().is_empty());
    assert!(world.floor() <= 6, "no floor that cannot be placed");

    node(&world, "large", 18);
    world.until_phase("sale", "Completed", 180);
    world.check_safety();
}

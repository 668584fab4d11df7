//! The chart on a real node: its image runs as a pod, with the rights and the security that the chart gives it, and the real
//! helm, kubelet and controllers do what the other tests do themselves.

mod faults;
mod handover;
mod job;
mod life;
mod namespaces;
mod rights;
mod trace;

use std::process::Command;

use serde_json::{Value, json};

use crate::support::bed::root;
use crate::support::world::{World, by_gauge};

/// A pool whose floor stays until it is asked for.
fn held_long(name: &str) -> Value {
    let mut pool = by_gauge(name, "320/s");
    pool["scaleDown"] = json!({"hold": "10m", "step": "10%"});
    pool
}

/// A send for which a few pods are enough: they truly start here, and the node has two cores to start them.
fn small() -> Value {
    json!({"audience": {"size": 4000}})
}

/// Applies a campaign whose first wave the receiver takes its time to answer, and waits until that wave is under way.
fn under_way(world: &World, campaign: &str, answer_after_ms: u32) {
    world.change_shop(json!({"behaviour": [format!("wait:{answer_after_ms}")]}));
    let before = world.entries().len();
    world.apply_campaign(campaign, &small());
    world.until(120, "the first wave is under way", || {
        let entries = world.entries();
        entries.len() > before && entries.iter().any(|entry| entry["status"]["outcome"].is_null())
    });
}

/// Seen from a namespace of users in which nobody is root.
#[cfg(target_os = "linux")]
#[test]
fn who_may_not_have_a_node_is_told_what_it_takes() {
    let up = root().join("tests/bed/up");
    let mut asked = Command::new("unshare");
    asked.arg("--user").arg(&up).arg("--node");
    let output = asked.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("a real node needs root (this is "), "{said}");
    assert!(output.stdout.is_empty(), "nothing that could be taken for a bed");
}

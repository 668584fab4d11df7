//! Somebody else writes the floor: his value is what will be given back, and after three re-assertions he has it.

use serde_json::{Value, json};

use crate::support::world::{Wants, World, by_gauge};

/// Exact demand, so that the floor stands still, and more confirmations than a test lasts.
fn stubborn(name: &str) -> Value {
    let mut pool = by_gauge(name, "320/s");
    pool["confirm"] = json!({"samples": 20, "span": "10m"});
    pool
}

#[test]
fn a_rival_is_named_and_his_value_is_the_new_baseline() {
    // More confirmations than the test lasts: the campaign goes on waiting while the two disagree.
    let world = World::new("rival", Wants { pool: stubborn("rival"), ..Wants::default() });
    world.apply_campaign("sale", &json!({}));
    world.until(30, "the floor is raised", || world.floor() > 2);
    let floor = world.floor();
    let lower = || {
        let patch = json!({"spec": {"minReplicas": 3}}).to_string();
        world.bed().kubectl(&[
            "-n",
            &world.shop(),
            "patch",
            "hpa",
            "web",
            "--field-manager=gitops",
            "--type=merge",
            "-p",
            &patch,
        ]);
    };
    for round in 1..=3 {
        lower();
        world.until(20, &format!("the floor is asserted again, time {round}"), || world.floor() == floor);
        let claim = world.pool()["status"]["claims"][0].clone();
        assert_eq!((claim["baseline"].as_i64(), claim["reassertions"].as_i64()), (Some(3), Some(round)));
        assert_eq!(claim["rival"]["manager"], "gitops");
    }
    lower();
    let status = world.until_reason("sale", "FloorContested", 30);
    let told = status["message"].as_str().unwrap();
    assert!(told.starts_with("Waiting: gitops keeps setting the floor of \"web\" to 3, and "), "{told}");
    let pool = world.pool();
    let conditions = pool["status"]["conditions"].as_array().unwrap();
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready").unwrap();
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("False"), &json!("FloorContested")));
    assert!(ready["message"].as_str().unwrap().contains("gitops keeps setting the floor"), "{ready}");
    world.always(8, "his value stands", || world.floor() == 3);
    assert!(world.received().is_empty());
    // Withdrawn: his value stays, and nothing of ours does.
    world.patch_campaign("sale", &json!({"abort": true}));
    world.until_restored(3);
}

#[test]
fn a_pool_that_is_suspended_or_deleted_gives_the_scale_back_at_once() {
    let world = World::new(
        "owner",
        Wants {
            pool: json!({"confirm": {"samples": 20, "span": "10m"}, "scaleDown": {"hold": "1h"}}),
            ..Wants::default()
        },
    );
    world.apply_campaign("sale", &json!({}));
    world.until(30, "the floor is raised", || world.floor() > 2);
    let suspend = |value: bool| world.patch_pool(&json!({"suspend": value}));
    suspend(true);
    world.until_restored(2);
    world.until_reason("sale", "PoolSuspended", 20);
    suspend(false);
    world.until(30, "the floor is raised again", || world.floor() > 2);
    world.bed().kubectl(&["-n", &world.shop(), "delete", "capacitypool", "storefront", "--timeout=40s"]);
    assert_eq!(world.floor(), 2, "the deletion ended when the restore was observed");
    world.until_reason("sale", "PoolNotFound", 20);
    assert!(world.received().is_empty());
}

#[test]
fn a_plain_deployment_carries_the_floor_itself() {
    let world = World::new("plain", Wants::default());
    let replicas =
        || world.bed().kubectl(&["-n", &world.shop(), "get", "deployment", "web", "-o", "jsonpath={.spec.replicas}"]);
    world.until(60, "the autoscaler has settled", || replicas() == "4");
    world.bed().kubectl(&["-n", &world.shop(), "delete", "hpa", "web"]);
    world.bed().kubectl(&["-n", &world.shop(), "scale", "deployment", "web", "--replicas=5"]);
    world.always(3, "nobody else scales it", || replicas() == "5");
    world.apply_campaign("sale", &json!({}));
    world.until_phase("sale", "Completed", 120);
    world.check_safety();
    world.until(60, "the replicas are back", || {
        let deployment = world.bed().kubectl(&[
            "-n",
            &world.shop(),
            "get",
            "deployment",
            "web",
            "-o",
            "jsonpath={.spec.replicas} {.metadata.annotations.headroom\\.dev/floor}",
        ]);
        deployment.trim() == "5"
    });
}

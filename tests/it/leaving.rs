//! An install is left: everything borrowed goes back first, with the operator or without it, and what cannot go back keeps the
//! release from being removed. The Job of the chart's hook is carried out here, with its own arguments and rights, since
//! the nodes of the bed run nothing.

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::bed::root;
use crate::support::world::{Wants, World};

/// A world whose floor stands, with nothing under way.
fn with_a_floor(name: &str) -> World {
    let world =
        World::new(name, Wants { pool: json!({"scaleDown": {"hold": "10m", "step": "10%"}}), ..Wants::default() });
    world.apply_campaign("sale", &json!({}));
    world.until_phase("sale", "Completed", 120);
    assert!(world.floor() > 2, "{}", world.hpa());
    world
}

/// A program of the tree with the rights of a `ServiceAccount`.
fn with_rights_of(world: &World, account: &str, arguments: &[String]) -> Output {
    let (bed, namespace) = (world.bed(), format!("{}-op", world.name));
    let token = bed.kubectl(&["-n", &namespace, "create", "token", account]);
    let mut config: Value =
        serde_json::from_str(&bed.kubectl(&["config", "view", "--raw", "--minify", "-o", "json"])).unwrap();
    config["users"][0]["user"] = json!({ "token": token.trim() });
    let kubeconfig = bed.dir.join(format!("{account}-{namespace}.kubeconfig"));
    std::fs::write(&kubeconfig, config.to_string()).unwrap();
    let binary = root().join(env!("CARGO_BIN_EXE_headroom"));
    Command::new(binary).args(arguments).env_clear().env("KUBECONFIG", kubeconfig).output().unwrap()
}

/// What a kubelet would do with the pod of a Job: run it, and say how it ended.
fn carry_out(world: &World, job: &str) -> Output {
    let (bed, namespace) = (world.bed(), format!("{}-op", world.name));
    let pods = || world.get(&["-n", &namespace, "get", "pods", "-l", &format!("batch.kubernetes.io/job-name={job}")]);
    world.until(60, "the Job has a pod", || pods()["items"].as_array().is_some_and(|pods| !pods.is_empty()));
    let pod = pods()["items"][0].clone();
    let container = &pod["spec"]["containers"][0];
    let arguments: Vec<String> = serde_json::from_value(container["args"].clone()).unwrap();
    let output = with_rights_of(world, pod["spec"]["serviceAccountName"].as_str().unwrap(), &arguments);
    let phase = if output.status.success() { "Succeeded" } else { "Failed" };
    let patch = json!({"status": {"phase": phase}}).to_string();
    let name = pod["metadata"]["name"].as_str().unwrap();
    bed.kubectl(&["-n", &namespace, "patch", "pod", name, "--subresource=status", "--type=merge", "-p", &patch]);
    output
}

#[test]
fn what_is_borrowed_goes_back_before_a_release_is_removed_though_no_operator_runs() {
    let mut world = with_a_floor("leaving");
    world.operator = None;
    let namespace = format!("{}-op", world.name);
    let mut helm = world
        .bed()
        .command("helm")
        .args(["uninstall", "headroom", "--namespace", &namespace, "--timeout", "180s"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let done = carry_out(&world, "headroom-restore");
    let (said, why) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{said}{why}");
    assert!(said.contains("HorizontalPodAutoscaler web") && said.contains("All scale is given back"), "{said}{why}");
    assert!(world.is_back_at(2), "{} {}", world.hpa(), world.pool());
    let ended = helm.wait().unwrap();
    assert!(ended.success(), "helm uninstall: {:?}", std::io::read_to_string(helm.stderr.take().unwrap()));
    let there = |what: &str| world.get(&["-n", &namespace, "get", what])["items"].as_array().unwrap().clone();
    let names = |what: &str| -> Vec<String> {
        there(what).iter().filter_map(|one| one["metadata"]["name"].as_str().map(ToOwned::to_owned)).collect()
    };
    // The stop goes with the operator's Deployment, so that a later install sends again.
    world.until(60, "nothing of the install is left", || {
        ["deployments.apps", "jobs.batch", "roles", "rolebindings"].iter().all(|what| names(what).is_empty())
            && !names("configmaps").contains(&"headroom-stop".to_owned())
            && names("serviceaccounts") == ["default"]
    });
    assert!(world.is_back_at(2), "{} {}", world.hpa(), world.pool());
    // The ledger stays.
    assert_eq!(world.entries().len(), 2);
}

#[test]
fn an_operator_that_runs_gives_back_too_and_borrows_nothing_until_it_may_go_on() {
    let world = with_a_floor("parting");
    let install = format!("{}-op/headroom", world.name);
    let ledger = format!("{}-ledger", world.name);
    let run = |arguments: &[&str]| {
        let binary = root().join(env!("CARGO_BIN_EXE_headroom"));
        let output = world.bed().command(binary.to_str().unwrap()).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        said
    };
    let said = run(&["restore", "--install", &install, "--ledger-namespace", &ledger]);
    assert!(said.contains("lift that with: headroom go"), "{said}");
    assert!(world.is_back_at(2), "{} {}", world.hpa(), world.pool());
    // One that is due now waits, and nothing is raised for it.
    world.apply_campaign("next", &json!({}));
    let held = world.until_reason("next", "Stopped", 60);
    assert!(held["message"].as_str().unwrap().contains("is being left: headroom restore"), "{held}");
    world.always(8, "nothing is borrowed", || world.is_back_at(2));
    run(&["go", "--operator-namespace", &format!("{}-op", world.name)]);
    world.until_phase("next", "Completed", 120);
    world.check_safety();
}

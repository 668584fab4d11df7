//! The life of an install: put in, upgraded and rolled back while a wave is under way, taken out while a floor stands, and
//! put in again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{held_long, small, under_way};
use crate::support::bed::root;
use crate::support::node::{self, IMAGES, VALUES, pod};
use crate::support::world::{Wants, World};

fn image(world: &World) -> String {
    pod(world)["spec"]["containers"][0]["image"].as_str().unwrap().to_owned()
}

/// Seconds from the start of the operator's container until its pod was ready, as the kubelet tells them.
fn seconds_to_ready(pod: &Value) -> i64 {
    let at = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let conditions = pod["status"]["conditions"].as_array().unwrap();
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready").unwrap();
    let started = &pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"];
    at(&ready["lastTransitionTime"]).duration_since(at(started)).as_secs()
}

#[test]
fn it_is_upgraded_and_rolled_back_in_the_middle_of_a_wave_and_left_while_a_floor_stands() {
    // In its own namespaces only, and with a token for Prometheus: what the hook and the pod need for that, they have.
    let secret = json!([{
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "prometheus"}, "stringData": {"token": "hush"},
    }]);
    let values = vec![
        "watchNamespaces={life-shop,life-marketing,life-mail}".to_owned(),
        format!("--set-json=extraObjects={secret}"),
        "prometheus.auth.secretName=prometheus".to_owned(),
        "prometheus.auth.tokenKey=token".to_owned(),
    ];
    let wants = Wants { pool: held_long("life"), values, ..Wants::default() };
    let Some(world) = node::world("life", &wants) else { return };
    println!("from start to ready: {} s", seconds_to_ready(&pod(&world)));

    under_way(&world, "sale", 10_000);
    let next = format!("image.tag={}", IMAGES[1]);
    world.helm("upgrade", &[&VALUES[..], &[&next]].concat());
    assert!(image(&world).ends_with(IMAGES[1]), "{}", image(&world));
    world.until_phase("sale", "Completed", 120);
    assert_eq!(world.waves_received(), ["canary", "rest"]);

    under_way(&world, "second", 10_000);
    let namespace = world.operator_namespace();
    helm(&world, &["rollback", "headroom", "1", "--wait", "--timeout", "120s", "--namespace", &namespace]);
    assert!(image(&world).ends_with(IMAGES[0]), "{}", image(&world));
    world.until_phase("second", "Completed", 120);
    assert_eq!(world.waves_received(), ["canary", "rest", "canary", "rest"]);
    world.check_safety();

    // The hook needs no operator.
    assert!(world.floor() > 2, "{}", world.hpa());
    world.bed().kubectl(&["-n", &namespace, "scale", "deployment/headroom", "--replicas=0"]);
    world.until(60, "the operator is gone", || count(&world, "pods") == 0);
    helm(&world, &["uninstall", "headroom", "--wait", "--timeout", "180s", "--namespace", &namespace]);
    assert!(world.is_back_at(2), "{} {}", world.hpa(), world.pool());
    world.until(60, "nothing of the install is left", || {
        ["deployments.apps", "jobs.batch", "pods", "roles", "rolebindings", "services"]
            .iter()
            .all(|what| count(&world, what) == 0)
    });
    assert_eq!(world.entries().len(), 4, "the ledger stays");

    // Whoever comes next finds it: a Campaign of the same name is not sent again.
    world.bed().kubectl(&["-n", &world.marketing(), "delete", "campaign", "sale"]);
    world.helm("install", &[&VALUES[..], &["ledger.create=false"]].concat());
    world.apply_campaign("sale", &small());
    world.until(120, "the new install has looked at it", || !world.status("sale")["reason"].is_null());
    world.always(10, "nothing more is sent", || world.received().len() == 4);
    world.apply_campaign("third", &small());
    world.until_phase("third", "Completed", 120);
    assert_eq!(world.received().len(), 6);
}

fn count(world: &World, what: &str) -> usize {
    world.get(&["-n", &world.operator_namespace(), "get", what])["items"].as_array().unwrap().len()
}

fn helm(world: &World, arguments: &[&str]) {
    let done = world.bed().command("helm").args(arguments).output().unwrap();
    assert!(done.status.success(), "helm {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// What the API server drops from objects whose definition does not know it is lost without a word.
#[test]
fn definitions_older_than_the_operator_are_refused_by_name_and_upgraded_with_the_chart() {
    let Some(bed) = node::node() else { return };
    let field = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/contact";
    let definition = || -> Value {
        serde_json::from_str(&bed.kubectl(&["get", "crd", "campaigns.headroom.dev", "-o", "json"])).unwrap()
    };
    let mut older = definition();
    let parent = older.pointer_mut(field.strip_suffix("/contact").unwrap()).unwrap();
    assert!(parent.as_object_mut().unwrap().remove("contact").is_some());
    // As the chart of before would have left it.
    let metadata = older["metadata"].as_object_mut().unwrap();
    metadata.retain(|name, _| ["name", "labels", "annotations"].contains(&name.as_str()));
    older.as_object_mut().unwrap().remove("status");
    let file = bed.dir.join("older.json");
    std::fs::write(&file, older.to_string()).unwrap();
    bed.kubectl(&["apply", "--server-side", "--force-conflicts", "--field-manager=helm", "-f", file.to_str().unwrap()]);

    let helm = |verb: &str, values: &[&str]| {
        let chart = root().join("charts/headroom");
        let mut command = bed.command("helm");
        command.args([verb, "headroom", chart.to_str().unwrap(), "--namespace", "older-op"]);
        command.args([
            "--set",
            "prometheus.url=http://prometheus.bed.svc:9090",
            "--set",
            "ledger.namespace=older-ledger",
        ]);
        command.args([
            "--set",
            "image.registry=bed.local",
            "--set",
            "ledger.protect=false",
            "--set",
            "approval.protect=false",
        ]);
        let done = command.args(values).output().unwrap();
        assert!(done.status.success(), "helm {verb}: {}", String::from_utf8_lossy(&done.stderr));
    };
    helm("install", &["--create-namespace", "--set", "crds.install=false"]);
    let log = || bed.try_kubectl(&["-n", "older-op", "logs", "deployment/headroom"]).unwrap_or_default();
    until("the operator says what its definitions lack", || log().contains("spec.contact"));
    assert!(log().contains("campaigns.headroom.dev"), "{}", log());
    let ready =
        bed.kubectl(&["-n", "older-op", "get", "deployment", "headroom", "-o", "jsonpath={.status.readyReplicas}"]);
    assert_eq!(ready, "", "it is not ready");

    helm("upgrade", &["--take-ownership", "--wait", "--timeout=120s"]);
    assert!(definition().pointer(field).is_some());
    let done =
        bed.command("helm").args(["uninstall", "headroom", "--wait", "--namespace", "older-op"]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(definition().pointer(field).is_some(), "the definitions stay");
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_mins(2), "{what} was not so after two minutes");
        std::thread::sleep(Duration::from_millis(250));
    }
}

//! What passes the API server and still is wrong: refused by the operator with the field and the way out. An object that
//! cannot be read delays nobody else.

use serde_json::{Value, json};

use crate::support::bed::bed;
use crate::support::world::{Wants, World};

#[test]
fn wrong_campaigns_say_what_is_wrong_and_what_to_do() {
    let world = World::new("wrong", Wants::default());
    let shop = world.shop();
    let cases: Vec<(&str, Value, &str, &str)> = vec![
        (
            "no-pool",
            json!({"poolRef": {"namespace": shop, "name": "nothing"}}),
            "PoolNotFound",
            "there is no CapacityPool wrong-shop/nothing. Check spec.poolRef",
        ),
        (
            "no-sender",
            json!({"senderRef": {"namespace": "wrong-mail", "name": "nothing"}}),
            "SenderNotFound",
            "there is no Sender wrong-mail/nothing. Check spec.senderRef",
        ),
        (
            "zone",
            json!({"schedule": {"timeZone": "Europe/Nowhere"}}),
            "Invalid",
            "spec.schedule.timeZone: \"Europe/Nowhere\" is not a time zone; write an IANA name",
        ),
        (
            "day",
            json!({"schedule": {"start": "2027-02-30T09:00"}}),
            "Invalid",
            "spec.schedule.start: \"2027-02-30T09:00\" is not a time; write it like",
        ),
        (
            "order",
            json!({"schedule": {"timeZone": "America/New_York", "start": "2027-03-19T09:00", "end": "2027-03-19T09:30+01:00"}}),
            "Invalid",
            "spec.schedule.end: must be after start",
        ),
        (
            "identity",
            json!({"sendId": "elsewhere/sale"}),
            "Invalid",
            "spec.sendId: \"elsewhere/sale\" must begin with \"wrong-marketing/\"",
        ),
        (
            "channel",
            json!({"channel": "pigeon", "load": null}),
            "Invalid",
            "spec.channel: nothing is known of the load of \"pigeon\"",
        ),
        (
            "class",
            json!({"channel": "email", "audience": {"size": 5, "class": "robots"}, "load": null}),
            "Invalid",
            "spec.channel: nothing is known of the load of \"email\" to \"robots\"",
        ),
        ("rate", json!({"load": {"visitRate": "0%"}}), "Invalid", "spec.load.visitRate: \"0%\" is not a percentage"),
        (
            "median",
            json!({"load": {"responseMedian": "0s"}}),
            "Invalid",
            "spec.load.responseMedian: \"0s\" is not a span of time above 0",
        ),
        ("peak", json!({"load": {"peak": "0/s"}}), "Invalid", "spec.load.peak: \"0/s\" is not a rate above 0"),
        (
            "full",
            json!({"waves": [{"name": "a", "percent": 99}, {"name": "b", "recipients": 5}, {"name": "c", "percent": 9}]}),
            "Invalid",
            "the percentages add up to 108",
        ),
    ];
    for (name, change, reason, _) in &cases {
        world.apply_campaign(name, change);
        let _ = reason;
    }
    for (name, _, reason, part) in &cases {
        let status = world.until_reason(name, reason, 30);
        let told = status["message"].as_str().unwrap();
        assert!(told.contains(part), "{name}: {part} in: {told}");
        if *reason == "Invalid" {
            let of = |kind: &str| {
                status["conditions"].as_array().unwrap().iter().find(|condition| condition["type"] == kind).unwrap()["status"].clone()
            };
            assert_eq!((of("Accepted"), of("Stalled")), (json!("False"), json!("True")), "{name}");
        }
    }

    // From a namespace that the pool does not admit.
    let mut stranger = world.campaign("stranger", &json!({}));
    stranger["metadata"]["namespace"] = json!("wrong-mail");
    world.bed().apply(&stranger.to_string());
    world.until(20, "the stranger is refused", || {
        let path = "jsonpath={.status.message}";
        world
            .bed()
            .kubectl(&["-n", "wrong-mail", "get", "campaign", "stranger", "-o", path])
            .contains("does not admit campaigns of namespace wrong-mail")
    });
    assert!(world.received().is_empty());
}

#[test]
fn wrong_senders_and_pools_say_so_themselves_and_to_the_campaign() {
    let world = World::new("broken", Wants::default());
    let sender = |name: &str, webhook: Value| {
        json!({
            "apiVersion": "headroom.dev/v1alpha1", "kind": "Sender",
            "metadata": {"name": name, "namespace": "broken-mail"},
            "spec": {"namespaceSelector": {}, "sendRate": "100/s", "webhook": webhook},
        })
    };
    let url = "http://127.0.0.1:9/";
    for (name, webhook, part) in [
        ("quoted", json!({"url": url, "body": r#"{"a": "{{ wave.offset }}"}"#}), "stands inside quotes"),
        (
            "variable",
            json!({"url": url, "body": r#"{"a": {{ wave.nothing }}}"#}),
            "there is no variable \"wave.nothing\"",
        ),
        ("json", json!({"url": url, "body": "{{ wave.offset }} {{ wave.offset }}"}), "the body is not JSON"),
        (
            "header",
            json!({"url": url, "headers": [{"name": "Host", "secretKeyRef": {"name": "a", "key": "b"}}]}),
            "Host is set by Headroom itself",
        ),
    ] {
        world.bed().apply(&sender(name, webhook).to_string());
        world.until(20, &format!("sender {name} says so"), || {
            world
                .bed()
                .kubectl(&["-n", "broken-mail", "get", "sender", name, "-o", "jsonpath={.status.message}"])
                .contains(part)
        });
        world.apply_campaign(name, &json!({"senderRef": {"namespace": "broken-mail", "name": name}}));
        let status = world.until_reason(name, "SenderUnable", 20);
        assert!(status["message"].as_str().unwrap().contains(part), "{}", status["message"]);
    }
    // A parameter that the body needs and the campaign does not give.
    world.bed().apply(&sender("needs", json!({"url": url, "body": r#"{"t": {{ parameters.template }}}"#})).to_string());
    world.apply_campaign("needs", &json!({"senderRef": {"namespace": "broken-mail", "name": "needs"}}));
    let status = world.until_reason("needs", "Invalid", 20);
    assert!(
        status["message"].as_str().unwrap().contains("needs parameters.template, which the Campaign does not give")
    );

    // A Secret that is not there is found when the wave is due, and the way on is to make it.
    let header = json!([{"name": "Authorization", "secretKeyRef": {"name": "late", "key": "authorization"}}]);
    world.bed().apply(&sender("secret", json!({"url": url, "headers": header})).to_string());
    world.apply_campaign(
        "secret",
        &json!({"senderRef": {"namespace": "broken-mail", "name": "secret"}, "audience": {"size": 1000}}),
    );
    let status = world.until_reason("secret", "SenderUnable", 60);
    assert!(
        status["message"].as_str().unwrap().contains("the header Authorization: there is no Secret broken-mail/late"),
        "{}",
        status["message"]
    );
    world.bed().kubectl(&[
        "-n",
        "broken-mail",
        "create",
        "secret",
        "generic",
        "late",
        "--from-literal=authorization=x",
    ]);
    // Nobody listens there: five tries with pauses that grow, and then a person.
    let status = world.until_reason("secret", "ReceiverUnreachable", 180);
    assert!(
        status["message"].as_str().unwrap().contains("was tried 5 times and nothing of it went"),
        "{}",
        status["message"]
    );

    // A pool whose query is wrong, whose target is not there, or of a kind that is not supported.
    let workload = |change: Value| {
        let mut workload = json!({
            "name": "web", "targetRef": {"kind": "Deployment", "name": "web"},
            "demand": {"query": "vector(1) + up", "peak": "320/s"}, "capacityPerReplica": "100/s", "maxReplicas": 24,
        });
        for (field, value) in change.as_object().unwrap() {
            workload[field] = value.clone();
        }
        json!({ "workloads": [workload] })
    };
    // Before anything else: with the usual pool it would simply be sent.
    world.apply_pool(&workload(json!({"demand": {"query": "sum(no_such_metric)", "peak": "1/s"}})));
    world.apply_campaign("sale", &json!({}));
    let usual = format!(r#"sum(rate(http_requests_total{{namespace="{}",app="web"}}[5s]))"#, world.shop());
    further_targets(&world);
    for (change, reason, pool_reason, part) in [
        (
            json!({"demand": {"query": "sum(rate(", "peak": "1/s"}}),
            "SensorUntrusted",
            "SensorUntrusted",
            "Prometheus refused the query",
        ),
        (
            json!({"demand": {"query": "sum(no_such_metric)", "peak": "1/s"}}),
            "SensorUntrusted",
            "SensorUntrusted",
            "Prometheus has no series for it",
        ),
        (
            json!({"demand": {"query": "0 * up / 0", "peak": "1/s"}}),
            "SensorUntrusted",
            "SensorUntrusted",
            "not a number (NaN)",
        ),
        (
            json!({"demand": {"query": "http_requests_total", "peak": "1/s"}}),
            "SensorUntrusted",
            "SensorUntrusted",
            "series and one is needed",
        ),
        (
            json!({"demand": {"query": "-1 * sum(up)", "peak": "1/s"}}),
            "SensorUntrusted",
            "SensorUntrusted",
            "demand cannot be below 0",
        ),
        (
            json!({"targetRef": {"kind": "Deployment", "name": "nothing"}}),
            "TargetMissing",
            "TargetMissing",
            "the Deployment nothing of workload \"web\" is not there",
        ),
        (
            json!({"targetRef": {"kind": "StatefulSet", "name": "web"}}),
            "TargetUnsupported",
            "TargetUnsupported",
            "StatefulSet is not supported yet",
        ),
        (
            json!({"targetRef": {"kind": "Deployment", "name": "twice"}}),
            "TargetUnsupported",
            "TargetUnsupported",
            "two autoscalers, twice and twice-again, scale it; keep one of them",
        ),
        (
            json!({"targetRef": {"kind": "Deployment", "name": "asleep"}}),
            "TargetUnsupported",
            "TargetUnsupported",
            "it is at 0 replicas, which switches its autoscaler asleep off; scale it to at least 1",
        ),
        (
            json!({
                "targetRef": {"kind": "Deployment", "name": "taken"},
                "demand": {"query": usual, "peak": "320/s", "coverage": {"unverified": "measured where web is"}},
            }),
            "TargetClaimed",
            "TargetClaimed",
            "is held by the CapacityPool broken-shop/other. Two pools cannot both give away its room",
        ),
        // Wrong in themselves, where no schema can say so.
        (
            json!({"capacityPerReplica": "0/s"}),
            "PoolInvalid",
            "Invalid",
            "cannot be used: spec.workloads[0].capacityPerReplica: \"0/s\" is not a rate above 0",
        ),
        (
            json!({"demand": {"query": "sum(up)", "peak": "0/min"}}),
            "PoolInvalid",
            "Invalid",
            "cannot be used: spec.workloads[0].demand.peak: \"0/min\" is not a rate above 0",
        ),
        (
            json!({"requestsPerRequest": 0}),
            "PoolInvalid",
            "Invalid",
            "cannot be used: spec.workloads[0].requestsPerRequest: must be above 0; leave it out where every request of a visit reaches the workload",
        ),
    ] {
        world.apply_pool(&workload(change));
        world.until(30, part, || {
            world.status("sale")["reason"] == reason && world.status("sale")["message"].as_str().unwrap().contains(part)
        });
        world.until(20, "the pool says so too", || {
            let status = &world.pool()["status"];
            status["reason"] == pool_reason && status["message"].as_str().unwrap().contains(part)
        });
    }
    // An autoscaler that something else owns, as KEDA does, would undo a floor.
    let shop = world.shop();
    world.bed().kubectl(&["-n", &shop, "create", "configmap", "owner"]);
    let uid = world.bed().kubectl(&["-n", &shop, "get", "configmap", "owner", "-o", "jsonpath={.metadata.uid}"]);
    let owner = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid, "controller": true}]);
    let patch = json!({"metadata": {"ownerReferences": owner}}).to_string();
    world.bed().kubectl(&["-n", &shop, "patch", "hpa", "web", "--type=merge", "-p", &patch]);
    world.apply_pool(&json!({}));
    world.until(30, "it is refused", || {
        let status = world.status("sale");
        status["reason"] == "TargetUnsupported"
            && status["message"].as_str().unwrap().contains("belongs to the ConfigMap owner, which would undo a floor")
    });
    assert!(world.received().is_empty());
}

/// Workloads that no pool can use: two autoscalers on one, one that is switched off, and one that another pool holds.
fn further_targets(world: &World) {
    let shop = world.shop();
    let deployment = |name: &str, replicas: i64| {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": shop},
            "spec": {
                "replicas": replicas, "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{"name": name, "image": "shop"}]},
                },
            },
        })
    };
    let autoscaler = |name: &str, target: &str, annotations: Value| {
        json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": name, "namespace": shop, "annotations": annotations},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
                "minReplicas": 1, "maxReplicas": 5,
            },
        })
    };
    // What the other pool's operator writes: a claim in its status, and a note of it on the target. Nobody looks after
    // that pool here, so both stay.
    let note = json!({"pool": format!("{shop}/other"), "claim": "c", "baseline": 1, "lastWritten": 1}).to_string();
    let other = json!({
        "apiVersion": "headroom.dev/v1alpha1", "kind": "CapacityPool",
        "metadata": {"name": "other", "namespace": shop, "annotations": {"headroom.dev/install": "nobody/none"}},
        "spec": {"workloads": [{
            "name": "web", "targetRef": {"kind": "Deployment", "name": "taken"}, "demand": {"query": "sum(up)"},
            "capacityPerReplica": "100/s", "maxReplicas": 10,
        }]},
    });
    for object in [
        deployment("twice", 1),
        autoscaler("twice", "twice", json!({})),
        autoscaler("twice-again", "twice", json!({})),
        deployment("asleep", 0),
        autoscaler("asleep", "asleep", json!({})),
        deployment("taken", 1),
        other,
        autoscaler("taken", "taken", json!({"headroom.dev/floor": note})),
    ] {
        world.bed().apply(&object.to_string());
    }
    let claim = json!({
        "id": "c", "workload": "web", "kind": "HorizontalPodAutoscaler", "name": "taken", "uid": "u", "baseline": 1,
        "floor": 1,
    });
    let status = json!({"status": {"claims": [claim]}}).to_string();
    world.bed().kubectl(&[
        "-n",
        &shop,
        "patch",
        "capacitypool",
        "other",
        "--subresource=status",
        "--type=merge",
        "-p",
        &status,
    ]);
}

/// A campaign as a person writes it, with these lines of its spec.
fn file(spec: &str) -> String {
    let head = "apiVersion: headroom.dev/v1alpha1\nkind: Campaign\nmetadata: {name: x, namespace: default}\nspec:\n";
    format!("{head}  poolRef: {{name: p}}\n  senderRef: {{name: s}}\n{spec}")
}

/// kubectl reads a file before it sends it, and of a key that stands twice it keeps the last: of that nobody is told.
/// The API server tells whoever hands it the file as it is.
#[tokio::test]
async fn a_key_that_stands_twice_is_refused_where_the_file_arrives_as_it_is() {
    let client = crate::crds::client().await;
    for (spec, part) in [
        ("  channel: email\n  audience: {size: 1000}\n", None),
        ("  channel: email\n  audience: {size: 1000}\n  channel: push\n", Some("key \"channel\" already set in map")),
        ("  channel: email\n  audience: {size: 1000, size: 2000}\n", Some("key \"size\" already set in map")),
    ] {
        let path = "/apis/headroom.dev/v1alpha1/namespaces/default/campaigns?dryRun=All&fieldValidation=Strict";
        let request =
            http::Request::post(path).header("content-type", "application/yaml").body(file(spec).into_bytes()).unwrap();
        match (client.request::<Value>(request).await, part) {
            (Ok(_), None) => {}
            (Err(error), Some(part)) => assert!(error.to_string().contains(part), "{part} in: {error}"),
            (verdict, _) => panic!("{spec}{verdict:?}"),
        }
    }
}

/// What kubectl says of a file. Nothing is left behind.
fn said_of_file(how: &[&str], text: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("campaign.yaml");
    std::fs::write(&file, text).unwrap();
    let rest = ["--validate=strict", "--dry-run=server", "-f", file.to_str().unwrap()];
    bed().try_kubectl(&[how, &rest[..]].concat())
}

#[test]
fn files_that_say_something_else_than_they_seem_to_are_refused() {
    let right = "  channel: email\n  audience: {size: 1200000}\n";
    let apply = ["apply"];
    said_of_file(&apply, &file(right)).unwrap_or_else(|said| panic!("{said}"));
    // Three entries to a reader of YAML: `size: 1`, and two of no value. Only an apply by the client alone says nothing,
    // since it leaves out what has no value before it sends: the audience is then 1, and that is what is shown.
    let list = file("  channel: email\n  audience: {size: 1,200,000}\n");
    let said = said_of_file(&["create"], &list).unwrap_err();
    assert!(said.contains("unknown field \"spec.audience.0\", unknown field \"spec.audience.200\""), "{said}");
    let said = said_of_file(&["apply", "--server-side"], &list).unwrap_err();
    // It names one of the two, now this one, now that.
    assert!(
        [0, 200].iter().any(|n| said.contains(&format!(".spec.audience.{n}: field not declared in schema"))),
        "{said}"
    );
    let mut wrong = Vec::new();
    for (spec, part) in [
        ("  channel: email\n  audience:\n    size: 1,200,000\n", "spec.audience.size"),
        ("  channel: email\n  audience: {size: 1000}\n  parameters: {reply: no}\n", "spec.parameters.reply"),
        ("  channel: off\n  audience: {size: 1000}\n", "spec.channel"),
        ("  channel: email\n  audience: {size: 1000}\n  parameters: {template: 0123}\n", "spec.parameters.template"),
        (
            "  channel: email\n  audience: {size: 1000}\n  waves: [{name: a, percent: 2%}, {name: b}]\n",
            "spec.waves[0].percent",
        ),
        ("  channel: email\n  audience: {size: 1000}\n  schedule: {start: 2027-03-19}\n", "spec.schedule.start"),
        ("  channel: email\n  audience: {size: 1000}\n  suspend: \"true\"\n", "spec.suspend"),
        ("  channel: email\n  audience: {size: 1000}\n  Description: x\n", "unknown field \"spec.Description\""),
        ("  channel: email\n\taudience: {size: 1000}\n", "found a tab character"),
    ] {
        match said_of_file(&apply, &file(spec)) {
            Ok(_) => wrong.push(format!("taken:\n{spec}")),
            Err(said) if !said.contains(part) => wrong.push(format!("{part} in: {said}\n{spec}")),
            Err(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let other_version = file(right).replace("v1alpha1", "v1");
    assert!(said_of_file(&apply, &other_version).unwrap_err().contains("no matches for kind \"Campaign\""));
}

#[test]
fn an_object_that_cannot_be_read_delays_nobody() {
    let world = World::new("poison", Wants::default());
    world.apply_campaign("poison", &json!({"suspend": true}));
    world.until_reason("poison", "Suspended", 20);
    // An instant that the API server takes for one, and that is later than any we can hold.
    let patch = json!({"status": {"nextStart": {"at": "9999-12-31T23:59:59Z", "reason": "x"}}}).to_string();
    world.bed().kubectl(&[
        "-n",
        &world.marketing(),
        "patch",
        "campaign",
        "poison",
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ]);
    world.until(20, "it is told of", || {
        let events =
            world.bed().kubectl(&["-n", &world.marketing(), "get", "events", "-o", "jsonpath={.items[*].reason}"]);
        events.contains("Unreadable")
    });
    world.apply_campaign("sale", &json!({}));
    world.until_phase("sale", "Completed", 120);
    assert_eq!(world.waves_received(), ["canary", "rest"]);
}

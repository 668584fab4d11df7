use std::time::Duration;

use futures::StreamExt;
use kube::api::{Api, PostParams};
use kube::runtime::{WatchStreamExt, watcher};

use super::*;
use crate::api::{Campaign, CapacityPool, Sender, WaveRelease};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::CustomResourceExt;

fn server() -> ApiServer {
    let server = ApiServer::new();
    server.define(&[Campaign::crd(), CapacityPool::crd(), Sender::crd(), WaveRelease::crd()]).unwrap();
    server
}

fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": {"a": value}})
}

/// Refuses, breaks or delays by what a call is about.
struct Faults;

impl Interceptor for Faults {
    fn before(&mut self, call: &Call) -> Interference {
        let name = call.ask.body["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let then =
            if name == "before" { Then::Refuse(Refusal::new(503, "ServiceUnavailable", "not now")) } else { Then::Go };
        let delay = if name == "late" { Duration::from_secs(7) } else { Duration::ZERO };
        Interference { delay, then }
    }

    fn after(&mut self, call: &Call, code: u16) -> Interference {
        assert_eq!(code, 201);
        let is_meant = call.ask.body["metadata"]["name"] == "after";
        Interference { delay: Duration::ZERO, then: if is_meant { Then::Break } else { Then::Go } }
    }
}

#[tokio::test(start_paused = true)]
async fn faults_strike_before_and_after_a_write() {
    let _simulated = clock::simulate("2027-03-19T09:00:00Z".parse().unwrap());
    let server = server();
    server.intercept(Faults);
    let api = Api::<ConfigMap>::namespaced(server.client("tester/1"), "default");
    let create = |name: &str| {
        let (api, object) = (api.clone(), serde_json::from_value::<ConfigMap>(config_map(name, "1")).unwrap());
        async move { api.create(&PostParams::default(), &object).await }
    };
    assert!(matches!(create("before").await, Err(kube::Error::Api(status)) if status.code == 503));
    assert!(server.get("configmaps", "default", "before").is_none());
    assert!(!matches!(create("after").await, Ok(_) | Err(kube::Error::Api(_))), "the client learns nothing");
    assert!(server.get("configmaps", "default", "after").is_some(), "and it happened");
    let before = clock::now();
    let made = create("late").await.unwrap();
    assert_eq!(clock::now().duration_since(before).as_secs(), 7);
    assert_eq!(
        made.metadata.creation_timestamp.map(|time| time.0.to_string()),
        Some("2027-03-19T09:00:07Z".to_owned())
    );
    assert_eq!(made.metadata.managed_fields.unwrap()[0].manager.as_deref(), Some("tester"));
    let (calls, dropped) = server.take_calls();
    let last: Vec<(&str, u16, Option<u64>)> =
        calls.iter().rev().take(2).map(|it| (it.agent.as_str(), it.code, it.revision)).collect();
    assert_eq!(dropped, 0);
    assert_eq!(last, [("tester/1", 201, Some(server.revision())), ("tester/1", 201, Some(server.revision() - 1))]);
}

/// The client library's own watcher: it must see every object, through time-outs, cuts and forgotten history.
#[tokio::test(start_paused = true)]
async fn a_watcher_lives_through_everything() {
    let server = server();
    let api = Api::<ConfigMap>::namespaced(server.client("tester"), "default");
    let mut events = watcher(api, watcher::Config::default()).default_backoff().applied_objects().boxed();
    let mut seen = async || loop {
        if let Ok(object) = events.next().await.unwrap() {
            return object.metadata.name.unwrap();
        }
    };
    server.create("x", &config_map("a", "1")).unwrap();
    assert_eq!(seen().await, "a");
    server.create("x", &config_map("b", "1")).unwrap();
    assert_eq!(seen().await, "b");
    server.cut_watches();
    server.create("x", &config_map("c", "1")).unwrap();
    assert_eq!(seen().await, "c");
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    server.create("x", &config_map("d", "1")).unwrap();
    assert_eq!(seen().await, "d");
    server.create("x", &config_map("e", "1")).unwrap();
    server.compact();
    let again: Vec<String> = [seen().await, seen().await, seen().await, seen().await, seen().await].into();
    assert_eq!(again, ["a", "b", "c", "d", "e"], "it lists anew");
}

#[test]
fn what_was_read_and_is_written_again_is_no_change() {
    let server = server();
    let namespaced = |api_version: &str, kind: &str, mut object: Value| {
        object["apiVersion"] = json!(api_version);
        object["kind"] = json!(kind);
        object["metadata"] = json!({"name": "a", "namespace": "default"});
        object
    };
    let pods = json!({"containers": [{"name": "a", "image": "b"}]});
    for object in [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}),
        namespaced("v1", "Secret", json!({"stringData": {"key": "value"}})),
        namespaced("v1", "Pod", json!({"spec": pods})),
        namespaced("coordination.k8s.io/v1", "Lease", json!({"spec": {"holderIdentity": "a"}})),
        namespaced(
            "apps/v1",
            "Deployment",
            json!({"spec": {
                "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": pods},
            }}),
        ),
        namespaced(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            json!({"spec": {
                "maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"},
            }}),
        ),
    ] {
        let made = server.create("x", &object).unwrap();
        assert_eq!(server.update("y", &made).unwrap(), made, "{}", made["kind"]);
    }
    for definition in server.list("customresourcedefinitions.apiextensions.k8s.io", "") {
        assert_eq!(server.update("y", &definition).unwrap(), definition);
    }
    assert_eq!(server.get("secrets", "default", "a").unwrap()["data"]["key"], "dmFsdWU=", "value, in base64");
}

#[test]
fn two_worlds_are_the_same_to_the_byte() {
    let world = || {
        let _simulated = clock::simulate("2027-03-19T09:00:00Z".parse().unwrap());
        let server = server();
        server.create("x", &config_map("a", "1")).unwrap();
        server
            .list("configmaps", "")
            .into_iter()
            .chain(server.list("namespaces", ""))
            .map(|it| it.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(world(), world());
}

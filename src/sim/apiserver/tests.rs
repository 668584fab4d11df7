#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use futures::StreamExt;
use kube::api::{Api, PostParams};
use kube::runtime::{WatchStreamExt, watcher};

use super::*;
use crate::api::{Campaign, CapacityPool, Sender, WaveRelease};
use crate::cluster::error::Error;
use crate::cluster::events::Events;
use crate::cluster::stores::{self, Touched};
use crate::cluster::{crds, ledger, targets};
use crate::plan::claim::Write;
use crate::plan::scope::Scope;
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
    server.intercept(Box::new(Faults));
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
    tokio::time::sleep(Duration::from_hours(1)).await;
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

// Its clock stands still: on a busy machine the second of two worlds may begin in another second.
#[tokio::test(start_paused = true)]
async fn two_worlds_are_the_same_to_the_byte() {
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

/// The operator's own adapters, unchanged: definitions, stores, targets, ledger, events.
#[tokio::test(start_paused = true)]
async fn the_operators_own_code_lives_here() {
    let _simulated = clock::simulate("2027-03-19T09:00:00Z".parse().unwrap());
    let server = server();
    for (name, team) in [("shop", ""), ("marketing", "a"), ("headroom-ledger", "")] {
        let labels = json!({"name": name, "labels": {"team": team}});
        server.create("kubectl", &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": labels})).unwrap();
    }
    let client = server.client("headroom");
    crds::check(&client).await.unwrap();
    let (stores, mut touched) = stores::start(&client, &Scope::Everywhere, "headroom-ledger");
    // The streams must be polled for the stores to fill; an empty store fills without telling of anything.
    while !stores.waiting_for().is_empty() {
        let _ = tokio::time::timeout(Duration::from_secs(1), touched.next()).await;
    }
    while tokio::time::timeout(Duration::from_secs(1), touched.next()).await.is_ok() {}
    assert_eq!(stores.labels("marketing")["team"], "a");
    let campaign = json!({
        "apiVersion": "headroom.dev/v1alpha1", "kind": "Campaign",
        "metadata": {"name": "x", "namespace": "marketing"},
        "spec": {
            "poolRef": {"namespace": "shop", "name": "p"}, "senderRef": {"name": "s"}, "channel": "email",
            "audience": {"size": 1000},
        },
    });
    server.create("kubectl", &campaign).unwrap();
    assert_eq!(touched.next().await, Some(Touched::Pool("shop".to_owned(), "p".to_owned())));

    let template =
        json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "shop"}]}});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template},
    });
    server.create("kubectl/v1.36", &deployment).unwrap();
    let found = targets::find(&client, "shop", "Deployment", "web").await.unwrap();
    assert_eq!((found.found.target.value, found.found.target.writer.as_deref()), (Some(2), Some("kubectl")));
    found.write(&client, "shop", &Write { value: Some(5), note: None }).await.unwrap();
    let stale = found.write(&client, "shop", &Write { value: Some(6), note: None }).await;
    assert!(matches!(stale, Err(Error::Conflict { .. })), "{stale:?}");
    let found = targets::find(&client, "shop", "Deployment", "web").await.unwrap();
    assert_eq!((found.found.target.value, found.found.target.writer.as_deref()), (Some(5), Some("headroom")));

    let entry = json!({
        "apiVersion": "headroom.dev/v1alpha1", "kind": "WaveRelease",
        "metadata": {"name": "x-a", "namespace": "headroom-ledger", "labels": {"headroom.dev/send": "h"}},
        "spec": {
            "sendId": "marketing/x", "wave": {"name": "a", "offset": 0, "recipients": 5, "share": "rest"},
            "disposition": "Fire", "campaign": {"namespace": "marketing", "name": "x", "uid": "u", "generation": 1},
            "pool": "shop/p", "nonce": "n", "firstAttemptAt": "2027-03-19T09:00:00Z",
        },
    });
    let entry: WaveRelease = serde_json::from_value(entry).unwrap();
    ledger::create(&client, &entry).await.unwrap();
    let again = ledger::create(&client, &entry).await;
    assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
    assert_eq!(ledger::labelled(&client, "headroom-ledger", "headroom.dev/send", "h").await.unwrap().len(), 1);
    Events::new(client).tell(&entry, false, "Released", "Fire", "It went.").await;
    assert_eq!(server.list("events.events.k8s.io", "headroom-ledger").len(), 1);
}

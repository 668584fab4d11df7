//! What the simulated API server must have in common with the real one, written once and held against both. A line
//! that holds on one only is a lie in the simulation.

use std::time::Duration;

use futures::future::BoxFuture;
use headroom::api::{Campaign, CapacityPool, Sender, WaveRelease};
use headroom::clock;
use headroom::sim::apiserver::ApiServer;
use http::Request;
use kube::{Client, CustomResourceExt};
use serde_json::{Value, json};

use crate::support::bed::bed;

mod deletion;
mod listmonk;
mod reading;
mod rules;
mod scale;
mod watching;
mod writing;

/// One semantic: shown in a namespace of its own.
type Semantic = fn(Client, String) -> BoxFuture<'static, ()>;

/// All semantics of a file, by name.
macro_rules! semantics {
    ($($name:ident),* $(,)?) => {
        pub const ALL: &[(&str, super::Semantic)] =
            &[$((stringify!($name), |client, namespace| Box::pin(async move { $name(client, &namespace).await }))),*];
    };
}
pub(crate) use semantics;

fn all() -> impl Iterator<Item = (String, Semantic)> {
    let files = [reading::ALL, writing::ALL, deletion::ALL, watching::ALL, rules::ALL, scale::ALL];
    files.into_iter().flatten().map(|(name, semantic)| (name.replace('_', "-"), *semantic))
}

/// Shows every semantic, and tells of all that do not hold, not of the first alone.
async fn show(client: &Client) {
    let (mut shown, mut broken) = (0, Vec::new());
    for (name, semantic) in all() {
        // A namespace takes 63 letters, and some make a second one.
        let namespace: String = format!("sem-{name}").chars().take(52).collect();
        let namespace = namespace.trim_end_matches('-').to_owned();
        make_namespace(client, &namespace).await;
        if tokio::spawn(semantic(client.clone(), namespace.clone())).await.is_err() {
            broken.push(name);
        }
        let _ = send(client, "DELETE", &format!("/api/v1/namespaces/{namespace}"), &Value::Null).await;
        shown += 1;
    }
    assert!(shown >= 25, "{shown} semantics");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[tokio::test(start_paused = true)]
async fn the_simulated_server_has_every_semantic() {
    let _simulated = clock::simulate("2027-03-19T09:00:00Z".parse().unwrap());
    let server = ApiServer::new();
    server.define(&[Campaign::crd(), CapacityPool::crd(), Sender::crd(), WaveRelease::crd()]).unwrap();
    show(&server.client("semantics")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_server_has_every_semantic() {
    let mut config = tokio::task::spawn_blocking(bed).await.unwrap().config().await;
    config.default_retry = false;
    show(&Client::try_from(config).unwrap()).await;
}

/// A refusal, as a client sees it.
#[derive(Debug, PartialEq)]
pub struct Refused {
    pub code: u16,
    pub reason: String,
    pub message: String,
}

/// Sends a request and returns the JSON of the answer.
pub async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Result<Value, Refused> {
    send_as(client, method, path, body, "application/json", "application/json").await
}

pub async fn send_as(
    client: &Client,
    method: &str,
    path: &str,
    body: &Value,
    content_type: &str,
    accept: &str,
) -> Result<Value, Refused> {
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", content_type)
        .header("accept", accept)
        .body(bytes)
        .unwrap();
    match client.request_text(request).await {
        Ok(text) => Ok(serde_json::from_str(&text).unwrap()),
        Err(kube::Error::Api(status)) => {
            Err(Refused { code: status.code, reason: status.reason.clone(), message: status.message.clone() })
        }
        Err(error) => panic!("{method} {path}: {error}"),
    }
}

pub async fn merge(client: &Client, path: &str, body: &Value) -> Result<Value, Refused> {
    send_as(client, "PATCH", path, body, "application/merge-patch+json", "application/json").await
}

/// A refusal, or the test fails and shows what was accepted.
pub fn refused(answer: Result<Value, Refused>) -> Refused {
    match answer {
        Ok(value) => panic!("it was accepted: {value}"),
        Err(refused) => refused,
    }
}

pub fn expect(answer: Result<Value, Refused>, code: u16, reason: &str, message: &str) {
    let refused = refused(answer);
    assert_eq!((refused.code, refused.reason.as_str()), (code, reason), "{}", refused.message);
    assert_eq!(refused.message, message);
}

pub async fn make_namespace(client: &Client, name: &str) {
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    send(client, "POST", "/api/v1/namespaces", &object).await.unwrap();
}

pub fn pools(namespace: &str) -> String {
    format!("/apis/headroom.dev/v1alpha1/namespaces/{namespace}/capacitypools")
}

pub fn campaigns(namespace: &str) -> String {
    format!("/apis/headroom.dev/v1alpha1/namespaces/{namespace}/campaigns")
}

pub fn entries(namespace: &str) -> String {
    format!("/apis/headroom.dev/v1alpha1/namespaces/{namespace}/wavereleases")
}

pub fn config_maps(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps")
}

pub fn deployments(namespace: &str) -> String {
    format!("/apis/apps/v1/namespaces/{namespace}/deployments")
}

/// A pool that no operator looks after: it names another install.
pub fn pool(name: &str) -> Value {
    json!({
        "apiVersion": "headroom.dev/v1alpha1", "kind": "CapacityPool",
        "metadata": {"name": name, "annotations": {"headroom.dev/install": "nobody/none"}},
        "spec": {"workloads": [{
            "name": "web", "targetRef": {"kind": "Deployment", "name": "web"}, "demand": {"query": "up"},
            "capacityPerReplica": "100/s", "maxReplicas": 10,
        }]},
    })
}

pub fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}})
}

/// A Deployment that asks for no pods.
pub fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": {"tier": "web"}},
        "spec": {
            "replicas": 0, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "web", "image": "shop"}]}},
        },
    })
}

pub fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

pub fn generation(object: &Value) -> i64 {
    object["metadata"]["generation"].as_i64().unwrap_or(0)
}

/// Waits until a path is answered with 404.
pub async fn gone(client: &Client, path: &str) {
    for _ in 0..300 {
        match send(client, "GET", path, &Value::Null).await {
            Err(refused) if refused.code == 404 => return,
            _ => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
    panic!("{path} is still there");
}

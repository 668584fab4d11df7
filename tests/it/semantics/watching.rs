//! WATCH.

use std::time::Duration;

use futures::{AsyncBufReadExt, TryStreamExt};
use http::Request;
use kube::Client;
use serde_json::{Value, json};

use super::{config_map, config_maps, merge, pool, pools, send, version};

super::semantics![
    a_watch_tells_of_every_change_in_order,
    a_watch_begins_where_it_is_told_to,
    a_watch_without_a_version_begins_with_what_is_there,
    leaving_the_selector_is_a_deletion,
    a_forgotten_version_is_gone,
    a_watch_ends_when_its_time_is_up,
    a_watch_of_metadata_tells_nothing_else,
    a_watch_of_one_object_by_its_name,
    a_deletion_in_two_steps_is_told_in_two,
];

/// The lines that come within a second after the last one, or until the watch ends; and whether it ended.
async fn lines(client: &Client, path: &str, query: &str, accept: &str) -> (Vec<Value>, bool) {
    let request = Request::get(format!("{path}?watch=true&{query}")).header("accept", accept).body(Vec::new()).unwrap();
    let mut lines = client.request_stream(request).await.unwrap().lines();
    let mut seen = Vec::new();
    loop {
        match tokio::time::timeout(Duration::from_millis(1_200), lines.try_next()).await {
            Ok(Ok(Some(line))) => seen.push(serde_json::from_str(&line).unwrap()),
            Ok(Ok(None)) => return (seen, true),
            Ok(Err(error)) => panic!("{error}"),
            Err(_) => return (seen, false),
        }
    }
}

async fn watch(client: &Client, path: &str, query: &str) -> Vec<Value> {
    lines(client, path, query, "application/json").await.0
}

fn told(lines: &[Value]) -> Vec<(&str, &str, u64)> {
    lines
        .iter()
        .map(|line| {
            let name = line["object"]["metadata"]["name"].as_str().unwrap_or_default();
            (line["type"].as_str().unwrap(), name, version(&line["object"]))
        })
        .collect()
}

async fn list_version(client: &Client, path: &str) -> u64 {
    version(&send(client, "GET", path, &Value::Null).await.unwrap())
}

async fn a_watch_tells_of_every_change_in_order(client: Client, namespace: &str) {
    let path = pools(namespace);
    let from = list_version(&client, &path).await;
    let watching = tokio::spawn({
        let (client, path) = (client.clone(), path.clone());
        async move { watch(&client, &path, &format!("resourceVersion={from}")).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let made = send(&client, "POST", &path, &pool("a")).await.unwrap();
    let changed = merge(&client, &format!("{path}/a"), &json!({"spec": {"suspend": true}})).await.unwrap();
    let status = json!({"status": {"observedGeneration": 1}});
    let stated = merge(&client, &format!("{path}/a/status"), &status).await.unwrap();
    send(&client, "DELETE", &format!("{path}/a"), &Value::Null).await.unwrap();
    let seen = watching.await.unwrap();
    let told = told(&seen);
    let wanted = [("ADDED", version(&made)), ("MODIFIED", version(&changed)), ("MODIFIED", version(&stated))];
    assert_eq!(told.iter().take(3).map(|line| (line.0, line.2)).collect::<Vec<_>>(), wanted);
    assert_eq!((told.len(), told[3].0, told[3].1), (4, "DELETED", "a"));
    assert!(told[3].2 > version(&stated), "a deletion has a version of its own");
    assert_eq!(seen[3]["object"]["spec"], stated["spec"], "it tells of the object as it was at last");
    assert_eq!(seen[0]["object"], made);
}

async fn a_watch_begins_where_it_is_told_to(client: Client, namespace: &str) {
    let path = pools(namespace);
    let first = send(&client, "POST", &path, &pool("a")).await.unwrap();
    send(&client, "POST", &path, &pool("b")).await.unwrap();
    send(&client, "DELETE", &format!("{path}/a"), &Value::Null).await.unwrap();
    let seen = watch(&client, &path, &format!("resourceVersion={}", version(&first))).await;
    let told: Vec<(&str, &str)> = told(&seen).into_iter().map(|line| (line.0, line.1)).collect();
    assert_eq!(told, [("ADDED", "b"), ("DELETED", "a")]);
}

async fn a_watch_without_a_version_begins_with_what_is_there(client: Client, namespace: &str) {
    let path = pools(namespace);
    for name in ["b", "a"] {
        send(&client, "POST", &path, &pool(name)).await.unwrap();
    }
    for query in ["resourceVersion=0", "resourceVersion="] {
        let seen = watch(&client, &path, query).await;
        let mut told: Vec<(&str, &str)> = told(&seen).into_iter().map(|line| (line.0, line.1)).collect();
        // What is there is told in an order of the server's own: a real one has told it either way.
        told.sort_unstable();
        assert_eq!(told, [("ADDED", "a"), ("ADDED", "b")], "{query}");
    }
}

async fn leaving_the_selector_is_a_deletion(client: Client, namespace: &str) {
    let path = config_maps(namespace);
    let from = list_version(&client, &path).await;
    send(&client, "POST", &path, &config_map("a")).await.unwrap();
    let label = |value: Value| {
        let (client, path) = (client.clone(), format!("{path}/a"));
        async move { merge(&client, &path, &json!({"metadata": {"labels": {"x": value}}})).await.unwrap() }
    };
    label(json!("1")).await;
    let left = label(json!("2")).await;
    send(&client, "DELETE", &format!("{path}/a"), &Value::Null).await.unwrap();
    let seen = watch(&client, &path, &format!("resourceVersion={from}&labelSelector=x%3D1")).await;
    let told = told(&seen);
    assert_eq!(told.iter().map(|line| line.0).collect::<Vec<_>>(), ["ADDED", "DELETED"]);
    assert_eq!(told[1].2, version(&left));
    assert_eq!(seen[1]["object"]["metadata"]["labels"]["x"], "1", "as it was while it was selected");
}

async fn a_forgotten_version_is_gone(client: Client, namespace: &str) {
    let (seen, ended) = lines(&client, &pools(namespace), "resourceVersion=1", "application/json").await;
    assert_eq!(seen.len(), 1);
    let object = &seen[0]["object"];
    assert_eq!(
        (seen[0]["type"].as_str(), object["code"].as_i64(), object["reason"].as_str()),
        (Some("ERROR"), Some(410), Some("Expired"))
    );
    assert!(object["message"].as_str().unwrap().starts_with("too old resource version: 1 ("), "{object}");
    assert!(ended);
}

async fn a_watch_ends_when_its_time_is_up(client: Client, namespace: &str) {
    let path = pools(namespace);
    let from = list_version(&client, &path).await;
    let (seen, ended) =
        lines(&client, &path, &format!("resourceVersion={from}&timeoutSeconds=1"), "application/json").await;
    assert_eq!((seen.len(), ended), (0, true));
}

async fn a_watch_of_metadata_tells_nothing_else(client: Client, namespace: &str) {
    let path = pools(namespace);
    let made = send(&client, "POST", &path, &pool("a")).await.unwrap();
    let only = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let (seen, _) = lines(&client, &path, "resourceVersion=0", only).await;
    let object = &seen[0]["object"];
    assert_eq!((seen.len(), object["kind"].as_str(), object.get("spec")), (1, Some("PartialObjectMetadata"), None));
    assert_eq!(object["metadata"], made["metadata"]);
}

async fn a_watch_of_one_object_by_its_name(client: Client, namespace: &str) {
    let path = pools(namespace);
    for name in ["a", "b"] {
        send(&client, "POST", &path, &pool(name)).await.unwrap();
    }
    let seen = watch(&client, &path, "resourceVersion=0&fieldSelector=metadata.name%3Db").await;
    assert_eq!(told(&seen).iter().map(|line| line.1).collect::<Vec<_>>(), ["b"]);
}

async fn a_deletion_in_two_steps_is_told_in_two(client: Client, namespace: &str) {
    let path = pools(namespace);
    let mut held = pool("a");
    held["metadata"]["finalizers"] = json!(["example.com/a"]);
    let made = send(&client, "POST", &path, &held).await.unwrap();
    send(&client, "DELETE", &format!("{path}/a"), &Value::Null).await.unwrap();
    merge(&client, &format!("{path}/a"), &json!({"metadata": {"finalizers": null}})).await.unwrap();
    let seen = watch(&client, &path, &format!("resourceVersion={}", version(&made))).await;
    assert_eq!(told(&seen).iter().map(|line| line.0).collect::<Vec<_>>(), ["MODIFIED", "DELETED"]);
    assert!(seen[0]["object"]["metadata"]["deletionTimestamp"].is_string());
    let last = &seen[1]["object"]["metadata"];
    assert_eq!(last["finalizers"], json!(["example.com/a"]), "the write that took the last one is never stored");
}

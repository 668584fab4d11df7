//! DELETE, finalizers, and namespaces that leave.

use kube::Client;
use serde_json::{Value, json};

use super::{
    config_map, config_maps, expect, generation, gone, make_namespace, merge, pool, pools, refused, send, version,
};

super::semantics![
    a_deletion_says_what_is_gone,
    a_deletion_may_insist_on_the_object,
    a_finalizer_holds_an_object,
    nothing_new_holds_what_is_leaving,
    a_namespace_goes_with_all_that_is_in_it,
    nothing_is_made_in_a_namespace_that_leaves,
    a_collection_is_deleted_by_label,
];

async fn a_deletion_says_what_is_gone(client: Client, namespace: &str) {
    let made = send(&client, "POST", &pools(namespace), &pool("a")).await.unwrap();
    let path = format!("{}/a", pools(namespace));
    let said = send(&client, "DELETE", &path, &Value::Null).await.unwrap();
    assert_eq!((said["kind"].as_str(), said["status"].as_str()), (Some("Status"), Some("Success")));
    let details =
        json!({"name": "a", "group": "headroom.dev", "kind": "capacitypools", "uid": made["metadata"]["uid"]});
    assert_eq!(said["details"], details);
    let text = r#"capacitypools.headroom.dev "a" not found"#;
    expect(send(&client, "GET", &path, &Value::Null).await, 404, "NotFound", text);
    expect(send(&client, "DELETE", &path, &Value::Null).await, 404, "NotFound", text);
    let again = send(&client, "POST", &pools(namespace), &pool("a")).await.unwrap();
    assert_ne!(again["metadata"]["uid"], made["metadata"]["uid"], "a new object, whatever its name");
}

async fn a_deletion_may_insist_on_the_object(client: Client, namespace: &str) {
    let made = send(&client, "POST", &pools(namespace), &pool("a")).await.unwrap();
    let path = format!("{}/a", pools(namespace));
    let insist = |field: &str, value: &Value| {
        let (client, path, body) = (client.clone(), path.clone(), json!({"preconditions": {field: value}}));
        async move { send(&client, "DELETE", &path, &body).await }
    };
    let said = refused(insist("uid", &json!("7b0c1d5e-0000-4000-8000-000000000000")).await);
    assert_eq!((said.code, said.reason.as_str()), (409, "Conflict"));
    let uid = made["metadata"]["uid"].as_str().unwrap();
    let text = format!(
        "Operation cannot be fulfilled on CapacityPool.headroom.dev \"a\": the UID in the precondition \
         (7b0c1d5e-0000-4000-8000-000000000000) does not match the UID in record ({uid}). The object might have been deleted \
         and then recreated"
    );
    assert_eq!(said.message, text);
    let said = refused(insist("resourceVersion", &json!("1")).await);
    assert_eq!((said.code, said.reason.as_str()), (409, "Conflict"));
    let text = "the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (";
    assert!(
        said.message.contains(text) && said.message.ends_with("The object might have been modified"),
        "{}",
        said.message
    );
    insist("uid", &made["metadata"]["uid"]).await.unwrap();
}

async fn a_finalizer_holds_an_object(client: Client, namespace: &str) {
    let mut held = pool("a");
    held["metadata"]["finalizers"] = json!(["example.com/a", "example.com/b"]);
    let made = send(&client, "POST", &pools(namespace), &held).await.unwrap();
    let path = format!("{}/a", pools(namespace));
    let said = send(&client, "DELETE", &path, &Value::Null).await.unwrap();
    assert_eq!(said["kind"], "CapacityPool", "it is answered with, as it is now");
    assert!(said["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(said["metadata"]["deletionGracePeriodSeconds"], 0);
    assert_eq!(generation(&said), generation(&made) + 1, "to be deleted is a change of what is wanted");
    let again = send(&client, "DELETE", &path, &Value::Null).await.unwrap();
    assert_eq!(version(&again), version(&said), "a second deletion changes nothing");
    let told = json!({"status": {"observedGeneration": 2}});
    merge(&client, &format!("{path}/status"), &told).await.unwrap();
    merge(&client, &path, &json!({"metadata": {"finalizers": ["example.com/b"]}})).await.unwrap();
    let there = send(&client, "GET", &path, &Value::Null).await.unwrap();
    assert_eq!(there["metadata"]["deletionTimestamp"], said["metadata"]["deletionTimestamp"]);
    let mut last = there.clone();
    last["metadata"].as_object_mut().unwrap().remove("finalizers");
    let last = send(&client, "PUT", &path, &last).await.unwrap();
    assert_eq!(last["metadata"]["name"], "a");
    assert_eq!(refused(send(&client, "GET", &path, &Value::Null).await).code, 404);
}

async fn nothing_new_holds_what_is_leaving(client: Client, namespace: &str) {
    let mut held = pool("a");
    held["metadata"]["finalizers"] = json!(["example.com/a"]);
    send(&client, "POST", &pools(namespace), &held).await.unwrap();
    let path = format!("{}/a", pools(namespace));
    send(&client, "DELETE", &path, &Value::Null).await.unwrap();
    let more = json!({"metadata": {"finalizers": ["example.com/a", "example.com/b"]}});
    let text = "CapacityPool.headroom.dev \"a\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added \
                if the object is being deleted, found new finalizers []string{\"example.com/b\"}";
    expect(merge(&client, &path, &more).await, 422, "Invalid", text);
    merge(&client, &path, &json!({"spec": {"suspend": true}})).await.unwrap();
    merge(&client, &path, &json!({"metadata": {"finalizers": null}})).await.unwrap();
}

async fn a_namespace_goes_with_all_that_is_in_it(client: Client, namespace: &str) {
    let other = format!("{namespace}-x");
    make_namespace(&client, &other).await;
    send(&client, "POST", &config_maps(&other), &config_map("a")).await.unwrap();
    send(&client, "POST", &pools(&other), &pool("a")).await.unwrap();
    let path = format!("/api/v1/namespaces/{other}");
    let there = send(&client, "GET", &path, &Value::Null).await.unwrap();
    assert_eq!(there["metadata"]["labels"]["kubernetes.io/metadata.name"], other.as_str());
    assert_eq!(
        (there["status"]["phase"].as_str(), &there["spec"]["finalizers"]),
        (Some("Active"), &json!(["kubernetes"]))
    );
    let said = send(&client, "DELETE", &path, &Value::Null).await.unwrap();
    assert_eq!(said["status"]["phase"], "Terminating");
    gone(&client, &path).await;
    for path in [config_maps(&other), pools(&other)] {
        let text = refused(send(&client, "GET", &format!("{path}/a"), &Value::Null).await);
        assert_eq!(text.code, 404);
    }
    let text = r#"namespaces "default" is forbidden: this namespace may not be deleted"#;
    expect(send(&client, "DELETE", "/api/v1/namespaces/default", &Value::Null).await, 403, "Forbidden", text);
}

async fn nothing_is_made_in_a_namespace_that_leaves(client: Client, namespace: &str) {
    let other = format!("{namespace}-x");
    make_namespace(&client, &other).await;
    let mut held = pool("held");
    held["metadata"]["finalizers"] = json!(["example.com/a"]);
    send(&client, "POST", &pools(&other), &held).await.unwrap();
    let path = format!("/api/v1/namespaces/{other}");
    send(&client, "DELETE", &path, &Value::Null).await.unwrap();
    let text = format!(
        "capacitypools.headroom.dev \"new\" is forbidden: unable to create new content in namespace {other} because it is being terminated"
    );
    expect(send(&client, "POST", &pools(&other), &pool("new")).await, 403, "Forbidden", &text);
    let held = format!("{}/held", pools(&other));
    // A real cluster takes a moment to come by.
    for _ in 0..150 {
        let there = send(&client, "GET", &held, &Value::Null).await.unwrap();
        if there["metadata"]["deletionTimestamp"].is_string() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    merge(&client, &held, &json!({"metadata": {"finalizers": null}})).await.unwrap();
    gone(&client, &path).await;
}

async fn a_collection_is_deleted_by_label(client: Client, namespace: &str) {
    for name in ["a", "b"] {
        let mut object = pool(name);
        object["metadata"]["labels"] = json!({"letter": name});
        send(&client, "POST", &pools(namespace), &object).await.unwrap();
    }
    send(&client, "DELETE", &format!("{}?labelSelector=letter%3Da", pools(namespace)), &Value::Null).await.unwrap();
    let list = send(&client, "GET", &pools(namespace), &Value::Null).await.unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0]["metadata"]["name"], "b");
}

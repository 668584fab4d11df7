//! CREATE, PUT and PATCH.

use kube::Client;
use serde_json::{Value, json};

use super::{
    config_map, config_maps, deployment, deployments, entries, expect, generation, merge, pool, pools, refused, send,
    send_as, version,
};

super::semantics![
    the_server_fills_in_what_is_its_own,
    a_create_drops_status,
    a_name_is_taken_once,
    a_name_may_be_left_to_the_server,
    a_namespace_must_be_there,
    a_stale_write_conflicts,
    a_write_without_a_version,
    a_write_for_another_object_of_that_name_conflicts,
    what_is_not_there_cannot_be_replaced,
    spec_and_status_are_written_apart,
    the_status_of_a_deployment_may_carry_annotations,
    generation_counts_what_is_wanted,
    a_write_that_changes_nothing_is_no_change,
    a_merge_patch_merges,
    a_json_patch_tests,
    a_strategic_patch_is_for_built_in_kinds,
    a_dry_run_leaves_nothing,
    names_must_agree_and_be_names,
    a_lease_is_taken_by_compare_and_swap,
];

async fn the_server_fills_in_what_is_its_own(client: Client, namespace: &str) {
    let mut sent = pool("a");
    sent["metadata"]["uid"] = json!("7b0c1d5e-0000-4000-8000-000000000000");
    sent["metadata"]["generation"] = json!(7);
    sent["metadata"]["creationTimestamp"] = json!("2001-01-01T00:00:00Z");
    let made = send(&client, "POST", &pools(namespace), &sent).await.unwrap();
    let meta = &made["metadata"];
    assert_eq!(meta["namespace"], namespace);
    assert_ne!(meta["uid"], sent["metadata"]["uid"]);
    assert_ne!(meta["creationTimestamp"], sent["metadata"]["creationTimestamp"]);
    assert_eq!(generation(&made), 1);
    assert!(version(&made) > 0);
    let read = send(&client, "GET", &format!("{}/a", pools(namespace)), &Value::Null).await.unwrap();
    assert_eq!(read, made);
    let made = send(&client, "POST", &config_maps(namespace), &config_map("a")).await.unwrap();
    assert_eq!(made["metadata"].get("generation"), None, "a ConfigMap has no generation");
    let made = send(&client, "POST", &deployments(namespace), &deployment("a")).await.unwrap();
    assert_eq!(generation(&made), 1);
    assert_eq!(made["spec"]["strategy"]["rollingUpdate"]["maxSurge"], "25%");
    let mut bare = deployment("b");
    bare["spec"].as_object_mut().unwrap().remove("replicas");
    let made = send(&client, "POST", &format!("{}?dryRun=All", deployments(namespace)), &bare).await.unwrap();
    assert_eq!(made["spec"]["replicas"], 1);
}

async fn a_create_drops_status(client: Client, namespace: &str) {
    let mut sent = pool("a");
    sent["status"] = json!({"observedGeneration": 1});
    let made = send(&client, "POST", &pools(namespace), &sent).await.unwrap();
    assert_eq!(made.get("status"), None);
}

async fn a_name_is_taken_once(client: Client, namespace: &str) {
    send(&client, "POST", &pools(namespace), &pool("a")).await.unwrap();
    let again = send(&client, "POST", &pools(namespace), &pool("a")).await;
    expect(again, 409, "AlreadyExists", r#"capacitypools.headroom.dev "a" already exists"#);
    send(&client, "POST", &config_maps(namespace), &config_map("a")).await.unwrap();
    let again = send(&client, "POST", &config_maps(namespace), &config_map("a")).await;
    expect(again, 409, "AlreadyExists", r#"configmaps "a" already exists"#);
    let mut versioned = pool("b");
    versioned["metadata"]["resourceVersion"] = json!("5");
    let said = refused(send(&client, "POST", &pools(namespace), &versioned).await);
    assert_eq!(said.message, "resourceVersion should not be set on objects to be created");
}

async fn a_name_may_be_left_to_the_server(client: Client, namespace: &str) {
    let mut sent = pool("");
    sent["metadata"] = json!({"generateName": "made-", "annotations": {"headroom.dev/install": "nobody/none"}});
    let made = send(&client, "POST", &pools(namespace), &sent).await.unwrap();
    let name = made["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("made-") && name.len() == 10, "{name}");
    let other = send(&client, "POST", &pools(namespace), &sent).await.unwrap();
    assert_ne!(other["metadata"]["name"], name);
    sent["metadata"].as_object_mut().unwrap().remove("generateName");
    let said = refused(send(&client, "POST", &pools(namespace), &sent).await);
    assert_eq!(said.code, 422);
    assert!(said.message.contains("name or generateName is required"), "{}", said.message);
}

async fn a_namespace_must_be_there(client: Client, namespace: &str) {
    let nowhere = format!("{namespace}-no");
    let made = send(&client, "POST", &config_maps(&nowhere), &config_map("a")).await;
    expect(made, 404, "NotFound", &format!("namespaces \"{nowhere}\" not found"));
    let list = send(&client, "GET", &config_maps(&nowhere), &Value::Null).await.unwrap();
    assert_eq!(list["items"], json!([]), "a list of what is nowhere is empty");
}

async fn a_stale_write_conflicts(client: Client, namespace: &str) {
    let path = format!("{}/a", pools(namespace));
    let mut first = send(&client, "POST", &pools(namespace), &pool("a")).await.unwrap();
    merge(&client, &path, &json!({"metadata": {"labels": {"x": "1"}}})).await.unwrap();
    first["spec"]["workloads"][0]["maxReplicas"] = json!(11);
    let text = "Operation cannot be fulfilled on capacitypools.headroom.dev \"a\": the object has been modified; please \
                apply your changes to the latest version and try again";
    expect(send(&client, "PUT", &path, &first).await, 409, "Conflict", text);
    expect(send(&client, "PUT", &format!("{path}/status"), &first).await, 409, "Conflict", text);
    let stale =
        json!({"metadata": {"resourceVersion": first["metadata"]["resourceVersion"]}, "spec": {"suspend": true}});
    expect(merge(&client, &path, &stale).await, 409, "Conflict", text);
    let now = send(&client, "GET", &path, &Value::Null).await.unwrap();
    assert_eq!(now["spec"]["workloads"][0]["maxReplicas"], 10);
}

async fn a_write_without_a_version(client: Client, namespace: &str) {
    let made = send(&client, "POST", &config_maps(namespace), &config_map("a")).await.unwrap();
    let mut bare = config_map("a");
    bare["data"]["a"] = json!("2");
    let written = send(&client, "PUT", &format!("{}/a", config_maps(namespace)), &bare).await.unwrap();
    assert!(version(&written) > version(&made) && written["metadata"]["uid"] == made["metadata"]["uid"]);
    send(&client, "POST", &pools(namespace), &pool("a")).await.unwrap();
    let said = refused(send(&client, "PUT", &format!("{}/a", pools(namespace)), &pool("a")).await);
    assert_eq!((said.code, said.reason.as_str()), (422, "Invalid"));
    assert!(
        said.message
            .starts_with(r#"capacitypools.headroom.dev "a" is invalid: metadata.resourceVersion: Invalid value: "#),
        "{}",
        said.message
    );
    assert!(said.message.ends_with(": must be specified for an update"), "{}", said.message);
}

async fn a_write_for_another_object_of_that_name_conflicts(client: Client, namespace: &str) {
    let made = send(&client, "POST", &pools(namespace), &pool("a")).await.unwrap();
    let mut other = made.clone();
    other["metadata"]["uid"] = json!("7b0c1d5e-0000-4000-8000-000000000000");
    let said = refused(send(&client, "PUT", &format!("{}/a", pools(namespace)), &other).await);
    assert_eq!((said.code, said.reason.as_str()), (409, "Conflict"));
    let uid = made["metadata"]["uid"].as_str().unwrap();
    let text = format!(
        "Operation cannot be fulfilled on capacitypools.headroom.dev \"a\": StorageError: invalid object, Code: 4, Key: \
         /registry/headroom.dev/capacitypools/{namespace}/a, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: \
         UID in precondition: 7b0c1d5e-0000-4000-8000-000000000000, UID in object meta: {uid}"
    );
    assert_eq!(said.message, text);
}

async fn what_is_not_there_cannot_be_replaced(client: Client, namespace: &str) {
    let mut ghost = pool("a");
    ghost["metadata"]["resourceVersion"] = json!("1");
    let text = r#"capacitypools.headroom.dev "a" not found"#;
    expect(send(&client, "PUT", &format!("{}/a", pools(namespace)), &ghost).await, 404, "NotFound", text);
    expect(send(&client, "PUT", &format!("{}/a/status", pools(namespace)), &ghost).await, 404, "NotFound", text);
    expect(merge(&client, &format!("{}/a", pools(namespace)), &json!({})).await, 404, "NotFound", text);
}

async fn spec_and_status_are_written_apart(client: Client, namespace: &str) {
    let path = format!("{}/a", pools(namespace));
    let made = send(&client, "POST", &pools(namespace), &pool("a")).await.unwrap();
    let mut both = made.clone();
    both["spec"]["workloads"][0]["maxReplicas"] = json!(11);
    both["metadata"]["labels"] = json!({"x": "1"});
    both["status"] = json!({"observedGeneration": 3});
    let told = send(&client, "PUT", &format!("{path}/status"), &both).await.unwrap();
    assert_eq!(told["status"]["observedGeneration"], 3);
    assert_eq!(told["spec"], made["spec"]);
    assert_eq!(told["metadata"].get("labels"), None, "a write of status leaves metadata");
    assert_eq!(generation(&told), 1);
    both["metadata"]["resourceVersion"] = told["metadata"]["resourceVersion"].clone();
    both["status"] = json!({"observedGeneration": 4});
    let written = send(&client, "PUT", &path, &both).await.unwrap();
    assert_eq!(written["status"]["observedGeneration"], 3, "a write of the object leaves status");
    assert_eq!((written["spec"]["workloads"][0]["maxReplicas"].as_i64(), generation(&written)), (Some(11), 2));
    assert_eq!(written["metadata"]["labels"]["x"], "1");
}

async fn the_status_of_a_deployment_may_carry_annotations(client: Client, namespace: &str) {
    send(&client, "POST", &deployments(namespace), &deployment("a")).await.unwrap();
    let change = json!({
        "metadata": {"annotations": {"note": "1"}, "labels": {"tier": "db"}},
        "spec": {"replicas": 5}, "status": {"observedGeneration": 1},
    });
    let told = merge(&client, &format!("{}/a/status", deployments(namespace)), &change).await.unwrap();
    assert_eq!(told["metadata"]["annotations"]["note"], "1");
    assert_eq!(
        (told["metadata"]["labels"]["tier"].as_str(), told["spec"]["replicas"].as_i64()),
        (Some("web"), Some(0))
    );
    assert_eq!(generation(&told), 1);
}

async fn generation_counts_what_is_wanted(client: Client, namespace: &str) {
    let path = format!("{}/a", pools(namespace));
    send(&client, "POST", &pools(namespace), &pool("a")).await.unwrap();
    let mut seen = Vec::new();
    for change in [
        json!({"metadata": {"labels": {"x": "1"}}}),
        json!({"metadata": {"annotations": {"x": "1"}}}),
        json!({"spec": {"targetUtilization": "70%"}}),
        json!({"metadata": {"finalizers": ["example.com/x"]}}),
        json!({"metadata": {"finalizers": null}}),
    ] {
        seen.push(generation(&merge(&client, &path, &change).await.unwrap()));
    }
    assert_eq!(seen, [1, 1, 2, 2, 2]);
    let path = format!("{}/a", deployments(namespace));
    send(&client, "POST", &deployments(namespace), &deployment("a")).await.unwrap();
    let mut seen = Vec::new();
    for change in [
        json!({"metadata": {"labels": {"x": "1"}}}),
        json!({"metadata": {"annotations": {"x": "1"}}}),
        json!({"spec": {"paused": true}}),
        json!({"spec": {"paused": true}}),
    ] {
        seen.push(generation(&merge(&client, &path, &change).await.unwrap()));
    }
    assert_eq!(seen, [1, 2, 3, 3], "annotations of a Deployment count");
}

async fn a_write_that_changes_nothing_is_no_change(client: Client, namespace: &str) {
    let made = send(&client, "POST", &pools(namespace), &pool("a")).await.unwrap();
    let path = format!("{}/a", pools(namespace));
    assert_eq!(send(&client, "PUT", &path, &made).await.unwrap(), made);
    assert_eq!(version(&send(&client, "PUT", &format!("{path}/status"), &made).await.unwrap()), version(&made));
    assert_eq!(version(&merge(&client, &path, &json!({"spec": {"suspend": null}})).await.unwrap()), version(&made));
    let made = send(&client, "POST", &config_maps(namespace), &config_map("a")).await.unwrap();
    assert_eq!(
        version(&send(&client, "PUT", &format!("{}/a", config_maps(namespace)), &made).await.unwrap()),
        version(&made)
    );
}

async fn a_merge_patch_merges(client: Client, namespace: &str) {
    send(&client, "POST", &config_maps(namespace), &config_map("a")).await.unwrap();
    let path = format!("{}/a", config_maps(namespace));
    let patched = merge(&client, &path, &json!({"data": {"b": "2", "a": null}})).await.unwrap();
    assert_eq!(patched["data"], json!({"b": "2"}));
    send(&client, "POST", &pools(namespace), &pool("a")).await.unwrap();
    let status = format!("{}/a/status", pools(namespace));
    let patched = merge(&client, &status, &json!({"status": {"observedGeneration": 2}, "spec": {"suspend": true}}))
        .await
        .unwrap();
    assert_eq!((patched["status"]["observedGeneration"].as_i64(), patched["spec"].get("suspend")), (Some(2), None));
}

async fn a_json_patch_tests(client: Client, namespace: &str) {
    let made = send(&client, "POST", &config_maps(namespace), &config_map("a")).await.unwrap();
    let path = format!("{}/a", config_maps(namespace));
    let patch = |body: Value| {
        let (client, path) = (client.clone(), path.clone());
        async move { send_as(&client, "PATCH", &path, &body, "application/json-patch+json", "application/json").await }
    };
    let wrong =
        patch(json!([{"op": "test", "path": "/data/a", "value": "9"}, {"op": "remove", "path": "/data/a"}])).await;
    let said = refused(wrong);
    assert_eq!((said.code, said.reason.as_str()), (422, "Invalid"), "{}", said.message);
    let right = json!([
        {"op": "test", "path": "/metadata/uid", "value": made["metadata"]["uid"]},
        {"op": "add", "path": "/metadata/finalizers", "value": ["example.com/x"]},
    ]);
    assert_eq!(patch(right).await.unwrap()["metadata"]["finalizers"], json!(["example.com/x"]));
    patch(json!([{"op": "remove", "path": "/metadata/finalizers"}])).await.unwrap();
    assert_eq!(refused(patch(json!({"op": "test"})).await).code, 400);
}

async fn a_strategic_patch_is_for_built_in_kinds(client: Client, namespace: &str) {
    send(&client, "POST", &pools(namespace), &pool("a")).await.unwrap();
    let path = format!("{}/a", pools(namespace));
    let kind = "application/strategic-merge-patch+json";
    let said = refused(send_as(&client, "PATCH", &path, &json!({}), kind, "application/json").await);
    assert_eq!((said.code, said.reason.as_str()), (415, "UnsupportedMediaType"));
}

async fn a_dry_run_leaves_nothing(client: Client, namespace: &str) {
    let path = format!("{}?dryRun=All", pools(namespace));
    send(&client, "POST", &path, &pool("a")).await.unwrap();
    assert_eq!(refused(send(&client, "GET", &format!("{}/a", pools(namespace)), &Value::Null).await).code, 404);
    let made = send(&client, "POST", &pools(namespace), &pool("a")).await.unwrap();
    let path = format!("{}/a?dryRun=All", pools(namespace));
    let tried = merge(&client, &path, &json!({"spec": {"suspend": true}})).await.unwrap();
    assert_eq!(tried["spec"]["suspend"], true);
    send(&client, "DELETE", &path, &Value::Null).await.unwrap();
    assert_eq!(send(&client, "GET", &format!("{}/a", pools(namespace)), &Value::Null).await.unwrap(), made);
}

async fn names_must_agree_and_be_names(client: Client, namespace: &str) {
    let made = send(&client, "POST", &pools(namespace), &pool("a")).await.unwrap();
    let said = refused(send(&client, "PUT", &format!("{}/b", pools(namespace)), &made).await);
    assert_eq!((said.code, said.reason.as_str()), (400, "BadRequest"));
    assert_eq!(said.message, "the name of the object (a) does not match the name on the URL (b)");
    let mut elsewhere = pool("c");
    elsewhere["metadata"]["namespace"] = json!("default");
    let said = refused(send(&client, "POST", &pools(namespace), &elsewhere).await);
    assert_eq!(said.message, "the namespace of the provided object does not match the namespace sent on the request");
    let said = refused(send(&client, "POST", &config_maps(namespace), &config_map("No_name")).await);
    assert_eq!((said.code, said.reason.as_str()), (422, "Invalid"));
    let start = r#"ConfigMap "No_name" is invalid: metadata.name: Invalid value: "No_name": a lowercase RFC 1123 subdomain must"#;
    assert!(said.message.starts_with(start), "{}", said.message);
}

async fn a_lease_is_taken_by_compare_and_swap(client: Client, namespace: &str) {
    let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "a"},
        "spec": {"holderIdentity": "one", "leaseDurationSeconds": 15},
    });
    let made = send(&client, "POST", &leases, &lease).await.unwrap();
    assert_eq!(refused(send(&client, "POST", &leases, &lease).await).reason, "AlreadyExists");
    let take = |holder: &str| {
        let mut taken = made.clone();
        taken["spec"]["holderIdentity"] = json!(holder);
        taken
    };
    let path = format!("{leases}/a");
    send(&client, "PUT", &path, &take("two")).await.unwrap();
    assert_eq!(refused(send(&client, "PUT", &path, &take("three")).await).reason, "Conflict");
    let said = refused(send(&client, "PUT", &path, &lease).await);
    assert!(said.code == 422 && said.message.contains("must be specified for an update"), "{}", said.message);
    assert_eq!(refused(send(&client, "GET", &format!("{}/none", entries(namespace)), &Value::Null).await).code, 404);
}

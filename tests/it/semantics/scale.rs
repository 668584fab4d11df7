//! Deployments and autoscalers: what carries a floor, and who wrote it.

use kube::Client;
use serde_json::{Value, json};

use super::{deployment, deployments, expect, generation, merge, refused, send};

super::semantics![
    a_maximum_is_never_below_the_minimum,
    a_minimum_of_zero_is_refused,
    an_autoscaler_has_a_minimum_of_one_and_no_generation,
    who_changed_a_field_last_manages_it,
    the_scale_is_written_by_its_own_path,
    a_selector_must_match_and_never_changes,
];

fn autoscalers(namespace: &str) -> String {
    format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers")
}

/// An autoscaler of nothing, so that no controller acts on it.
fn autoscaler(least: Value, most: i32) -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nobody"},
            "minReplicas": least, "maxReplicas": most,
        },
    })
}

async fn a_maximum_is_never_below_the_minimum(client: Client, namespace: &str) {
    let text = "HorizontalPodAutoscaler.autoscaling \"a\" is invalid: spec.maxReplicas: Invalid value: 3: must be greater \
                than or equal to `minReplicas`";
    expect(send(&client, "POST", &autoscalers(namespace), &autoscaler(json!(5), 3)).await, 422, "Invalid", text);
    send(&client, "POST", &autoscalers(namespace), &autoscaler(json!(2), 10)).await.unwrap();
    let path = format!("{}/a", autoscalers(namespace));
    let raised = json!({"spec": {"minReplicas": 8}});
    merge(&client, &path, &raised).await.unwrap();
    expect(merge(&client, &path, &json!({"spec": {"maxReplicas": 3}})).await, 422, "Invalid", text);
}

async fn a_minimum_of_zero_is_refused(client: Client, namespace: &str) {
    let said = refused(send(&client, "POST", &autoscalers(namespace), &autoscaler(json!(0), 3)).await);
    let text = "HorizontalPodAutoscaler.autoscaling \"a\" is invalid: [spec.minReplicas: Invalid value: 0: must be greater \
                than or equal to 1, spec.metrics: Forbidden: must specify at least one Object or External metric to \
                support scaling to zero replicas]";
    assert_eq!((said.code, said.message.as_str()), (422, text));
}

async fn an_autoscaler_has_a_minimum_of_one_and_no_generation(client: Client, namespace: &str) {
    let made = send(&client, "POST", &autoscalers(namespace), &autoscaler(Value::Null, 3)).await.unwrap();
    assert_eq!((made["spec"]["minReplicas"].as_i64(), generation(&made)), (Some(1), 0));
}

/// The managers of a field of spec, by subresource.
fn managers(object: &Value, field: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let owns = |entry: &&Value| entry["fieldsV1"]["f:spec"].get(field).is_some();
    entries.iter().filter(owns).map(|entry| (text(&entry["manager"]), text(&entry["subresource"]))).collect()
}

fn pair(manager: &str, subresource: &str) -> (String, String) {
    (manager.to_owned(), subresource.to_owned())
}

async fn who_changed_a_field_last_manages_it(client: Client, namespace: &str) {
    let path = autoscalers(namespace);
    let made = send(&client, "POST", &format!("{path}?fieldManager=maker"), &autoscaler(json!(2), 10)).await.unwrap();
    assert_eq!(managers(&made, "f:minReplicas"), [pair("maker", "")]);
    let path = format!("{path}/a?fieldManager=raiser");
    let raised = merge(&client, &path, &json!({"spec": {"minReplicas": 5}, "metadata": {"annotations": {"x": "1"}}}))
        .await
        .unwrap();
    assert_eq!(managers(&raised, "f:minReplicas"), [pair("raiser", "")]);
    assert_eq!(managers(&raised, "f:maxReplicas"), [pair("maker", "")]);
    let entries = raised["metadata"]["managedFields"].as_array().unwrap();
    let raiser = entries.iter().find(|entry| entry["manager"] == "raiser").unwrap();
    assert_eq!(raiser["operation"], "Update");
    assert!(raiser["time"].is_string());
    assert!(raiser["fieldsV1"]["f:metadata"]["f:annotations"].get("f:x").is_some());
    let path = path.replace("raiser", "idler");
    let same = merge(&client, &path, &json!({"spec": {"minReplicas": 5}})).await.unwrap();
    assert_eq!(managers(&same, "f:minReplicas"), [pair("raiser", "")], "to write what is there is to change nothing");
}

async fn the_scale_is_written_by_its_own_path(client: Client, namespace: &str) {
    let made = send(&client, "POST", &format!("{}?fieldManager=maker", deployments(namespace)), &deployment("a"))
        .await
        .unwrap();
    assert_eq!(managers(&made, "f:replicas"), [pair("maker", "")]);
    let path = format!("{}/a", deployments(namespace));
    let scale = send(&client, "GET", &format!("{path}/scale"), &Value::Null).await.unwrap();
    assert_eq!((scale["kind"].as_str(), scale["apiVersion"].as_str()), (Some("Scale"), Some("autoscaling/v1")));
    assert_eq!(scale["status"]["selector"], "app=a");
    assert_eq!(scale["metadata"]["uid"], made["metadata"]["uid"]);
    // Paused: no controller makes pods of it.
    merge(&client, &path, &json!({"spec": {"paused": true}})).await.unwrap();
    let before = generation(&send(&client, "GET", &path, &Value::Null).await.unwrap());
    let scaled =
        merge(&client, &format!("{path}/scale?fieldManager=scaler"), &json!({"spec": {"replicas": 1}})).await.unwrap();
    assert_eq!((scaled["kind"].as_str(), scaled["spec"]["replicas"].as_i64()), (Some("Scale"), Some(1)));
    let there = send(&client, "GET", &path, &Value::Null).await.unwrap();
    assert_eq!((there["spec"]["replicas"].as_i64(), generation(&there)), (Some(1), before + 1));
    assert_eq!(managers(&there, "f:replicas"), [pair("scaler", "scale")]);
    let mut stale = scaled;
    stale["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"].clone();
    stale["spec"]["replicas"] = json!(0);
    let said = refused(send(&client, "PUT", &format!("{path}/scale"), &stale).await);
    assert_eq!((said.code, said.reason.as_str()), (409, "Conflict"));
}

async fn a_selector_must_match_and_never_changes(client: Client, namespace: &str) {
    let mut odd = deployment("a");
    odd["spec"]["selector"]["matchLabels"]["app"] = json!("other");
    let said = refused(send(&client, "POST", &deployments(namespace), &odd).await);
    assert!(
        said.code == 422 && said.message.contains("`selector` does not match template `labels`"),
        "{}",
        said.message
    );
    send(&client, "POST", &deployments(namespace), &deployment("a")).await.unwrap();
    let change = json!({"spec": {
        "selector": {"matchLabels": {"app": "b"}}, "template": {"metadata": {"labels": {"app": "b"}}},
    }});
    let said = refused(merge(&client, &format!("{}/a", deployments(namespace)), &change).await);
    assert!(said.code == 422 && said.message.contains("spec.selector: Invalid value: "), "{}", said.message);
    assert!(said.message.contains("field is immutable"), "{}", said.message);
}

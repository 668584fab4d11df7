//! Schemas and CEL rules of the definitions.

use kube::Client;
use serde_json::{Value, json};

use super::{campaigns, entries, expect, merge, pool, pools, refused, send};

super::semantics![
    a_schema_refuses_and_names_the_field,
    what_is_required_must_be_there,
    rules_refuse_in_their_own_words,
    rules_compare_with_the_past,
    an_outcome_is_never_taken_away,
    unknown_fields_are_pruned_or_refused,
    nulls_are_dropped_where_they_are_not_allowed,
    items_of_a_map_are_told_apart,
    several_faults_are_told_together,
    an_object_of_another_kind_is_refused,
];

fn campaign() -> Value {
    json!({
        "apiVersion": "headroom.dev/v1alpha1", "kind": "Campaign", "metadata": {"name": "x"},
        "spec": {
            "poolRef": {"name": "p"}, "senderRef": {"name": "s"}, "channel": "email", "audience": {"size": 1000},
        },
    })
}

/// Tries a campaign without leaving one behind for an operator to find.
async fn attempt(client: &Client, namespace: &str, field: &str, value: Value) -> Result<Value, super::Refused> {
    let mut object = campaign();
    object["spec"][field] = value;
    send(client, "POST", &format!("{}?dryRun=All", campaigns(namespace)), &object).await
}

const INVALID: &str = r#"Campaign.headroom.dev "x" is invalid: "#;

async fn a_schema_refuses_and_names_the_field(client: Client, namespace: &str) {
    for (field, value, text) in [
        (
            "audience",
            json!({"size": 0}),
            "spec.audience.size: Invalid value: 0: spec.audience.size in body should be greater than or equal to 1",
        ),
        (
            "audience",
            json!({"size": 2_000_000_000}),
            "spec.audience.size: Invalid value: 2000000000: spec.audience.size in body should be less than or equal to 1000000000",
        ),
        (
            "channel",
            json!("E-Mail"),
            "spec.channel: Invalid value: \"E-Mail\": spec.channel in body should match '^[a-z][a-z0-9-]*$'",
        ),
    ] {
        expect(attempt(&client, namespace, field, value).await, 422, "Invalid", &format!("{INVALID}{text}"));
    }
    let said = refused(attempt(&client, namespace, "audience", json!({"size": "1,000"})).await);
    let text =
        r#"spec.audience.size: Invalid value: "string": spec.audience.size in body must be of type integer: "string""#;
    assert!(said.message.contains(text), "{}", said.message);
    let said = refused(attempt(&client, namespace, "description", json!("x".repeat(5_000))).await);
    assert!(said.message.contains("spec.description: Too long: may not be more than "), "{}", said.message);
    attempt(&client, namespace, "priority", json!(1_000)).await.unwrap();
}

async fn what_is_required_must_be_there(client: Client, namespace: &str) {
    let said = refused(attempt(&client, namespace, "channel", Value::Null).await);
    assert!(said.message.contains("spec.channel: Required value"), "{}", said.message);
    assert!(said.message.contains("some validation rules were not checked"), "{}", said.message);
}

async fn rules_refuse_in_their_own_words(client: Client, namespace: &str) {
    let waves = json!([{"name": "a"}, {"name": "b"}]);
    let said = refused(attempt(&client, namespace, "waves", waves).await);
    assert_eq!((said.code, said.reason.as_str()), (422, "Invalid"));
    assert_eq!(
        said.message,
        format!("{INVALID}spec.waves: Invalid value: only one wave may leave out its size; it takes the rest")
    );
    let waves = json!([{"name": "a", "percent": 60}, {"name": "b", "percent": 40}]);
    attempt(&client, namespace, "waves", waves).await.unwrap();
    let schedule = json!({"start": "2027-03-19T18:00", "end": "2027-03-19T09:00"});
    let said = refused(attempt(&client, namespace, "schedule", schedule).await);
    assert!(said.message.contains("start must be before end"), "{}", said.message);
    let mut long = campaign();
    long["metadata"]["name"] = json!("x".repeat(53));
    let said = refused(send(&client, "POST", &format!("{}?dryRun=All", campaigns(namespace)), &long).await);
    assert!(said.message.contains("metadata.name may have at most 52 characters"), "{}", said.message);
}

fn entry() -> Value {
    json!({
        "apiVersion": "headroom.dev/v1alpha1", "kind": "WaveRelease", "metadata": {"name": "x"},
        "spec": {
            "sendId": "rules/x", "wave": {"name": "a", "offset": 0, "recipients": 5, "share": "rest"}, "disposition": "Fire",
            "campaign": {"namespace": "rules", "name": "x", "uid": "u", "generation": 1}, "pool": "rules/p", "nonce": "n",
            "firstAttemptAt": "2027-01-01T00:00:00Z",
        },
    })
}

async fn rules_compare_with_the_past(client: Client, namespace: &str) {
    send(&client, "POST", &entries(namespace), &entry()).await.unwrap();
    let path = format!("{}/x", entries(namespace));
    let said = refused(merge(&client, &path, &json!({"spec": {"nonce": "other"}})).await);
    assert_eq!((said.code, said.reason.as_str()), (422, "Invalid"));
    assert!(said.message.contains("a ledger entry never changes"), "{}", said.message);
    merge(&client, &path, &json!({"metadata": {"labels": {"x": "1"}}})).await.unwrap();
}

async fn an_outcome_is_never_taken_away(client: Client, namespace: &str) {
    send(&client, "POST", &entries(namespace), &entry()).await.unwrap();
    let path = format!("{}/x/status", entries(namespace));
    let outcome = |value: Value| {
        let (client, path) = (client.clone(), path.clone());
        async move { merge(&client, &path, &json!({"status": {"outcome": value}})).await }
    };
    outcome(json!("Unknown")).await.unwrap();
    assert!(refused(outcome(Value::Null).await).message.contains("an outcome is never taken away"));
    outcome(json!("Released")).await.unwrap();
    let said = refused(outcome(json!("Unknown")).await);
    assert!(said.message.contains("never changes"), "{}", said.message);
    let said = refused(outcome(json!("Perhaps")).await);
    let text = r#"status.outcome: Unsupported value: "Perhaps": supported values: "#;
    assert!(said.message.contains(text), "{}", said.message);
    assert!(
        refused(merge(&client, &path, &json!({"status": null})).await)
            .message
            .contains("an outcome is never taken away")
    );
}

async fn unknown_fields_are_pruned_or_refused(client: Client, namespace: &str) {
    let mut odd = pool("a");
    odd["spec"]["urgent"] = json!(true);
    odd["spec"]["workloads"][0]["colour"] = json!("red");
    odd["extra"] = json!(1);
    let strict = send(&client, "POST", &format!("{}?fieldValidation=Strict", pools(namespace)), &odd).await;
    let said = refused(strict);
    assert_eq!((said.code, said.reason.as_str()), (400, "BadRequest"));
    for text in
        ["strict decoding error: ", r#"unknown field "spec.urgent""#, r#"unknown field "spec.workloads[0].colour""#]
    {
        assert!(said.message.contains(text), "{}", said.message);
    }
    let made = send(&client, "POST", &pools(namespace), &odd).await.unwrap();
    assert_eq!(
        (made["spec"].get("urgent"), made["spec"]["workloads"][0].get("colour"), made.get("extra")),
        (None, None, None)
    );
    let told = json!({"status": {"observedGeneration": 1, "mood": "good"}});
    let told = merge(&client, &format!("{}/a/status", pools(namespace)), &told).await.unwrap();
    assert_eq!(told["status"].get("mood"), None, "the answer is 200, and the field is gone");
}

async fn nulls_are_dropped_where_they_are_not_allowed(client: Client, namespace: &str) {
    let mut odd = pool("a");
    odd["spec"]["workloads"][0]["requestsPerRequest"] = Value::Null;
    odd["metadata"]["labels"] = Value::Null;
    let made = send(&client, "POST", &pools(namespace), &odd).await.unwrap();
    assert_eq!(made["metadata"].get("labels"), None);
    let said = refused(attempt(&client, namespace, "poolRef", Value::Null).await);
    assert!(said.message.contains("spec.poolRef: Required value"), "a null is no value: {}", said.message);
}

async fn items_of_a_map_are_told_apart(client: Client, namespace: &str) {
    let waves = json!([{"name": "a", "percent": 50}, {"name": "a", "percent": 50}]);
    let said = refused(attempt(&client, namespace, "waves", waves).await);
    let text = r#"spec.waves[1]: Duplicate value: {"name":"a"}"#;
    assert!(said.message.contains(text), "{}", said.message);
}

async fn several_faults_are_told_together(client: Client, namespace: &str) {
    let mut odd = campaign();
    odd["spec"]["audience"]["size"] = json!(0);
    odd["spec"]["channel"] = json!("E-Mail");
    let said = refused(send(&client, "POST", &format!("{}?dryRun=All", campaigns(namespace)), &odd).await);
    let list = said.message.strip_prefix(INVALID).unwrap();
    assert!(list.starts_with('[') && list.ends_with(']'), "{list}");
    assert!(list.contains("spec.audience.size") && list.contains("spec.channel"), "{list}");
}

async fn an_object_of_another_kind_is_refused(client: Client, namespace: &str) {
    let text = r#"Campaign.headroom.dev "x" is invalid: kind: Invalid value: "Campaign": must be CapacityPool"#;
    expect(send(&client, "POST", &pools(namespace), &campaign()).await, 422, "Invalid", text);
}

//! GET and LIST.

use kube::Client;
use serde_json::{Value, json};

use super::{config_map, config_maps, expect, pool, pools, refused, send, send_as, version};

super::semantics![
    what_is_not_there_is_not_found,
    a_list_is_in_order_and_carries_a_version,
    selectors_select,
    pages_hold_together,
    a_page_may_be_empty,
    a_version_that_has_not_been_is_refused,
    metadata_alone_is_answered_where_it_is_asked_for,
    unknown_kinds_and_methods_are_refused,
];

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

async fn make(client: &Client, namespace: &str, names: &[&str]) {
    for name in names {
        let mut object = config_map(name);
        object["metadata"]["labels"] = json!({"letter": name, "suite": "semantics"});
        send(client, "POST", &config_maps(namespace), &object).await.unwrap();
    }
}

async fn what_is_not_there_is_not_found(client: Client, namespace: &str) {
    let get = |path: String| {
        let client = client.clone();
        async move { send(&client, "GET", &format!("{path}/a"), &Value::Null).await }
    };
    expect(get(config_maps(namespace)).await, 404, "NotFound", r#"configmaps "a" not found"#);
    expect(get(pools(namespace)).await, 404, "NotFound", r#"capacitypools.headroom.dev "a" not found"#);
}

async fn a_list_is_in_order_and_carries_a_version(client: Client, namespace: &str) {
    for name in ["b", "a-b", "a"] {
        send(&client, "POST", &pools(namespace), &pool(name)).await.unwrap();
    }
    let list = send(&client, "GET", &pools(namespace), &Value::Null).await.unwrap();
    assert_eq!(
        (list["kind"].as_str(), list["apiVersion"].as_str()),
        (Some("CapacityPoolList"), Some("headroom.dev/v1alpha1"))
    );
    assert_eq!(names(&list), ["a", "a-b", "b"]);
    let newest = list["items"].as_array().unwrap().iter().map(version).max().unwrap();
    assert!(version(&list) >= newest, "the list is as new as what is in it");
    assert_eq!(list["items"][0]["kind"], "CapacityPool");
    make(&client, namespace, &["a"]).await;
    let list =
        send(&client, "GET", &format!("{}?labelSelector=suite", config_maps(namespace)), &Value::Null).await.unwrap();
    assert_eq!(list["items"][0].get("kind"), None, "items of the server's own kinds do not say what they are");
    let again = send(&client, "GET", &format!("{}?resourceVersion=0", pools(namespace)), &Value::Null).await.unwrap();
    assert_eq!(names(&again), ["a", "a-b", "b"]);
}

async fn selectors_select(client: Client, namespace: &str) {
    make(&client, namespace, &["a", "b", "c"]).await;
    for (query, wanted) in [
        ("labelSelector=letter%3Da", vec!["a"]),
        ("labelSelector=letter+in+%28a%2Cc%29", vec!["a", "c"]),
        ("labelSelector=suite,letter%21%3Db", vec!["a", "c"]),
        ("labelSelector=suite,letter+notin+%28a%29", vec!["b", "c"]),
        ("labelSelector=suite&fieldSelector=metadata.name%3Db", vec!["b"]),
        ("labelSelector=suite&fieldSelector=metadata.name%21%3Db", vec!["a", "c"]),
    ] {
        let list = send(&client, "GET", &format!("{}?{query}", config_maps(namespace)), &Value::Null).await.unwrap();
        assert_eq!(names(&list), wanted, "{query}");
    }
    let odd = send(&client, "GET", &format!("{}?fieldSelector=data.a%3D1", config_maps(namespace)), &Value::Null).await;
    assert_eq!(refused(odd).code, 400);
}

async fn pages_hold_together(client: Client, namespace: &str) {
    for name in ["a", "b", "c", "d"] {
        send(&client, "POST", &pools(namespace), &pool(name)).await.unwrap();
    }
    let path = format!("{}?limit=2", pools(namespace));
    let first = send(&client, "GET", &path, &Value::Null).await.unwrap();
    assert_eq!((names(&first), first["metadata"]["remainingItemCount"].as_i64()), (vec!["a", "b"], Some(2)));
    // What happens now is not in a list that has begun.
    send(&client, "DELETE", &format!("{}/c", pools(namespace)), &Value::Null).await.unwrap();
    send(&client, "POST", &pools(namespace), &pool("bb")).await.unwrap();
    let next = first["metadata"]["continue"].as_str().unwrap();
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    let second = send(&client, "GET", &format!("{path}&continue={next}"), &Value::Null).await.unwrap();
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(second["metadata"].get("continue").and_then(Value::as_str).unwrap_or(""), "");
    assert_eq!(version(&second), version(&first));
}

async fn a_page_may_be_empty(client: Client, namespace: &str) {
    make(&client, namespace, &["a", "b"]).await;
    let path = format!("{}?labelSelector=letter%3Da&limit=1", config_maps(namespace));
    let first = send(&client, "GET", &path, &Value::Null).await.unwrap();
    assert_eq!(names(&first), ["a"]);
    let next = first["metadata"]["continue"].as_str().expect("there is more, whether or not it is selected");
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    let second = send(&client, "GET", &format!("{path}&continue={next}"), &Value::Null).await.unwrap();
    assert_eq!(second["items"], json!([]));
    assert_eq!(second["metadata"].get("remainingItemCount"), None);
}

async fn a_version_that_has_not_been_is_refused(client: Client, namespace: &str) {
    let path = format!("{}?resourceVersion=900000000&resourceVersionMatch=NotOlderThan", pools(namespace));
    let said = refused(send(&client, "GET", &path, &Value::Null).await);
    assert_eq!((said.code, said.reason.as_str()), (504, "Timeout"));
    assert!(said.message.starts_with("Timeout: Too large resource version: 900000000, current: "), "{}", said.message);
}

async fn metadata_alone_is_answered_where_it_is_asked_for(client: Client, namespace: &str) {
    make(&client, namespace, &["a"]).await;
    let only = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let path = format!("{}/a", config_maps(namespace));
    let one = send_as(&client, "GET", &path, &Value::Null, "application/json", only).await.unwrap();
    assert_eq!(
        (one["kind"].as_str(), one["apiVersion"].as_str()),
        (Some("PartialObjectMetadata"), Some("meta.k8s.io/v1"))
    );
    assert_eq!((one["metadata"]["labels"]["letter"].as_str(), one.get("data")), (Some("a"), None));
    let only = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let path = format!("{}?labelSelector=suite", config_maps(namespace));
    let list = send_as(&client, "GET", &path, &Value::Null, "application/json", only).await.unwrap();
    assert_eq!((list["kind"].as_str(), list["items"][0].get("data")), (Some("PartialObjectMetadataList"), None));
    assert_eq!((names(&list), list["items"][0]["kind"].as_str()), (vec!["a"], Some("PartialObjectMetadata")));
}

async fn unknown_kinds_and_methods_are_refused(client: Client, namespace: &str) {
    let path = format!("/apis/headroom.dev/v1alpha1/namespaces/{namespace}/nothings");
    assert_eq!(refused(send(&client, "GET", &path, &Value::Null).await).code, 404);
    let put = send(&client, "PUT", &pools(namespace), &pool("a")).await;
    expect(put, 400, "BadRequest", "name must be provided");
    let put = send(&client, "PUT", &config_maps(namespace), &config_map("a")).await;
    let text = "the server does not allow this method on the requested resource";
    expect(put, 405, "MethodNotAllowed", text);
}

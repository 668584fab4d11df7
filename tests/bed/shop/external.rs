//! The true demand as an external metric, so that a real autoscaler has something to follow.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::world::Worlds;

const GROUP: &str = "external.metrics.k8s.io/v1beta1";

pub fn router(worlds: Arc<Worlds>) -> Router {
    Router::new()
        .route("/apis", get(groups))
        .route("/apis/external.metrics.k8s.io", get(|| async { Json(group()) }))
        .route("/apis/external.metrics.k8s.io/v1beta1", get(resources))
        .route("/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{metric}", get(value))
        .route("/healthz", get(|| async { "ok" }))
        .with_state(worlds)
}

fn group() -> Value {
    let version = json!({"groupVersion": GROUP, "version": "v1beta1"});
    let name = "external.metrics.k8s.io";
    json!({"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": [version], "preferredVersion": version})
}

async fn groups() -> Json<Value> {
    Json(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group()]}))
}

async fn resources() -> Json<Value> {
    let demand = json!({"name": "shop-demand", "singularName": "", "namespaced": true, "kind": "ExternalMetricValueList", "verbs": ["get"]});
    Json(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP, "resources": [demand]}))
}

async fn value(
    State(worlds): State<Arc<Worlds>>,
    Path((namespace, metric)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
) -> Json<Value> {
    let app = query.get("labelSelector").and_then(|selector| selector.strip_prefix("app=")).unwrap_or_default();
    let minute = worlds.minute();
    let demand = worlds.open().get(&namespace).filter(|_| metric == "shop-demand").and_then(|world| {
        let workload = world.workloads.iter().find(|workload| workload.name == app)?;
        Some(world.demand(workload, world.minute(minute)))
    });
    let items: Vec<Value> = demand
        .into_iter()
        .map(|demand| {
            let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            json!({"metricName": metric, "metricLabels": {"app": app}, "timestamp": now, "value": format!("{:.0}", demand.ceil())})
        })
        .collect();
    Json(json!({"kind": "ExternalMetricValueList", "apiVersion": GROUP, "metadata": {}, "items": items}))
}

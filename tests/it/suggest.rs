//! `headroom suggest pool` on a real API server, with a Prometheus that says what a test wants: a pool that can be applied as it is printed,
//! and refusals that name the way out.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::{Command, Output};
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::support::bed::bed;
use crate::support::person::headroom;

/// What is known of a query at a time in seconds; None: no series.
type Script = Arc<dyn Fn(&str, i64) -> Option<f64> + Send + Sync>;

const DAY: i64 = 86_400;

/// From 20 requests per second and replica at midnight to 80 at noon.
fn load(at: i64) -> f64 {
    let of_day = f64::from(u32::try_from(at.rem_euclid(DAY)).unwrap()) / 86_400.0;
    50.0 - 30.0 * (of_day * std::f64::consts::TAU).cos()
}

/// Four replicas of a shop that is measured in every way, and well.
fn healthy(query: &str, at: i64) -> Option<f64> {
    let has = |words: &str| query.contains(words);
    match () {
        () if has(r#"{namespace="suggest-shop",pod=~"web-"#) && has(r#"code=~"5..""#) && has("http_requests_total") => {
            Some(0.0)
        }
        () if query.starts_with("sum(rate(http_requests_total{") && !has("status") => Some(4.0 * load(at)),
        () if query.starts_with("count(max by (pod) (rate(container_cpu_usage_seconds_total{") => Some(4.0),
        () if has("container_cpu_usage_seconds_total") && has(r#"container="web""#) => {
            Some(4.0 * (0.05 + 0.004 * load(at)))
        }
        () if has("max_over_time((max(kube_deployment_status_replicas{") || has("restarts_total") => Some(0.0),
        () if has("kube_deployment_status_replicas_ready{") || has("up{") => Some(4.0),
        () => None,
    }
}

/// So many bytes are more than an answer may have.
const TOO_LARGE: usize = 5 * 1024 * 1024;

async fn answer(State(script): State<Script>, Query(asked): Query<HashMap<String, String>>) -> Json<Value> {
    let number = |name: &str| asked[name].parse::<f64>().unwrap().to_string().parse::<i64>().unwrap();
    let (from, to, step) = (number("start"), number("end"), number("step"));
    assert!((to - from) / step <= 11_000, "Prometheus gives no more");
    let values = (0..=(to - from) / step).map(|index| from + index * step);
    let values: Vec<Value> =
        values.filter_map(|at| Some(json!([at, script(&asked["query"], at)?.to_string()]))).collect();
    // A long time of the demand is too much for one answer.
    let more =
        if asked["query"].starts_with("sum(rate(http_requests_total") && to - from > 5 * DAY { TOO_LARGE } else { 0 };
    let metric = json!({"filler": "x".repeat(more)});
    let result = if values.is_empty() { json!([]) } else { json!([{"metric": metric, "values": values}]) };
    Json(json!({"status": "success", "data": {"resultType": "matrix", "result": result}}))
}

/// What it says of now: the demand, how old its samples are, and that four replicas are behind it.
async fn answer_now(State(script): State<Script>, Query(asked): Query<HashMap<String, String>>) -> Json<Value> {
    let (query, at) = (asked["query"].as_str(), asked["time"].parse::<i64>().unwrap());
    let now = f64::from(u32::try_from(at).unwrap());
    let value = match () {
        () if query.starts_with("min(label_replace(max(timestamp(") => Some(now),
        () if query.starts_with("min(label_replace(count(") => Some(4.0),
        () => script(query, at),
    };
    let result: Vec<Value> =
        value.into_iter().map(|value| json!({"metric": {}, "value": [at, value.to_string()]})).collect();
    Json(json!({"status": "success", "data": {"resultType": "vector", "result": result}}))
}

/// A Prometheus of which only one question is known.
fn prometheus(script: impl Fn(&str, i64) -> Option<f64> + Send + Sync + 'static) -> String {
    let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let script: Script = Arc::new(script);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let app = Router::new()
                .route("/api/v1/query_range", get(answer))
                .route("/api/v1/query", get(answer_now))
                .with_state(script);
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), app).await.unwrap();
        });
    });
    address
}

const SHOP: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: suggest-shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: suggest-shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "bed.local/idle:1", resources: {limits: {cpu: 500m}}}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: suggest-shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 12
"#;

fn suggest(kubeconfig: &str, prometheus: &str, more: &[&str]) -> Output {
    let usual = ["suggest", "pool", "-n", "suggest-shop", "--prometheus-url", prometheus];
    headroom(kubeconfig, &[&usual[..], more].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_pool_is_proposed_that_can_be_applied_and_too_little_is_refused() {
    let bed = bed();
    bed.apply(SHOP);
    let config = bed.kubectl(&["config", "view", "--raw", "--minify", "-o", "json"]);
    let kubeconfig = bed.dir.join("suggest.kubeconfig");
    std::fs::write(&kubeconfig, config).unwrap();
    let kubeconfig = kubeconfig.to_str().unwrap();
    let all = prometheus(healthy);

    let output = suggest(kubeconfig, &all, &["web"]);
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && complained.is_empty(), "{complained}");
    // 70 % of half a core less 0.05 idle, at 0.004 a request: 75, of which the operator makes 70 % again.
    for words in [
        "# CpuRegression: 75 req/s are safe for one replica.",
        "\n    capacityPerReplica: 107.1/s\n",
        "\n      peak: 320/s\n",
        "\n    # The most that its autoscaler allows.\n    maxReplicas: 12\n",
        "\n  targetUtilization: 70%\n",
        "by http_requests_total, the one well-known metric that counts them.",
        " by ObservedMax: 1.25 times the highest healthy load ever seen, 80 req/s.",
    ] {
        assert!(said.contains(words), "{words} in\n{said}");
    }
    let path = bed.dir.join("suggested.yaml");
    std::fs::write(&path, &said).unwrap();
    let path = path.to_str().unwrap();
    let linted = Command::new(env!("CARGO_BIN_EXE_headroom")).args(["lint", "--strict", path]).output().unwrap();
    assert!(linted.status.success(), "{}", text(&linted.stdout));
    bed.kubectl(&["apply", "--server-side", "--dry-run=server", "-f", path]);

    let output = suggest(kubeconfig, &all, &["deployment/web", "--json", "--max-replicas", "20", "--days", "7"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["suggestion"]["provenance"], "CpuRegression");
    assert_eq!(told["pool"]["spec"]["workloads"][0]["maxReplicas"], 20);
    assert_eq!(told["suggestion"]["evidence"]["dropped"]["unmeasured"], 0);

    let refused = |prometheus: &str, more: &[&str]| {
        let output = suggest(kubeconfig, prometheus, more);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""), "{more:?}");
        text(&output.stderr)
    };
    // A day of it is too little.
    let told = refused(&all, &["web", "--days", "1"]);
    let begins = "headroom: nothing is proposed for Deployment suggest-shop/web: 289 usable bins of five minutes on ";
    assert!(told.starts_with(begins) && told.contains("look back further with --days"), "{told}");
    // Two that count requests, or none: it is asked and not guessed.
    let two =
        prometheus(
            |query, at| {
                if query.starts_with("sum(rate(istio_requests_total{") { Some(9.0) } else { healthy(query, at) }
            },
        );
    let told = refused(&two, &["web"]);
    assert!(told.starts_with("headroom: 2 well-known metrics count requests of Deployment suggest-shop/web"), "{told}");
    assert!(told.contains("--demand QUERY:\n  sum(rate(http_requests_total{"), "{told}");
    let none = prometheus(|_, _| None);
    let told = refused(&none, &["web"]);
    assert!(told.contains("(tried http_requests_total, http_server_request_duration_seconds_count,"), "{told}");
    let told = refused(&none, &["web", "--demand", "sum(rate(hits[2m]))"]);
    assert!(told.starts_with("headroom: --demand has no answer for any time of the last 14 days"), "{told}");
    // Nor are replicas.
    let alone = prometheus(|query, at| (query == "sum(rate(hits[2m]))").then(|| load(at)));
    let told = refused(&alone, &["web", "--demand", "sum(rate(hits[2m]))"]);
    assert!(told.contains("how many replicas were ready is not known") && told.contains("--replicas QUERY"), "{told}");
    // What is not there, and what this release does not scale.
    let told = refused(&all, &["shop"]);
    assert!(told.contains("there is no Deployment shop in namespace suggest-shop; give -n NAMESPACE"), "{told}");
    let told = refused(&all, &["web", "--container", "proxy"]);
    assert!(told.contains("it has no container proxy; it has web"), "{told}");
    let told = refused("http://127.0.0.1:1", &["web"]);
    assert!(
        told.starts_with("headroom: failed to ask Prometheus for the demand: Prometheus cannot be reached"),
        "{told}"
    );
}

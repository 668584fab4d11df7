//! The worlds: what each bears, what it is asked for, and what was sent to it.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, ListParams};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::load::{Response, Wave};

/// One workload of a world.
#[derive(Clone, Debug, Deserialize)]
pub struct Workload {
    /// The Deployment, and the label `app` of its metrics.
    pub name: String,
    /// What one ready pod truly bears, requests per second.
    pub per_replica: f64,
    /// Demand without any send, requests per second.
    pub demand: f64,
    /// Share of a send's requests that reaches it.
    #[serde(default = "one")]
    pub share: f64,
    /// Ready pods.
    #[serde(skip)]
    pub ready: u32,
    /// Requests served so far, by pod and code.
    #[serde(skip)]
    pub served: BTreeMap<(u32, &'static str), f64>,
}

fn one() -> f64 {
    1.0
}

/// One world.
#[derive(Clone, Debug, Deserialize)]
pub struct World {
    pub workloads: Vec<Workload>,
    pub response: Response,
    /// Messages per second that the receiver sends at.
    pub send_rate: f64,
    /// Share of requests that fail, beside those that do not fit.
    #[serde(default)]
    pub error_ratio: f64,
    /// What the receiver does with the next requests; `accept` when empty.
    #[serde(default)]
    pub behaviour: VecDeque<String>,
    #[serde(skip)]
    pub waves: Vec<Wave>,
    #[serde(skip)]
    pub log: Vec<Value>,
}

impl World {
    /// Requests per second that one workload is truly asked for.
    pub fn demand(&self, workload: &Workload, minute: f64) -> f64 {
        let caused: f64 = self.waves.iter().map(|wave| wave.at(minute)).sum();
        workload.demand + workload.share * caused
    }
}

/// All worlds, and the shop's clock.
pub struct Worlds {
    all: Mutex<BTreeMap<String, World>>,
    pub log_dir: PathBuf,
    begun: Instant,
}

impl Worlds {
    pub fn new(log_dir: PathBuf) -> Worlds {
        Worlds { all: Mutex::default(), log_dir, begun: Instant::now() }
    }

    pub fn open(&self) -> MutexGuard<'_, BTreeMap<String, World>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Minutes since the shop was opened.
    pub fn minute(&self) -> f64 {
        self.begun.elapsed().as_secs_f64() / 60.0
    }
}

pub async fn put(
    State(worlds): State<Arc<Worlds>>,
    Path(namespace): Path<String>,
    Json(world): Json<World>,
) -> StatusCode {
    worlds.open().insert(namespace, world);
    StatusCode::NO_CONTENT
}

/// What may be changed while a world runs.
#[derive(Deserialize)]
pub struct Change {
    #[serde(default)]
    demand: BTreeMap<String, f64>,
    error_ratio: Option<f64>,
    behaviour: Option<VecDeque<String>>,
}

pub async fn patch(
    State(worlds): State<Arc<Worlds>>,
    Path(namespace): Path<String>,
    Json(change): Json<Change>,
) -> StatusCode {
    let mut worlds = worlds.open();
    let Some(world) = worlds.get_mut(&namespace) else { return StatusCode::NOT_FOUND };
    for workload in &mut world.workloads {
        if let Some(demand) = change.demand.get(&workload.name) {
            workload.demand = *demand;
        }
    }
    if let Some(ratio) = change.error_ratio {
        world.error_ratio = ratio;
    }
    if let Some(behaviour) = change.behaviour {
        world.behaviour = behaviour;
    }
    StatusCode::NO_CONTENT
}

pub async fn show(State(worlds): State<Arc<Worlds>>, Path(namespace): Path<String>) -> Result<Json<Value>, StatusCode> {
    let minute = worlds.minute();
    let worlds = worlds.open();
    let world = worlds.get(&namespace).ok_or(StatusCode::NOT_FOUND)?;
    let workloads: Vec<Value> = world
        .workloads
        .iter()
        .map(|workload| {
            json!({
                "name": workload.name,
                "ready": workload.ready,
                "demand": world.demand(workload, minute),
                "bears": workload.per_replica * f64::from(workload.ready),
            })
        })
        .collect();
    Ok(Json(json!({"workloads": workloads, "requests": world.log.len(), "accepted": world.waves.len()})))
}

pub async fn delete(State(worlds): State<Arc<Worlds>>, Path(namespace): Path<String>) -> StatusCode {
    worlds.open().remove(&namespace);
    StatusCode::NO_CONTENT
}

/// Keeps the ready pods of every workload as the API server has them.
pub async fn watch_replicas(worlds: Arc<Worlds>, client: kube::Client) {
    let api = Api::<Deployment>::all(client);
    loop {
        if let Ok(deployments) = api.list(&ListParams::default().match_any()).await {
            let mut worlds = worlds.open();
            for deployment in deployments.items {
                let (Some(namespace), Some(name)) = (&deployment.metadata.namespace, &deployment.metadata.name) else {
                    continue;
                };
                let ready = deployment.status.and_then(|status| status.ready_replicas).unwrap_or(0);
                let Some(world) = worlds.get_mut(namespace) else { continue };
                for workload in world.workloads.iter_mut().filter(|workload| workload.name == *name) {
                    workload.ready = u32::try_from(ready).unwrap_or(0);
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

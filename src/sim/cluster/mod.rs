//! The controllers of a cluster, in virtual time: autoscalers set the scale of their Deployments, Deployments get pods
//! that become ready after a while. They read and write the simulated API server as the real ones do, under the real
//! ones' name, and know nothing of the operator.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::ResourceExt;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::apiserver::{ApiServer, Place};
use crate::clock;

mod autoscaler;
mod pods;

pub use autoscaler::{Seen, Wishes};
pub use pods::{Pods, Start};

/// Who writes.
const MANAGER: &str = "kube-controller-manager";
const DEPLOYMENTS: &str = "deployments.apps";
const AUTOSCALERS: &str = "horizontalpodautoscalers.autoscaling";

/// What the world is like around the controllers.
pub trait Surroundings: Send {
    /// The sum over all pods of the metric that an autoscaler scales by; None while it cannot be read.
    fn load(&self, namespace: &str, autoscaler: &str, now: Timestamp) -> Option<f64>;

    /// How new pods of a Deployment come up.
    fn start(&self, _namespace: &str, _deployment: &str, _now: Timestamp) -> Start {
        Start { takes: SignedDuration::from_secs(20), places: None }
    }
}

/// The controllers.
pub struct Cluster<S> {
    server: ApiServer,
    surroundings: S,
    /// How often autoscalers look; the real ones every 15 s.
    sync: Duration,
    pods: BTreeMap<(String, String), Pods>,
    wishes: BTreeMap<(String, String), Wishes>,
    next_sync: Option<Instant>,
}

impl<S: Surroundings> Cluster<S> {
    /// Controllers of this server, in these surroundings.
    pub fn new(server: ApiServer, surroundings: S, sync: Duration) -> Cluster<S> {
        Cluster { server, surroundings, sync, pods: BTreeMap::new(), wishes: BTreeMap::new(), next_sync: None }
    }

    /// Makes all pods ready that now have a place: the cluster was there before the story begins.
    pub fn settle(&mut self) {
        let now = clock::world();
        self.follow(now);
        self.pods.values_mut().for_each(|pods| pods.settle(now));
        self.follow(now);
    }

    /// Works until it is dropped.
    pub async fn run(mut self) {
        let listen = |resource| self.server.changes_of(resource);
        let (Some(mut deployments), Some(mut autoscalers)) = (listen(DEPLOYMENTS), listen(AUTOSCALERS)) else { return };
        loop {
            // Before the look: a change that comes after it must wake us.
            deployments.catch_up();
            autoscalers.catch_up();
            let next = self.step();
            tokio::select! {
                biased;
                is_served = deployments.rung() => if !is_served { return },
                is_served = autoscalers.rung() => if !is_served { return },
                () = sleep_until(next) => {}
            }
        }
    }

    /// Does what is due, and says when something will be due by time alone.
    pub fn step(&mut self) -> Instant {
        let (now, instant) = (clock::world(), Instant::now());
        let sync = self.next_sync.unwrap_or(instant);
        if sync <= instant {
            self.scale(now);
            self.next_sync = Some(instant + self.sync);
        }
        let next_ready = self.follow(now);
        let until = |at: Timestamp| Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO);
        let next_sync = self.next_sync.unwrap_or(instant + self.sync);
        next_ready.map_or(next_sync, |at| next_sync.min(instant + until(at)))
    }

    /// Every autoscaler looks once.
    fn scale(&mut self, now: Timestamp) {
        let mut seen = BTreeMap::new();
        for hpa in self.server.read_all::<HorizontalPodAutoscaler>("") {
            let (namespace, name) = (hpa.namespace().unwrap_or_default(), hpa.name_any());
            let wishes = self.wishes.remove(&(namespace.clone(), name.clone())).unwrap_or_default();
            let wishes = self.scale_one(&hpa, &namespace, &name, wishes, now);
            seen.insert((namespace, name), wishes);
        }
        self.wishes = seen;
    }

    fn scale_one(
        &self,
        hpa: &HorizontalPodAutoscaler,
        namespace: &str,
        name: &str,
        mut wishes: Wishes,
        now: Timestamp,
    ) -> Wishes {
        let Some(spec) = hpa.spec.as_ref().filter(|spec| spec.scale_target_ref.kind == "Deployment") else {
            return wishes;
        };
        let target = &spec.scale_target_ref.name;
        let Some(deployment) = self.server.read::<Deployment>(namespace, target) else { return wishes };
        let current = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let seconds = spec.behavior.as_ref().and_then(|it| it.scale_down.as_ref()?.stabilization_window_seconds);
        let per_pod = serde_json::to_value(&spec.metrics).ok().and_then(|metrics| per_pod(&metrics)).unwrap_or(1.0);
        let looked = Seen {
            current,
            least: spec.min_replicas.unwrap_or(1),
            most: spec.max_replicas,
            load: self.surroundings.load(namespace, name, now),
            per_pod,
            stabilization: SignedDuration::from_secs(i64::from(seconds.unwrap_or(300))),
        };
        let desired = wishes.decide(&looked, now);
        if desired != current {
            let place = Place { subresource: "scale".to_owned(), ..self.place(DEPLOYMENTS, namespace, target) };
            // An object that went in the same moment is no fault.
            let _ = self.server.merge(MANAGER, &place, json!({"spec": {"replicas": desired}}));
        }
        let status = hpa.status.clone().unwrap_or_default();
        if status.desired_replicas != desired || status.current_replicas != Some(current) {
            let place = Place { subresource: "status".to_owned(), ..self.place(AUTOSCALERS, namespace, name) };
            let told = json!({"status": {"currentReplicas": current, "desiredReplicas": desired}});
            let _ = self.server.merge(MANAGER, &place, told);
        }
        wishes
    }

    /// Every Deployment gets the pods it asks for; returns when the next pod will be ready.
    fn follow(&mut self, now: Timestamp) -> Option<Timestamp> {
        let mut seen = BTreeMap::new();
        let mut next = None;
        for deployment in self.server.read_all::<Deployment>("") {
            let (namespace, name) = (deployment.namespace().unwrap_or_default(), deployment.name_any());
            let mut pods = self.pods.remove(&(namespace.clone(), name.clone())).unwrap_or_default();
            let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
            let start = self.surroundings.start(&namespace, &name, now);
            pods.follow(usize::try_from(wanted).unwrap_or(0), start, now);
            self.tell(&deployment, &pods, now);
            next = next.into_iter().chain(pods.next_ready(now)).min();
            seen.insert((namespace, name), pods);
        }
        self.pods = seen;
        next
    }

    fn tell(&self, deployment: &Deployment, pods: &Pods, now: Timestamp) {
        let some = |count: usize| i32::try_from(count).ok().filter(|count| *count > 0);
        let (count, ready) = (pods.count(), pods.ready(now));
        let old = deployment.status.clone().unwrap_or_default();
        let status = DeploymentStatus {
            observed_generation: deployment.metadata.generation,
            replicas: some(count),
            updated_replicas: some(count),
            ready_replicas: some(ready),
            available_replicas: some(ready),
            unavailable_replicas: some(count - ready),
            ..old.clone()
        };
        if status == old {
            return;
        }
        let told = Deployment { status: Some(status), ..deployment.clone() };
        if let Ok(told) = serde_json::to_value(told) {
            let _ = self.server.update_status(MANAGER, &told);
        }
    }

    fn place(&self, resource: &str, namespace: &str, name: &str) -> Place {
        self.server.place(resource, namespace, name).unwrap_or_default()
    }
}

/// What one pod should carry by the first metric that says so: `75`, `"75"`, `"1500m"`.
fn per_pod(metrics: &Value) -> Option<f64> {
    let average = metrics.as_array()?.iter().find_map(|metric| {
        ["external", "pods", "object"].iter().find_map(|source| metric.get(source)?.get("target")?.get("averageValue"))
    })?;
    let text = average.as_str()?;
    match text.strip_suffix('m') {
        Some(milli) => milli.parse::<f64>().ok().map(|milli| milli / 1_000.0),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests;

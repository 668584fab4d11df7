//! The ready pods of every workload, as the API server has them. Without a cluster they are what the test gave.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, ListParams};

use crate::world::Worlds;

/// Whether a cluster is at hand: a kubeconfig that was named, or the one that a pod has.
pub fn has_cluster() -> bool {
    ["KUBECONFIG", "KUBERNETES_SERVICE_HOST"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|set| !set.is_empty()))
}

/// Keeps them, for ever. While the API server is silent the last ones stand, and the truth shows their age.
pub async fn watch(worlds: Arc<Worlds>, client: kube::Client) {
    let api = Api::<Deployment>::all(client);
    loop {
        let asked = Instant::now();
        if let Ok(deployments) = api.list(&ListParams::default().match_any()).await {
            let ready: BTreeMap<(String, String), u32> = deployments
                .items
                .into_iter()
                .filter_map(|deployment| {
                    let ready = deployment.status.and_then(|status| status.ready_replicas).unwrap_or(0);
                    let name = (deployment.metadata.namespace?, deployment.metadata.name?);
                    Some((name, u32::try_from(ready).unwrap_or(0)))
                })
                .collect();
            for (namespace, world) in worlds.open().iter_mut() {
                for workload in &mut world.workloads {
                    // A Deployment that is gone bears nothing.
                    let name = (namespace.clone(), workload.name.clone());
                    workload.ready = ready.get(&name).copied().unwrap_or(0);
                }
                world.ready_as_of = asked;
            }
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

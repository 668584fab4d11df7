//! Whether a workload that campaigns wait for is rolled out. Reads, and decides nothing.

use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;

use crate::api::campaign::AfterKind;
use crate::plan::after::Rollout;

use super::objects;

/// Reads a workload as it stands now.
pub async fn read(client: &Client, namespace: &str, kind: AfterKind, name: &str) -> Rollout {
    match kind {
        AfterKind::Deployment => match objects::get::<Deployment>(client, namespace, name).await {
            Ok(Some(deployment)) => of_deployment(&deployment),
            Ok(None) => Rollout::Missing,
            Err(error) => Rollout::Unreadable(error.to_string()),
        },
    }
}

/// Complete as `kubectl rollout status` means it, and with at least one replica: nothing that runs nowhere serves anybody.
fn of_deployment(deployment: &Deployment) -> Rollout {
    let status = deployment.status.clone().unwrap_or_default();
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let complete = wanted > 0
        && status.observed_generation >= deployment.metadata.generation
        && status.updated_replicas.unwrap_or(0) >= wanted
        && status.replicas.unwrap_or(0) == status.updated_replicas.unwrap_or(0)
        && status.available_replicas.unwrap_or(0) >= status.updated_replicas.unwrap_or(0);
    let pod = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let images = pod.into_iter().flat_map(|pod| &pod.containers).filter_map(|container| container.image.clone());
    Rollout::There { complete, images: images.collect() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(wanted: i32, all: i32, updated: i32, available: i32, observed: i64) -> Rollout {
        let containers = json!([{"name": "web", "image": "shop/web:2"}]);
        let object = json!({
            "metadata": {"generation": 2},
            "spec": {"replicas": wanted, "selector": {}, "template": {"spec": {"containers": containers}}},
            "status": {"observedGeneration": observed, "replicas": all, "updatedReplicas": updated, "availableReplicas": available},
        });
        of_deployment(&serde_json::from_value(object).unwrap())
    }

    fn is_complete(rollout: &Rollout) -> bool {
        matches!(rollout, Rollout::There { complete: true, .. })
    }

    #[test]
    fn a_rollout_is_complete_when_only_the_newest_template_runs_and_all_of_it_is_available() {
        let there = deployment(3, 3, 3, 3, 2);
        assert_eq!(there, Rollout::There { complete: true, images: vec!["shop/web:2".into()] });
        assert!(!is_complete(&deployment(3, 3, 3, 3, 1)), "what is seen is the generation before");
        assert!(!is_complete(&deployment(3, 4, 3, 3, 2)), "one old replica is left");
        assert!(!is_complete(&deployment(3, 3, 2, 3, 2)), "one is still to be updated");
        assert!(!is_complete(&deployment(3, 3, 3, 2, 2)), "one is not available");
        assert!(!is_complete(&deployment(0, 0, 0, 0, 2)), "nothing runs");
    }
}

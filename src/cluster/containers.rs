//! What the containers of a workload's pods may use of a CPU, as its template says it. Reads, and decides nothing.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::Client;

use crate::plan::number;
use crate::plan::suggest::known::{Kind, Subject};
use crate::plan::suggest::{Container, Cores};

use super::error::Error;
use super::objects;
use super::quantity::thousandths;

/// Its containers and sidecars, in the order written; None where there is no such workload.
pub async fn read(client: &Client, subject: &Subject) -> Result<Option<Vec<Container>>, Error> {
    let Subject { kind, namespace, name } = subject;
    let template = match kind {
        Kind::Deployment => {
            let found = objects::get::<Deployment>(client, namespace, name).await?;
            found.map(|found| found.spec.unwrap_or_default().template)
        }
        Kind::StatefulSet => {
            let found = objects::get::<StatefulSet>(client, namespace, name).await?;
            found.map(|found| found.spec.unwrap_or_default().template)
        }
    };
    Ok(template.map(|template| of_pod(&template.spec.unwrap_or_default())))
}

fn of_pod(pod: &v1::PodSpec) -> Vec<Container> {
    let is_sidecar = |container: &&v1::Container| container.restart_policy.as_deref() == Some("Always");
    let sidecars = pod.init_containers.iter().flatten().filter(is_sidecar);
    pod.containers.iter().chain(sidecars).map(container).collect()
}

fn container(container: &v1::Container) -> Container {
    let resources = container.resources.clone().unwrap_or_default();
    let cores = |amounts: Option<&BTreeMap<String, Quantity>>, is_limit| {
        let amount = amounts?.get("cpu")?;
        let cores = number::of_count(thousandths(&amount.0)?) / 1_000.0;
        (cores > 0.0).then_some(Cores { cores, is_limit })
    };
    let limit = cores(resources.limits.as_ref(), true);
    Container { name: container.name.clone(), cores: limit.or_else(|| cores(resources.requests.as_ref(), false)) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_limit_counts_before_a_request_and_what_starts_and_ends_does_not() {
        let pod = json!({
            "containers": [
                {"name": "web", "resources": {"limits": {"cpu": "1500m"}, "requests": {"cpu": "200m"}}},
                {"name": "log", "resources": {"requests": {"cpu": "0.25", "memory": "1Gi"}}},
                {"name": "free"},
            ],
            "initContainers": [
                {"name": "migrate", "resources": {"limits": {"cpu": "4"}}},
                {"name": "proxy", "restartPolicy": "Always", "resources": {"limits": {"cpu": "2"}}},
            ],
        });
        let of = |name: &str, cores: Option<(f64, bool)>| Container {
            name: name.to_owned(),
            cores: cores.map(|(cores, is_limit)| Cores { cores, is_limit }),
        };
        assert_eq!(
            of_pod(&serde_json::from_value(pod).unwrap()),
            [
                of("web", Some((1.5, true))),
                of("log", Some((0.25, false))),
                of("free", None),
                of("proxy", Some((2.0, true)))
            ]
        );
    }
}

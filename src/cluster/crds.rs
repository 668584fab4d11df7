//! Whether the API server knows our kinds, as this release writes them. An operator newer than its CRDs would have its
//! writes answered with 200 and silently cut.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::Api;
use kube::{Client, CustomResourceExt, ResourceExt};

use crate::api::{Campaign, CapacityPool, Sender, WaveRelease};

use super::error::{Error, bounded};

/// So often and so long the definitions are looked for: a chart may create them after the Deployment.
const TRIES: u32 = 30;

/// Waits until every kind is there, and refuses one that lacks a field of this release.
pub async fn check(client: &Client) -> Result<(), Error> {
    for wanted in [Campaign::crd(), CapacityPool::crd(), Sender::crd(), WaveRelease::crd()] {
        let mut tried = 0;
        loop {
            match look(client, &wanted).await {
                Ok(()) => break,
                Err(error @ Error::Refused { .. }) => return Err(error),
                Err(error) if tried == TRIES => return Err(error),
                Err(error) => tracing::warn!(%error, "waiting for the CustomResourceDefinitions"),
            }
            tried += 1;
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    }
    Ok(())
}

async fn look(client: &Client, wanted: &CustomResourceDefinition) -> Result<(), Error> {
    let name = wanted.name_any();
    let api = Api::<CustomResourceDefinition>::all(client.clone());
    let there = bounded(format!("read the CustomResourceDefinition {name}"), api.get(&name)).await?;
    match lacking(wanted, &there) {
        None => Ok(()),
        Some(field) => {
            let what = format!("use the CustomResourceDefinition {name}");
            Err(Error::CrdOutdated { what, field })
        }
    }
}

/// The first property that this release writes and the installed schema does not have.
fn lacking(wanted: &CustomResourceDefinition, there: &CustomResourceDefinition) -> Option<String> {
    let schema = |definition: &CustomResourceDefinition| {
        let version = definition.spec.versions.iter().find(|version| version.name == crate::api::VERSION)?;
        serde_json::to_value(version.schema.as_ref()?.open_api_v3_schema.as_ref()?).ok()
    };
    let (Some(wanted), Some(there)) = (schema(wanted), schema(there)) else { return Some("its schema".to_owned()) };
    missing(&wanted, &there, "")
}

fn missing(wanted: &serde_json::Value, there: &serde_json::Value, path: &str) -> Option<String> {
    if let Some(properties) = wanted.get("properties").and_then(serde_json::Value::as_object) {
        for (name, property) in properties {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            match there.get("properties").and_then(|there| there.get(name)) {
                None => return Some(path),
                Some(there) => {
                    if let Some(found) = missing(property, there, &path) {
                        return Some(found);
                    }
                }
            }
        }
    }
    match (wanted.get("items"), there.get("items")) {
        (Some(wanted), Some(there)) => missing(wanted, there, path),
        (Some(_), None) => Some(path.to_owned()),
        (None, _) => None,
    }
}

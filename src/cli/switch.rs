//! `headroom stop` and `go`: the one switch, a `ConfigMap` in the operator's namespace. Plain kubectl throws it as well; this
//! only spares remembering how it is written.

use anyhow::anyhow;
use clap::Args;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::cluster::{Cluster, ClusterArguments};
use super::say;
use crate::api::STOP_CONFIG_MAP;
use crate::cluster::{Error, bounded};
use crate::plan::stop::{REASON, key_of};

/// Which releases are meant.
#[derive(Debug, Args)]
pub struct Which {
    /// Only those of this pool: NAMESPACE/NAME.
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = pool)]
    pool: Option<String>,
    /// The namespace the operator runs in.
    #[arg(long, env = "HEADROOM_OPERATOR_NAMESPACE", value_name = "NAMESPACE", default_value = "headroom")]
    operator_namespace: String,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// What `headroom stop` is given.
#[derive(Debug, Args)]
pub struct StopArguments {
    /// Why: shown on every Campaign that waits.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    which: Which,
}

/// What `headroom go` is given.
#[derive(Debug, Args)]
pub struct GoArguments {
    #[command(flatten)]
    which: Which,
}

fn pool(text: &str) -> Result<String, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok(text.to_owned())
        }
        _ => Err("write it NAMESPACE/NAME, such as shop/storefront".to_owned()),
    }
}

impl Which {
    fn key(&self) -> String {
        self.pool.as_deref().map_or_else(|| REASON.to_owned(), key_of)
    }

    fn told(&self) -> String {
        self.pool.as_ref().map_or_else(|| "every release".to_owned(), |pool| format!("every release on {pool}"))
    }

    fn maps(&self, cluster: &Cluster) -> Api<ConfigMap> {
        Api::namespaced(cluster.client.clone(), &self.operator_namespace)
    }
}

/// Throws the switch: makes it, with its owners, or adds to one that is there.
pub(super) async fn throw(
    client: &Client,
    namespace: &str,
    owners: &Value,
    data: &Value,
    added: &Value,
) -> anyhow::Result<()> {
    let maps = Api::<ConfigMap>::namespaced(client.clone(), namespace);
    let what = format!("write the ConfigMap {namespace}/{STOP_CONFIG_MAP}");
    let map = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": STOP_CONFIG_MAP, "ownerReferences": owners},
        "data": data,
    }))?;
    match bounded(what.clone(), maps.create(&PostParams::default(), &map)).await {
        Ok(_) => Ok(()),
        Err(Error::AlreadyExists { .. }) => {
            let patch = Patch::Merge(json!({ "data": added }));
            bounded(what, maps.patch(STOP_CONFIG_MAP, &PatchParams::default(), &patch)).await?;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Stops.
pub fn stop(arguments: &StopArguments) -> anyhow::Result<()> {
    let which = &arguments.which;
    which.cluster.run(async |cluster| {
        let reason = format!("{} ({})", arguments.reason.trim(), cluster.user().await?);
        let data = json!({which.key(): reason});
        throw(&cluster.client, &which.operator_namespace, &json!([]), &data, &data).await?;
        say(&format!(
            "Stopped: {} waits. What is leaving already goes on; \"headroom pause\" and \"abort\" are for single Campaigns. Lift it with: headroom go{}",
            which.told(),
            which.pool.as_ref().map_or_else(String::new, |pool| format!(" --pool {pool}"))
        ));
        Ok(())
    })
}

/// Goes on.
pub fn go(arguments: &GoArguments) -> anyhow::Result<()> {
    let which = &arguments.which;
    which.cluster.run(async |cluster| {
        let maps = which.maps(&cluster);
        let what = format!("change the ConfigMap {}/{STOP_CONFIG_MAP}", which.operator_namespace);
        let Some(there) = bounded(what.clone(), maps.get_opt(STOP_CONFIG_MAP)).await? else {
            say(&format!(
                "Nothing is stopped: there is no ConfigMap {STOP_CONFIG_MAP} in {}.",
                which.operator_namespace
            ));
            return Ok(());
        };
        let data = there.data.clone().unwrap_or_default();
        let is_last = which.pool.is_none() || data.keys().all(|key| *key == which.key());
        if let Some(pool) = &which.pool
            && !data.contains_key(&which.key())
        {
            return Err(anyhow!(
                "{pool} is not stopped by itself; {}",
                if data.contains_key(REASON) { "every release is: headroom go" } else { "nothing is to be done" }
            ));
        }
        if is_last {
            // Only the switch that was read: one that somebody has thrown anew since stays.
            let preconditions = kube::api::Preconditions {
                uid: there.metadata.uid.clone(),
                resource_version: there.metadata.resource_version.clone(),
            };
            let delete = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
            bounded(what, maps.delete(STOP_CONFIG_MAP, &delete)).await?;
        } else {
            let patch = json!({
                "metadata": {"resourceVersion": there.metadata.resource_version}, "data": {which.key(): null},
            });
            bounded(what, maps.patch(STOP_CONFIG_MAP, &PatchParams::default(), &Patch::Merge(patch))).await?;
        }
        say(&format!(
            "Not stopped any more: {}. Each Campaign goes on as soon as everything else lets it.",
            which.told()
        ));
        Ok(())
    })
}

//! What commands for people share: which cluster, which namespace, and who is asking. Retries nothing: a person does.

use anyhow::{Context as _, anyhow};
use clap::Args;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;

use crate::api::Campaign;
use crate::cluster::{bounded, objects};

/// Which cluster, and which namespace of it.
#[derive(Clone, Debug, Args)]
pub struct ClusterArguments {
    /// The namespace. Default: that of the context.
    #[arg(short, long, global = true, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// The context of the kubeconfig. Default: the current one.
    #[arg(long, global = true, value_name = "CONTEXT")]
    context: Option<String>,
}

/// The cluster, as this person sees it.
pub struct Cluster {
    /// Its API server.
    pub client: Client,
    /// The namespace that is meant.
    pub namespace: String,
}

impl ClusterArguments {
    /// Connects.
    pub async fn connect(&self) -> anyhow::Result<Cluster> {
        let mut config = match &self.context {
            Some(context) => {
                let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
                let file = Kubeconfig::read().context("failed to read the kubeconfig")?;
                Config::from_custom_kubeconfig(file, &options).await.context("failed to use the kubeconfig")?
            }
            None => Config::infer().await.context("failed to find an API server: set KUBECONFIG, or give --context")?,
        };
        config.default_retry = false;
        let namespace = self.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).context("failed to make a client for the API server")?;
        Ok(Cluster { client, namespace })
    }

    /// Runs a command that talks to the cluster.
    pub fn run<T>(&self, command: impl AsyncFnOnce(Cluster) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("failed to start")?;
        runtime.block_on(async { command(self.connect().await?).await })
    }
}

impl Cluster {
    /// A Campaign of the namespace.
    pub async fn campaign(&self, name: &str) -> anyhow::Result<Campaign> {
        let found = objects::get::<Campaign>(&self.client, &self.namespace, name).await?;
        found.ok_or_else(|| anyhow!("there is no Campaign {name} in namespace {}; give -n NAMESPACE", self.namespace))
    }

    /// Changes annotations of the Campaign that was read, if it is still that one.
    pub async fn annotate(&self, campaign: &Campaign, annotations: Value) -> anyhow::Result<Campaign> {
        let change = serde_json::json!({ "annotations": annotations });
        Ok(objects::change_metadata(&self.client, campaign, change).await?)
    }

    /// Changes annotations of a Campaign whatever it is like by now: what only ever stops it need not have read it.
    pub async fn annotate_anyhow(&self, name: &str, annotations: Value) -> anyhow::Result<()> {
        let api = Api::<Campaign>::namespaced(self.client.clone(), &self.namespace);
        let patch = serde_json::json!({ "metadata": { "annotations": annotations } });
        let (how, what) = (PatchParams::default(), format!("change the Campaign {}/{name}", self.namespace));
        bounded(what, api.patch(name, &how, &Patch::Merge(patch))).await?;
        Ok(())
    }

    /// The name under which the API server knows whoever is asking.
    pub async fn user(&self) -> anyhow::Result<String> {
        let api = Api::<SelfSubjectReview>::all(self.client.clone());
        let (how, question) = (PostParams::default(), SelfSubjectReview::default());
        let review = bounded("ask the API server who you are".to_owned(), api.create(&how, &question)).await?;
        let user = review.status.and_then(|status| status.user_info).and_then(|user| user.username);
        user.filter(|user| !user.is_empty()).ok_or_else(|| anyhow!("the API server does not say who you are"))
    }
}

//! `headroom restore`: leaves an install. Stops every release, and gives back all scale that its pools have borrowed, whether
//! an operator runs or not; the chart does so before it is removed. Says what is not back in time, and never that it is.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use futures::StreamExt;
use jiff::SignedDuration;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::cluster::{Cluster, ClusterArguments};
use super::{say, span, switch};
use crate::api::CapacityPool;
use crate::cluster::{Error, bounded, stores};
use crate::controller::context::{Context, Settings};
use crate::controller::give_back::{self, Rest};
use crate::controller::outside::Nowhere;
use crate::plan::scope::Scope;
use crate::plan::stop::{GIVE_BACK, REASON};

/// A look that a running operator had begun before the switch was thrown has ended by then.
const SETTLED: Duration = Duration::from_secs(2);

/// What `headroom restore` is given.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// Which of several installs is left: NAMESPACE/RELEASE.
    #[arg(long, env = "HEADROOM_INSTALL", value_name = "NAMESPACE/RELEASE", default_value = "headroom/headroom")]
    install: String,
    /// The namespace that holds the ledger.
    #[arg(long, env = "HEADROOM_LEDGER_NAMESPACE", value_name = "NAMESPACE", default_value = "headroom-ledger")]
    ledger_namespace: String,
    /// The install looks at these namespaces and no others; without it, at the whole cluster. It may be given several times, or a list.
    #[arg(long, env = "HEADROOM_WATCH_NAMESPACES", value_name = "NAMESPACE", value_delimiter = ',')]
    watch_namespaces: Vec<String>,
    /// The operator's Deployment, in the install's namespace: the stop is lifted by itself once that has been deleted.
    #[arg(long, value_name = "DEPLOYMENT")]
    until_removed: Option<String>,
    /// What is not given back after so long is told, and is an error.
    #[arg(long, value_name = "SPAN", default_value = "2m", value_parser = span)]
    timeout: SignedDuration,
    #[command(flatten)]
    cluster: ClusterArguments,
}

impl RestoreArguments {
    /// Nothing is measured and nothing is sent.
    fn settings(&self) -> Settings {
        Settings {
            install: self.install.clone(),
            scope: Scope::of(self.watch_namespaces.clone()),
            ledger_namespace: self.ledger_namespace.clone(),
            prometheus_url: String::new(),
            sender_namespaces: Vec::new(),
            job_namespaces: Vec::new(),
            breach_recovery: SignedDuration::ZERO,
        }
    }
}

/// Gives everything back.
pub fn restore(arguments: &RestoreArguments) -> anyhow::Result<()> {
    arguments.cluster.run(async |cluster| {
        let one = arguments.watch_namespaces.first();
        let pools = one.map_or_else(
            || Api::<CapacityPool>::all(cluster.client.clone()),
            |namespace| Api::namespaced(cluster.client.clone(), namespace),
        );
        let first = bounded("list the CapacityPools".to_owned(), pools.list(&ListParams::default().limit(1))).await;
        if matches!(first, Err(Error::NotFound { .. })) {
            say("The cluster does not know CapacityPools: nothing is borrowed.");
            return Ok(());
        }
        first?;
        throw(&cluster, arguments).await?;
        let timeout = Duration::try_from(arguments.timeout).context("--timeout must be above nothing")?;
        let pools = give_back(&cluster.client, arguments, Instant::now() + timeout).await?;
        let lifted = arguments.until_removed.as_ref().map_or_else(
            || "; lift that with: headroom go".to_owned(),
            |deployment| format!(" until the Deployment {deployment} has been deleted"),
        );
        say(&format!(
            "All scale is given back: of the pools of {install}, {pools} in all, none borrows anything. Every release of {install} stays stopped{lifted}.",
            install = arguments.install
        ));
        Ok(())
    })
}

/// Throws the one switch, so that an operator that runs gives back too and borrows nothing anew.
async fn throw(cluster: &Cluster, arguments: &RestoreArguments) -> anyhow::Result<()> {
    let settings = arguments.settings();
    let namespace = settings.namespace();
    let reason = format!("{} is being left: headroom restore ({})", arguments.install, cluster.user().await?);
    let owners = match &arguments.until_removed {
        None => json!([]),
        Some(name) => owners(&cluster.client, namespace, name).await?,
    };
    // Where somebody has stopped everything already, his reason stays, and outlives the release.
    let data = json!({REASON: reason, GIVE_BACK: "true"});
    switch::throw(&cluster.client, namespace, &owners, &data, &json!({GIVE_BACK: "true"})).await
}

/// The Deployment with which the switch goes; none if it has gone already.
async fn owners(client: &Client, namespace: &str, name: &str) -> anyhow::Result<Value> {
    let api = Api::<Deployment>::namespaced(client.clone(), namespace);
    let found = bounded(format!("read Deployment {namespace}/{name}"), api.get_opt(name)).await?;
    let owner = |deployment: Deployment| json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": deployment.metadata.uid});
    Ok(found.map_or_else(|| json!([]), |deployment| json!([owner(deployment)])))
}

/// Gives back pool by pool until nothing is borrowed, and is not borrowed anew. How many pools there are.
async fn give_back(client: &Client, arguments: &RestoreArguments, until: Instant) -> anyhow::Result<usize> {
    let settings = arguments.settings();
    let (stores, mut touched) = stores::start(client, &settings.scope, &settings.ledger_namespace);
    // The stores fill while somebody listens.
    let listener = tokio::spawn(async move { while touched.next().await.is_some() {} });
    let ctx = Context::new(client.clone(), stores, settings, Box::new(Nowhere));
    let (mut told, mut settled): (Rest, Option<Instant>) = (Rest::new(), None);
    let done = loop {
        let missing = ctx.stores.waiting_for();
        let mut rest = Rest::new();
        if missing.is_empty() {
            let ours;
            (ours, rest) = give_back::round(&ctx).await;
            for ((namespace, name), what) in rest.iter().filter(|(pool, what)| told.get(pool) != Some(what)) {
                say(&format!("{namespace}/{name}: {what}"));
            }
            told.clone_from(&rest);
            if !rest.is_empty() {
                settled = None;
            } else if settled.get_or_insert_with(Instant::now).elapsed() >= SETTLED {
                break Ok(ours);
            }
        }
        if Instant::now() >= until {
            break Err(not_back(arguments, &missing, &rest));
        }
        tokio::time::sleep(give_back::ROUND).await;
    };
    listener.abort();
    done
}

fn not_back(arguments: &RestoreArguments, missing: &[&str], rest: &Rest) -> anyhow::Error {
    let what = if missing.is_empty() {
        let pools = rest.iter().map(|((namespace, name), what)| format!("{namespace}/{name}: {what}"));
        pools.collect::<Vec<_>>().join("; ")
    } else {
        format!("{} could not be read", missing.join(", "))
    };
    anyhow!(
        "not everything is given back after {} s: {what}. Nothing goes meanwhile. Mend what is named and run it again; docs/install.md tells how to give a floor back by hand",
        arguments.timeout.as_secs()
    )
}

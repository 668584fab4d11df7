//! `headroom run`: the operator. Owns the order in which things start, and the order in which they stop.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use clap::Args;
use futures::stream::BoxStream;
use jiff::SignedDuration;
use kube::{Client, Config};
use tokio::time::Instant;

use super::access::AccessArguments;
use crate::chance;
use crate::cluster::stores::Touched;
use crate::cluster::{self, stores};
use crate::controller::outside::{Measured, Network};
use crate::controller::{self, context, give_back};
use crate::election::Election;
use crate::plan::scope::Scope;
use crate::plan::units::Span;
use crate::senders::{HostRule, ListedNetwork, Reach, Trust};
use crate::telemetry::{self, LogFormat};
use crate::web;

/// What is borrowed is given back within so long where the operator's namespace is being deleted: of the 60 s that the chart gives
/// the operator to end, a request under way may take 30, and a question to the API server 10.
const LEAVING: std::time::Duration = std::time::Duration::from_secs(20);
/// An answer of the API server that is silent for longer is a dead connection: of a watch on which nothing happens it says
/// so every 60 to 75 s (a bookmark). Where it does not, the watch only begins again more often.
const SILENCE: std::time::Duration = std::time::Duration::from_secs(100);

/// What `headroom run` is given.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// Which of several installs this is: NAMESPACE/RELEASE.
    #[arg(long, env = "HEADROOM_INSTALL", value_name = "NAMESPACE/RELEASE", default_value = "headroom/headroom")]
    install: String,
    /// The namespace that holds the ledger.
    #[arg(long, env = "HEADROOM_LEDGER_NAMESPACE", value_name = "NAMESPACE", default_value = "headroom-ledger")]
    ledger_namespace: String,
    /// Look at these namespaces and no others; without it, at the whole cluster. It may be given several times, or a list.
    #[arg(long, env = "HEADROOM_WATCH_NAMESPACES", value_name = "NAMESPACE", value_delimiter = ',')]
    watch_namespaces: Vec<String>,
    /// Where pools are measured that name no Prometheus of their own.
    #[arg(long, env = "HEADROOM_PROMETHEUS_URL", value_name = "URL")]
    prometheus_url: String,
    /// A further address at which pools may be measured that name it; without it, none. It may be given several times, or a list.
    #[arg(long = "prometheus-address", env = "HEADROOM_PROMETHEUS_ADDRESS", value_name = "URL", value_delimiter = ',')]
    prometheus_addresses: Vec<String>,
    #[command(flatten)]
    access: AccessArguments,
    /// Namespaces of Senders in which Secrets may be read.
    #[arg(long, env = "HEADROOM_SENDER_NAMESPACES", value_name = "NAMESPACE", value_delimiter = ',')]
    sender_namespaces: Vec<String>,
    /// Namespaces in which Jobs of Senders are made.
    #[arg(long, env = "HEADROOM_JOB_NAMESPACES", value_name = "NAMESPACE", value_delimiter = ',')]
    job_namespaces: Vec<String>,
    /// A host to which requests to receivers may go: a name, or *.mail.internal for every name below one; without it, any host.
    /// It may be given several times, or a list.
    #[arg(long = "receiver-host", env = "HEADROOM_RECEIVER_HOST", value_name = "HOST", value_delimiter = ',')]
    receiver_hosts: Vec<HostRule>,
    /// A network of private or special addresses to which requests to receivers may go, such as 10.96.0.0/12; without it, none.
    /// It may be given several times, or a list.
    #[arg(long = "receiver-network", env = "HEADROOM_RECEIVER_NETWORK", value_name = "CIDR", value_delimiter = ',')]
    receiver_networks: Vec<ListedNetwork>,
    /// Where /healthz, /readyz and /metrics are served.
    #[arg(long, env = "HEADROOM_HTTP_ADDRESS", value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    http_address: SocketAddr,
    /// How log lines look.
    #[arg(long, env = "HEADROOM_LOG_FORMAT", value_enum, default_value = "json")]
    log_format: LogFormat,
    /// error, warn, info, debug or trace; or a filter such as headroom=debug,kube=info.
    #[arg(long, env = "HEADROOM_LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    log_level: String,
    /// A broken guardrail must have been fine for so long before a wave is weighed anew.
    #[arg(long, env = "HEADROOM_BREACH_RECOVERY", value_name = "SPAN", default_value = "10m", value_parser = span)]
    breach_recovery: SignedDuration,
    /// Another replica takes over when this one has not been heard of for so long; from 3s to 5m.
    #[arg(long, env = "HEADROOM_LEASE_DURATION", value_name = "SPAN", default_value = "15s", value_parser = lease)]
    lease_duration: SignedDuration,
}

fn lease(text: &str) -> Result<SignedDuration, String> {
    let span = span(text)?;
    let most = SignedDuration::from_mins(5);
    if span < SignedDuration::from_secs(3) || span > most {
        return Err("a lease lasts from 3s to 5m".to_owned());
    }
    Ok(span)
}

fn span(text: &str) -> Result<SignedDuration, String> {
    Span::parse_or_zero(text).map(Span::to_duration).map_err(|error| error.to_string())
}

/// Runs the operator until it is asked to stop.
pub fn run(arguments: RunArguments) -> anyhow::Result<()> {
    telemetry::start(arguments.log_format, &arguments.log_level).map_err(|error| anyhow!(error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("failed to start")?;
    runtime.block_on(operate(arguments))
}

async fn operate(arguments: RunArguments) -> anyhow::Result<()> {
    let mut config = Config::infer().await.context("failed to find an API server: run in a pod, or set KUBECONFIG")?;
    // The client's own retries would repeat a POST that was applied; repeating is our state machine's business.
    config.default_retry = false;
    config.read_timeout = Some(SILENCE);
    let client = Client::try_from(config).context("failed to make a client for the API server")?;
    cluster::crds::check(&client).await?;

    let settings = context::Settings {
        install: arguments.install,
        scope: Scope::of(arguments.watch_namespaces),
        ledger_namespace: arguments.ledger_namespace,
        prometheus_url: arguments.prometheus_url,
        sender_namespaces: arguments.sender_namespaces,
        job_namespaces: arguments.job_namespaces,
        breach_recovery: arguments.breach_recovery,
    };
    let (stores, touched) = stores::start(&client, &settings.scope, &settings.ledger_namespace);
    let trust = Trust::platform()?;
    let reach = Reach::new(arguments.receiver_hosts, arguments.receiver_networks);
    let measured = Measured {
        address: settings.prometheus_url.clone(),
        access: arguments.access.access(),
        others: Some(arguments.prometheus_addresses),
    };
    let network = Network::new(trust, reach, measured);
    let election =
        Arc::new(Election::new(client.clone(), lease_of(&settings.install), identity(), arguments.lease_duration));
    let ctx = context::Context::new(client, stores, settings, Box::new(network));
    let ctx = Arc::new(ctx.under(election.mandate().clone()));

    let (stop, stopped) = tokio::sync::watch::channel(false);
    let until = |mut stopped: tokio::sync::watch::Receiver<bool>| async move {
        // An error means that the sender is gone, which is as good as a stop.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let when = |mut leads: tokio::sync::watch::Receiver<bool>| async move {
        // Whoever would have said so is gone: it never leads.
        if leads.wait_for(|leads| *leads).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let (led, leads) = tokio::sync::watch::channel(false);
    let mut lead = tokio::spawn(lead(Arc::clone(&election), Arc::clone(&ctx), led));
    let mut web = tokio::spawn(web::serve(arguments.http_address, Arc::clone(&ctx), until(stopped.clone())));
    let mut operator = tokio::spawn(controller::run(Arc::clone(&ctx), touched, when(leads), until(stopped)));
    let mut lost = None;
    tokio::select! {
        signal = wait_for_signal() => {
            tracing::info!(signal = signal?, "stopping: what is under way is brought to its end first");
        }
        why = &mut lead => {
            let why = why.context("the election ended unexpectedly")?;
            tracing::error!(why, "this replica leads no more: what is under way is brought to its end, and nothing else begun");
            lost = Some(why);
        }
        // Half an operator would look alive and do nothing.
        ended = &mut operator => return ended.map(drop).context("the controller ended unexpectedly"),
        ended = &mut web => return ended.context("the web server ended unexpectedly")?.context("failed to serve"),
    }
    stop.send_replace(true);
    let touched = operator.await.context("the controller ended unexpectedly")?;
    // Its namespace may have taken the Lease along: then there is no other replica that could.
    if give_back::is_homeless(&ctx).await {
        leave(&ctx, touched).await;
    }
    if let Some(why) = lost {
        return Err(anyhow!("another replica leads this install, or may: {why}"));
    }
    // Kept until nothing is done any more.
    lead.abort();
    if ctx.mandate.lasts() {
        election.resign().await;
    }
    web.await.context("the web server ended unexpectedly")?.context("failed to serve")
}

/// Leads once everything has been listed, since whoever leads and knows nothing only keeps others from it; comes back when the lead is
/// lost, with why.
async fn lead(election: Arc<Election>, ctx: Arc<context::Context>, led: tokio::sync::watch::Sender<bool>) -> String {
    while !ctx.stores.waiting_for().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let lease = election.win().await;
    led.send_replace(true);
    election.keep(lease).await
}

/// The Lease of an install: in its namespace, by the name of its release.
fn lease_of(install: &str) -> (String, String) {
    let (namespace, release) = install.split_once('/').unwrap_or((install, install));
    (namespace.to_owned(), format!("{release}.headroom.dev"))
}

/// The pod's name, and what no process before it had.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "headroom".to_owned());
    format!("{host}_{}", chance::nonce())
}

/// Gives everything back, since nobody comes after this operator who would.
async fn leave(ctx: &context::Context, touched: BoxStream<'static, Touched>) {
    let home = ctx.settings.namespace();
    tracing::info!(
        "the namespace {home} is being deleted, and this operator with it: all borrowed scale is given back first"
    );
    let rest = give_back::rounds(ctx, touched, Instant::now() + LEAVING).await;
    for ((namespace, name), what) in &rest {
        tracing::error!(
            "CapacityPool {namespace}/{name} is left with what it has borrowed: {what}. Give it back with: headroom restore --install {} --ledger-namespace {}",
            ctx.settings.install,
            ctx.settings.ledger_namespace
        );
    }
    if rest.is_empty() {
        tracing::info!("all borrowed scale is given back");
    }
}

async fn wait_for_signal() -> anyhow::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

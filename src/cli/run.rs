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
use crate::cluster::stores::Touched;
use crate::cluster::{self, stores};
use crate::controller::outside::Network;
use crate::controller::{self, context, give_back};
use crate::plan::scope::Scope;
use crate::plan::units::Span;
use crate::senders::Trust;
use crate::telemetry::{self, LogFormat};
use crate::web;

/// What is borrowed is given back within so long where the operator's namespace is being deleted: of the 60 s that the chart gives
/// the operator to end, a request under way may take 30, and a question to the API server 10.
const LEAVING: std::time::Duration = std::time::Duration::from_secs(20);

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
    #[command(flatten)]
    access: AccessArguments,
    /// Namespaces of Senders in which Secrets may be read.
    #[arg(long, env = "HEADROOM_SENDER_NAMESPACES", value_name = "NAMESPACE", value_delimiter = ',')]
    sender_namespaces: Vec<String>,
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
    // A watch is renewed by the server in under five minutes; one that is silent for longer is a dead connection.
    config.read_timeout = Some(std::time::Duration::from_mins(5));
    let client = Client::try_from(config).context("failed to make a client for the API server")?;
    cluster::crds::check(&client).await?;

    let settings = context::Settings {
        install: arguments.install,
        scope: Scope::of(arguments.watch_namespaces),
        ledger_namespace: arguments.ledger_namespace,
        prometheus_url: arguments.prometheus_url,
        sender_namespaces: arguments.sender_namespaces,
        breach_recovery: arguments.breach_recovery,
    };
    let (stores, touched) = stores::start(&client, &settings.scope, &settings.ledger_namespace);
    let trust = Trust::platform([]).context("failed to load the certificates of the platform")?;
    let network = Network::new(trust, &settings.prometheus_url, arguments.access.access());
    let ctx = Arc::new(context::Context::new(client, stores, settings, Box::new(network)));

    let (stop, stopped) = tokio::sync::watch::channel(false);
    let until = |mut stopped: tokio::sync::watch::Receiver<bool>| async move {
        // An error means that the sender is gone, which is as good as a stop.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let mut web = tokio::spawn(web::serve(arguments.http_address, Arc::clone(&ctx), until(stopped.clone())));
    let mut operator = tokio::spawn(controller::run(Arc::clone(&ctx), touched, until(stopped)));
    tokio::select! {
        signal = wait_for_signal() => {
            tracing::info!(signal = signal?, "stopping: what is under way is brought to its end first");
        }
        // Half an operator would look alive and do nothing.
        ended = &mut operator => return ended.map(drop).context("the controller ended unexpectedly"),
        ended = &mut web => return ended.context("the web server ended unexpectedly")?.context("failed to serve"),
    }
    stop.send_replace(true);
    let touched = operator.await.context("the controller ended unexpectedly")?;
    if give_back::is_homeless(&ctx).await {
        leave(&ctx, touched).await;
    }
    web.await.context("the web server ended unexpectedly")?.context("failed to serve")
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

//! `headroom suggest pool`: proposes a `CapacityPool` for a workload whose owner does not know its numbers, from the live Prometheus and
//! the workload itself. Reads both and prints; what to propose, and whether, is `crate::plan::suggest`'s to say. Writes nothing.

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use serde_json::json;

use super::access::AccessArguments;
use super::cluster::{Cluster, ClusterArguments};
use super::say;
use crate::cluster::{containers, targets};
use crate::controller::observe;
use crate::lint::finding::Severity;
use crate::lint::{self, Options, Source};
use crate::plan::reading::SensorFault;
use crate::plan::rules::MIN_COVERAGE;
use crate::plan::snapshot::{Found, TargetFault};
use crate::plan::suggest::known::{self, Kind, Subject};
use crate::plan::suggest::print::{self, Terms};
use crate::plan::suggest::{self, Container, Suggestion};
use crate::plan::units::{Percent, Span};
use crate::yaml;

mod ask;

use ask::{Ask, Asked};

/// What `headroom suggest` is given.
#[derive(Debug, Args)]
pub struct SuggestArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Propose a `CapacityPool`: demand, peak and what one replica bears, each with where it comes from.
    Pool(Box<PoolArguments>),
}

/// What `headroom suggest pool` is given.
#[derive(Debug, Args)]
pub struct PoolArguments {
    /// The workload: `web`, `deployment/web`.
    #[arg(value_name = "WORKLOAD", value_parser = known::named)]
    workload: (Kind, String),
    /// The Prometheus that has seen it, as seen from here.
    #[arg(long, env = "HEADROOM_PROMETHEUS_URL", value_name = "URL")]
    prometheus_url: String,
    #[command(flatten)]
    access: AccessArguments,
    /// `PromQL` for its demand: requests per second, one number for all replicas. Default: the one well-known metric that counts
    /// requests of its pods.
    #[arg(long, value_name = "QUERY")]
    demand: Option<String>,
    /// `PromQL` for the replicas that were ready. Default: as kube-state-metrics has it, or as many as count requests.
    #[arg(long, value_name = "QUERY")]
    replicas: Option<String>,
    /// `PromQL` for the cores in use, of all replicas together. Default: as cAdvisor has it, for each container.
    #[arg(long, value_name = "QUERY")]
    cpu: Option<String>,
    /// Look at the CPU of this container only.
    #[arg(long, value_name = "NAME")]
    container: Option<String>,
    /// `PromQL` for how long answers take, in seconds. Default: the 95th percentile, where the demand is well known.
    #[arg(long, value_name = "QUERY", requires = "latency_max")]
    latency: Option<String>,
    /// How long they may take, such as `800ms`; without it latency bounds nothing.
    #[arg(long, value_name = "SPAN", value_parser = Span::parse)]
    latency_max: Option<Span>,
    /// `PromQL` for the share of requests that fail, from 0 to 1. Default: by their status, where the demand is well known.
    #[arg(long, value_name = "QUERY")]
    errors: Option<String>,
    /// Requests that one replica works on at a time; without it they bound nothing.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    workers: Option<u32>,
    /// `PromQL` for the mean time of an answer, in seconds. Default: as counted next to a well-known demand.
    #[arg(long, value_name = "QUERY", requires = "workers")]
    mean_latency: Option<String>,
    /// The most replicas Headroom may ask for. Default: the most that its autoscaler allows.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..=10_000))]
    max_replicas: Option<i32>,
    /// Share of a replica that is to be used, at most 85 %.
    #[arg(long, value_name = "PERCENT", default_value = "70%", value_parser = utilization)]
    target_utilization: Utilization,
    /// How many days to look back.
    #[arg(long, value_name = "DAYS", default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=28))]
    days: u32,
    /// Print the pool and what it rests on as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// A share of a replica, and how it was written.
#[derive(Clone, Debug)]
struct Utilization {
    share: f64,
    text: String,
}

fn utilization(text: &str) -> Result<Utilization, String> {
    let share = Percent::parse(text).map_err(|error| error.to_string())?;
    // The bounds of the field in a CapacityPool.
    if !(10_000..=850_000).contains(&share.ppm()) {
        return Err(format!(
            "\"{text}\" is not from 1% to 85%; a replica that is used more has nothing left for a bad minute"
        ));
    }
    Ok(Utilization { share: share.fraction(), text: text.trim().to_owned() })
}

/// Proposes.
pub fn suggest(arguments: &SuggestArguments) -> anyhow::Result<()> {
    let What::Pool(arguments) = &arguments.what;
    let text = arguments.cluster.run(async |cluster| Box::pin(pool(arguments, &cluster)).await)?;
    say(text.trim_end());
    Ok(())
}

async fn pool(arguments: &PoolArguments, cluster: &Cluster) -> anyhow::Result<String> {
    let (kind, name) = arguments.workload.clone();
    let subject = Subject { kind, namespace: cluster.namespace.clone(), name };
    let found = target(cluster, &subject).await?;
    let containers = containers::read(&cluster.client, &subject).await?.unwrap_or_default();
    let wanted: Vec<Container> = containers
        .iter()
        .filter(|container| arguments.container.as_ref().is_none_or(|wanted| *wanted == container.name))
        .cloned()
        .collect();
    if let Some(wanted) = arguments.container.as_ref().filter(|_| wanted.is_empty()) {
        let there: Vec<&str> = containers.iter().map(|container| container.name.as_str()).collect();
        return Err(anyhow!("it has no container {wanted}; it has {}", there.join(", ")));
    }
    if arguments.cpu.is_some() && wanted.len() > 1 {
        let there: Vec<&str> = wanted.iter().map(|container| container.name.as_str()).collect();
        return Err(anyhow!(
            "its pods have several containers ({}); say whose CPU --cpu measures with --container NAME",
            there.join(", ")
        ));
    }
    let ask = Ask::new(arguments)?;
    let Asked { measured, demand, counted_by, source, seen, errors } = ask.all(&subject, &wanted).await?;
    let what = || format!("nothing is proposed for {} {}/{}", subject.kind.name(), subject.namespace, subject.name);
    let suggestion = suggest::suggest(&measured).with_context(what)?;
    let terms = Terms {
        subject: subject.clone(),
        demand,
        source,
        counted_by,
        unseen: counted_by.is_none().then(|| unseen(&seen, found.ready)).flatten(),
        utilization: arguments.target_utilization.text.clone(),
        autoscaler_max: found.autoscaler_max,
        max_replicas: arguments.max_replicas,
        errors,
    };
    let (text, warnings) = proposed(&suggestion, &terms).with_context(what)?;
    // What is to be reviewed is all that stands on standard output.
    eprint!("{warnings}");
    if let Some(unseen) = &terms.unseen {
        eprintln!("headroom: {unseen}");
    }
    if !arguments.json {
        return Ok(text);
    }
    let pool = yaml::read_all(&text).context("failed to read what was written")?.into_iter().next();
    Ok(json!({ "pool": pool, "suggestion": suggestion }).to_string())
}

/// What is to be said of a demand behind which the operator would not see enough of the replicas.
fn unseen(seen: &Result<f64, SensorFault>, ready: i32) -> Option<String> {
    let way_out = "Nothing will go as it stands: say how replicas are seen, by demand.coverage with podLabel, query or unverified; see docs/sensor.md.";
    match seen {
        Ok(seen) if *seen >= f64::from(ready) * MIN_COVERAGE => None,
        Ok(seen) => Some(format!(
            "Of {ready} ready replicas {seen:.0} are seen behind this query now, by their names in the label pod. {way_out}"
        )),
        Err(fault) => Some(format!("Whether its replicas are seen behind this query is not known: {fault}")),
    }
}

async fn target(cluster: &Cluster, subject: &Subject) -> anyhow::Result<Found> {
    let Subject { kind, namespace, name } = subject;
    let kind = kind.name();
    let found = targets::find(&cluster.client, namespace, kind, name).await.map_err(|fault| match fault {
        TargetFault::Missing => anyhow!("there is no {kind} {name} in namespace {namespace}; give -n NAMESPACE"),
        TargetFault::Unsupported(why) => anyhow!("{kind} {namespace}/{name} cannot be scaled: {why}"),
        TargetFault::Unreadable(why) => anyhow!("{why}"),
    })?;
    Ok(found.found)
}

/// What is printed, and what `headroom lint` warns of in it: nothing that it would not let through.
fn proposed(suggestion: &Suggestion, terms: &Terms) -> anyhow::Result<(String, String)> {
    let text = print::print(suggestion, terms)?;
    let source = Source { name: "pool.yaml".to_owned(), content: text.clone().into_bytes() };
    let options = Options { closed: false, namespace: None, skip_templates: false, trouble: observe::trouble };
    let report = lint::lint(&[source], &options);
    let found = if report.findings.is_empty() { String::new() } else { lint::print::human(&report, false) };
    if report.count(Severity::Error) > 0 {
        return Err(anyhow!("the CapacityPool would not be let through by headroom lint:\n{}", found.trim_end()));
    }
    Ok((text, found))
}

#[cfg(test)]
mod tests;

//! `headroom plan`: what the operator would decide now, were these files applied to the live cluster; nothing is written.
//! Reads files and the cluster, asks the operator's own decision, and says it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::Args;
use jiff::SignedDuration;
use kube::ResourceExt;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::access::AccessArguments;
use super::cluster::{Cluster, ClusterArguments};
use super::lint::without_errors;
use super::say;
use crate::api::{CampaignStatus, GROUP};
use crate::clock;
use crate::cluster::still::{self, Overlay};
use crate::cluster::stores;
use crate::controller::context::{Context, Settings};
use crate::controller::observe::{self, Looked};
use crate::controller::outside::{Measured, Network};
use crate::lint;
use crate::plan::floors::FloorWrite;
use crate::plan::scope::Scope;
use crate::plan::units::people;
use crate::senders::{Reach, Trust};

/// What `headroom plan` is given.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// Files or folders with Campaigns; `CapacityPools` and Senders among them count instead of those of the cluster.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Where pools are measured that name no Prometheus of their own: as the operator's, seen from here.
    #[arg(long, env = "HEADROOM_PROMETHEUS_URL", value_name = "URL", default_value = "")]
    prometheus_url: String,
    #[command(flatten)]
    access: AccessArguments,
    /// The namespace that holds the ledger.
    #[arg(long, env = "HEADROOM_LEDGER_NAMESPACE", value_name = "NAMESPACE", default_value = "headroom-ledger")]
    ledger_namespace: String,
    /// The namespace the operator runs in.
    #[arg(long, env = "HEADROOM_OPERATOR_NAMESPACE", value_name = "NAMESPACE", default_value = "headroom")]
    operator_namespace: String,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// A Campaign is refused, or a file has an error.
const REFUSED: u8 = 1;
/// It could not be told.
const COULD_NOT: u8 = 2;

/// What would become of one campaign.
struct Told {
    key: String,
    is_from_file: bool,
    status: CampaignStatus,
    is_new: bool,
    goes_now: Option<String>,
}

/// Says what would happen.
pub fn plan(arguments: &PlanArguments) -> ExitCode {
    match arguments.cluster.run(async |cluster| Box::pin(told(arguments, &cluster)).await) {
        Ok(is_refused) => ExitCode::from(if is_refused { REFUSED } else { 0 }),
        Err(error) => {
            eprintln!("headroom: {error:#}");
            ExitCode::from(COULD_NOT)
        }
    }
}

/// Whether anything is refused.
async fn told(arguments: &PlanArguments, cluster: &Cluster) -> anyhow::Result<bool> {
    let Some(sources) = without_errors(&arguments.files, Some(cluster.namespace.clone()))? else { return Ok(true) };
    let overlay = overlay(lint::objects(&sources), &cluster.namespace)?;
    if overlay.campaigns.is_empty() {
        return Err(anyhow!("there is no Campaign in these files"));
    }
    let ours: BTreeSet<String> = overlay.campaigns.iter().map(stores::key_of).collect();
    let pools: BTreeSet<(String, String)> = overlay.campaigns.iter().map(stores::pool_of).collect();
    let stores = Box::pin(still::picture(&cluster.client, &arguments.ledger_namespace, overlay))
        .await
        .context("what is in the cluster must be known, and reading it failed")?;
    let settings = Settings {
        // Whichever install looks after a pool: this one only asks.
        install: format!("{}/headroom", arguments.operator_namespace),
        scope: Scope::Everywhere,
        ledger_namespace: arguments.ledger_namespace.clone(),
        prometheus_url: arguments.prometheus_url.clone(),
        sender_namespaces: stores.senders.state().iter().filter_map(|sender| sender.namespace()).collect(),
        job_namespaces: stores.senders.state().iter().filter_map(|sender| sender.namespace()).collect(),
        breach_recovery: SignedDuration::from_mins(10),
    };
    let trust = Trust::platform()?;
    // Nothing is sent; what the operator's own platform has set is not known here.
    let network = Network::new(
        trust,
        Reach::everywhere(),
        Measured { address: settings.prometheus_url.clone(), access: arguments.access.access(), others: None },
    );
    let ctx = Context::new(cluster.client.clone(), stores, settings, Box::new(network));
    let (mut all, mut floors) = (Vec::new(), Vec::new());
    for (namespace, name) in pools {
        let (found, writes) = of_pool(&ctx, &namespace, &name, &ours).await?;
        all.extend(found);
        floors.extend(writes);
    }
    let is_refused = all.iter().any(|told| told.is_from_file && told.status.phase == Some(crate::api::Phase::Refused));
    say(&if arguments.json { machine(&all, &floors).to_string() } else { human(&all, &floors) });
    Ok(is_refused)
}

/// Our own objects among all that files hold.
fn overlay(objects: Vec<Value>, namespace: &str) -> anyhow::Result<Overlay> {
    let mut overlay = Overlay::default();
    for mut object in objects {
        if !object["apiVersion"].as_str().is_some_and(|version| version.starts_with(GROUP)) {
            continue;
        }
        if object["metadata"]["namespace"].is_null() {
            object["metadata"]["namespace"] = json!(namespace);
        }
        match object["kind"].as_str().unwrap_or_default() {
            "Campaign" => overlay.campaigns.push(typed(object)?),
            "CapacityPool" => overlay.pools.push(typed(object)?),
            "Sender" => overlay.senders.push(typed(object)?),
            _ => {}
        }
    }
    Ok(overlay)
}

fn typed<K: DeserializeOwned>(object: Value) -> anyhow::Result<K> {
    let name = format!("{} {}", object["kind"], object["metadata"]["name"]).replace('"', "");
    serde_json::from_value(object).with_context(|| format!("failed to understand {name}"))
}

/// What would be decided for one pool: of our own campaigns all, of others what changes.
async fn of_pool(
    ctx: &Context,
    namespace: &str,
    name: &str,
    ours: &BTreeSet<String>,
) -> anyhow::Result<(Vec<Told>, Vec<(String, FloorWrite)>)> {
    let now = clock::now();
    let observed = match observe::observe(ctx, namespace, name, now).await? {
        Looked::Ours(observed) => *observed,
        Looked::Gone | Looked::Foreign(_) => return Err(anyhow!("the CapacityPool {namespace}/{name} cannot be read")),
    };
    let decided = crate::plan::plan(&observed.snapshot, now);
    let mut said: BTreeMap<String, CampaignStatus> = decided
        .reports
        .into_iter()
        .map(|report| (format!("{}/{}", report.campaign.0, report.campaign.1), report.status))
        .collect();
    let goes = decided.release.map(|order| (format!("{}/{}", order.campaign.0, order.campaign.1), order.wave.name));
    let all = observed.snapshot.campaigns.iter().filter_map(|campaign| {
        let key = campaign.key();
        let is_from_file = ours.contains(&key);
        let goes_now = goes.as_ref().filter(|(goes, _)| *goes == key).map(|(_, wave)| wave.clone());
        let status = said.remove(&key).unwrap_or_else(|| campaign.status.clone());
        let is_news = status.reason != campaign.status.reason;
        let is_new = campaign.uid.starts_with("not applied yet");
        (is_from_file || is_news).then_some(Told { key, is_from_file, status, is_new, goes_now })
    });
    let all = all.collect();
    Ok((all, decided.floors.into_iter().map(|floor| (namespace.to_owned(), floor)).collect()))
}

fn human(all: &[Told], floors: &[(String, FloorWrite)]) -> String {
    let (own, others): (Vec<&Told>, Vec<&Told>) = all.iter().partition(|told| told.is_from_file);
    let mut lines: Vec<String> = own.into_iter().flat_map(of_campaign).collect();
    lines.extend(floors.iter().map(|(namespace, floor)| {
        let value = floor.write.value.map_or_else(|| "unset".to_owned(), |value| value.to_string());
        format!("{} {namespace}/{} would be set to {value}.", floor.kind.name(), floor.name)
    }));
    lines.extend(others.into_iter().map(|told| {
        let (reason, message) = (told.status.reason.as_deref(), told.status.message.as_deref());
        let (reason, message) = (reason.unwrap_or_default(), message.unwrap_or_default());
        format!("Of others, {} would change to {reason}: {message}", told.key)
    }));
    lines.join("\n")
}

fn of_campaign(told: &Told) -> Vec<String> {
    let standing = told.status.phase.map_or("Pending", crate::api::Phase::name);
    let new = if told.is_new { "new" } else { "there already" };
    let mut lines =
        vec![format!("{} ({new}): {standing}, {}", told.key, told.status.reason.as_deref().unwrap_or_default())];
    lines.push(match &told.goes_now {
        Some(wave) => format!("  Everything is confirmed: wave \"{wave}\" would go at once."),
        None => format!("  {}", told.status.message.as_deref().unwrap_or_default()),
    });
    lines.extend(told.status.waves.iter().map(|wave| {
        let recipients = people::grouped(u64::try_from(wave.recipients).unwrap_or(0));
        format!("  {:<20} {recipients:>13} recipients  {}", wave.name, wave.state)
    }));
    lines.extend(told.status.approval.as_ref().map(|approval| {
        let by = approval.by.as_deref().unwrap_or("nobody yet");
        format!("  approval: {}, digest {}, given by {by}", required(approval.required), approval.digest)
    }));
    lines
}

fn required(is: bool) -> &'static str {
    if is { "needed" } else { "not needed" }
}

fn machine(all: &[Told], floors: &[(String, FloorWrite)]) -> Value {
    let campaigns = all.iter().map(|told| {
        json!({
            "campaign": told.key, "fromFile": told.is_from_file, "new": told.is_new, "goesNow": told.goes_now,
            "status": told.status,
        })
    });
    let floors = floors.iter().map(|(namespace, floor)| {
        json!({
            "kind": floor.kind.name(), "namespace": namespace, "name": floor.name, "value": floor.write.value,
        })
    });
    json!({"campaigns": campaigns.collect::<Vec<_>>(), "floors": floors.collect::<Vec<_>>()})
}

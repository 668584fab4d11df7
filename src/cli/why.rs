//! `headroom why`: why a campaign stands where it stands, from what the operator has written: every check of its gate with its query,
//! and what has to change. Reads a cluster or a file, asks no sensor, decides nothing and writes nothing.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;
use serde_json::Value;

use super::cluster::{Cluster, ClusterArguments};
use super::say;
use crate::api::campaign_status::{CampaignStatus, Check, Headroom, WaveStatus};
use crate::api::pool::{Coverage, Demand};
use crate::api::{Campaign, CapacityPool};
use crate::cluster::{objects, stores};
use crate::plan::reason::Reason;
use crate::plan::units::people::grouped;
use crate::{clock, yaml};

/// What `headroom why` is given.
#[derive(Debug, Args)]
pub struct WhyArguments {
    /// The Campaign; of a file that holds one, none needs to be named.
    #[arg(value_name = "CAMPAIGN", required_unless_present = "file")]
    name: Option<String>,
    /// What `kubectl get -o yaml` or `-o json` has printed, in place of a cluster; `-` for standard input.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// One check of the gate, with what is measured by it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    #[serde(flatten)]
    check: Check,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
}

/// All that is told of a campaign.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    campaign: String,
    phase: String,
    reason: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    weighed: Option<Weighed>,
    gate: Vec<Line>,
    /// Where no gate could be weighed: what the pool asks, and of whom.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    asks: Vec<String>,
    /// What has to change before its wave goes, as far as its gate knows.
    changes: Vec<String>,
    waves: Vec<String>,
    /// Its conditions that are not as they should be, each a sentence.
    conditions: Vec<String>,
}

/// When the gate was weighed, and at how many samples everything has held.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Weighed {
    seconds_ago: Option<i64>,
    confirmations: String,
}

/// Says why.
pub fn why(arguments: &WhyArguments) -> anyhow::Result<()> {
    let (campaign, pool) = match &arguments.file {
        Some(path) => from_file(path, arguments.name.as_deref())?,
        None => arguments.cluster.run(async |cluster| from_cluster(&cluster, arguments.name.as_deref()).await)?,
    };
    let told = told(&campaign, pool.as_ref(), clock::now());
    say(&if arguments.json { serde_json::to_string(&told).context("failed to print")? } else { human(&told) });
    Ok(())
}

async fn from_cluster(cluster: &Cluster, name: Option<&str>) -> anyhow::Result<(Campaign, Option<CapacityPool>)> {
    let name = name.ok_or_else(|| anyhow!("name a Campaign"))?;
    let campaign = cluster.campaign(name).await?;
    let (namespace, name) = stores::pool_of(&campaign);
    // Whoever may not read it is told all the rest.
    let pool = objects::get::<CapacityPool>(&cluster.client, &namespace, &name).await.ok().flatten();
    Ok((campaign, pool))
}

fn from_file(path: &Path, name: Option<&str>) -> anyhow::Result<(Campaign, Option<CapacityPool>)> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).context("failed to read standard input")?;
    } else {
        text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    }
    let documents = yaml::read_all(&text).with_context(|| format!("{} is no YAML", path.display()))?;
    let items = |document: Value| match document.get("items").and_then(Value::as_array) {
        Some(items) => items.clone(),
        None => vec![document],
    };
    let all: Vec<Value> = documents.into_iter().flat_map(items).collect();
    let of_kind = |kind: &'static str| all.iter().filter(move |object| object["kind"] == kind);
    let named: Vec<&Value> =
        of_kind("Campaign").filter(|object| name.is_none_or(|name| object["metadata"]["name"] == name)).collect();
    let campaign = match named.as_slice() {
        [one] => *one,
        [] => {
            return Err(anyhow!(
                "{} holds no such Campaign; print one with kubectl get campaign NAME -o yaml",
                path.display()
            ));
        }
        _ => return Err(anyhow!("{} holds {} Campaigns; name one of them", path.display(), named.len())),
    };
    let campaign: Campaign = serde_json::from_value(campaign.clone()).context("the Campaign cannot be read")?;
    let (namespace, name) = stores::pool_of(&campaign);
    let is_its = |object: &&Value| {
        object["metadata"]["name"] == name.as_str() && object["metadata"]["namespace"] == namespace.as_str()
    };
    let pool = of_kind("CapacityPool").find(is_its).and_then(|pool| serde_json::from_value(pool.clone()).ok());
    Ok((campaign, pool))
}

/// What is measured by a check of this name, and what the check is of.
fn measured(pool: Option<&CapacityPool>, name: &str) -> (&'static str, Option<String>) {
    let Some(spec) = pool.map(|pool| &pool.spec) else { return ("check", None) };
    if let Some(workload) = spec.workloads.iter().find(|workload| workload.name == name) {
        return ("workload", Some(workload.demand.query.clone()));
    }
    if let Some(limit) = spec.limits.iter().flatten().find(|limit| limit.name == name) {
        return ("limit", Some(limit.query.clone()));
    }
    let rail = spec.guardrails.iter().flatten().find(|rail| rail.name == name);
    rail.map_or(("check", None), |rail| ("guardrail", Some(rail.query.clone())))
}

/// Whether it waits since something cannot be measured: then no gate is weighed.
fn is_unmeasured(status: &CampaignStatus) -> bool {
    let Some(told) = &status.reason else { return false };
    Reason::ALL.into_iter().any(|reason| reason.is_silence() && reason.to_string() == *told)
}

/// Every query of a pool that its gate rests on, and the server that is asked.
fn asks(pool: &CapacityPool) -> Vec<String> {
    let spec = &pool.spec;
    let server = spec.prometheus.as_ref().map_or("the operator's Prometheus", |server| server.address.as_str());
    let coverage = |demand: &Demand| match &demand.coverage {
        None => "its pods by the label pod".to_owned(),
        Some(Coverage { pod_label: Some(label), .. }) => format!("its pods by the label {label}"),
        Some(Coverage { query: Some(query), .. }) => format!("its replicas by {query}"),
        Some(_) => "its replicas are not looked for".to_owned(),
    };
    let workloads = spec.workloads.iter().map(|workload| {
        format!("workload {}: {}; {}", workload.name, workload.demand.query, coverage(&workload.demand))
    });
    let limits = spec.limits.iter().flatten().map(|limit| format!("limit {}: {}", limit.name, limit.query));
    let rails = spec.guardrails.iter().flatten().map(|rail| format!("guardrail {}: {}", rail.name, rail.query));
    let incidents = spec.admission.iter().filter_map(|admission| admission.incidents.as_ref());
    let incidents = incidents.map(|incidents| format!("incidents: {}", incidents.query));
    std::iter::once(format!("of {server}")).chain(workloads).chain(limits).chain(rails).chain(incidents).collect()
}

/// `2/3`: how many are left.
fn left(confirmations: &str) -> Option<u64> {
    let (held, wanted) = confirmations.split_once('/')?;
    wanted.parse::<u64>().ok()?.checked_sub(held.parse().ok()?)
}

/// What has to change, of everything that was weighed.
fn changes(headroom: &Headroom, gate: &[Line]) -> Vec<String> {
    let mut changes: Vec<String> =
        gate.iter().filter(|line| !line.check.passed).map(|line| change(headroom, line)).collect();
    if changes.is_empty()
        && let Some(left) = left(&headroom.confirmations).filter(|left| *left > 0)
    {
        let samples = if left == 1 { "sample" } else { "samples" };
        changes.push(format!("everything holds now; it must hold at {left} more {samples}"));
    }
    changes
}

fn change(headroom: &Headroom, line: &Line) -> String {
    let Check { name, value, limit, message, .. } = &line.check;
    let (value, limit) = (value.as_deref().unwrap_or("nothing"), limit.as_deref().unwrap_or("its bound"));
    match (line.kind, message) {
        (_, Some(message)) => format!("{name} could not be measured: {message}"),
        ("workload", None) if *name == headroom.bottleneck && headroom.needed > headroom.free => {
            let more = grouped(headroom.needed.abs_diff(headroom.free));
            format!("{more} req/s more must be free on {name}: by more replicas that are ready, or by less demand")
        }
        ("workload", None) => format!("{value} are free on {name}, and {limit} are needed"),
        ("limit", None) => format!("{name} is {value}, and must be below {limit}"),
        (_, None) => format!("{name} is {value}, and must be within {limit}"),
    }
}

fn told(campaign: &Campaign, pool: Option<&CapacityPool>, now: Timestamp) -> Told {
    let status = campaign.status.clone().unwrap_or_default();
    let line = |check: &Check| {
        let (kind, query) = measured(pool, &check.name);
        Line { check: check.clone(), kind, query }
    };
    let gate: Vec<Line> = status.headroom.iter().flat_map(|headroom| headroom.checks.iter().map(line)).collect();
    let weighed = status.headroom.as_ref().map(|headroom| Weighed {
        seconds_ago: headroom.evaluated_at.as_ref().map(|at| now.duration_since(at.0).as_secs()),
        confirmations: headroom.confirmations.clone(),
    });
    let wave = |wave: &WaveStatus| {
        let sent = wave.sent.map_or_else(String::new, |sent| format!(", sent to {} at least", number(sent)));
        format!("{} {} {} recipients{sent}", wave.name, wave.state, number(wave.recipients))
    };
    // The others only say again what it waits for.
    let is_odd = |condition: &&Condition| match condition.type_.as_str() {
        "Accepted" => condition.status != "True",
        "Stalled" => condition.status == "True",
        _ => false,
    };
    let sentence =
        |condition: &Condition| format!("{} is {}: {}", condition.type_, condition.status, condition.message);
    let missing = "The operator has said nothing of it yet: is it running, and does it look at this namespace?";
    Told {
        campaign: stores::key_of(campaign),
        phase: status.phase.map_or_else(|| "Pending".to_owned(), |phase| phase.name().to_owned()),
        reason: status.reason.clone().unwrap_or_default(),
        message: status.message.clone().unwrap_or_else(|| missing.to_owned()),
        changes: status.headroom.as_ref().map(|headroom| changes(headroom, &gate)).unwrap_or_default(),
        asks: pool.filter(|_| gate.is_empty() && is_unmeasured(&status)).map(asks).unwrap_or_default(),
        weighed,
        gate,
        waves: status.waves.iter().map(wave).collect(),
        conditions: status.conditions.iter().filter(is_odd).map(sentence).collect(),
    }
}

fn number(count: i64) -> String {
    grouped(u64::try_from(count).unwrap_or(0))
}

/// In words.
fn human(told: &Told) -> String {
    let reason = if told.reason.is_empty() { String::new() } else { format!(" ({})", told.reason) };
    let mut text = format!("{}: {}{reason}\n{}\n", told.campaign, told.phase, told.message);
    if let Some(weighed) = &told.weighed {
        let ago = weighed.seconds_ago.map_or_else(String::new, |seconds| format!(", weighed {seconds} s ago"));
        let _ =
            writeln!(text, "\nThe gate of its next wave{ago}; everything held at {} samples:", weighed.confirmations);
        for line in &told.gate {
            let _ = writeln!(text, "{}", row(line));
            if let Some(message) = &line.check.message {
                let _ = writeln!(text, "         {message}");
            }
            if let Some(query) = &line.query {
                let _ = writeln!(text, "         {query}");
            }
        }
    }
    let mut list = |title: &str, lines: &[String]| {
        if !lines.is_empty() {
            let _ = writeln!(text, "\n{title}");
            for line in lines {
                let _ = writeln!(text, "  {line}");
            }
        }
    };
    list("What its pool asks, of which something could not be weighed:", &told.asks);
    list("What has to change:", &told.changes);
    list("Its waves:", &told.waves);
    list("Its conditions:", &told.conditions);
    text.trim_end().to_owned()
}

/// `  closed workload web: 410 req/s free, 640 req/s needed, sample 4 s old`.
fn row(line: &Line) -> String {
    let Check { name, passed, value, limit, sample_age, coverage, .. } = &line.check;
    let is_workload = line.kind == "workload";
    let value = value.as_deref().map(|value| if is_workload { format!("{value} free") } else { value.to_owned() });
    let limit =
        limit.as_deref().map(|limit| if is_workload { format!("{limit} needed") } else { format!("bound {limit}") });
    let age = sample_age.as_deref().map(|age| format!("sample {age} old"));
    let coverage = coverage.as_deref().map(|coverage| format!("of {coverage} ready replicas"));
    let parts: Vec<String> = [value, limit, age, coverage].into_iter().flatten().collect();
    let word = if *passed { "open  " } else { "closed" };
    format!("  {word} {} {name}: {}", line.kind, parts.join(", "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn campaign(status: &Value) -> Campaign {
        serde_json::from_value(json!({
            "apiVersion": "headroom.dev/v1alpha1", "kind": "Campaign",
            "metadata": {"name": "sale", "namespace": "marketing"},
            "spec": {
                "poolRef": {"namespace": "shop", "name": "p"}, "senderRef": {"namespace": "mail", "name": "s"},
                "channel": "push", "audience": {"size": 40000},
            },
            "status": status,
        }))
        .unwrap()
    }

    fn pool() -> CapacityPool {
        serde_json::from_value(json!({
            "apiVersion": "headroom.dev/v1alpha1", "kind": "CapacityPool", "metadata": {"name": "p", "namespace": "shop"},
            "spec": {
                "workloads": [{
                    "name": "web", "targetRef": {"kind": "Deployment", "name": "web"},
                    "demand": {"query": "sum(rate(r[5m]))", "peak": "300/s"}, "capacityPerReplica": "100/s", "maxReplicas": 30,
                }],
                "limits": [{"name": "db", "query": "connections", "max": "70%"}],
                "guardrails": [{"name": "errors", "query": "ratio", "max": "5%"}],
            },
        }))
        .unwrap()
    }

    fn weighed(checks: &Value, confirmations: &str) -> Value {
        json!({
            "phase": "Confirming", "reason": "Confirming", "message": "Confirming headroom.",
            "headroom": {
                "needed": 640, "free": 410, "bottleneck": "web", "confirmations": confirmations, "checks": checks,
                "evaluatedAt": "2027-01-01T08:00:00Z",
            },
            "waves": [{"name": "all", "state": "Firing", "recipients": 40000, "sent": 18000}],
        })
    }

    fn at() -> Timestamp {
        "2027-01-01T08:00:12Z".parse().unwrap()
    }

    #[test]
    fn every_check_is_told_with_its_query_and_what_has_to_change() {
        let checks = json!([
            {"name": "web", "passed": false, "value": "410 req/s", "limit": "640 req/s", "sampleAge": "4s", "coverage": "9/10"},
            {"name": "db", "passed": false, "value": "81 %", "limit": "70 %", "sampleAge": "9s"},
            {"name": "errors", "passed": false, "limit": "5 %", "message": "the newest sample is 4 min old."},
        ]);
        let told = human(&told(&campaign(&weighed(&checks, "0/3")), Some(&pool()), at()));
        assert_eq!(
            told,
            "marketing/sale: Confirming (Confirming)\nConfirming headroom.\n\n\
             The gate of its next wave, weighed 12 s ago; everything held at 0/3 samples:\n\
             \x20 closed workload web: 410 req/s free, 640 req/s needed, sample 4s old, of 9/10 ready replicas\n\
             \x20        sum(rate(r[5m]))\n\
             \x20 closed limit db: 81 %, bound 70 %, sample 9s old\n\
             \x20        connections\n\
             \x20 closed guardrail errors: bound 5 %\n\
             \x20        the newest sample is 4 min old.\n\
             \x20        ratio\n\n\
             What has to change:\n\
             \x20 230 req/s more must be free on web: by more replicas that are ready, or by less demand\n\
             \x20 db is 81 %, and must be below 70 %\n\
             \x20 errors could not be measured: the newest sample is 4 min old.\n\n\
             Its waves:\n\
             \x20 all Firing 40,000 recipients, sent to 18,000 at least"
        );
    }

    #[test]
    fn what_holds_must_hold_for_long_enough_and_without_a_pool_the_queries_are_left_out() {
        let checks =
            json!([{"name": "web", "passed": true, "value": "700 req/s", "limit": "640 req/s", "sampleAge": "4s"}]);
        let mut status = weighed(&checks, "1/3");
        status["headroom"]["free"] = json!(700);
        let told = told(&campaign(&status), None, at());
        assert_eq!(told.changes, ["everything holds now; it must hold at 2 more samples"]);
        assert!(told.gate[0].query.is_none());
        let machine = serde_json::to_value(&told).unwrap();
        assert_eq!((&machine["gate"][0]["passed"], &machine["weighed"]["secondsAgo"]), (&json!(true), &json!(12)));
    }

    #[test]
    fn one_of_which_nothing_is_said_and_one_that_waits_for_something_else() {
        let nothing = human(&told(&campaign(&Value::Null), None, at()));
        assert!(nothing.contains("The operator has said nothing of it yet"), "{nothing}");
        let blind = json!({"phase": "Queued", "reason": "SensorUntrusted", "message": "Waiting: there is no series."});
        assert_eq!(
            human(&told(&campaign(&blind), Some(&pool()), at())),
            "marketing/sale: Queued (SensorUntrusted)\nWaiting: there is no series.\n\n\
             What its pool asks, of which something could not be weighed:\n\
             \x20 of the operator's Prometheus\n\
             \x20 workload web: sum(rate(r[5m])); its pods by the label pod\n\
             \x20 limit db: connections\n\
             \x20 guardrail errors: ratio"
        );
        let held = json!({"phase": "Held", "reason": "OnHold", "message": "Held by a person."});
        assert_eq!(
            human(&told(&campaign(&held), Some(&pool()), at())),
            "marketing/sale: Held (OnHold)\nHeld by a person."
        );
    }
}

//! Observe: everything one decision needs, read into plain data. Reads, and never writes.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use crate::api::pool::Heartbeat;
use crate::api::pool_status::CapacityPoolStatus;
use crate::api::{
    ABORT_ANNOTATION, APPROVED_ANNOTATION, Campaign, CapacityPool, HOLD_ANNOTATION, INSTALL_ANNOTATION,
    RESOLVE_ANNOTATION, RESOLVE_REASON_ANNOTATION, RESUME_ANNOTATION, SenderSpec, WITHOUT_HEADROOM_ANNOTATION,
    WITHOUT_HEADROOM_REASON_ANNOTATION, WaveRelease,
};
use crate::chance;
use crate::cluster::targets::{self, Handle};
use crate::cluster::{Error, ledger, objects, stores};
use crate::plan;
use crate::plan::contract::Way;
use crate::plan::identity::SendId;
use crate::plan::placement::{self, Needs};
use crate::plan::reading::{HistoryPoints, Question, SensorFault};
use crate::plan::rules::{MAX_SAMPLE_AGE, Rules, Unusable, WorkloadRules};
use crate::plan::snapshot::{self, Orphan, Settings, Snapshot, TargetFault, Workload};
use crate::senders::{Target, TargetError};

use super::context::Context;
use super::gates;
use super::inquire;
use super::secrets;
use super::sends::Sends;
use super::servers::Look;

/// History is asked for so far back, in such steps, and kept so long.
const HISTORY: SignedDuration = SignedDuration::from_hours(8 * 24);
const HISTORY_STEP: SignedDuration = SignedDuration::from_mins(5);
const HISTORY_KEPT: SignedDuration = SignedDuration::from_mins(15);

/// What was read.
pub struct Observed {
    /// For the decision.
    pub snapshot: Snapshot,
    /// The pool as it was read; None: there is none, or it cannot be read, and nothing of it is written.
    pub pool: Option<CapacityPool>,
    /// Campaigns as they were read, by namespace and name.
    pub campaigns: BTreeMap<(String, String), Campaign>,
    /// Ledger entries as they were read, by name.
    pub entries: BTreeMap<String, WaveRelease>,
    /// Targets as they were read.
    pub handles: Vec<Handle>,
}

/// Whose pool it is.
pub enum Looked {
    /// It has gone since the watch told of it; the watch will say so.
    Gone,
    /// Another install's: nothing is touched.
    Foreign(String),
    /// Ours.
    Ours(Box<Observed>),
}

/// Reads everything that concerns one pool.
pub async fn observe(ctx: &Context, namespace: &str, name: &str, now: Timestamp) -> Result<Looked, Error> {
    let there = ctx.stores.pools.get(&ObjectRef::new(name).within(namespace));
    if let Some(install) = there.as_ref().and_then(|pool| pool.annotations().get(INSTALL_ANNOTATION))
        && *install != ctx.settings.install
        && !ctx.stores.is_still
    {
        return Ok(Looked::Foreign(install.clone()));
    }
    let unusable = |why: String| Unusable { field: "spec".into(), why };
    let (mut readable, unusable) = match there.as_ref().map(|pool| &pool.0) {
        Some(Ok(pool)) => (Some(pool.clone()), unusable(String::new())),
        Some(Err(error)) => (None, unusable(format!("it cannot be read: {error}"))),
        None => (None, unusable("there is no such pool".into())),
    };
    let key = format!("{namespace}/{name}");
    // Of a pool that is not there no install is the owner: one speaks of its campaigns, or several would contradict one
    // another, each from a ledger of its own.
    let is_ours = |campaign: &Campaign| {
        let install = campaign.status.as_ref().and_then(|status| status.install.as_ref());
        there.is_some() || install.is_none_or(|install| *install == ctx.settings.install)
    };
    let of_pool =
        |campaign: &Campaign| stores::pool_of(campaign) == (namespace.to_owned(), name.to_owned()) && is_ours(campaign);
    let all = ctx.stores.campaigns.state();
    let mut campaigns: Vec<Campaign> = stores::readable(&all).filter(|campaign| of_pool(campaign)).cloned().collect();
    // The store has an order of its own, which changes when a watch begins anew: what is said must not.
    campaigns.sort_by_cached_key(|campaign| {
        (campaign.creation_timestamp().map(|at| at.0), campaign.namespace(), campaign.name_any())
    });
    // Read once: an entry is among those that can be read, or among those that cannot.
    let kept = ctx.stores.entries.state();
    let sends = Sends::of(&all, &kept);
    let plain: Vec<snapshot::Campaign> =
        campaigns.iter().filter_map(|campaign| plain_campaign(ctx, campaign, &sends, now)).collect();
    let send_ids: HashSet<String> = plain.iter().map(snapshot::Campaign::send_id).collect();
    let entries = ctx.entries(&kept, |entry| entry.spec.pool == key || send_ids.contains(&entry.spec.send_id));
    let mut plain_pool = snapshot::Pool {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        generation: 0,
        missing: there.is_none(),
        deleting: ctx.stores.is_leaving(namespace),
        rules: Err(unusable),
        status: CapacityPoolStatus::default(),
    };
    if let Some(pool) = &readable {
        take(pool, &mut plain_pool);
    }
    let mut snapshot = Snapshot {
        pool: plain_pool,
        workloads: Vec::new(),
        orphans: Vec::new(),
        limits: Vec::new(),
        guardrails: Vec::new(),
        gates: snapshot::Gates::default(),
        campaigns: plain,
        entries: entries.values().filter_map(ledger::entry).collect(),
        settings: Settings {
            install: ctx.settings.install.clone(),
            breach_recovery: ctx.settings.breach_recovery,
            scope: ctx.settings.scope.clone(),
        },
        memory: ctx.memory(&key),
        nonce: chance::nonce(),
    };
    note_orphans(ctx, &mut snapshot);
    inquire::ask(ctx, &entries, &mut snapshot, now).await;
    gates::read(ctx, readable.as_ref(), &mut snapshot, now).await;
    let mut handles = Vec::new();
    if readable.is_some() && (plan::must_measure(&snapshot, now) || !snapshot.pool.status.claims.is_empty()) {
        // Targets are read from the API server. A claim that we have written, and the watch has not brought yet, must not
        // be missing beside them: a floor of our own would be taken for a leftover.
        if !ctx.stores.is_still {
            readable = objects::get::<CapacityPool>(&ctx.client, namespace, name).await?;
        }
        let Some(pool) = &readable else { return Ok(Looked::Gone) };
        take(pool, &mut snapshot.pool);
        handles = measure(ctx, pool, &mut snapshot, now).await;
    }
    let campaigns = campaigns
        .into_iter()
        .map(|campaign| ((campaign.namespace().unwrap_or_default(), campaign.name_any()), campaign));
    let campaigns = campaigns.collect();
    Ok(Looked::Ours(Box::new(Observed { snapshot, pool: readable, campaigns, entries, handles })))
}

/// Waves that could be halted, and whose Campaigns are not there any more.
fn note_orphans(ctx: &Context, snapshot: &mut Snapshot) {
    let stoppable = snapshot.entries.iter_mut().filter(|entry| entry.contract.way() == Way::Listmonk);
    let mut stoppable = stoppable.peekable();
    // Few ledgers have any.
    if stoppable.peek().is_none() {
        return;
    }
    let there: BTreeSet<Option<String>> = ctx.stores.campaigns.state().iter().map(|campaign| campaign.uid()).collect();
    for entry in stoppable {
        let is_seen = entry.campaign.split_once('/').is_some_and(|(namespace, _)| ctx.settings.scope.sees(namespace));
        entry.is_orphaned = is_seen && !there.contains(&Some(entry.campaign_uid.clone()));
    }
}

/// What a pool's own object says.
fn take(pool: &CapacityPool, plain: &mut snapshot::Pool) {
    plain.generation = pool.metadata.generation.unwrap_or_default();
    plain.deleting |= pool.metadata.deletion_timestamp.is_some();
    plain.rules = Rules::parse(&pool.spec);
    plain.status = pool.status.clone().unwrap_or_default();
}

fn plain_campaign(ctx: &Context, campaign: &Campaign, sends: &Sends<'_>, now: Timestamp) -> Option<snapshot::Campaign> {
    let namespace = campaign.namespace()?;
    let mut plain = snapshot::Campaign {
        name: campaign.name_any(),
        uid: campaign.uid()?,
        generation: campaign.metadata.generation.unwrap_or_default(),
        version: campaign.resource_version()?,
        created: campaign.creation_timestamp()?.0,
        deleting: campaign.metadata.deletion_timestamp.is_some(),
        spec: campaign.spec.clone(),
        asks: asks(campaign),
        status: campaign.status.clone().unwrap_or_default(),
        sender: sender(ctx, campaign, now),
        labels: ctx.stores.labels(&namespace),
        taken_by: None,
        unreadable_entry: None,
        namespace,
    };
    let send_id = plain.send_id();
    plain.taken_by = sends.taken_by(&send_id, campaign);
    let label = SendId::parse(&send_id, &plain.namespace).ok().map(|send| send.label());
    plain.unreadable_entry = label.and_then(|label| sends.unreadable.get(&label).cloned());
    Some(plain)
}

/// What people ask of it by annotations.
fn asks(campaign: &Campaign) -> snapshot::Asks {
    let said = |key: &str| campaign.annotations().get(key).cloned();
    snapshot::Asks {
        hold: said(HOLD_ANNOTATION),
        resume: said(RESUME_ANNOTATION),
        abort: said(ABORT_ANNOTATION),
        approved: said(APPROVED_ANNOTATION),
        without_headroom: said(WITHOUT_HEADROOM_ANNOTATION),
        without_headroom_reason: said(WITHOUT_HEADROOM_REASON_ANNOTATION),
        resolve: said(RESOLVE_ANNOTATION),
        resolve_reason: said(RESOLVE_REASON_ANNOTATION),
    }
}

fn sender(ctx: &Context, campaign: &Campaign, now: Timestamp) -> Option<snapshot::Sender> {
    let (namespace, name) = stores::sender_of(campaign);
    let there = ctx.stores.senders.get(&ObjectRef::new(&name).within(&namespace))?;
    let sender = there.0.as_ref().ok()?;
    let trouble = trouble_here(ctx, &namespace, &sender.spec)
        .or_else(|| ctx.unable(("sender", &namespace, &name), now))
        .or_else(|| ctx.unable(("campaign", &campaign.namespace()?, &campaign.name_any()), now));
    Some(snapshot::Sender {
        uid: sender.uid()?,
        generation: sender.metadata.generation.unwrap_or_default(),
        deleting: sender.metadata.deletion_timestamp.is_some(),
        spec: sender.spec.clone(),
        trouble,
        namespace,
        name,
    })
}

/// What is wrong with a Sender under what the platform team has set, found without asking anyone.
pub(super) fn trouble_here(ctx: &Context, namespace: &str, spec: &SenderSpec) -> Option<String> {
    if let Some(trouble) = trouble(spec) {
        return Some(trouble);
    }
    // First: whoever may not do what it needs says so, and no more.
    if let Some(barred) = barred(ctx, namespace, spec) {
        return Some(barred);
    }
    if let Some(there) = &spec.listmonk {
        let barred = ctx.outside.bars(&Target::parse(&there.url).ok()?);
        return barred.map(|barred| format!("spec.listmonk.url: {barred}"));
    }
    let webhook = spec.webhook.as_ref()?;
    let place = |field: &str, target: Option<Result<Target, TargetError>>| {
        ctx.outside.bars(&target?.ok()?).map(|barred| format!("spec.webhook.{field}: {barred}"))
    };
    place("url", Some(Target::parse(&webhook.url)))
        .or_else(|| place("contract.queryable.url", inquire::target(webhook, "")))
}

/// Why the platform team does not let this install use a Sender there, if it does not.
pub(super) fn barred(ctx: &Context, namespace: &str, spec: &SenderSpec) -> Option<String> {
    let may_make_jobs = ctx.settings.job_namespaces.iter().any(|allowed| allowed == namespace);
    if spec.job.is_some() && !may_make_jobs {
        return Some(format!("Headroom may not make Jobs in {namespace}; add it to jobNamespaces of the chart"));
    }
    let reads_secrets = spec.listmonk.is_some() || spec.webhook.as_ref().is_some_and(secrets::needs);
    reads_secrets.then(|| secrets::barred(ctx, namespace)).flatten()
}

/// What only the adapter can find wrong with a Sender.
pub fn trouble(spec: &crate::api::SenderSpec) -> Option<String> {
    if let Some(Err(error)) = spec.listmonk.as_ref().map(|there| Target::parse(&there.url)) {
        return Some(format!("spec.listmonk.url: {error}"));
    }
    if spec.listmonk.as_ref().is_some_and(|there| there.url.contains('?')) {
        return Some("spec.listmonk.url: it has a question mark; give it without a query".to_owned());
    }
    let webhook = spec.webhook.as_ref()?;
    if let Err(error) = Target::parse(&webhook.url) {
        return Some(format!("spec.webhook.url: {error}"));
    }
    if let Some(Err(error)) = inquire::target(webhook, "") {
        return Some(format!("spec.webhook.contract.queryable.url: {error}"));
    }
    let ours = crate::senders::is_ours;
    let header = webhook.headers.iter().flatten().find(|header| ours(&header.name))?;
    Some(format!("spec.webhook.headers: {} is set by Headroom itself; take it out", header.name))
}

/// Targets and sensors, into the snapshot.
async fn measure(ctx: &Context, pool: &CapacityPool, snapshot: &mut Snapshot, now: Timestamp) -> Vec<Handle> {
    let namespace = snapshot.pool.namespace.clone();
    let mut handles = Vec::new();
    let rules = snapshot.pool.rules.clone().ok();
    let address = address(ctx, pool);
    if let Some(rules) = &rules {
        let server = server(ctx, pool, rules, now);
        let targets = join_all(
            rules
                .workloads
                .iter()
                .map(|workload| targets::find(&ctx.client, &namespace, &workload.target.0, &workload.target.1)),
        );
        let plain = |query: &String| server.read(Question::plain(query));
        let question = |workload: &WorkloadRules| workload.question(&namespace, rules.max_sample_age);
        let demands = join_all(rules.workloads.iter().map(|workload| server.read(question(workload))));
        let histories = join_all(rules.workloads.iter().map(|workload| history(ctx, &server, address, workload, now)));
        let limits = join_all(rules.limits.iter().map(|limit| plain(&limit.query)));
        let guardrails = join_all(rules.guardrails.iter().map(|rail| plain(&rail.query)));
        let incidents = join_all(rules.incidents.iter().map(plain));
        let (targets, demands, histories, limits, guardrails, mut incidents) =
            futures::join!(targets, demands, histories, limits, guardrails, incidents);
        snapshot.gates.incidents = incidents.pop();
        for ((target, demand), history) in targets.into_iter().zip(demands).zip(histories) {
            let target = match target {
                Ok(mut handle) => {
                    if rules.counts_nodes {
                        match placeable(ctx, &handle, now).await {
                            Ok(count) => handle.found.placeable = count,
                            Err(fault) => {
                                snapshot.workloads.push(Workload {
                                    target: Err(fault),
                                    demand: Some(demand),
                                    history: Some(history),
                                });
                                continue;
                            }
                        }
                    }
                    handle.found.target.note_is_alive = is_alive(ctx, snapshot, &handle).await;
                    handles.push(handle.clone());
                    Ok(handle.found)
                }
                Err(fault) => Err(fault),
            };
            snapshot.workloads.push(Workload { target, demand: Some(demand), history: Some(history) });
        }
        snapshot.limits = limits.into_iter().map(Some).collect();
        snapshot.guardrails = guardrails.into_iter().map(Some).collect();
    }
    // Claims that no workload answers for any more: the workload left the rules, or its target was replaced.
    for claim in snapshot.pool.status.claims.clone() {
        let is_claimed = |workload: &Workload| {
            let target = workload.target.as_ref().map(|found| &found.target);
            target.is_ok_and(|target| target.uid == claim.uid && target.kind.name() == claim.kind)
        };
        // One that cannot be read may well be it.
        let names = rules.iter().flat_map(|rules| &rules.workloads).map(|workload| &workload.name);
        let is_unreadable = names.zip(&snapshot.workloads).any(|(name, workload)| {
            *name == claim.workload && matches!(workload.target, Err(TargetFault::Unreadable(_)))
        });
        if is_unreadable || snapshot.workloads.iter().any(is_claimed) {
            continue;
        }
        let target = targets::carrier(&ctx.client, &namespace, &claim.kind, &claim.name).await.map(|handle| {
            handles.push(handle.clone());
            handle.found.target
        });
        snapshot.orphans.push(Orphan { claim, target });
    }
    handles
}

/// Replicas for which there is a place on the nodes that are there.
async fn placeable(ctx: &Context, handle: &Handle, now: Timestamp) -> Result<Option<i32>, TargetFault> {
    let unknown = |error: &Error| {
        TargetFault::Unreadable(format!(
            "{error}; with \"nodes: Fixed\" the pool counts what the nodes hold, and the platform team allows that by the chart's \"nodes.count\""
        ))
    };
    let census = ctx.census(now).await.map_err(|error| unknown(&error))?;
    let count = |needs: &Needs| i32::try_from(placement::fits(&census, needs)).unwrap_or(i32::MAX);
    Ok(handle.needs.as_deref().map(count))
}

/// Whether the pool that a note names still holds the claim it names. "No" is believed only of the API server itself: the
/// watch may not have brought the claim yet.
async fn is_alive(ctx: &Context, snapshot: &Snapshot, handle: &Handle) -> bool {
    let Some(note) = &handle.found.target.note else { return false };
    let holds = |status: &CapacityPoolStatus| status.claims.iter().any(|claim| claim.id == note.claim);
    // A claim is in its pool before its note is on the target, so that "no" counts only of a pool that was read after the
    // target: another operator may have written both in between.
    if note.pool == snapshot.pool.key() && holds(&snapshot.pool.status) {
        return true;
    }
    let Some((namespace, name)) = note.pool.split_once('/') else { return false };
    let known = ctx.stores.pools.get(&ObjectRef::new(name).within(namespace));
    if known.as_ref().is_some_and(|pool| pool.0.as_ref().is_ok_and(|pool| pool.status.as_ref().is_some_and(holds))) {
        return true;
    }
    match objects::get::<CapacityPool>(&ctx.client, namespace, name).await {
        Ok(Some(pool)) => pool.status.as_ref().is_some_and(holds),
        Ok(None) => false,
        // What cannot be read may well hold it.
        Err(_) => true,
    }
}

/// Where a pool is measured.
fn address<'a>(ctx: &'a Context, pool: &'a CapacityPool) -> &'a str {
    pool.spec.prometheus.as_ref().map_or(ctx.settings.prometheus_url.as_str(), |server| server.address.as_str())
}

/// A look at the server that a pool is measured at.
pub(super) fn server<'a>(ctx: &'a Context, pool: &CapacityPool, rules: &Rules, now: Timestamp) -> Look<'a> {
    // The platform team says how often Headroom itself is scraped, and not whoever wants fresher samples of his workload.
    let needed = (rules.heartbeat == Heartbeat::Required).then(|| rules.max_sample_age.max(MAX_SAMPLE_AGE));
    Look::at(ctx, address(ctx, pool), rules.tick(), needed, now)
}

async fn history(
    ctx: &Context,
    server: &Look<'_>,
    address: &str,
    workload: &WorkloadRules,
    now: Timestamp,
) -> Result<HistoryPoints, SensorFault> {
    let asked = (address.to_owned(), workload.query.clone(), workload.reduce);
    if let Some(kept) = ctx.kept_history(&asked, now - HISTORY_KEPT) {
        return kept;
    }
    let history = server.history(&workload.query, workload.reduce, HISTORY, HISTORY_STEP).await;
    if history.is_ok() {
        ctx.keep_history(asked, now, history.clone());
    }
    history
}

//! Act: what was decided, written in the one order that is safe. A claim is in the pool before its floor is on the
//! target, a fact is in the ledger before it is said, and a release comes last, beside what others are told.

use std::collections::BTreeMap;

use futures::{StreamExt, future, stream};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::api::ObjectMeta;
use serde_json::json;

use crate::api::release::{Disposition, EntryCampaign, Outcome, Resolution, Skip as SkipFact, WithoutHeadroom};
use crate::api::{
    Campaign, CapacityPool, INSTALL_ANNOTATION, POOL_LABEL, RESTORE_FINALIZER, SEND_LABEL, WaveRelease, WaveReleaseSpec,
};
use crate::cluster::{Error, ledger, objects};
use crate::metrics::Metrics;
use crate::plan::Plan;
use crate::plan::contract::Way;
use crate::plan::floors::FloorWrite;
use crate::plan::order::{Release, Skip};
use crate::plan::report::Report;
use crate::plan::resolve::{self, Resolve};

use super::context::Context;
use super::listmonk;
use super::observe::Observed;
use super::release::{self, Done};
use super::resume;

/// So many statuses of campaigns are on their way at once.
const TOLD_AT_ONCE: usize = 8;

/// Does what was decided. Whether something was written that calls for another look at once.
///
/// What fails for one target or campaign is told at the end and keeps nothing else from being done; only the order in
/// which things are safe is kept: no floor without its claim in the pool, no release when anything of the pool failed.
pub async fn act(ctx: &Context, observed: Observed, plan: Plan, now: Timestamp) -> Result<bool, Error> {
    let Observed { mut pool, campaigns, entries, handles, .. } = observed;
    let mut again = false;
    let mut failed: Option<Error> = None;
    let mut is_pool_kept = true;
    if let Some(pool) = &mut pool {
        match keep_pool(ctx, pool, &plan).await {
            Ok(()) => {
                for floor in &plan.floors {
                    match write_floor(ctx, pool, &handles, floor).await {
                        Ok(written) => again |= written,
                        Err(error) => keep(&mut failed, error),
                    }
                }
            }
            Err(error) => {
                is_pool_kept = false;
                keep(&mut failed, error);
            }
        }
    }
    for skip in &plan.skips {
        again = true;
        let entry = fact(&ctx.settings.ledger_namespace, skip, now);
        match ledger::create(&ctx.client, &entry).await {
            Ok(written) => ctx.remember_entry(written),
            // Whoever was first has decided; the next look reads what.
            Err(Error::AlreadyExists { .. }) => {
                tracing::info!(entry = skip.entry, "the ledger has an entry of this wave already");
            }
            Err(error) => keep(&mut failed, error),
        }
    }
    for resolve in &plan.resolves {
        if let Some(entry) = entries.get(&resolve.entry) {
            match take_down(ctx, entry.clone(), resolve, campaigns.get(&resolve.campaign), now).await {
                Ok(written) => again |= written,
                Err(error) => keep(&mut failed, error),
            }
        }
    }
    for (name, outcome, message) in &plan.outcomes {
        if let Some(entry) = entries.get(name)
            && let Err(error) = decide(ctx, entry.clone(), *outcome, message, now).await
        {
            keep(&mut failed, error);
        }
    }
    listmonk::halt_all(ctx, &plan.halts, &entries, &campaigns, now).await;
    for seen in &plan.rests {
        if let Some(entry) = entries.get(&seen.entry) {
            match listmonk::came_to_rest(ctx, entry.clone(), seen).await {
                Ok(written) => again |= written,
                Err(error) => keep(&mut failed, error),
            }
        }
    }
    // What others are told takes as long as there are many of them; what goes now does not wait for it.
    let told = tell_all(ctx, &campaigns, &plan.reports);
    let released = async {
        let (Some(order), Some(pool), true) = (&plan.release, &mut pool, is_pool_kept) else { return Ok(false) };
        try_release(ctx, order, pool, &entries, &campaigns, now).await.map(|()| true)
    };
    let (untold, released) = futures::join!(told, Box::pin(released));
    for error in untold {
        keep(&mut failed, error);
    }
    match released {
        Ok(released) => again |= released,
        Err(error) => keep(&mut failed, error),
    }
    failed.map_or(Ok(again), Err)
}

/// Says what changed of each campaign, of some of them at a time; what could not be said.
async fn tell_all(ctx: &Context, campaigns: &BTreeMap<(String, String), Campaign>, reports: &[Report]) -> Vec<Error> {
    let mut said = Vec::new();
    for report in reports {
        said.extend(campaigns.get(&report.campaign).map(|campaign| say(ctx, campaign, report)));
    }
    let said = stream::iter(said).buffer_unordered(TOLD_AT_ONCE);
    said.filter_map(|said| future::ready(said.err())).collect().await
}

/// The first failure is the one that is returned; every one is in the log.
fn keep(failed: &mut Option<Error>, error: Error) {
    if failed.is_some() {
        tracing::warn!(%error, "a further write failed in the same look");
    }
    failed.get_or_insert(error);
}

async fn try_release(
    ctx: &Context,
    order: &Release,
    pool: &mut CapacityPool,
    entries: &BTreeMap<String, WaveRelease>,
    campaigns: &BTreeMap<(String, String), Campaign>,
    now: Timestamp,
) -> Result<(), Error> {
    let known = entries.iter().filter_map(|(name, entry)| Some((name.clone(), entry.resource_version()?))).collect();
    match Box::pin(release::release(ctx, order, pool, &known)).await? {
        Done::Stale(why) => tracing::info!(entry = order.entry, why, "not armed; weighing it anew"),
        Done::Unable(why) => {
            tracing::warn!(sender = format!("{}/{}", order.sender.0, order.sender.1), why, "a request cannot be made");
            // What one draft in listmonk is like keeps nobody else from it.
            let of = match order.contract.way() {
                Way::Listmonk => ("campaign", order.campaign.0.as_str(), order.campaign.1.as_str()),
                Way::Request | Way::Job => ("sender", order.sender.0.as_str(), order.sender.1.as_str()),
            };
            ctx.note_unable(of, &why, now);
            if let (Some(_), Some(entry)) = (&order.rest, entries.get(&order.entry)) {
                listmonk::look_again(ctx, entry, now).await;
            }
        }
        Done::Attempted(attempt) => {
            Metrics::count(&ctx.metrics.attempts, attempt.label());
            if let Some(rest) = &order.rest {
                resume::tell(ctx, order, rest, &attempt, campaigns.get(&order.campaign)).await;
                if let Some(entry) = entries.get(&order.entry) {
                    listmonk::look_again(ctx, entry, now).await;
                }
                return Ok(());
            }
            if let Some(permission) = &order.evidence.without_headroom {
                without_headroom(ctx, order, permission, pool).await;
            }
            tracing::info!(
                campaign = format!("{}/{}", order.campaign.0, order.campaign.1),
                wave = order.wave.name,
                entry = order.entry,
                recipients = order.wave.recipients,
                free = order.evidence.free,
                needed = order.evidence.needed,
                result = attempt.label(),
                message = %attempt,
                "tried to release a wave"
            );
        }
    }
    Ok(())
}

/// A wave that somebody answered for is told loudly, where its pool's owner looks.
async fn without_headroom(ctx: &Context, order: &Release, permission: &WithoutHeadroom, pool: &CapacityPool) {
    let (campaign, wave) = (format!("{}/{}", order.campaign.0, order.campaign.1), &order.wave.name);
    let note = format!(
        "Wave \"{wave}\" of {campaign} was let go without confirmed headroom by {}: {}. Instead of: {}",
        permission.by, permission.reason, permission.instead_of
    );
    ctx.metrics.without_headroom.inc();
    tracing::warn!(campaign, wave, by = permission.by, reason = permission.reason, "without confirmed headroom");
    ctx.events.tell(pool, true, "WithoutHeadroom", &format!("Release {wave}"), &note).await;
}

/// The pool's own object: install and finalizer, then its status with the claims in it.
async fn keep_pool(ctx: &Context, pool: &mut CapacityPool, plan: &Plan) -> Result<(), Error> {
    let has_finalizer = pool.finalizers().iter().any(|finalizer| finalizer == RESTORE_FINALIZER);
    let borrows = !plan.pool.claims.is_empty();
    let is_going = pool.metadata.deletion_timestamp.is_some();
    let is_ours = pool.annotations().contains_key(INSTALL_ANNOTATION);
    if (borrows && !has_finalizer && !is_going) || (!is_ours && !is_going) {
        let mut finalizers = pool.finalizers().to_vec();
        if borrows && !has_finalizer {
            finalizers.push(RESTORE_FINALIZER.to_owned());
        }
        let install = pool.annotations().get(INSTALL_ANNOTATION).unwrap_or(&ctx.settings.install);
        let change = json!({"annotations": {INSTALL_ANNOTATION: install}, "finalizers": finalizers});
        *pool = objects::change_metadata(&ctx.client, pool, change).await?;
    }
    if pool.status.as_ref() != Some(&plan.pool) {
        let before = pool.status.clone().unwrap_or_default();
        let mut wanted = pool.clone();
        wanted.status = Some(plan.pool.clone());
        *pool = objects::replace_status(&ctx.client, &wanted).await?;
        ctx.stores.echoes.expect(pool);
        if before.reason != plan.pool.reason {
            let (reason, message) =
                (plan.pool.reason.clone().unwrap_or_default(), plan.pool.message.clone().unwrap_or_default());
            tracing::info!(
                pool = format!("{}/{}", pool.namespace().unwrap_or_default(), pool.name_any()),
                reason,
                message,
                "pool"
            );
            ctx.events.tell(pool, reason != "Ready", &reason, "Look", &message).await;
        }
        tell_rivals(ctx, pool, &before).await;
    } else if !plan.floors.is_empty() {
        still_as_read(ctx, pool).await?;
    }
    if !borrows && has_finalizer {
        let finalizers: Vec<&String> =
            pool.finalizers().iter().filter(|finalizer| *finalizer != RESTORE_FINALIZER).collect();
        match objects::change_metadata(&ctx.client, pool, json!({ "finalizers": finalizers })).await {
            Ok(written) => *pool = written,
            // With its last finalizer a pool that is being deleted is gone.
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A floor that is written without a word in the pool rests on a claim that was read: another replica, which leads by now or
/// thinks so, may have changed that since.
async fn still_as_read(ctx: &Context, pool: &CapacityPool) -> Result<(), Error> {
    let (namespace, name) = (pool.namespace().unwrap_or_default(), pool.name_any());
    let there: Option<CapacityPool> = objects::get(&ctx.client, &namespace, &name).await?;
    if there.is_some_and(|there| there.resource_version() == pool.resource_version() && there.uid() == pool.uid()) {
        return Ok(());
    }
    Err(Error::Conflict { what: format!("rely on the claims of {namespace}/{name}") })
}

/// Somebody else's value that was found is said once, with his name.
async fn tell_rivals(ctx: &Context, pool: &CapacityPool, before: &crate::api::CapacityPoolStatus) {
    for claim in pool.status.iter().flat_map(|status| &status.claims) {
        let Some(rival) = &claim.rival else { continue };
        let known = before.claims.iter().any(|old| old.id == claim.id && old.rival.as_ref() == Some(rival));
        if !known {
            let note = format!(
                "{} set {} {} to {} while its floor of {} stood. That value is what will be given back.",
                rival.manager, claim.kind, claim.name, rival.value, claim.floor
            );
            tracing::info!(pool = pool.name_any(), note, "rival");
            ctx.events.tell(pool, true, "FloorChanged", "Hold", &note).await;
        }
    }
}

async fn write_floor(
    ctx: &Context,
    pool: &CapacityPool,
    handles: &[crate::cluster::targets::Handle],
    floor: &FloorWrite,
) -> Result<bool, Error> {
    let Some(handle) = handles.iter().find(|handle| handle.found.target.uid == floor.uid) else { return Ok(false) };
    let namespace = pool.namespace().unwrap_or_default();
    let kind = match (&floor.write.note, &handle.found.target.note) {
        (Some(_), _) => "Floor",
        (None, _) => "Restore",
    };
    let told = floor.write.value.map_or_else(|| "unset".to_owned(), |value| value.to_string());
    match handle.write(&ctx.client, &namespace, &floor.write).await {
        Ok(()) => {
            Metrics::count(&ctx.metrics.floor_writes, kind);
            tracing::info!(
                pool = pool.name_any(),
                target = floor.name,
                value = told,
                kind,
                "wrote the scale of a target"
            );
            let note = format!("{} {} was set to {told}.", floor.kind.name(), floor.name);
            ctx.events
                .tell(pool, false, if kind == "Floor" { "FloorWritten" } else { "FloorGivenBack" }, "Scale", &note)
                .await;
            Ok(true)
        }
        // Somebody was quicker; what he wrote is read first.
        Err(Error::Conflict { .. } | Error::NotFound { .. }) => Ok(true),
        Err(error @ Error::Refused { .. }) => {
            tracing::warn!(%error, target = floor.name, "the API server refuses a floor");
            ctx.events.tell(pool, true, "FloorRefused", "Scale", &error.to_string()).await;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// A wave that will not go, as an entry.
fn fact(namespace: &str, skip: &Skip, now: Timestamp) -> WaveRelease {
    let labels = [(SEND_LABEL, &skip.send_label), (POOL_LABEL, &skip.pool_label)];
    let metadata = ObjectMeta {
        name: Some(skip.entry.clone()),
        namespace: Some(namespace.to_owned()),
        labels: Some(labels.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect()),
        ..ObjectMeta::default()
    };
    let spec = WaveReleaseSpec {
        send_id: skip.send_id.clone(),
        wave: skip.wave.clone(),
        disposition: Disposition::Skip,
        skip: Some(SkipFact { reason: skip.reason, by: skip.by.clone() }),
        campaign: EntryCampaign {
            namespace: skip.campaign.0.clone(),
            name: skip.campaign.1.clone(),
            uid: skip.campaign_uid.clone(),
            generation: skip.campaign_generation,
        },
        pool: skip.pool.clone(),
        nonce: skip.nonce.chars().take(64).collect(),
        request: None,
        load: None,
        evidence: None,
        first_attempt_at: Time(now),
    };
    WaveRelease { metadata, spec, status: None }
}

/// Writes an outcome that nobody else will write any more.
async fn decide(
    ctx: &Context,
    mut entry: WaveRelease,
    outcome: Outcome,
    message: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let status = entry.status.get_or_insert_default();
    // Only that nobody knows may be followed by that its receiver has it, or by how its Job ended.
    let is_cleared_up =
        status.outcome == Some(Outcome::Unknown) && matches!(outcome, Outcome::Released | Outcome::Unknown);
    if status.outcome.is_some() && !is_cleared_up {
        return Ok(());
    }
    status.outcome = Some(outcome);
    status.decided_at = Some(Time(now));
    status.decided_by = Some("headroom".to_owned());
    status.message = Some(message.to_owned());
    match objects::replace_status(&ctx.client, &entry).await {
        Ok(written) => {
            ctx.remember_entry(written);
            Ok(())
        }
        Err(Error::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Takes down what a person says became of a wave, by the version that was read. Whether it was.
async fn take_down(
    ctx: &Context,
    mut entry: WaveRelease,
    resolve: &Resolve,
    campaign: Option<&crate::api::Campaign>,
    now: Timestamp,
) -> Result<bool, Error> {
    let status = entry.status.get_or_insert_default();
    let (sender_uid, url_digest) = resolve.sender.clone().unzip();
    status.resolutions.push(Resolution {
        attempt: resolve.attempt.clone(),
        resolved_as: resolve.resolved_as,
        by: resolve.by.clone(),
        reason: resolve.reason.clone(),
        at: Time(now),
        sender_uid,
        url_digest,
    });
    let told = format!("{} resolved it as {}: {}.", resolve.by, resolve::name(resolve.resolved_as), resolve.reason);
    status.outcome = resolve.outcome();
    status.decided_at = status.outcome.map(|_| Time(now));
    status.decided_by = status.outcome.map(|_| resolve.by.clone());
    status.message = Some(told.clone());
    match objects::replace_status(&ctx.client, &entry).await {
        Ok(written) => ctx.remember_entry(written),
        // Somebody else has written it since it was read; what he wrote is read first.
        Err(Error::Conflict { .. }) => return Ok(true),
        Err(error) => return Err(error),
    }
    ctx.metrics.resolutions.inc();
    tracing::warn!(
        campaign = format!("{}/{}", resolve.campaign.0, resolve.campaign.1),
        wave = resolve.wave,
        entry = resolve.entry,
        resolved_as = resolve::name(resolve.resolved_as),
        by = resolve.by,
        reason = resolve.reason,
        "a person has said what became of a wave"
    );
    if let Some(campaign) = campaign {
        let note = format!("Wave \"{}\": {told}", resolve.wave);
        ctx.events.tell(campaign, true, "Resolved", &format!("Resolve {}", resolve.wave), &note).await;
    }
    Ok(true)
}

/// Writes a campaign's status, and tells of a transition once.
async fn say(ctx: &Context, campaign: &Campaign, report: &Report) -> Result<(), Error> {
    if campaign.resource_version().as_ref() != Some(&report.version) {
        return Ok(());
    }
    let mut said = campaign.clone();
    said.status = Some(report.status.clone());
    match objects::replace_status(&ctx.client, &said).await {
        Ok(written) => ctx.stores.echoes.expect(&written),
        // It was changed or deleted meanwhile: the next look speaks of what is there then.
        Err(Error::Conflict { .. } | Error::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error),
    }
    if report.is_transition {
        let phase = report.status.phase.map_or("Pending", crate::api::Phase::name);
        let reason = report.status.reason.clone().unwrap_or_default();
        let message = report.status.message.clone().unwrap_or_default();
        tracing::info!(
            campaign = format!("{}/{}", report.campaign.0, report.campaign.1),
            phase,
            reason,
            message,
            "campaign"
        );
        // Events of one reason and one action are folded into the first: the wave keeps those of two waves apart.
        let action = report.wave.as_ref().map_or_else(|| phase.to_owned(), |wave| format!("{phase} {wave}"));
        ctx.events.tell(campaign, report.is_warning, &reason, &action, &message).await;
    }
    Ok(())
}

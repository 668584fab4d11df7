//! What may keep campaigns back beside the room there is, read into plain data: the one switch, other campaigns, rollouts,
//! and the pool's checks. Reads, and decides nothing.

use std::collections::BTreeSet;

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;

use crate::api::release::Outcome;
use crate::api::{CapacityPool, STOP_CONFIG_MAP};
use crate::cluster::{Error, ledger, objects, rollouts, stores};
use crate::plan::after::{self, Other};
use crate::plan::reading::Question;
use crate::plan::snapshot::Snapshot;
use crate::plan::stop::Stop;

use super::context::Context;
use super::observe;

/// Whether a person has stopped releases. What cannot be read counts as a stop.
pub async fn stop(ctx: &Context) -> Option<Stop> {
    let namespace = ctx.settings.namespace();
    match objects::get::<ConfigMap>(&ctx.client, namespace, STOP_CONFIG_MAP).await {
        Ok(None) => None,
        Ok(Some(map)) => Some(Stop::read(&map.data.unwrap_or_default())),
        // Whoever only asks what would happen may not be allowed to see it.
        Err(Error::Refused { .. }) if ctx.stores.is_still => None,
        Err(Error::Refused { message, .. }) => Some(Stop::unreadable(&message)),
        Err(error) => Some(Stop::unreadable(&error.to_string())),
    }
}

/// Reads whatever campaigns of this pool wait for. Nothing is asked for that nobody waits for.
pub async fn read(ctx: &Context, pool: Option<&CapacityPool>, snapshot: &mut Snapshot, now: Timestamp) {
    let nobody_waits = snapshot.campaigns.iter().all(|campaign| campaign.deleting || campaign.has_finished());
    // Where scale is borrowed, somebody may want it back at once.
    if nobody_waits && snapshot.pool.status.claims.is_empty() {
        return;
    }
    snapshot.gates.stop = stop(ctx).await;
    if nobody_waits {
        return;
    }
    others(ctx, snapshot);
    let namespace = snapshot.pool.namespace.clone();
    let wanted = after::rollouts_of(snapshot);
    let found = join_all(wanted.iter().map(|(kind, name)| rollouts::read(&ctx.client, &namespace, *kind, name))).await;
    snapshot.gates.rollouts = wanted.into_iter().zip(found).collect();
    if let Some(pool) = pool {
        checks(ctx, pool, snapshot, now).await;
    }
}

/// Campaigns of the namespaces of those that wait for another.
fn others(ctx: &Context, snapshot: &mut Snapshot) {
    let waiting = snapshot.campaigns.iter().filter(|campaign| !campaign.has_finished());
    let waiting = waiting.filter(|campaign| campaign.spec.after.iter().flatten().any(|after| after.campaign.is_some()));
    let namespaces: BTreeSet<String> = waiting.map(|campaign| campaign.namespace.clone()).collect();
    if namespaces.is_empty() {
        return;
    }
    let gone: BTreeSet<String> = ctx
        .entries(&ctx.stores.entries.state(), |entry| namespaces.contains(&entry.spec.campaign.namespace))
        .values()
        .filter_map(ledger::entry)
        .filter(|entry| entry.outcome == Some(Outcome::Released))
        .map(|entry| entry.campaign_uid)
        .collect();
    for other in stores::readable(&ctx.stores.campaigns.state()) {
        let Some(namespace) = other.namespace().filter(|namespace| namespaces.contains(namespace)) else { continue };
        let key = format!("{namespace}/{}", other.name_any());
        let known = Other {
            phase: other.status.as_ref().and_then(|status| status.phase),
            has_gone: other.uid().is_some_and(|uid| gone.contains(&uid)),
            after: after::campaigns_of(&namespace, other.spec.after.as_ref()),
        };
        snapshot.gates.others.insert(key, known);
    }
}

async fn checks(ctx: &Context, pool: &CapacityPool, snapshot: &mut Snapshot, now: Timestamp) {
    let wanted = after::checks_of(snapshot);
    let Some(rules) = snapshot.pool.rules.as_ref().ok().filter(|_| !wanted.is_empty()) else { return };
    let server = observe::server(ctx, pool, rules, now);
    let asked = rules.checks.iter().map(|check| async {
        if !wanted.contains(&check.name) {
            return None;
        }
        Some(server.read(Question::plain(&check.query)).await)
    });
    snapshot.gates.checks = join_all(asked).await;
}

//! What keeps a campaign from its next wave before any room is asked for: people, and what must be so beforehand. All of it
//! is told, the decisive first; the order here is the order of decisiveness.

use jiff::Timestamp;

use super::after;
use super::approval;
use super::hold;
use super::rules::Rules;
use super::snapshot::{Campaign, Snapshot};
use super::why::Why;

/// What people have said: nothing further goes until they say otherwise. `gone` is how many waves were released, of
/// how many.
pub(super) fn by_people(
    snapshot: &Snapshot,
    campaign: &Campaign,
    rules: &Rules,
    gone: (usize, usize),
    now: Timestamp,
) -> Vec<Why> {
    let mut holds = Vec::new();
    let pool = snapshot.pool.key();
    if let Some(stop) = &snapshot.gates.stop
        && let Some(reason) = stop.of(&pool)
    {
        let only = (!stop.is_for_all()).then(|| pool.clone());
        holds.push(Why::Stopped { reason: reason.to_owned(), only });
    }
    if rules.suspended {
        holds.push(Why::PoolSuspended { pool });
    }
    if campaign.spec.suspend == Some(true) {
        holds.push(Why::Suspended { released: gone.0, planned: gone.1 });
    }
    if let Some(hold) = hold::standing(campaign, now) {
        let (name, namespace) = (campaign.name.clone(), campaign.namespace.clone());
        holds.push(Why::OnHold { reason: hold.reason, since: hold.since.0, name, namespace });
    }
    holds
}

/// What must be so before the next wave: an approval of exactly this spec, and all that it waits for.
pub(super) fn beforehand(snapshot: &Snapshot, campaign: &Campaign, rules: &Rules, now: Timestamp) -> Vec<Why> {
    let mut holds = Vec::new();
    let is_approved = approval::given(campaign).is_some() || approval::without_headroom(campaign, now).is_some();
    if let Some(needed) = approval::needed(&campaign.spec, rules.approval_above).filter(|_| !is_approved) {
        let (name, namespace) = (campaign.name.clone(), campaign.namespace.clone());
        let edited = approval::is_of_another_spec(campaign);
        holds.push(Why::AwaitingApproval { needed, pool: snapshot.pool.key(), name, namespace, edited });
    }
    let pending = after::pending(snapshot, campaign, rules, now);
    if !pending.is_empty() {
        holds.push(Why::After { pending });
    }
    holds
}

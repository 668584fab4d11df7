//! Whether a campaign can be carried out at all: what it refers to is there, admits it, and what it says can be understood.
//! When it may go is not decided here.

use super::after;
use super::bursts;
use super::intent::{Intent, Known};
use super::rules::Rules;
use super::snapshot::{Campaign, Sender, Snapshot};
use super::waves::Gone;
use super::why::Why;

/// What the campaign refers to, and what it means.
pub(super) fn understood<'a>(
    snapshot: &'a Snapshot,
    campaign: &'a Campaign,
    gone: &[Gone],
) -> Result<(&'a Rules, &'a Sender, Intent), Why> {
    let pool = &snapshot.pool;
    if pool.missing {
        let is_in_sight = snapshot.settings.scope.sees(&pool.namespace);
        return Err(Why::PoolNotFound { pool: pool.key(), is_in_sight });
    }
    if pool.deleting {
        return Err(Why::PoolInvalid { pool: pool.key(), why: "it is being deleted".to_owned() });
    }
    let rules =
        pool.rules.as_ref().map_err(|unusable| Why::PoolInvalid { pool: pool.key(), why: unusable.to_string() })?;
    let Some(sender) = &campaign.sender else {
        let there = &campaign.spec.sender_ref;
        let namespace = there.namespace.as_ref().unwrap_or(&campaign.namespace);
        let is_in_sight = snapshot.settings.scope.sees(namespace);
        return Err(Why::SenderNotFound { sender: format!("{namespace}/{}", there.name), is_in_sight });
    };
    if sender.deleting {
        let sender = format!("{}/{}", sender.namespace, sender.name);
        return Err(Why::SenderUnable { sender, why: "it is being deleted".to_owned() });
    }
    let admitted = |selector: Option<&crate::api::reference::NamespaceSelector>, home: &str| {
        selector.map_or(home == campaign.namespace, |selector| selector.matches(&campaign.labels))
    };
    let refused = |what, object| Why::NotAdmitted { what, object, namespace: campaign.namespace.clone() };
    if !admitted(rules.admits.as_ref(), &pool.namespace) {
        return Err(refused("CapacityPool", pool.key()));
    }
    if !admitted(sender.spec.namespace_selector.as_ref(), &sender.namespace) {
        return Err(refused("Sender", format!("{}/{}", sender.namespace, sender.name)));
    }
    if campaign.spec.urgent == Some(true) && !admitted(rules.admits_urgent.as_ref(), &pool.namespace) {
        let why = not_urgent(&pool.key(), &campaign.namespace);
        return Err(Why::Invalid { field: "spec.urgent".to_owned(), why });
    }
    let noises = bursts::noises(snapshot, rules);
    let intent = Intent::parse(campaign, sender, rules, &Known { gone, noises: &noises })?;
    if let Some(why) = after::contradiction(snapshot, campaign, rules) {
        return Err(why);
    }
    if let Some(by) = &campaign.taken_by {
        return Err(Why::SendIdTaken { send_id: intent.send_id.as_str().to_owned(), by: by.clone() });
    }
    Ok((rules, sender, intent))
}

/// Why a campaign may not be urgent, as the end of a sentence.
pub fn not_urgent(pool: &str, namespace: &str) -> String {
    format!(
        "the CapacityPool {pool} does not let campaigns of namespace {namespace} use its reserve; ask its owner, or leave urgent out"
    )
}

//! What objects say of one another: references, who is admitted, and one identity for two sends.

use std::collections::BTreeMap;

use crate::api::reference::{NamespaceSelector, ObjectRef};
use crate::api::{CampaignSpec, CapacityPoolSpec, SenderSpec};
use crate::plan::after::{self, Other};

use super::Options;
use super::definitions::Kind;
use super::finding::{Rule, Severity};
use super::meaning::named;
use super::object::Held;
use super::sort::Namespaces;

/// A finding for one of the objects.
struct Told {
    object: usize,
    severity: Severity,
    rule: Rule,
    field: &'static str,
    message: String,
}

/// Looks at all objects together.
pub fn look(held: &mut [Held], namespaces: &Namespaces, options: &Options) {
    let mut told = twice(held);
    told.extend(identities(held));
    told.extend(predecessors(held, options));
    for (index, object) in held.iter().enumerate().filter(|(_, object)| object.kind == Kind::Campaign) {
        let spec = |name: &str| object.spec.get(name).cloned().unwrap_or_default();
        for (kind, field, name, rule, whose) in [
            (Kind::Pool, "spec.poolRef", "poolRef", Rule::PoolNotFound, "the service's owner"),
            (Kind::Sender, "spec.senderRef", "senderRef", Rule::SenderNotFound, "the platform team"),
        ] {
            let Ok(reference) = serde_json::from_value::<ObjectRef>(spec(name)) else { continue };
            let key = format!("{}/{}", reference.namespace.as_deref().unwrap_or(&object.namespace), reference.name);
            let mut tell = |severity, rule, message| told.push(Told { object: index, severity, rule, field, message });
            let Some(there) = named(held, kind, &key) else {
                let (severity, way) = if options.closed {
                    (Severity::Error, format!("correct the reference, or ask {whose} to add it"))
                } else {
                    (Severity::Note, "whether it is in the cluster cannot be told from here".to_owned())
                };
                tell(severity, rule, format!("there is no {} {key} among the files; {way}", kind.name()));
                continue;
            };
            if !admits(there, object, namespaces).unwrap_or(true) {
                let message = format!(
                    "the {} {key} does not admit campaigns of namespace {}; ask {whose} to choose the namespace by its labels",
                    kind.name(),
                    object.namespace
                );
                tell(Severity::Error, Rule::NotAdmitted, message);
            }
        }
    }
    for told in told {
        if let Some(object) = held.get_mut(told.object) {
            object.tell(told.severity, told.rule, told.field, told.message);
        }
    }
}

/// Whether a pool or Sender admits a Campaign; None where that cannot be told from the files.
fn admits(there: &Held, campaign: &Held, namespaces: &Namespaces) -> Option<bool> {
    let selector = match there.kind {
        Kind::Pool => {
            let spec: CapacityPoolSpec = serde_json::from_value(there.spec.clone()).ok()?;
            spec.admission.and_then(|admission| admission.namespace_selector)
        }
        Kind::Sender => serde_json::from_value::<SenderSpec>(there.spec.clone()).ok()?.namespace_selector,
        Kind::Campaign => return None,
    };
    match selector {
        None => Some(there.namespace == campaign.namespace),
        Some(selector) if selector == NamespaceSelector::default() => Some(true),
        Some(selector) => namespaces.get(&campaign.namespace).map(|labels| selector.matches(labels)),
    }
}

/// One object in two places: the one that is applied last counts.
fn twice(held: &[Held]) -> Vec<Told> {
    let mut seen: BTreeMap<(Kind, String), usize> = BTreeMap::new();
    let mut told = Vec::new();
    for (index, object) in held.iter().enumerate().filter(|(_, object)| !object.name.is_empty()) {
        if let Some(first) = seen.insert((object.kind, object.key()), index).and_then(|first| held.get(first)) {
            let message = format!(
                "the {} {} stands at {} too; whichever is applied last counts. Keep one of the two",
                object.kind.name(),
                object.key(),
                place(first)
            );
            told.push(Told {
                object: index,
                severity: Severity::Warning,
                rule: Rule::ObjectTwice,
                field: "metadata.name",
                message,
            });
        }
    }
    told
}

/// Campaigns that wait for others: those that are not among the files, and those that wait for one another.
fn predecessors(held: &[Held], options: &Options) -> Vec<Told> {
    let campaigns = || held.iter().enumerate().filter(|(_, object)| object.kind == Kind::Campaign);
    let after = |object: &Held| {
        let spec = serde_json::from_value::<CampaignSpec>(object.spec.clone()).ok();
        after::campaigns_of(&object.namespace, spec.and_then(|spec| spec.after).as_ref())
    };
    let others: BTreeMap<String, Other> =
        campaigns().map(|(_, object)| (object.key(), Other { after: after(object), ..Other::default() })).collect();
    let field = "spec.after";
    let mut told = Vec::new();
    for (index, object) in campaigns() {
        if let Some(message) = after::in_a_circle(&object.key(), &others) {
            told.push(Told { object: index, severity: Severity::Error, rule: Rule::Invalid, field, message });
        }
        for missing in after(object).into_iter().filter(|name| !others.contains_key(name)) {
            let (severity, way) = if options.closed {
                (Severity::Error, "correct the name, or add it")
            } else {
                (Severity::Note, "whether it is in the cluster cannot be told from here")
            };
            let message = format!("there is no Campaign {missing} among the files; {way}");
            told.push(Told { object: index, severity, rule: Rule::AfterNotFound, field, message });
        }
    }
    told
}

/// Two Campaigns with one `sendId`: the operator refuses the younger one.
fn identities(held: &[Held]) -> Vec<Told> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut told = Vec::new();
    for (index, object) in held.iter().enumerate().filter(|(_, object)| object.kind == Kind::Campaign) {
        let Ok(spec) = serde_json::from_value::<CampaignSpec>(object.spec.clone()) else { continue };
        let send_id = spec.send_id.unwrap_or_else(|| object.key());
        match seen.get(&send_id).and_then(|first| held.get(*first)) {
            Some(first) if first.key() != object.key() => {
                let message = format!(
                    "the sendId {send_id} belongs to the Campaign {} at {} too; give each a spec.sendId of its own",
                    first.key(),
                    place(first)
                );
                told.push(Told {
                    object: index,
                    severity: Severity::Error,
                    rule: Rule::SendIdTaken,
                    field: "spec.sendId",
                    message,
                });
            }
            Some(_) => {}
            None => {
                seen.insert(send_id, index);
            }
        }
    }
    told
}

fn place(object: &Held) -> String {
    format!("{}:{}", object.file_name, object.node.at.line)
}

//! What a campaign waits for before anything goes: other campaigns, rollouts, checks of the pool. Weighed before every
//! wave, since a rollout can be taken back. Campaigns that wait for one another in a circle are refused.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::campaign::{After, AfterKind};
use crate::api::campaign_status::Phase;

use super::believe;
use super::reading::SensorFault;
use super::rules::{Bound, Rules};
use super::snapshot::{Campaign, Snapshot};
use super::why::{Measured, Why};

/// Another campaign of a namespace, as far as those that wait for it must know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Other {
    /// Where it stands.
    pub phase: Option<Phase>,
    /// Whether the ledger has a wave of it that was released: a status alone opens nothing.
    pub has_gone: bool,
    /// The campaigns it waits for itself, by `<namespace>/<name>`.
    pub after: Vec<String>,
}

/// A workload that campaigns wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rollout {
    /// There is none.
    Missing,
    /// It cannot be read; why.
    Unreadable(String),
    /// As it stands.
    There {
        /// Whether every replica is of the newest template, and available.
        complete: bool,
        /// The images of its containers.
        images: Vec<String>,
    },
}

/// Something that is not so yet.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // Each field is a word of the sentence in `explain`.
pub enum Pending {
    Campaign { name: String, phase: Option<Phase>, is_there: bool },
    Workload { name: String, rollout: Rollout, image: Option<String> },
    Check { name: String, value: String, bound: Bound },
    CheckUnknown { name: String, why: String },
}

impl Pending {
    /// Whether it can never come true by itself.
    pub fn is_hopeless(&self) -> bool {
        matches!(self, Pending::Campaign { phase: Some(Phase::Skipped | Phase::Aborted | Phase::Refused), .. })
    }
}

/// The campaigns that a campaign waits for, by `<namespace>/<name>`.
pub fn campaigns_of(namespace: &str, after: Option<&Vec<After>>) -> Vec<String> {
    let named = after.into_iter().flatten().filter_map(|after| after.campaign.as_ref());
    named.map(|campaign| format!("{namespace}/{}", campaign.name)).collect()
}

/// Why the campaign cannot wait for what it names.
pub fn contradiction(snapshot: &Snapshot, campaign: &Campaign, rules: &Rules) -> Option<Why> {
    let invalid = |why: String| Why::Invalid { field: "spec.after".to_owned(), why };
    unknown_check(campaign.spec.after.as_ref(), rules, &snapshot.pool.key())
        .or_else(|| in_a_circle(&campaign.key(), &snapshot.gates.others))
        .map(invalid)
}

/// A check that the pool does not have, as the end of a sentence.
pub fn unknown_check(after: Option<&Vec<After>>, rules: &Rules, pool: &str) -> Option<String> {
    let is_known = |check: &&String| rules.checks.iter().any(|known| known.name == **check);
    let check = after.into_iter().flatten().filter_map(|after| after.check.as_ref()).find(|check| !is_known(check))?;
    let known: Vec<&str> = rules.checks.iter().map(|check| check.name.as_str()).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Some(format!("the CapacityPool {pool} has no check \"{check}\"; it has {known}"))
}

/// Campaigns that wait for one another, as the end of a sentence.
pub fn in_a_circle(start: &str, others: &BTreeMap<String, Other>) -> Option<String> {
    let circle = circle(start, others)?;
    Some(format!("these campaigns wait for one another: {}; take one of them out", circle.join(" → ")))
}

/// The way from a campaign back to itself.
fn circle(start: &str, others: &BTreeMap<String, Other>) -> Option<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut ways = vec![vec![start.to_owned()]];
    while let Some(way) = ways.pop() {
        let Some(other) = way.last().and_then(|last| others.get(last)) else { continue };
        for next in &other.after {
            let mut longer = way.clone();
            longer.push(next.clone());
            if next == start {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                ways.push(longer);
            }
        }
    }
    None
}

/// What is not so yet, in the order written.
pub fn pending(snapshot: &Snapshot, campaign: &Campaign, rules: &Rules, now: jiff::Timestamp) -> Vec<Pending> {
    let one = |after: &After| {
        if let Some(first) = &after.campaign {
            let other = snapshot.gates.others.get(&format!("{}/{}", campaign.namespace, first.name));
            let phase = other.and_then(|other| other.phase);
            let is_done = phase == Some(Phase::Completed) && other.is_some_and(|other| other.has_gone);
            return (!is_done).then(|| Pending::Campaign {
                name: first.name.clone(),
                phase,
                is_there: other.is_some(),
            });
        }
        if let Some(workload) = &after.workload {
            let known = snapshot.gates.rollouts.get(&(workload.kind, workload.name.clone()));
            let rollout = known.cloned().unwrap_or_else(|| Rollout::Unreadable("it was not asked for".to_owned()));
            let is_done = match &rollout {
                Rollout::There { complete, images } => {
                    *complete && workload.image.as_ref().is_none_or(|image| images.contains(image))
                }
                Rollout::Missing | Rollout::Unreadable(_) => false,
            };
            let (name, image) = (workload.name.clone(), workload.image.clone());
            return (!is_done).then_some(Pending::Workload { name, rollout, image });
        }
        let name = after.check.clone()?;
        check(snapshot, rules, name, now)
    };
    campaign.spec.after.iter().flatten().filter_map(one).collect()
}

fn check(snapshot: &Snapshot, rules: &Rules, name: String, now: jiff::Timestamp) -> Option<Pending> {
    let index = rules.checks.iter().position(|check| check.name == name);
    let found = index.and_then(|index| Some((rules.checks.get(index)?, snapshot.gates.checks.get(index)?.as_ref())));
    let unasked = Err(SensorFault::Unreachable { why: "it was not asked for".to_owned() });
    let Some((check, answer)) = found else {
        return Some(Pending::CheckUnknown { name, why: "the pool has no such check.".to_owned() });
    };
    match believe::reading(answer.unwrap_or(&unasked), Measured::Check, &name, "", rules.max_sample_age, now) {
        Ok(reading) if check.bound.admits(reading.value) => None,
        Ok(reading) => {
            let value = check.bound.threshold().show_against(reading.value);
            Some(Pending::Check { name, value, bound: check.bound.clone() })
        }
        Err(Why::Sensor { fault, .. }) => Some(Pending::CheckUnknown { name, why: fault.to_string() }),
        Err(Why::TooOld { age, limit, .. }) => {
            let why = format!("its newest sample is {age} s old (limit {limit} s).");
            Some(Pending::CheckUnknown { name, why })
        }
        Err(_) => Some(Pending::CheckUnknown { name, why: "it cannot be believed.".to_owned() }),
    }
}

/// Whether a kind of workload is named by some campaign that has not finished, and which.
pub fn rollouts_of(snapshot: &Snapshot) -> BTreeSet<(AfterKind, String)> {
    let unfinished = snapshot.campaigns.iter().filter(|campaign| !campaign.has_finished());
    let named = unfinished.flat_map(|campaign| campaign.spec.after.iter().flatten());
    named.filter_map(|after| after.workload.as_ref()).map(|workload| (workload.kind, workload.name.clone())).collect()
}

/// The checks that some campaign which has not finished waits for, by name.
pub fn checks_of(snapshot: &Snapshot) -> BTreeSet<String> {
    let unfinished = snapshot.campaigns.iter().filter(|campaign| !campaign.has_finished());
    unfinished
        .flat_map(|campaign| campaign.spec.after.iter().flatten())
        .filter_map(|after| after.check.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn others(pairs: &[(&str, &[&str])]) -> BTreeMap<String, Other> {
        let one = |(name, after): &(&str, &[&str])| {
            let after = after.iter().map(|name| (*name).to_owned()).collect();
            ((*name).to_owned(), Other { after, ..Other::default() })
        };
        pairs.iter().map(one).collect()
    }

    #[test]
    fn a_circle_is_found_from_each_of_its_members_and_from_nobody_else() {
        let others = others(&[("m/a", &["m/b"]), ("m/b", &["m/c"]), ("m/c", &["m/a"]), ("m/d", &["m/a", "m/gone"])]);
        assert_eq!(circle("m/a", &others).map(|way| way.join(" ")).as_deref(), Some("m/a m/b m/c m/a"));
        assert!(circle("m/c", &others).is_some());
        assert!(circle("m/d", &others).is_none(), "it waits for a circle and is in none");
        assert!(circle("m/gone", &others).is_none());
    }
}

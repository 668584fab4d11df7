//! What must hold of such a run, judged by the receiver's books and the API server's objects alone.

use std::collections::{BTreeMap, BTreeSet};

use headroom::api::release::{Disposition, Outcome};
use headroom::api::{Campaign, WaveRelease};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use serde_json::Value;

use super::door::Write;
use super::outside::Heard;

/// All that is known of a run after it.
pub struct Case<'a> {
    pub heard: &'a [Heard],
    pub writes: &'a [Write],
    /// The ledger in the end.
    pub ledger: &'a [WaveRelease],
    /// The Campaigns that are there in the end.
    pub campaigns: &'a [Campaign],
    /// Whether nothing more is to be expected of them.
    pub is_settled: bool,
    /// When a send was ended, by whatever ended it.
    pub ended: Option<Timestamp>,
    /// Effects of Jobs and of listmonk, by key: how often.
    pub others: &'a BTreeMap<String, usize>,
}

/// From arming to the first byte.
const WINDOW: SignedDuration = SignedDuration::from_secs(5);

fn number(body: &Value, field: &str) -> i64 {
    body["wave"][field].as_i64().unwrap()
}

/// What is broken.
pub fn broken(case: &Case<'_>) -> Vec<String> {
    let mut broken = Vec::new();
    let mut taken: Vec<(String, i64, i64)> = Vec::new();
    let mut keys = BTreeSet::new();
    for heard in case.heard {
        let key = &heard.key;
        let body: Value = serde_json::from_str(&heard.body).unwrap();
        let is_its = |entry: &&WaveRelease| entry.spec.request.as_ref().is_some_and(|request| request.key == *key);
        let Some(entry) = heard.ledger.iter().find(is_its) else {
            broken.push(format!("I2: {key} came and the ledger had no entry of it"));
            continue;
        };
        let request = entry.spec.request.as_ref().unwrap();
        if request.digest != heard.digest {
            broken.push(format!("I2: {key} came with another body than the ledger has"));
        }
        if !heard.has_effect {
            continue;
        }
        if !keys.insert(key.clone()) {
            broken.push(format!("I1: {key} came twice"));
        }
        let status = entry.status.clone().unwrap_or_default();
        // The attempt that is under way has no result yet.
        let open = status
            .attempts
            .last()
            .map_or(Some(entry.spec.first_attempt_at.0), |newest| newest.result.is_none().then_some(newest.at.0));
        match open {
            None => broken.push(format!("I2: {key} came without an attempt in the ledger")),
            Some(armed) if heard.at.duration_since(armed) > WINDOW + SignedDuration::from_secs(1) => {
                broken.push(format!("I14: {key} came {} after it was armed", heard.at.duration_since(armed)));
            }
            // What is read between the two tells of the end, whatever a watch has told. It is written down in whole seconds, so that
            // what came within the same one passes.
            Some(armed) if case.ended.is_some_and(|ended| armed > ended) => {
                broken.push(format!("I6: {key} was armed after its send was ended, and came"));
            }
            Some(_) => {}
        }
        let (from, count) = (number(&body, "offset"), number(&body, "recipients"));
        let send = entry.spec.send_id.clone();
        for (other, begin, end) in &taken {
            if *other == send && from < *end && from + count > *begin {
                broken.push(format!("I1: recipients in two waves of {send}"));
            }
        }
        for other in &heard.ledger {
            let outcome = other.status.as_ref().and_then(|status| status.outcome);
            let is_earlier = other.name_any() != entry.name_any() && other.spec.wave.offset < entry.spec.wave.offset;
            if is_earlier && outcome != Some(Outcome::Released) {
                broken.push(format!("I5: {key} came while wave {} was {outcome:?}", other.spec.wave.name));
            }
            if other.spec.disposition == Disposition::Skip {
                broken.push(format!("I6: {key} came and the ledger said that its send had ended"));
            }
        }
        if case.ended.is_some_and(|ended| heard.at.duration_since(ended) > WINDOW) {
            broken.push(format!("I6: {key} came after its send was ended"));
        }
        taken.push((send, from, from + count));
    }
    for (key, count) in case.others {
        if *count > 1 {
            broken.push(format!("I1: {key} had {count} effects"));
        }
        keys.insert(key.clone());
    }
    for entry in case.ledger {
        let Some(request) = &entry.spec.request else { continue };
        let outcome = entry.status.as_ref().and_then(|status| status.outcome);
        if outcome == Some(Outcome::Released) && !keys.contains(&request.key) {
            broken.push(format!("I13: {} is Released, and nothing came", entry.name_any()));
        }
        if matches!(outcome, Some(Outcome::Rejected | Outcome::Missed | Outcome::Skipped))
            && keys.contains(&request.key)
        {
            broken.push(format!("I13: {} is {outcome:?}, and it came", entry.name_any()));
        }
    }
    broken.extend(case.writes.iter().filter_map(unconditional));
    if !case.is_settled {
        let told = |campaign: &Campaign| {
            let status = campaign.status.clone().unwrap_or_default();
            format!("{} {:?}: {}", campaign.name_any(), status.phase, status.message.unwrap_or_default())
        };
        let told: Vec<String> = case.campaigns.iter().map(told).collect();
        broken.push(format!("I16: it came to no end: {}", told.join("; ")));
    }
    for campaign in case.campaigns {
        if campaign.status.as_ref().is_none_or(|status| status.reason.is_none() || status.message.is_none()) {
            broken.push(format!("I18: nothing is said of {}", campaign.name_any()));
        }
    }
    broken
}

/// A write that would be taken whatever had been written meanwhile.
fn unconditional(write: &Write) -> Option<String> {
    let insists = write.body["metadata"]["resourceVersion"].is_string();
    let is_of_ours = write.path.contains("headroom.dev") || write.path.contains("/deployments/");
    let changes = matches!(write.method, Method::PUT | Method::PATCH);
    (changes && is_of_ours && !insists).then(|| format!("I15: {} {} without a version", write.method, write.path))
}

//! What stands in for an object that is not among the files, and what a snapshot of one that never met a cluster is.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use crate::api::{CampaignSpec, CampaignStatus, CapacityPoolSpec, SenderSpec};
use crate::plan::snapshot::{Asks, Campaign, Sender};

use super::super::object::Held;

/// A pool that asks for nothing.
pub fn pool() -> Option<CapacityPoolSpec> {
    let workload = json!({
        "name": "any", "targetRef": {"kind": "Deployment", "name": "any"}, "demand": {"query": "up"},
        "capacityPerReplica": "1/s", "maxReplicas": 1,
    });
    serde_json::from_value(json!({ "workloads": [workload] })).ok()
}

/// A Sender that takes everything.
pub fn sender() -> Option<Sender> {
    let spec = json!({"sendRate": "1/s", "webhook": {"url": "https://receiver.invalid/"}});
    Some(known("", "", serde_json::from_value::<SenderSpec>(spec).ok()?))
}

/// A Sender as the operator would know it.
pub fn known(namespace: &str, name: &str, spec: SenderSpec) -> Sender {
    Sender {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: String::new(),
        generation: 0,
        deleting: false,
        spec,
        trouble: None,
    }
}

/// A Campaign as the operator would know it when it is new.
pub fn campaign(held: &Held, spec: CampaignSpec) -> Campaign {
    Campaign {
        namespace: held.namespace.clone(),
        name: held.name.clone(),
        uid: String::new(),
        generation: 0,
        version: String::new(),
        created: Timestamp::UNIX_EPOCH,
        deleting: false,
        spec,
        asks: Asks::default(),
        status: CampaignStatus::default(),
        sender: None,
        labels: BTreeMap::new(),
        taken_by: None,
        unreadable_entry: None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_stands_in_has_all_that_must_be_there() {
        assert!(super::pool().is_some_and(|spec| crate::plan::rules::Rules::parse(&spec).is_ok()));
        assert!(super::sender().is_some());
    }
}

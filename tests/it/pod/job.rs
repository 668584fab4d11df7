//! A Sender with a Job on a real node: its program runs once for each wave, knows it, and its end is the wave's.

use serde_json::{Value, json};

use super::small;
use crate::support::node;
use crate::support::world::{Wants, World};

fn sender(world: &World, arguments: &Value) {
    let image = format!("bed.local/headroom:{}", node::IMAGES[0]);
    let container = json!({"name": "mailer", "image": image, "args": arguments});
    let template = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
    let patch = json!({"spec": {"webhook": null, "job": {"template": template}}}).to_string();
    world.bed().kubectl(&["-n", "jobs-mail", "patch", "sender", "push", "--type=merge", "-p", &patch]);
}

fn listed(world: &World, what: &str) -> Vec<Value> {
    world.get(&["-n", "jobs-mail", "get", what])["items"].as_array().unwrap().clone()
}

#[test]
fn a_wave_is_a_program_that_runs_once() {
    let values = vec!["jobNamespaces={jobs-mail}".to_owned()];
    let Some(world) = node::world("jobs", &Wants { values, ..Wants::default() }) else { return };
    sender(&world, &json!(["--version"]));
    world.apply_campaign("sale", &small());
    world.until_phase("sale", "Completed", 240);
    let jobs = listed(&world, "jobs");
    assert_eq!((jobs.len(), listed(&world, "pods").len()), (2, 2));
    assert!(jobs.iter().all(|job| job["status"]["succeeded"] == 1), "{jobs:?}");
    let entries = world.entries();
    let ours = entries.iter().filter(|entry| entry["spec"]["sendId"] == "jobs-marketing/sale");
    for entry in ours {
        assert_eq!(entry["status"]["outcome"], "Released", "{entry}");
        assert_eq!(entry["status"]["message"], "its Job has completed.");
    }

    // A program that fails: it is not started again, and a person is called.
    sender(&world, &json!(["lint", "/$(HEADROOM_WAVE_NAME)-$(HEADROOM_WAVE_RECIPIENTS)"]));
    world.apply_campaign("broken", &small());
    let told = world.until_reason("broken", "OutcomeUnknown", 240);
    assert!(told["message"].as_str().unwrap().contains("failed (BackoffLimitExceeded"), "{}", told["message"]);
    let (jobs, pods) = (listed(&world, "jobs"), listed(&world, "pods"));
    assert_eq!((jobs.len(), pods.len()), (3, 3));
    let failed = jobs.iter().find(|job| job["status"]["failed"] == 1).unwrap();
    // Ten percent of 4,000: its program knew its wave.
    let name = format!("job/{}", failed["metadata"]["name"].as_str().unwrap());
    let log = world.bed().kubectl(&["-n", "jobs-mail", "logs", &name]);
    assert!(log.contains("/canary-400"), "{log}");
    assert!(world.received().is_empty());
}

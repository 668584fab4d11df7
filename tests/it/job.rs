//! A Sender with a Job: one Job for each wave, made after the ledger's entry and once, and what became of the wave by what became of
//! it. The Job controller is the real one; that its program ends is written to its pod, as a node would.

use serde_json::{Value, json};

use crate::support::world::{Wants, World};

fn jobs(world: &World) -> Vec<Value> {
    world.get(&["-n", "job-mail", "get", "jobs", "-o", "json"])["items"].as_array().unwrap().clone()
}

/// The Job of a wave, once it is there.
fn job_of(world: &World, wave: &str) -> Value {
    let is_it = |job: &Value| variable(job, "HEADROOM_WAVE_NAME") == wave;
    world.until(120, &format!("the Job of {wave}"), || jobs(world).iter().any(is_it));
    jobs(world).into_iter().find(is_it).unwrap()
}

fn variable(job: &Value, name: &str) -> String {
    let env = job["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap();
    env.iter().find(|variable| variable["name"] == name).unwrap()["value"].as_str().unwrap().to_owned()
}

/// The program of a Job ends so, as the node would say it; the Job controller does the rest.
fn end(world: &World, job: &Value, phase: &str) {
    let label = format!("batch.kubernetes.io/job-name={}", job["metadata"]["name"].as_str().unwrap());
    let pods = || world.get(&["-n", "job-mail", "get", "pods", "-l", &label])["items"].as_array().unwrap().clone();
    world.until(60, "the Job's pod runs", || pods().iter().any(|pod| pod["status"]["phase"] == "Running"));
    let name = pods()[0]["metadata"]["name"].as_str().unwrap().to_owned();
    let patch = json!({"status": {"phase": phase}}).to_string();
    world.bed().kubectl(&[
        "-n",
        "job-mail",
        "patch",
        "pod",
        &name,
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ]);
}

fn sender(world: &World, template: &Value) {
    let spec = json!({"webhook": null, "job": {"template": template}});
    let patch = json!({ "spec": spec }).to_string();
    world.bed().kubectl(&["-n", "job-mail", "patch", "sender", "push", "--type=merge", "-p", &patch]);
}

fn entry(world: &World, wave: &str) -> Value {
    let is_it =
        |entry: &Value| entry["spec"]["sendId"] == "job-marketing/sale" && entry["spec"]["wave"]["name"] == wave;
    world.entries().into_iter().find(is_it).unwrap()
}

#[test]
fn each_wave_goes_by_one_job_and_the_next_waits_for_its_end() {
    let values = vec!["jobNamespaces={job-mail}".to_owned()];
    let mut world = World::new("job", Wants { values, ..Wants::default() });
    // What the API server would not take costs no attempt.
    let container = json!({"name": "mailer", "image": "registry.internal/mailer:4", "args": ["--count=$(HEADROOM_WAVE_RECIPIENTS)"]});
    let with = |containers: Value| json!({"spec": {"template": {"spec": {"containers": containers}}}});
    sender(&world, &with(json!([{"name": "Not A Name", "image": "x"}])));
    world.apply_campaign("sale", &json!({}));
    let told = world.until_reason("sale", "SenderUnable", 60);
    assert!(told["message"].as_str().unwrap().contains("would be refused"), "{}", told["message"]);
    sender(&world, &with(json!([container])));

    let canary = job_of(&world, "canary");
    let told = world.until_phase("sale", "Sending", 60);
    assert!(told["message"].as_str().unwrap().contains("Wave \"canary\" is leaving since"), "{}", told["message"]);
    let (metadata, spec) = (&canary["metadata"], &canary["spec"]);
    let before = entry(&world, "canary");
    assert_eq!(metadata["name"], before["metadata"]["name"]);
    assert_eq!(metadata["annotations"]["headroom.dev/key"], before["spec"]["request"]["key"]);
    assert_eq!(metadata["annotations"]["headroom.dev/nonce"], before["spec"]["nonce"]);
    assert_eq!((&spec["backoffLimit"], &spec["suspend"], &spec["completions"]), (&json!(0), &json!(false), &json!(1)));
    assert!(spec["ttlSecondsAfterFinished"].is_null());
    assert_eq!(variable(&canary, "HEADROOM_RELEASE"), before["spec"]["request"]["body"].as_str().unwrap());
    assert_eq!(variable(&canary, "HEADROOM_WAVE_RECIPIENTS"), before["spec"]["wave"]["recipients"].to_string());
    assert_eq!(before["spec"]["request"]["contract"], "job");
    assert!(before["status"]["outcome"].is_null() && before["status"]["attempts"][0]["result"] == "Started");
    // The ledger's entry is there before the Job.
    let history = world.history();
    let at = |resource: &str| {
        let is_it = |event: &&Value| {
            event["verb"] == "create"
                && event["objectRef"]["resource"] == resource
                && event["objectRef"]["name"] == metadata["name"]
                && event["responseStatus"]["code"] == 201
                && !event["requestURI"].as_str().unwrap_or_default().contains("dryRun")
        };
        let all: Vec<&Value> = history.iter().filter(is_it).collect();
        assert_eq!(all.len(), 1, "{resource}");
        all[0]["requestReceivedTimestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap()
    };
    assert!(at("wavereleases") < at("jobs"));

    // An operator that is started again in the middle finds it, and makes no second one; the next wave waits.
    world.restart(None);
    world.always(14, "the next wave waits for the end of this one", || jobs(&world).len() == 1);
    assert_eq!(world.status("sale")["phase"], "Sending");
    end(&world, &canary, "Succeeded");

    let rest = job_of(&world, "rest");
    let status = entry(&world, "canary")["status"].clone();
    assert_eq!((&status["outcome"], &status["message"]), (&json!("Released"), &json!("its Job has completed.")));
    // It fails in the middle: nothing is made again, and a person is called.
    end(&world, &rest, "Failed");
    let told = world.until_reason("sale", "OutcomeUnknown", 90);
    let message = told["message"].as_str().unwrap();
    assert!(
        message.contains("failed (BackoffLimitExceeded: Job has reached the specified backoff limit)"),
        "{message}"
    );
    assert!(
        message.contains("kubectl headroom resolve sale -n job-marketing --wave rest --as sent|not-sent|skip"),
        "{message}"
    );
    assert_eq!((jobs(&world).len(), world.received().len()), (2, 0));
    world.check_secrets();
}

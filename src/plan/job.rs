//! The Job by which a wave goes where its Sender has no receiver but a program: what a template may say, and the Job that comes of
//! it for one wave. Its name is a function of the wave, so that the API server refuses a second one; it runs once, and what
//! would start its program again is not in it. Builds and judges; creates nothing.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec, JobTemplateSpec};
use k8s_openapi::api::core::v1::{Container, EnvVar};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::inquiry::Said;
use super::number;

/// The key of the wave.
pub const KEY_ANNOTATION: &str = "headroom.dev/key";
/// The attempt that made it.
pub const NONCE_ANNOTATION: &str = "headroom.dev/nonce";
/// What an environment variable of ours begins with.
const PREFIX: &str = "HEADROOM_";
/// Tells the program how fast to send.
const RATE: &str = "HEADROOM_WAVE_SEND_RATE";
/// The longest name of a Job: its pods carry it as a label.
const LONGEST_NAME: usize = 63;
/// A Job without a limit of its own ends after twice the time in which its messages leave, and this.
const GRACE_SECONDS: f64 = 600.0;

/// The name of a wave's Job, from that of its ledger entry.
pub fn name(entry: &str) -> String {
    if entry.len() <= LONGEST_NAME {
        return entry.to_owned();
    }
    // The end is what makes it unique.
    let (readable, end) = entry.rsplit_once('-').unwrap_or(("", entry));
    let room = LONGEST_NAME.saturating_sub(end.len() + 1);
    let readable: String = readable.chars().take(room).collect();
    format!("{}-{end}", readable.trim_end_matches('-'))
}

/// A template, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct JobTemplate(JobTemplateSpec);

/// The first field that was written and is not in what was understood.
fn unknown(written: &Value, understood: &Value, path: &str) -> Option<String> {
    match (written, understood) {
        (Value::Object(written), Value::Object(understood)) => written.iter().find_map(|(name, value)| {
            let path = format!("{path}.{name}");
            match understood.get(name) {
                Some(there) => unknown(value, there, &path),
                None => (!value.is_null()).then_some(path),
            }
        }),
        (Value::Array(written), Value::Array(understood)) => {
            let mut pairs = written.iter().zip(understood).enumerate();
            pairs.find_map(|(index, (written, understood))| unknown(written, understood, &format!("{path}[{index}]")))
        }
        _ => None,
    }
}

/// What would start the program again, later, or beside itself; and what it is instead.
fn refused(spec: &JobSpec) -> Option<(&'static str, &'static str)> {
    let pod = spec.template.spec.as_ref();
    let once = "a wave's program is started once; leave it out";
    [
        (spec.parallelism.is_some_and(|count| count != 1), "parallelism", once),
        (spec.completions.is_some_and(|count| count != 1), "completions", once),
        (spec.completion_mode.as_ref().is_some_and(|mode| mode != "NonIndexed"), "completionMode", once),
        (spec.backoff_limit.is_some_and(|limit| limit != 0), "backoffLimit", once),
        (spec.backoff_limit_per_index.is_some() || spec.max_failed_indexes.is_some(), "backoffLimitPerIndex", once),
        (spec.pod_failure_policy.is_some(), "podFailurePolicy", "it could start the program again; leave it out"),
        (spec.success_policy.is_some(), "successPolicy", once),
        (
            spec.pod_replacement_policy.as_ref().is_some_and(|policy| policy != "Failed"),
            "podReplacementPolicy",
            "a second pod must not start while the first ends; leave it out",
        ),
        (
            spec.ttl_seconds_after_finished.is_some(),
            "ttlSecondsAfterFinished",
            "a Job that is gone protects from nothing; leave it out, and clear away Jobs of campaigns that have ended",
        ),
        (spec.suspend == Some(true), "suspend", "a Job that waits could be started by anybody; leave it out"),
        (spec.managed_by.is_some(), "managedBy", "who else starts it cannot be known; leave it out"),
        (
            spec.selector.is_some() || spec.manual_selector == Some(true),
            "selector",
            "Kubernetes chooses it; leave it out",
        ),
        (
            pod.and_then(|pod| pod.restart_policy.as_ref()).is_some_and(|policy| policy != "Never"),
            "template.spec.restartPolicy",
            "it must be Never, so that the program is not started again; leave it out",
        ),
    ]
    .into_iter()
    .find_map(|(is_so, field, why)| is_so.then_some((field, why)))
}

fn containers(spec: &JobSpec) -> impl Iterator<Item = &Container> {
    let pod = spec.template.spec.iter();
    pod.flat_map(|pod| pod.containers.iter().chain(pod.init_containers.iter().flatten()))
}

impl JobTemplate {
    /// As a Sender has it; or why it cannot be used, as a sentence with the field and the way out.
    pub fn parse(written: &Value) -> Result<JobTemplate, String> {
        let field = "spec.job.template";
        let read: JobTemplateSpec =
            serde_json::from_value(written.clone()).map_err(|error| format!("{field}: {error}"))?;
        let understood = serde_json::to_value(&read).map_err(|error| format!("{field}: {error}"))?;
        if let Some(path) = unknown(written, &understood, field) {
            return Err(format!("{path} is no field of a Job; correct or remove it"));
        }
        let metadata = read.metadata.clone().unwrap_or_default();
        let kept = ObjectMeta {
            labels: metadata.labels.clone(),
            annotations: metadata.annotations.clone(),
            ..ObjectMeta::default()
        };
        if metadata != kept {
            return Err(format!(
                "{field}.metadata: only labels and annotations are taken over; name and namespace are Headroom's to choose"
            ));
        }
        let Some(spec) = &read.spec else {
            return Err(format!("{field}.spec is missing; write that of a batch/v1 Job"));
        };
        if spec.template.spec.as_ref().is_none_or(|pod| pod.containers.is_empty()) {
            return Err(format!("{field}.spec.template.spec.containers is empty; name the program that sends"));
        }
        if let Some((name, why)) = refused(spec) {
            return Err(format!("{field}.spec.{name}: {why}"));
        }
        // Within a pod that never restarts, a container may by rules of its own.
        let restarts =
            |container: &&Container| container.restart_policy.is_some() || container.restart_policy_rules.is_some();
        if let Some(container) = containers(spec).find(restarts) {
            return Err(format!(
                "{field}: the container {} has rules of its own by which it is started again; leave restartPolicy and restartPolicyRules out",
                container.name
            ));
        }
        let variables = containers(spec).flat_map(|container| container.env.iter().flatten());
        if let Some(variable) = variables.into_iter().find(|variable| variable.name.starts_with(PREFIX)) {
            return Err(format!(
                "{field}: the environment variable {} is Headroom's; give it a name that does not begin with {PREFIX}",
                variable.name
            ));
        }
        Ok(JobTemplate(read))
    }

    /// Whether its program is told how fast to send.
    pub fn passes_rate_on(&self) -> bool {
        let reference = format!("$({RATE})");
        let words = |container: &Container| {
            let values = container.env.iter().flatten().filter_map(|variable| variable.value.clone());
            let all = container.command.iter().flatten().chain(container.args.iter().flatten()).cloned();
            all.chain(values).any(|word| word.contains(&reference))
        };
        self.0.spec.iter().flat_map(containers).any(words)
    }

    /// The Job of one wave.
    pub fn job(&self, wave: &Wave<'_>) -> Job {
        let template = self.0.clone();
        let metadata = template.metadata.unwrap_or_default();
        let mut labels = metadata.labels.unwrap_or_default();
        labels.insert("app.kubernetes.io/managed-by".to_owned(), "headroom".to_owned());
        labels.insert(crate::api::SEND_LABEL.to_owned(), wave.send_label.to_owned());
        let mut annotations = metadata.annotations.unwrap_or_default();
        annotations.insert(KEY_ANNOTATION.to_owned(), wave.key.to_owned());
        annotations.insert(NONCE_ANNOTATION.to_owned(), wave.nonce.to_owned());
        let mut spec = template.spec.unwrap_or_default();
        spec.parallelism = Some(1);
        spec.completions = Some(1);
        spec.backoff_limit = Some(0);
        spec.pod_replacement_policy = Some("Failed".to_owned());
        spec.suspend = Some(false);
        spec.active_deadline_seconds.get_or_insert_with(|| deadline(wave.leaves_within));
        if let Some(pod) = &mut spec.template.spec {
            pod.restart_policy = Some("Never".to_owned());
            let variables = variables(wave.body);
            let all = pod.containers.iter_mut().chain(pod.init_containers.iter_mut().flatten());
            all.for_each(|container| {
                container.env.get_or_insert_default().splice(0..0, variables.clone()).for_each(drop);
            });
        }
        let metadata = ObjectMeta {
            name: Some(name(wave.entry)),
            namespace: Some(wave.namespace.to_owned()),
            labels: Some(labels),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        };
        Job { metadata, spec: Some(spec), status: None }
    }
}

/// What a Job needs to know of its wave.
#[derive(Clone, Copy, Debug)]
pub struct Wave<'a> {
    /// Name of the ledger entry.
    pub entry: &'a str,
    /// That of the Sender.
    pub namespace: &'a str,
    /// The send's label in the ledger.
    pub send_label: &'a str,
    /// The key of the wave.
    pub key: &'a str,
    /// The attempt.
    pub nonce: &'a str,
    /// Everything about the wave, as JSON: frozen in the ledger.
    pub body: &'a str,
    /// Seconds from its first message to its last.
    pub leaves_within: f64,
}

/// Seconds after which a Job that has not ended is ended.
fn deadline(leaves_within: f64) -> i64 {
    i64::try_from(number::place((leaves_within * 2.0 + GRACE_SECONDS).ceil())).unwrap_or(i64::MAX)
}

/// `HEADROOM_RELEASE`, the whole of it, and each value under its path: `wave.sendRate` is `HEADROOM_WAVE_SEND_RATE`. In the order
/// of their names, so that a container's own may refer to them.
fn variables(body: &str) -> Vec<EnvVar> {
    let mut all = BTreeMap::from([(format!("{PREFIX}RELEASE"), body.to_owned())]);
    if let Ok(Value::Object(values)) = serde_json::from_str(body) {
        for (name, value) in values {
            match value {
                // Their names are people's, and need not be names of variables.
                Value::Object(_) if name == "parameters" => {
                    all.insert(format!("{PREFIX}PARAMETERS"), value.to_string());
                }
                Value::Object(inner) => all.extend(
                    inner
                        .iter()
                        .map(|(field, value)| (format!("{PREFIX}{}_{}", shout(&name), shout(field)), plain(value))),
                ),
                value => {
                    all.insert(format!("{PREFIX}{}", shout(&name)), plain(&value));
                }
            }
        }
    }
    // A dollar is the beginning of a reference there, and two are one.
    let written =
        |(name, value): (String, String)| EnvVar { name, value: Some(value.replace('$', "$$")), value_from: None };
    all.into_iter().map(written).collect()
}

/// `sendRate`: `SEND_RATE`.
fn shout(name: &str) -> String {
    name.chars().fold(String::new(), |mut text, character| {
        if character.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(character.to_ascii_uppercase());
        text
    })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// The key of the wave that a Job is for; empty, if it is for none.
pub fn key(job: &Job) -> &str {
    job.metadata.annotations.as_ref().and_then(|all| all.get(KEY_ANNOTATION)).map_or("", String::as_str)
}

/// What something in the cluster would make of a Job, as the API server's answer has it: a queue that holds it back would start it
/// when it likes.
pub fn changed(answer: &Job) -> Option<String> {
    // Chosen by the API server.
    let spec = JobSpec { selector: None, ..answer.spec.clone()? };
    let (field, why) = refused(&spec)?;
    let why = why.split(';').next().unwrap_or(why);
    Some(format!(
        "something in the cluster, such as a queue's webhook, sets spec.{field} of its Job: {why}. Take the Sender's namespace, or Jobs with the label app.kubernetes.io/managed-by: headroom, out of it"
    ))
}

/// What a Job says of its wave, or that there is none.
pub fn said(there: Option<&Job>, place: &str, key: &str) -> Said {
    let Some(job) = there else { return Said::Absent(format!("there is no Job {place}")) };
    if self::key(job) != key {
        return Said::Other(format!("the Job {place} is not this wave's"));
    }
    let status = job.status.clone().unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    let holds = |kind: &str| conditions.iter().find(|condition| condition.type_ == kind && condition.status == "True");
    if holds("Complete").is_some() {
        return Said::Done;
    }
    if let Some(failed) = holds("Failed") {
        let words = [&failed.reason, &failed.message].into_iter().flatten().map(String::as_str);
        let why = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(": ");
        return Said::Ended(format!("its Job {place} failed ({why}), and some of it may have gone"));
    }
    if holds("Suspended").is_some() {
        return Said::Other(format!("somebody has suspended its Job {place}"));
    }
    match (status.ready.unwrap_or(0), status.active.unwrap_or(0)) {
        (0, 0) => Said::Running(format!("its Job {place} has no pod yet")),
        (0, _) => Said::Running(format!("the pod of its Job {place} is not ready yet")),
        _ => Said::Running(format!("its Job {place} is running")),
    }
}

#[cfg(test)]
mod tests;

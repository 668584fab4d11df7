//! What the API server knows by heart about the kinds that come with Kubernetes: their types, the defaults a controller
//! relies on, and the rules that refuse a floor or a scale. Nothing here is a controller: no status is computed.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Event as CoreEvent, Namespace, Pod, Secret};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::kinds::{Check, Decode};
use super::refusal::Problem;

/// Reads an object into its type and writes it again: unknown fields are gone, and wrong ones are an error.
fn typed<K: DeserializeOwned + Serialize>(object: &Value) -> Result<Value, String> {
    let read = K::deserialize(object).map_err(|error| error.to_string())?;
    serde_json::to_value(read).map_err(|error| error.to_string())
}

pub(super) const NAMESPACE: (Decode, Check) = (typed::<Namespace>, namespace);
pub(super) const SECRET: (Decode, Check) = (typed::<Secret>, secret);
pub(super) const CONFIG_MAP: (Decode, Check) = (typed::<ConfigMap>, nothing);
pub(super) const POD: (Decode, Check) = (typed::<Pod>, pod);
pub(super) const CORE_EVENT: (Decode, Check) = (typed::<CoreEvent>, nothing);
pub(super) const EVENT: (Decode, Check) = (typed::<Event>, event);
pub(super) const DEPLOYMENT: (Decode, Check) = (typed::<Deployment>, deployment);
pub(super) const AUTOSCALER: (Decode, Check) = (typed::<HorizontalPodAutoscaler>, autoscaler);
pub(super) const JOB: (Decode, Check) = (typed::<Job>, nothing);
pub(super) const LEASE: (Decode, Check) = (typed::<Lease>, nothing);
pub(super) const DEFINITION: (Decode, Check) = (typed::<CustomResourceDefinition>, definition);

fn nothing(_: &mut Value, _: Option<&Value>) -> Vec<Problem> {
    Vec::new()
}

fn fill(object: &mut Value, field: &str, value: Value) {
    if object.get(field).is_none_or(Value::is_null) {
        object[field] = value;
    }
}

fn namespace(object: &mut Value, old: Option<&Value>) -> Vec<Problem> {
    let name = object["metadata"]["name"].clone();
    fill(&mut object["metadata"], "labels", json!({}));
    object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
    object["spec"] = json!({"finalizers": ["kubernetes"]});
    if old.is_none() {
        object["status"] = json!({"phase": "Active"});
    }
    Vec::new()
}

fn secret(object: &mut Value, _: Option<&Value>) -> Vec<Problem> {
    fill(object, "type", json!("Opaque"));
    if let Some(Value::Object(plain)) = object.as_object_mut().and_then(|object| object.remove("stringData")) {
        fill(object, "data", json!({}));
        for (name, text) in plain {
            let bytes = k8s_openapi::ByteString(text.as_str().unwrap_or_default().as_bytes().to_vec());
            object["data"][name] = json!(bytes);
        }
    }
    Vec::new()
}

fn pod(object: &mut Value, old: Option<&Value>) -> Vec<Problem> {
    if old.is_none() {
        object["status"] = json!({"phase": "Pending"});
    }
    Vec::new()
}

fn event(object: &mut Value, old: Option<&Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if old.is_none() {
        for field in ["eventTime", "reportingController", "reportingInstance", "action", "reason"] {
            if object.get(field).is_none_or(Value::is_null) {
                problems.push(Problem::required(field, ""));
            }
        }
    }
    let note = object["note"].as_str().unwrap_or_default();
    if note.len() > 1024 {
        problems.push(Problem::invalid("note", &json!(""), "can have at most 1024 characters"));
    }
    problems
}

fn deployment(object: &mut Value, old: Option<&Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    fill(object, "spec", json!({}));
    let spec = &mut object["spec"];
    fill(spec, "replicas", json!(1));
    fill(spec, "revisionHistoryLimit", json!(10));
    fill(spec, "progressDeadlineSeconds", json!(600));
    fill(spec, "strategy", json!({}));
    fill(&mut spec["strategy"], "type", json!("RollingUpdate"));
    if spec["strategy"]["type"] == "RollingUpdate" {
        fill(&mut spec["strategy"], "rollingUpdate", json!({"maxSurge": "25%", "maxUnavailable": "25%"}));
    }
    if spec["replicas"].as_i64().is_none_or(|replicas| replicas < 0) {
        problems.push(Problem::invalid("spec.replicas", &spec["replicas"], "must be greater than or equal to 0"));
    }
    let wanted = spec["selector"]["matchLabels"].as_object().cloned().unwrap_or_default();
    let carried = spec["template"]["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    if wanted.is_empty() && spec["selector"].get("matchExpressions").is_none() {
        problems.push(Problem::required("spec.selector", ""));
    }
    if wanted.iter().any(|(label, value)| carried.get(label) != Some(value)) {
        let shown = json!(carried);
        let detail = "`selector` does not match template `labels`";
        problems.push(Problem::invalid("spec.template.metadata.labels", &shown, detail));
    }
    if let Some(old) = old
        && old["spec"]["selector"] != spec["selector"]
    {
        problems.push(Problem::invalid("spec.selector", &spec["selector"], "field is immutable"));
    }
    problems
}

fn autoscaler(object: &mut Value, old: Option<&Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    fill(object, "spec", json!({}));
    let spec = &mut object["spec"];
    fill(spec, "minReplicas", json!(1));
    if spec.get("metrics").is_none() {
        spec["metrics"] = json!([{
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
        }]);
    }
    if old.is_none() {
        object["status"] = json!({"desiredReplicas": 0, "currentReplicas": 0});
    }
    let spec = &object["spec"];
    let (least, most) = (spec["minReplicas"].as_i64().unwrap_or(1), spec["maxReplicas"].as_i64().unwrap_or(0));
    // A minimum of 0 needs a feature that is off unless somebody turned it on.
    if least < 1 {
        let detail = "must be greater than or equal to 1";
        problems.push(Problem::invalid("spec.minReplicas", &spec["minReplicas"], detail));
        let scales_from_nothing = |metric: &Value| matches!(metric["type"].as_str(), Some("Object" | "External"));
        if !spec["metrics"].as_array().is_some_and(|metrics| metrics.iter().any(scales_from_nothing)) {
            let detail = "must specify at least one Object or External metric to support scaling to zero replicas";
            problems.push(Problem::forbidden("spec.metrics", detail));
        }
    }
    if most < 1 {
        problems.push(Problem::invalid("spec.maxReplicas", &json!(most), "must be greater than 0"));
    }
    if most < least {
        let detail = "must be greater than or equal to `minReplicas`";
        problems.push(Problem::invalid("spec.maxReplicas", &json!(most), detail));
    }
    for field in ["kind", "name"] {
        if spec["scaleTargetRef"][field].as_str().unwrap_or_default().is_empty() {
            problems.push(Problem::required(&format!("spec.scaleTargetRef.{field}"), ""));
        }
    }
    problems
}

/// The names of a definition are accepted at once; on a real server that takes a moment.
fn definition(object: &mut Value, old: Option<&Value>) -> Vec<Problem> {
    let spec = &object["spec"];
    let called = format!(
        "{}.{}",
        spec["names"]["plural"].as_str().unwrap_or_default(),
        spec["group"].as_str().unwrap_or_default()
    );
    let mut problems = Vec::new();
    if object["metadata"]["name"] != called.as_str() {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        problems.push(Problem::invalid("metadata.name", &object["metadata"]["name"], detail));
    }
    if old.is_none() {
        let condition = |kind: &str, reason: &str, message: &str| {
            json!({
                "type": kind, "status": "True", "reason": reason, "message": message,
                "lastTransitionTime": object["metadata"]["creationTimestamp"],
            })
        };
        let versions: Vec<Value> =
            spec["versions"].as_array().into_iter().flatten().map(|it| it["name"].clone()).collect();
        object["status"] = json!({
            "acceptedNames": spec["names"],
            "storedVersions": versions,
            "conditions": [
                condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            ],
        });
    }
    problems
}

//! What is scaled: Deployments and their `HorizontalPodAutoscalers`, read as the plan's plain data, and written by
//! compare-and-swap. Value and note go in one update, so that neither is ever there without the other.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::json;

use crate::api::{FLOOR_ANNOTATION, MANAGER};
use crate::plan::claim::{Note, Target, TargetKind, Write};
use crate::plan::placement::Needs;
use crate::plan::snapshot::{Found, TargetFault};

use super::error::{Error, bounded};
use super::{nodes, objects};

/// A target as it was read: what the plan sees, and the version that a write must still find.
#[derive(Clone, Debug)]
pub struct Handle {
    /// What the plan sees.
    pub found: Found,
    /// What one replica asks of a node; None where only the floor was looked for.
    pub needs: Option<Box<Needs>>,
    /// Of what carries the floor, as it was read.
    meta: Box<ObjectMeta>,
}

/// Finds a workload, and what carries its floor.
pub async fn find(client: &Client, namespace: &str, kind: &str, name: &str) -> Result<Handle, TargetFault> {
    if kind != "Deployment" {
        return Err(TargetFault::Unsupported(format!("{kind} is not supported yet; this release scales Deployments")));
    }
    let unreadable = |error: Error| TargetFault::Unreadable(error.to_string());
    let deployments = Api::<Deployment>::namespaced(client.clone(), namespace);
    let deployment = bounded(format!("read Deployment {namespace}/{name}"), deployments.get_opt(name))
        .await
        .map_err(unreadable)?
        .ok_or(TargetFault::Missing)?;
    let hpas = Api::<HorizontalPodAutoscaler>::namespaced(client.clone(), namespace);
    let hpas = bounded(format!("list the autoscalers of {namespace}"), hpas.list(&ListParams::default()))
        .await
        .map_err(unreadable)?;
    let mut ours = hpas.items.into_iter().filter(|hpa| {
        hpa.spec.as_ref().is_some_and(|spec| spec.scale_target_ref.kind == kind && spec.scale_target_ref.name == name)
    });
    match (ours.next(), ours.next()) {
        (None, _) => Ok(of_deployment(deployment)),
        (Some(hpa), None) => of_hpa(&deployment, hpa),
        (Some(one), Some(other)) => Err(TargetFault::Unsupported(format!(
            "two autoscalers, {} and {}, scale it; keep one of them",
            one.name_any(),
            other.name_any()
        ))),
    }
}

/// Reads what a claim was made on, by kind and name.
pub async fn carrier(client: &Client, namespace: &str, kind: &str, name: &str) -> Result<Handle, TargetFault> {
    let unreadable = |error: Error| TargetFault::Unreadable(error.to_string());
    if kind == TargetKind::Deployment.name() {
        let api = Api::<Deployment>::namespaced(client.clone(), namespace);
        let read =
            bounded(format!("read Deployment {namespace}/{name}"), api.get_opt(name)).await.map_err(unreadable)?;
        return read.map(of_deployment).ok_or(TargetFault::Missing);
    }
    let api = Api::<HorizontalPodAutoscaler>::namespaced(client.clone(), namespace);
    let what = format!("read HorizontalPodAutoscaler {namespace}/{name}");
    let hpa = bounded(what, api.get_opt(name)).await.map_err(unreadable)?.ok_or(TargetFault::Missing)?;
    let value = hpa.spec.as_ref().and_then(|spec| spec.min_replicas);
    let target = target(&hpa.metadata, TargetKind::Hpa, value, "f:minReplicas");
    let found = Found {
        target,
        autoscaler_max: hpa.spec.as_ref().map(|spec| spec.max_replicas),
        ready: 0,
        replicas: 0,
        placeable: None,
    };
    Ok(Handle { found, needs: None, meta: Box::new(hpa.metadata) })
}

fn ready(deployment: &Deployment) -> (i32, i32) {
    let status = deployment.status.clone().unwrap_or_default();
    let seen = status.observed_generation >= deployment.metadata.generation;
    let ready = if seen { status.ready_replicas.unwrap_or(0) } else { 0 };
    (ready, status.replicas.unwrap_or(0))
}

fn of_deployment(deployment: Deployment) -> Handle {
    let value = deployment.spec.as_ref().and_then(|spec| spec.replicas);
    let target = target(&deployment.metadata, TargetKind::Deployment, value, "f:replicas");
    let (ready, replicas) = ready(&deployment);
    let found = Found { target, autoscaler_max: None, ready, replicas, placeable: None };
    let needs = Some(Box::new(nodes::needs(&deployment)));
    Handle { found, needs, meta: Box::new(deployment.metadata) }
}

fn of_hpa(deployment: &Deployment, hpa: HorizontalPodAutoscaler) -> Result<Handle, TargetFault> {
    if let Some(owner) = hpa.owner_references().iter().find(|owner| owner.controller == Some(true)) {
        return Err(TargetFault::Unsupported(format!(
            "its autoscaler {} belongs to the {} {}, which would undo a floor; this release scales plain HorizontalPodAutoscalers and Deployments",
            hpa.name_any(),
            owner.kind,
            owner.name
        )));
    }
    if deployment.spec.as_ref().and_then(|spec| spec.replicas) == Some(0) {
        return Err(TargetFault::Unsupported(format!(
            "it is at 0 replicas, which switches its autoscaler {} off; scale it to at least 1",
            hpa.name_any()
        )));
    }
    let Some(spec) = &hpa.spec else { return Err(TargetFault::Missing) };
    let (max, value) = (spec.max_replicas, spec.min_replicas);
    let target = target(&hpa.metadata, TargetKind::Hpa, value, "f:minReplicas");
    let (ready, replicas) = ready(deployment);
    let found = Found { target, autoscaler_max: Some(max), ready, replicas, placeable: None };
    let needs = Some(Box::new(nodes::needs(deployment)));
    Ok(Handle { found, needs, meta: Box::new(hpa.metadata) })
}

fn target(meta: &ObjectMeta, kind: TargetKind, value: Option<i32>, field: &str) -> Target {
    let annotation = meta.annotations.as_ref().and_then(|annotations| annotations.get(FLOOR_ANNOTATION));
    Target {
        kind,
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone().unwrap_or_default(),
        value,
        // A note that cannot be read is no note of ours; the claim in the pool still is.
        note: annotation.and_then(|text| serde_json::from_str::<Note>(text).ok()),
        note_is_alive: false,
        writer: writer(meta.managed_fields.as_deref().unwrap_or_default(), field),
    }
}

/// Under these names the API server puts together what it has lost the managers of: they may be anybody's fields, and ours.
const OF_ANYBODY: [&str; 2] = ["before-first-apply", "ancient-changes"];

/// The manager that owns `spec.<field>`; of several the one that wrote last. None: it cannot be told.
fn writer(managed: &[ManagedFieldsEntry], field: &str) -> Option<String> {
    managed
        .iter()
        .filter(|entry| {
            entry
                .fields_v1
                .as_ref()
                .and_then(|fields| fields.0.get("f:spec"))
                .is_some_and(|spec| spec.get(field).is_some())
        })
        .max_by_key(|entry| entry.time.as_ref().map(|time| time.0))
        .and_then(|entry| entry.manager.clone())
        .filter(|manager| !OF_ANYBODY.contains(&manager.as_str()))
}

impl Handle {
    /// Writes value and note, if the target is still the one that was read. Only these two fields are named: whatever
    /// else is in it, also what this release has never heard of, stays as it is.
    pub async fn write(&self, client: &Client, namespace: &str, write: &Write) -> Result<(), Error> {
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        // In a merge patch null takes a field away.
        let note = write.note.as_ref().map(serde_json::to_string).transpose();
        let note =
            note.map_err(|error| Error::Refused { what: "write the floor".to_owned(), message: error.to_string() })?;
        let kind = self.found.target.kind;
        let field = match kind {
            TargetKind::Hpa => "minReplicas",
            TargetKind::Deployment => "replicas",
        };
        let change = json!({
            "metadata": {"annotations": {FLOOR_ANNOTATION: note}},
            "spec": {field: write.value},
        });
        let patch = Patch::Merge(objects::if_unchanged(&self.meta, change));
        let name = &self.found.target.name;
        let what = format!("write the floor of {} {namespace}/{name}", kind.name());
        match kind {
            TargetKind::Hpa => {
                let api = Api::<HorizontalPodAutoscaler>::namespaced(client.clone(), namespace);
                bounded(what, api.patch(name, &params, &patch)).await.map(|_| ())
            }
            TargetKind::Deployment => {
                let api = Api::<Deployment>::namespaced(client.clone(), namespace);
                bounded(what, api.patch(name, &params, &patch)).await.map(|_| ())
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn managed(entries: &[(&str, &str, &str)]) -> Vec<ManagedFieldsEntry> {
        let entry = |(manager, at, field): &(&str, &str, &str)| json!({"manager": manager, "operation": "Update", "time": at, "fieldsV1": {"f:spec": {*field: {}}}});
        serde_json::from_value(entries.iter().map(entry).collect()).unwrap()
    }

    #[test]
    fn the_writer_of_a_value_is_who_wrote_that_field_last_where_that_can_be_told() {
        let (early, late) = ("2027-03-19T09:00:00Z", "2027-03-19T09:05:00Z");
        let of = |entries: &[(&str, &str, &str)]| writer(&managed(entries), "f:minReplicas");
        let two = [("argocd", late, "f:minReplicas"), (MANAGER, early, "f:minReplicas")];
        assert_eq!(of(&two).as_deref(), Some("argocd"));
        let another_field = [("argocd", late, "f:maxReplicas"), (MANAGER, early, "f:minReplicas")];
        assert_eq!(of(&another_field).as_deref(), Some(MANAGER));
        assert_eq!(of(&[]), None);
        // What the API server has put together once it had lost the managers may be ours.
        for lost in ["before-first-apply", "ancient-changes"] {
            assert_eq!(of(&[(lost, late, "f:minReplicas")]), None);
        }
    }
}

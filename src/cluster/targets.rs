//! What is scaled: Deployments and their `HorizontalPodAutoscalers`, read as the plan's plain data, and written by
//! compare-and-swap. Value and note go in one update, so that neither is ever there without the other.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::api::{Api, ListParams, PostParams};
use kube::{Client, ResourceExt};

use crate::api::{FLOOR_ANNOTATION, MANAGER};
use crate::plan::claim::{Note, Target, TargetKind, Write};
use crate::plan::snapshot::{Found, TargetFault};

use super::error::{Error, bounded};

/// A target as it was read: what the plan sees, and the object that a write must replace.
#[derive(Clone, Debug)]
pub struct Handle {
    /// What the plan sees.
    pub found: Found,
    /// What carries the floor, with the resource version that was read.
    carrier: Carrier,
}

#[derive(Clone, Debug)]
enum Carrier {
    Hpa(Box<HorizontalPodAutoscaler>),
    Deployment(Box<Deployment>),
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
    let found =
        Found { target, autoscaler_max: hpa.spec.as_ref().map(|spec| spec.max_replicas), ready: 0, replicas: 0 };
    Ok(Handle { found, carrier: Carrier::Hpa(Box::new(hpa)) })
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
    let found = Found { target, autoscaler_max: None, ready, replicas };
    Handle { found, carrier: Carrier::Deployment(Box::new(deployment)) }
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
    let found = Found { target, autoscaler_max: Some(max), ready, replicas };
    Ok(Handle { found, carrier: Carrier::Hpa(Box::new(hpa)) })
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

/// The manager that owns `spec.<field>`; of several the one that wrote last.
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
}

impl Handle {
    /// Writes value and note, if the target is still the one that was read.
    pub async fn write(&self, client: &Client, namespace: &str, write: &Write) -> Result<(), Error> {
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        match &self.carrier {
            Carrier::Hpa(hpa) => {
                let mut hpa = hpa.as_ref().clone();
                annotate(&mut hpa.metadata, write)?;
                if let Some(spec) = &mut hpa.spec {
                    spec.min_replicas = write.value;
                }
                let api = Api::<HorizontalPodAutoscaler>::namespaced(client.clone(), namespace);
                let what = format!("write the floor of HorizontalPodAutoscaler {namespace}/{}", hpa.name_any());
                bounded(what, api.replace(&hpa.name_any(), &params, &hpa)).await.map(|_| ())
            }
            Carrier::Deployment(deployment) => {
                let mut deployment = deployment.as_ref().clone();
                annotate(&mut deployment.metadata, write)?;
                if let Some(spec) = &mut deployment.spec {
                    spec.replicas = write.value;
                }
                let api = Api::<Deployment>::namespaced(client.clone(), namespace);
                let what = format!("write the floor of Deployment {namespace}/{}", deployment.name_any());
                bounded(what, api.replace(&deployment.name_any(), &params, &deployment)).await.map(|_| ())
            }
        }
    }
}

fn annotate(meta: &mut ObjectMeta, write: &Write) -> Result<(), Error> {
    let annotations = meta.annotations.get_or_insert_default();
    match &write.note {
        None => {
            annotations.remove(FLOOR_ANNOTATION);
        }
        Some(note) => {
            let text = serde_json::to_string(note)
                .map_err(|error| Error::Refused { what: "write the floor".to_owned(), message: error.to_string() })?;
            annotations.insert(FLOOR_ANNOTATION.to_owned(), text);
        }
    }
    Ok(())
}

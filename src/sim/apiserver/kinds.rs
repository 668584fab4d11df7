//! The kinds that are served: one small table for those that come with Kubernetes, and one line more for every
//! `CustomResourceDefinition` that is stored. How a kind behaves is told here and nowhere else.

use std::sync::Arc;

use serde_json::Value;

use super::builtin;
use super::refusal::Problem;
use super::schema::Schema;

/// When `metadata.generation` counts up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// There is none.
    Never,
    /// With every change of anything but metadata and status.
    Spec,
    /// With every change of spec or annotations.
    SpecAndAnnotations,
}

/// What a write of `/status` may change beside status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusWrites {
    /// There is no such subresource.
    None,
    /// Nothing else.
    Alone,
    /// Metadata but labels.
    NotLabels,
    /// All metadata.
    Metadata,
}

/// Reads an object as its Go type would, or says why it cannot be one.
pub type Decode = fn(&Value) -> Result<Value, String>;
/// Fills in and checks: the new object, and the one it replaces.
pub type Check = fn(&mut Value, Option<&Value>) -> Vec<Problem>;

/// How objects of a kind are understood.
#[derive(Clone, Debug)]
pub enum Shape {
    /// By the types of Kubernetes itself.
    Builtin(Decode, Check),
    /// By the schema of a definition.
    Custom(Arc<Schema>),
}

/// A kind that is served.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Its API group; empty for the core.
    pub group: String,
    /// The one version served.
    pub version: String,
    /// As it is written in a path.
    pub plural: String,
    /// As it is written in an object.
    pub name: String,
    /// Whether its objects lie in namespaces.
    pub namespaced: bool,
    /// Whether status is written apart, and how.
    pub status: StatusWrites,
    /// How its generation counts.
    pub generation: Generation,
    /// Whether an update may come without a resource version.
    pub unconditional: bool,
    /// Whether an update may create.
    pub create_on_update: bool,
    /// How its objects are understood.
    pub shape: Shape,
}

impl Kind {
    /// `headroom.dev/v1alpha1`, `v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `campaigns.headroom.dev`, `configmaps`: its name among all kinds.
    pub fn resource(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `Campaign.headroom.dev`, `ConfigMap`: its name in a refusal.
    pub fn group_kind(&self) -> String {
        if self.group.is_empty() { self.name.clone() } else { format!("{}.{}", self.name, self.group) }
    }

    /// Whether a definition made it.
    pub fn is_custom(&self) -> bool {
        matches!(self.shape, Shape::Custom(_))
    }

    /// Whether status is written apart.
    pub fn has_status(&self) -> bool {
        self.status != StatusWrites::None
    }

    /// Reads what a definition says, for the one version of it that is stored.
    pub fn of_definition(definition: &Value) -> Result<Kind, String> {
        let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let versions = definition.pointer("/spec/versions").and_then(Value::as_array).ok_or("it has no versions")?;
        let stored = versions.iter().find(|version| version["storage"] == true).ok_or("no version is stored")?;
        let schema = stored.pointer("/schema/openAPIV3Schema").ok_or("it has no schema")?;
        let has_status = stored.pointer("/subresources/status").is_some();
        Ok(Kind {
            group: text("/spec/group"),
            version: stored["name"].as_str().unwrap_or_default().to_owned(),
            plural: text("/spec/names/plural"),
            name: text("/spec/names/kind"),
            namespaced: text("/spec/scope") == "Namespaced",
            status: if has_status { StatusWrites::Alone } else { StatusWrites::None },
            generation: Generation::Spec,
            unconditional: false,
            create_on_update: false,
            shape: Shape::Custom(Schema::shared(schema)?),
        })
    }
}

/// Group, version, plural, kind; whether namespaced; status; generation; unconditional updates; creating updates.
type Line = (
    (&'static str, &'static str, &'static str, &'static str),
    bool,
    StatusWrites,
    Generation,
    bool,
    bool,
    (Decode, Check),
);

/// The kinds that come with Kubernetes, as far as a campaign has to do with them.
pub fn builtin() -> Vec<Kind> {
    use Generation::{Never, Spec, SpecAndAnnotations};
    use StatusWrites::{Metadata, None, NotLabels};
    let lines: [Line; 11] = [
        (("", "v1", "namespaces", "Namespace"), false, Metadata, Never, true, false, builtin::NAMESPACE),
        (("", "v1", "secrets", "Secret"), true, None, Never, true, false, builtin::SECRET),
        (("", "v1", "configmaps", "ConfigMap"), true, None, Never, true, false, builtin::CONFIG_MAP),
        (("", "v1", "pods", "Pod"), true, Metadata, Spec, true, false, builtin::POD),
        (("", "v1", "events", "Event"), true, None, Never, true, true, builtin::CORE_EVENT),
        (("events.k8s.io", "v1", "events", "Event"), true, None, Never, true, true, builtin::EVENT),
        (
            ("apps", "v1", "deployments", "Deployment"),
            true,
            NotLabels,
            SpecAndAnnotations,
            true,
            false,
            builtin::DEPLOYMENT,
        ),
        (
            ("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
            true,
            Metadata,
            Never,
            true,
            false,
            builtin::AUTOSCALER,
        ),
        (("batch", "v1", "jobs", "Job"), true, Metadata, Spec, true, false, builtin::JOB),
        (("coordination.k8s.io", "v1", "leases", "Lease"), true, None, Never, false, true, builtin::LEASE),
        (
            ("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition"),
            false,
            Metadata,
            Spec,
            false,
            false,
            builtin::DEFINITION,
        ),
    ];
    lines
        .into_iter()
        .map(|((group, version, plural, name), namespaced, status, generation, unconditional, creating, shape)| Kind {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: plural.to_owned(),
            name: name.to_owned(),
            namespaced,
            status,
            generation,
            unconditional,
            create_on_update: creating,
            shape: Shape::Builtin(shape.0, shape.1),
        })
        .collect()
}

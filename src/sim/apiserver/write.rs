//! CREATE, PUT and PATCH: what the server fills in, keeps, refuses and counts, and when a write is no change at all.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::Answer;
use super::ask::{Ask, Verb};
use super::kinds::{Generation, Kind, Shape, StatusWrites};
use super::managed::{self, Manager};
use super::meta;
use super::read::scale;
use super::refusal::{Problem, Refusal};
use super::store::{Store, key};

impl Store {
    /// Does what is asked; a watch is none of its business.
    pub fn apply(&mut self, ask: &Ask, now: Timestamp) -> Result<Answer, Refusal> {
        let kind = Arc::clone(&self.collection(&ask.place)?.kind);
        let place = &ask.place;
        let is_known = match place.subresource.as_str() {
            "" => true,
            "status" => kind.has_status(),
            "scale" => kind.resource() == "deployments.apps",
            _ => false,
        };
        let is_misplaced = if kind.namespaced {
            place.namespace.is_empty() && !place.name.is_empty()
        } else {
            !place.namespace.is_empty()
        };
        if !is_known || is_misplaced {
            return Err(Refusal::no_such_resource());
        }
        if matches!(ask.verb, Verb::Update | Verb::Patch) && place.name.is_empty() {
            let refusal = if kind.is_custom() {
                Refusal::bad_request("name must be provided")
            } else {
                Refusal::method_not_allowed()
            };
            return Err(refusal);
        }
        match ask.verb {
            Verb::Get => self.get(&kind, ask),
            Verb::List => self.list(&kind, ask),
            Verb::Create if kind.namespaced && place.namespace.is_empty() => Err(Refusal::method_not_allowed()),
            Verb::Create => self.create(&kind, ask, now),
            Verb::Update => self.update(&kind, ask, now),
            Verb::Patch => self.patch(&kind, ask, now),
            Verb::Delete if place.subresource.is_empty() => self.delete(&kind, ask, now),
            Verb::DeleteCollection => self.delete_collection(&kind, ask, now),
            Verb::Delete | Verb::Watch => Err(Refusal::method_not_allowed()),
        }
    }

    fn create(&mut self, kind: &Arc<Kind>, ask: &Ask, now: Timestamp) -> Result<Answer, Refusal> {
        let mut object = body(kind, ask)?;
        let mut name = meta::text(&object, "name").to_owned();
        let prefix = meta::text(&object, "generateName").to_owned();
        if name.is_empty() && !prefix.is_empty() {
            name = format!("{}{}", prefix.chars().take(58).collect::<String>(), meta::suffix(self.number()));
        }
        self.admit(kind, &ask.place.namespace, &name)?;
        if !matches!(meta::text(&object, "resourceVersion"), "" | "0") {
            return Err(Refusal::new(500, "", "resourceVersion should not be set on objects to be created"));
        }
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion"] {
            meta::set(&mut object, field, None);
        }
        let number = self.number();
        meta::set(&mut object, "name", Some(json!(name)));
        meta::set(&mut object, "uid", Some(json!(format!("00000000-0000-4000-8000-{number:012x}"))));
        meta::set(&mut object, "creationTimestamp", Some(json!(meta::stamp(now))));
        meta::set(&mut object, "generation", (kind.generation != Generation::Never).then(|| json!(1)));
        if kind.has_status()
            && let Some(object) = object.as_object_mut()
        {
            object.remove("status");
        }
        let mut problems = if name.is_empty() {
            vec![Problem::required("metadata.name", "name or generateName is required")]
        } else {
            meta::name_problems(&name, kind.resource() == "namespaces")
        };
        problems.extend(prepare(kind, &mut object, None, ask)?);
        if !problems.is_empty() {
            return Err(Refusal::invalid(kind, &name, &problems));
        }
        if self.there(kind, &ask.place.namespace, &name).is_some() {
            return Err(Refusal::already_exists(kind, &name));
        }
        managed::record(None, &mut object, &manager(ask), now);
        self.finish(kind, ask, object)
    }

    fn update(&mut self, kind: &Arc<Kind>, ask: &Ask, now: Timestamp) -> Result<Answer, Refusal> {
        let place = &ask.place;
        let there = self.there(kind, &place.namespace, &place.name).cloned();
        if place.subresource == "scale" {
            let old = there.ok_or_else(|| Refusal::not_found(kind, &place.name))?;
            return self.rescale(kind, ask, &old, &ask.body, now);
        }
        let new = body(kind, ask)?;
        let name = meta::text(&new, "name");
        if name != place.name {
            let url = &place.name;
            let message = format!("the name of the object ({name}) does not match the name on the URL ({url})");
            return Err(Refusal::bad_request(message));
        }
        match there {
            Some(old) => self.replace(kind, ask, &old, new, now),
            None if kind.create_on_update && place.subresource.is_empty() => self.create(kind, ask, now),
            None => Err(Refusal::not_found(kind, &place.name)),
        }
    }

    fn patch(&mut self, kind: &Arc<Kind>, ask: &Ask, now: Timestamp) -> Result<Answer, Refusal> {
        let place = &ask.place;
        let old = self.there(kind, &place.namespace, &place.name).cloned();
        let old = old.ok_or_else(|| Refusal::not_found(kind, &place.name))?;
        let is_scale = place.subresource == "scale";
        let mut new = if is_scale { scale(&old) } else { old.as_ref().clone() };
        match ask.content_type.as_str() {
            "application/merge-patch+json" => json_patch::merge(&mut new, &ask.body),
            "application/json-patch+json" => {
                let patch: json_patch::Patch = serde_json::from_value(ask.body.clone())
                    .map_err(|error| Refusal::bad_request(format!("error decoding patch: {error}")))?;
                // The real server tells of a failed test no more than this.
                json_patch::patch(&mut new, &patch).map_err(|_| {
                    Refusal::new(422, "Invalid", "the server rejected our request due to an error in our request")
                })?;
            }
            "application/strategic-merge-patch+json" if kind.is_custom() => {
                let known = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
                let message =
                    format!("the body of the request was in an unknown format - accepted media types include: {known}");
                return Err(Refusal::new(415, "UnsupportedMediaType", message));
            }
            other => return Err(Refusal::not_simulated(&format!("a patch of type {other}"))),
        }
        if is_scale {
            return self.rescale(kind, ask, &old, &new, now);
        }
        if meta::text(&new, "resourceVersion").is_empty() {
            meta::set(&mut new, "resourceVersion", Some(json!(meta::text(&old, "resourceVersion"))));
        }
        if meta::text(&new, "name") != place.name {
            let message = format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                meta::text(&new, "name"),
                place.name
            );
            return Err(Refusal::bad_request(message));
        }
        self.replace(kind, ask, &old, new, now)
    }

    fn rescale(
        &mut self,
        kind: &Arc<Kind>,
        ask: &Ask,
        old: &Arc<Value>,
        wanted: &Value,
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        let mut new = old.as_ref().clone();
        new["spec"]["replicas"] = json!(wanted["spec"]["replicas"].as_i64().unwrap_or(0));
        meta::set(&mut new, "resourceVersion", Some(json!(meta::text(wanted, "resourceVersion"))));
        let written = self.replace(kind, ask, old, new, now)?;
        Ok(match written.object() {
            Some(object) => Answer::Object(Arc::new(scale(object))),
            None => written,
        })
    }

    /// Makes `new` of `old`, the way every update goes.
    fn replace(
        &mut self,
        kind: &Arc<Kind>,
        ask: &Ask,
        old: &Arc<Value>,
        new: Value,
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        let place = &ask.place;
        same_object(kind, ask, old, &new)?;
        let is_status = place.subresource == "status";
        let mut new = if is_status { status_of(kind, old, new) } else { all_but_status(kind, old, new) };
        meta::keep(&mut new, old);
        meta::set(&mut new, "resourceVersion", Some(json!(meta::text(old, "resourceVersion"))));
        meta::set(&mut new, "managedFields", None);
        meta::tidy(&mut new);
        let mut problems = late_finalizers(old, &new);
        problems.extend(prepare(kind, &mut new, Some(old), ask)?);
        if !problems.is_empty() {
            return Err(Refusal::invalid(kind, &place.name, &problems));
        }
        if !is_status && counts(kind.generation, old, &new) {
            meta::set(&mut new, "generation", Some(json!(meta::generation(old) + 1)));
        }
        meta::set(&mut new, "managedFields", old.pointer("/metadata/managedFields").cloned());
        if new == **old {
            return Ok(Answer::Object(Arc::clone(old)));
        }
        managed::record(Some(old), &mut new, &manager(ask), now);
        if meta::is_leaving(&new) && meta::finalizers(&new).is_empty() && kind.resource() != "namespaces" {
            if !ask.is_dry() {
                // The write itself is never stored, so watches are told of the object as it was before.
                self.remove(kind, old);
                self.settle(meta::text(old, "namespace"));
            }
            return Ok(Answer::Object(Arc::new(new)));
        }
        self.finish(kind, ask, new)
    }

    fn finish(&mut self, kind: &Arc<Kind>, ask: &Ask, object: Value) -> Result<Answer, Refusal> {
        let definition = (kind.resource() == "customresourcedefinitions.apiextensions.k8s.io")
            .then(|| Kind::of_definition(&object).map_err(|error| Refusal::not_simulated(&error)))
            .transpose()?;
        if ask.is_dry() {
            return Ok(Answer::Object(Arc::new(object)));
        }
        if let Some(definition) = definition {
            self.serve(definition);
        }
        Ok(Answer::Object(self.put(kind, object)))
    }

    pub(super) fn there(&self, kind: &Kind, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        self.named(&kind.resource()).and_then(|collection| collection.get(&key(namespace, name)))
    }
}

fn manager(ask: &Ask) -> Manager {
    let told = ask.option("fieldManager");
    let name = if told.is_empty() { ask.agent.split('/').next().unwrap_or_default() } else { told };
    let subresource = Some(ask.place.subresource.clone()).filter(|subresource| !subresource.is_empty());
    Manager { name: name.to_owned(), subresource }
}

/// The object that was sent, if it is one of this kind and place.
fn body(kind: &Kind, ask: &Ask) -> Result<Value, Refusal> {
    let mut object = ask.body.clone();
    let place = &ask.place;
    if !object.is_object() {
        return Err(Refusal::bad_request("the request body is no object"));
    }
    let told = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
    let (api_version, called) = (told("apiVersion"), told("kind"));
    if called.is_empty() && kind.is_custom() {
        return Err(Refusal::bad_request(format!("Object 'Kind' is missing in '{object}'")));
    }
    if kind.is_custom() && api_version == kind.api_version() && called != kind.name {
        let problem = Problem::invalid("kind", &json!(called), format!("must be {}", kind.name));
        let sent = format!("{called}.{}", kind.group);
        return Err(Refusal::invalid_as(&sent, kind, meta::text(&object, "name"), &[problem]));
    }
    if !api_version.is_empty() && api_version != kind.api_version() || !called.is_empty() && called != kind.name {
        let message = format!(
            "{} in version \"{}\" cannot be handled as a {}: the object provided is unrecognized (must be of type {}): {api_version}, Kind={called}",
            kind.name, kind.version, kind.name, kind.name
        );
        return Err(Refusal::bad_request(message));
    }
    object["apiVersion"] = json!(kind.api_version());
    object["kind"] = json!(kind.name);
    let namespace = meta::text(&object, "namespace");
    if kind.namespaced && !namespace.is_empty() && namespace != place.namespace {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Refusal::bad_request(message));
    }
    let namespace = kind.namespaced.then(|| json!(place.namespace));
    meta::set(&mut object, "namespace", namespace);
    meta::set(&mut object, "managedFields", None);
    meta::tidy(&mut object);
    Ok(object)
}

/// Whether the object that is meant is the one that is there.
fn same_object(kind: &Kind, ask: &Ask, old: &Value, new: &Value) -> Result<(), Refusal> {
    let name = &ask.place.name;
    let (uid, there) = (meta::text(new, "uid"), meta::text(old, "uid"));
    if !uid.is_empty() && uid != there {
        if ask.verb == Verb::Patch {
            let problem = Problem::invalid("metadata.uid", &json!(uid), "field is immutable");
            return Err(Refusal::invalid(kind, name, &[problem]));
        }
        let key = key(&ask.place.namespace, name);
        return Err(Refusal::other_uid(kind, &key, name, uid, there));
    }
    let version = meta::text(new, "resourceVersion");
    if matches!(version, "" | "0") {
        if kind.unconditional || ask.place.subresource == "scale" {
            return Ok(());
        }
        let problem = Problem::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update");
        return Err(Refusal::invalid_as(&kind.resource(), kind, name, &[problem]));
    }
    if version == meta::text(old, "resourceVersion") { Ok(()) } else { Err(Refusal::stale(kind, name)) }
}

fn take(object: &mut Value, field: &str, from: &Value) {
    let Some(object) = object.as_object_mut() else { return };
    match from.get(field) {
        Some(value) => object.insert(field.to_owned(), value.clone()),
        None => object.remove(field),
    };
}

fn all_but_status(kind: &Kind, old: &Value, mut new: Value) -> Value {
    if kind.has_status() {
        take(&mut new, "status", old);
    }
    new
}

fn status_of(kind: &Kind, old: &Value, mut new: Value) -> Value {
    match kind.status {
        StatusWrites::Alone | StatusWrites::None => {
            let mut whole = old.clone();
            take(&mut whole, "status", &new);
            whole
        }
        StatusWrites::NotLabels => {
            take(&mut new, "spec", old);
            meta::set(&mut new, "labels", old.pointer("/metadata/labels").cloned());
            new
        }
        StatusWrites::Metadata => {
            take(&mut new, "spec", old);
            new
        }
    }
}

fn late_finalizers(old: &Value, new: &Value) -> Vec<Problem> {
    let there = meta::finalizers(old);
    let late: Vec<String> =
        meta::finalizers(new).into_iter().filter(|it| !there.contains(it)).map(|it| format!("\"{it}\"")).collect();
    if late.is_empty() || !meta::is_leaving(old) {
        return Vec::new();
    }
    let detail = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
        late.join(", ")
    );
    vec![Problem::forbidden("metadata.finalizers", &detail)]
}

fn counts(generation: Generation, old: &Value, new: &Value) -> bool {
    match generation {
        Generation::Never => false,
        Generation::SpecAndAnnotations => {
            old["spec"] != new["spec"] || old["metadata"]["annotations"] != new["metadata"]["annotations"]
        }
        Generation::Spec => {
            let content = |object: &Value| -> Vec<(String, Value)> {
                let fields = object.as_object().into_iter().flatten();
                let kept = fields.filter(|(name, _)| !matches!(name.as_str(), "metadata" | "status"));
                kept.map(|(name, value)| (name.clone(), value.clone())).collect()
            };
            content(old) != content(new)
        }
    }
}

/// Decodes, prunes and fills in, and tells what is wrong.
fn prepare(kind: &Kind, object: &mut Value, old: Option<&Value>, ask: &Ask) -> Result<Vec<Problem>, Refusal> {
    let as_kind = |why: &str| {
        let (called, version) = (&kind.name, &kind.version);
        Refusal::bad_request(format!("{called} in version \"{version}\" cannot be handled as a {called}: {why}"))
    };
    match &kind.shape {
        Shape::Builtin(decode, check) => {
            *object = decode(object).map_err(|error| as_kind(&error))?;
            Ok(check(object, old))
        }
        Shape::Custom(schema) => {
            let pruned = schema.prepare(object);
            if ask.option("fieldValidation") == "Strict" && !pruned.is_empty() {
                let fields: Vec<String> = pruned.iter().map(|field| format!("unknown field \"{field}\"")).collect();
                return Err(as_kind(&format!("strict decoding error: {}", fields.join(", "))));
            }
            Ok(schema.check(object, old))
        }
    }
}

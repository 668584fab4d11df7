//! DELETE, finalizers, and namespaces that leave with all that is in them. What a controller of the real cluster does in
//! moments is done at once here.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{Answer, Many};
use super::ask::{Ask, Place, Verb};
use super::kinds::Kind;
use super::meta;
use super::refusal::Refusal;
use super::selector::Selector;
use super::store::Store;

const PROTECTED: [&str; 3] = ["default", "kube-system", "kube-public"];

impl Store {
    pub(super) fn delete(&mut self, kind: &Arc<Kind>, ask: &Ask, now: Timestamp) -> Result<Answer, Refusal> {
        let place = &ask.place;
        let old = self.there(kind, &place.namespace, &place.name).cloned();
        let old = old.ok_or_else(|| Refusal::not_found(kind, &place.name))?;
        same_one(kind, ask, &old)?;
        let is_namespace = kind.resource() == "namespaces";
        if is_namespace && PROTECTED.contains(&place.name.as_str()) {
            let message = format!("namespaces \"{}\" is forbidden: this namespace may not be deleted", place.name);
            return Err(Refusal::new(403, "Forbidden", message));
        }
        if ask.is_dry() {
            return Ok(Answer::Object(old));
        }
        if is_namespace {
            return Ok(Answer::Object(self.leave(kind, &old, &place.name, now)));
        }
        if !meta::finalizers(&old).is_empty() {
            return Ok(Answer::Object(self.mark(kind, &old, now, |_| ())));
        }
        self.remove(kind, &old);
        self.settle(&place.namespace);
        if kind.resource() == "customresourcedefinitions.apiextensions.k8s.io" {
            self.drop_kind(&place.name);
        }
        let mut details = json!({"name": place.name, "kind": kind.plural, "uid": meta::text(&old, "uid")});
        if !kind.group.is_empty() {
            details["group"] = json!(kind.group);
        }
        let status =
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
        Ok(Answer::Status(status))
    }

    pub(super) fn delete_collection(&mut self, kind: &Arc<Kind>, ask: &Ask, now: Timestamp) -> Result<Answer, Refusal> {
        if kind.namespaced && ask.place.namespace.is_empty() {
            return Err(Refusal::method_not_allowed());
        }
        let selector = Selector::read(ask.option("labelSelector"), ask.option("fieldSelector"))?;
        let all = self.collection(&ask.place)?.within(&ask.place.namespace);
        let meant: Vec<Arc<Value>> = all.filter(|object| selector.matches(object)).cloned().collect();
        for object in &meant {
            let place = Place { name: meta::text(object, "name").to_owned(), ..ask.place.clone() };
            self.delete(kind, &Ask { verb: Verb::Delete, place, ..ask.clone() }, now)?;
        }
        let many =
            Many { kind: Arc::clone(kind), revision: self.revision(), next: None, remaining: None, items: meant };
        Ok(Answer::Many(many))
    }

    /// Writes down that an object is being deleted; a second time changes nothing.
    fn mark(&mut self, kind: &Kind, old: &Arc<Value>, now: Timestamp, also: impl Fn(&mut Value)) -> Arc<Value> {
        if meta::is_leaving(old) {
            return Arc::clone(old);
        }
        let mut new = old.as_ref().clone();
        meta::set(&mut new, "deletionTimestamp", Some(json!(meta::stamp(now))));
        if kind.resource() != "namespaces" {
            meta::set(&mut new, "deletionGracePeriodSeconds", Some(json!(0)));
        }
        // Being deleted is a change of what is wanted.
        if meta::generation(old) > 0 {
            meta::set(&mut new, "generation", Some(json!(meta::generation(old) + 1)));
        }
        also(&mut new);
        self.put(kind, new)
    }

    fn leave(&mut self, kind: &Kind, old: &Arc<Value>, name: &str, now: Timestamp) -> Arc<Value> {
        let marked = self.mark(kind, old, now, |namespace| namespace["status"]["phase"] = json!("Terminating"));
        let inside: Vec<(Arc<Kind>, Vec<Arc<Value>>)> = self
            .namespaced()
            .map(|collection| (Arc::clone(&collection.kind), collection.within(name).cloned().collect()))
            .collect();
        for (kind, objects) in inside {
            for object in objects {
                if meta::finalizers(&object).is_empty() {
                    self.remove(&kind, &object);
                } else {
                    self.mark(&kind, &object, now, |_| ());
                }
            }
        }
        self.settle(name);
        marked
    }

    /// Lets a leaving namespace go when nothing is left in it.
    pub(super) fn settle(&mut self, name: &str) {
        let Some(namespaces) = self.named("namespaces") else { return };
        let kind = Arc::clone(&namespaces.kind);
        let Some(namespace) = namespaces.get(name).filter(|namespace| meta::is_leaving(namespace)).cloned() else {
            return;
        };
        if self.namespaced().all(|collection| collection.within(name).next().is_none()) {
            self.remove(&kind, &namespace);
        }
    }

    /// Whether something may be made in a namespace.
    pub(super) fn admit(&self, kind: &Kind, namespace: &str, name: &str) -> Result<(), Refusal> {
        if !kind.namespaced {
            return Ok(());
        }
        let Some(namespaces) = self.named("namespaces") else { return Ok(()) };
        match namespaces.get(namespace) {
            None => Err(Refusal::not_found(&namespaces.kind, namespace)),
            Some(there) if meta::is_leaving(there) => Err(Refusal::terminating(kind, name, namespace)),
            Some(_) => Ok(()),
        }
    }

    fn drop_kind(&mut self, resource: &str) {
        let Some(collection) = self.named(resource) else { return };
        let kind = Arc::clone(&collection.kind);
        let objects: Vec<Arc<Value>> = collection.within("").cloned().collect();
        for object in objects {
            self.remove(&kind, &object);
        }
        self.unserve(resource);
    }
}

/// Whether the object is the one whose deletion was asked for.
fn same_one(kind: &Kind, ask: &Ask, old: &Value) -> Result<(), Refusal> {
    let wanted = |field: &str| ask.body["preconditions"][field].as_str().unwrap_or_default();
    for (what, field, why) in
        [("UID", "uid", "deleted and then recreated"), ("ResourceVersion", "resourceVersion", "modified")]
    {
        let (wanted, there) = (wanted(field), meta::text(old, field));
        if !wanted.is_empty() && wanted != there {
            let detail = format!(
                "the {what} in the precondition ({wanted}) does not match the {what} in record ({there}). The object \
                 might have been {why}"
            );
            return Err(Refusal::conflict_as(&kind.group_kind(), kind, &ask.place.name, &detail));
        }
    }
    Ok(())
}

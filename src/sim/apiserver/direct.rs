//! Reads and writes from inside the process, for the controllers and people of a simulated world. They go the way of
//! every other call, into the same log and under the same rules, but nobody interferes with them and they never wait.

use std::hash::Hash;
use std::sync::Arc;

use kube::Resource;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ApiServer;
use super::ask::{Ask, Place, Verb};
use super::fault::Call;
use super::meta;
use super::refusal::Refusal;
use super::store::{Store, key};

impl Store {
    /// Where an object belongs by what it says of itself.
    fn place_of(&self, object: &Value) -> Result<Place, Refusal> {
        let told = |field: &str| object[field].as_str().unwrap_or_default();
        let api_version = told("apiVersion");
        let found = self.kinds().find(|kind| kind.name == told("kind") && kind.api_version() == api_version);
        let kind = found.ok_or_else(Refusal::no_such_resource)?;
        Ok(Place::of(kind, meta::text(object, "namespace"), meta::text(object, "name")))
    }
}

impl ApiServer {
    /// One object, by the name of its kind among all (`deployments.apps`).
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.core().store.named(resource)?.get(&key(namespace, name)).cloned()
    }

    /// The objects of a namespace, or of all, in order.
    pub fn list(&self, resource: &str, namespace: &str) -> Vec<Arc<Value>> {
        let core = self.core();
        let collection = core.store.named(resource);
        collection.map(|collection| collection.within(namespace).cloned().collect()).unwrap_or_default()
    }

    /// One object, in its type. None if it is not there, or cannot be read as one.
    pub fn read<K: Resource<DynamicType = ()> + DeserializeOwned>(&self, namespace: &str, name: &str) -> Option<K> {
        K::deserialize(&*self.get(&resource::<K>(), namespace, name)?).ok()
    }

    /// The objects of a namespace, or of all, in their type; those that cannot be read are left out.
    pub fn read_all<K: Resource<DynamicType = ()> + DeserializeOwned>(&self, namespace: &str) -> Vec<K> {
        self.list(&resource::<K>(), namespace).iter().filter_map(|object| K::deserialize(&**object).ok()).collect()
    }

    /// Makes an object.
    pub fn create(&self, agent: &str, object: &Value) -> Result<Arc<Value>, Refusal> {
        let place = self.core().store.place_of(object)?;
        self.do_directly(agent, Verb::Create, Place { name: String::new(), ..place }, object.clone())
    }

    /// Replaces an object; only the one with its resource version, if it carries one.
    pub fn update(&self, agent: &str, object: &Value) -> Result<Arc<Value>, Refusal> {
        let place = self.core().store.place_of(object)?;
        self.do_directly(agent, Verb::Update, place, object.clone())
    }

    /// Replaces the status of an object; only of the one with its resource version, if it carries one.
    pub fn update_status(&self, agent: &str, object: &Value) -> Result<Arc<Value>, Refusal> {
        let place = Place { subresource: "status".to_owned(), ..self.core().store.place_of(object)? };
        self.do_directly(agent, Verb::Update, place, object.clone())
    }

    /// Changes fields of an object, or of what its place names as subresource.
    pub fn merge(&self, agent: &str, place: &Place, fields: Value) -> Result<Arc<Value>, Refusal> {
        self.do_directly(agent, Verb::Patch, place.clone(), fields)
    }

    /// Makes an object, or gives one that is there these fields: what a person's `kubectl apply` comes to.
    pub fn apply_fields(&self, agent: &str, object: &Value) -> Result<Arc<Value>, Refusal> {
        let place = self.core().store.place_of(object)?;
        match self.get(&place.resource(), &place.namespace, &place.name) {
            Some(_) => self.merge(agent, &place, object.clone()),
            None => self.create(agent, object),
        }
    }

    /// Deletes an object.
    pub fn delete(&self, agent: &str, place: &Place) -> Result<(), Refusal> {
        let call = self.arrive(Ask::direct(agent, Verb::Delete, place.clone(), Value::Null));
        self.note_direct(&call);
        self.apply(&call).map(|_| ())
    }

    /// Where an object of a kind is, by the name of the kind among all; None if the kind is not served.
    pub fn place(&self, resource: &str, namespace: &str, name: &str) -> Option<Place> {
        let core = self.core();
        core.store.named(resource).map(|collection| Place::of(&collection.kind, namespace, name))
    }

    /// What is written from inside is made of what is on the tape already; that it was, and what, belongs there too.
    fn note_direct(&self, call: &Call) {
        let tape = self.core().tape.clone();
        if let Some(tape) = tape {
            let what = format!("{} {} {} {}", call.ask.agent, call.ask.verb.word(), call.number, call.ask.place);
            let body = &call.ask.body;
            tape.note_as(&what, |hasher| body.hash(hasher), |line| line.extend([" ", &body.to_string()]));
        }
    }

    fn do_directly(&self, agent: &str, verb: Verb, place: Place, body: Value) -> Result<Arc<Value>, Refusal> {
        let call = self.arrive(Ask::direct(agent, verb, place, body));
        self.note_direct(&call);
        let answer = self.apply(&call)?;
        answer.object().cloned().ok_or_else(|| Refusal::not_simulated("a write that answers with no object"))
    }
}

fn resource<K: Resource<DynamicType = ()>>() -> String {
    let (group, plural) = (K::group(&()), K::plural(&()));
    if group.is_empty() { plural.into_owned() } else { format!("{plural}.{group}") }
}

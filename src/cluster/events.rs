//! Events: one per transition, in the words of the status. A failure to write one is logged and never more than that.
//!
//! Written by ourselves and not by the client library, whose names hold its own clock: here a name follows from what is
//! said, of what, and when by our clock. What is said again within minutes is counted in the first event, as a series, so
//! that nobody's store fills with it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Resource};
use serde_json::json;

use super::error::{Error, bounded};
use crate::api::MANAGER;
use crate::clock;
use crate::plan::identity;

/// The API server takes no longer note.
const LONGEST_NOTE: usize = 1024;
/// Nor a longer name; it ends with a dot and sixteen letters of its own.
const LONGEST_NAME: usize = 253 - 17;
/// What was not said again for so long begins a new event.
const SERIES: SignedDuration = SignedDuration::from_mins(6);

/// What makes two events the same: of what, its type, its reason and its action.
type Matter = (String, bool, String, String);

/// An event that was written, and may be counted on.
#[derive(Clone, Debug)]
struct Told {
    name: String,
    count: i32,
    last: Timestamp,
}

/// Writes events as the operator.
#[derive(Clone)]
pub struct Events {
    client: Client,
    told: Arc<Mutex<BTreeMap<Matter, Told>>>,
}

impl Events {
    /// Speaks as `headroom`.
    pub fn new(client: Client) -> Events {
        Events { client, told: Arc::default() }
    }

    /// Says what changed on an object.
    pub async fn tell<K: Resource<DynamicType = ()>>(
        &self,
        object: &K,
        warning: bool,
        reason: &str,
        action: &str,
        note: &str,
    ) {
        let reference = object.object_ref(&());
        self.tell_of(&reference, warning, reason, action, note).await;
    }

    /// Says what changed on an object that is known by reference only.
    pub async fn tell_of(&self, reference: &ObjectReference, warning: bool, reason: &str, action: &str, note: &str) {
        let now = clock::now();
        let matter = (of_what(reference), warning, reason.to_owned(), action.to_owned());
        match self.write(reference, &matter, note, now).await {
            Ok(told) => {
                self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(matter, told);
            }
            Err(error) => tracing::warn!(%error, reason, "failed to write an event"),
        }
    }

    async fn write(
        &self,
        reference: &ObjectReference,
        matter: &Matter,
        note: &str,
        now: Timestamp,
    ) -> Result<Told, Error> {
        let api = Api::<Event>::namespaced(self.client.clone(), reference.namespace.as_deref().unwrap_or("default"));
        if let Some(told) = self.before(matter, now) {
            let next = Told { count: told.count.saturating_add(1), last: now, ..told };
            let series = Patch::Merge(json!({"series": {"count": next.count, "lastObservedTime": MicroTime(now)}}));
            let params = PatchParams::default();
            let counted = api.patch(&next.name, &params, &series);
            match bounded("count an event", counted).await {
                Ok(_) => return Ok(next),
                // The API server forgets events after a while: it is said anew.
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let event = event(reference, matter, note, now);
        let name = event.metadata.name.clone().unwrap_or_default();
        match bounded("write an event", api.create(&PostParams::default(), &event)).await {
            // The same was said of the same thing at the same instant: by us, before an answer was lost.
            Ok(_) | Err(Error::AlreadyExists { .. }) => Ok(Told { name, count: 1, last: now }),
            Err(error) => Err(error),
        }
    }

    /// What was said of the same matter a short while ago. Whatever is older is forgotten.
    fn before(&self, matter: &Matter, now: Timestamp) -> Option<Told> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, told| now.duration_since(told.last) < SERIES);
        told.get(matter).cloned()
    }
}

/// Of what: the UID tells an object from an earlier one of its name.
fn of_what(reference: &ObjectReference) -> String {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let parts = [&reference.kind, &reference.namespace, &reference.name, &reference.uid];
    parts.map(text).join("/")
}

fn event(reference: &ObjectReference, matter: &Matter, note: &str, now: Timestamp) -> Event {
    let (what, warning, reason, action) = matter;
    let digest = identity::digest(format!("{what}\0{warning}\0{reason}\0{action}\0{now}").as_bytes());
    let own: String = digest.chars().filter(char::is_ascii_hexdigit).rev().take(16).collect();
    let object: String = reference.name.as_deref().unwrap_or(MANAGER).chars().take(LONGEST_NAME).collect();
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{object}.{own}")),
            namespace: reference.namespace.clone(),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        reporting_controller: Some(MANAGER.to_owned()),
        reporting_instance: Some(MANAGER.to_owned()),
        action: Some(action.clone()),
        reason: Some(reason.clone()),
        regarding: Some(reference.clone()),
        note: Some(note.chars().take(LONGEST_NOTE).collect()),
        type_: Some(if *warning { "Warning" } else { "Normal" }.to_owned()),
        ..Event::default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::sim::apiserver::ApiServer;

    use super::*;

    fn reference() -> ObjectReference {
        let text = |text: &str| Some(text.to_owned());
        ObjectReference {
            api_version: text("headroom.dev/v1alpha1"),
            kind: text("Campaign"),
            namespace: text("default"),
            name: text("spring-sale"),
            uid: text("8d1f"),
            ..ObjectReference::default()
        }
    }

    fn written(server: &ApiServer) -> Vec<Event> {
        server.read_all::<Event>("")
    }

    async fn pass(seconds: u64) {
        tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_said_again_is_counted_and_what_is_said_late_or_of_another_matter_is_new() {
        let _clock = clock::simulate("2027-03-19T09:00:00Z".parse().unwrap());
        let server = ApiServer::new();
        let events = Events::new(server.client("headroom"));
        events.tell_of(&reference(), false, "Sending", "Sending canary", "The first.").await;
        pass(300).await;
        events.tell_of(&reference(), false, "Sending", "Sending canary", "The second.").await;
        pass(300).await;
        events.tell_of(&reference(), false, "Sending", "Sending canary", "The third.").await;
        let there = written(&server);
        assert_eq!(there.len(), 1, "each within six minutes of the last");
        let event = &there[0];
        assert_eq!(event.series.as_ref().unwrap().count, 3);
        assert_eq!(event.series.as_ref().unwrap().last_observed_time.0.to_string(), "2027-03-19T09:10:00Z");
        assert_eq!(event.event_time.as_ref().unwrap().0.to_string(), "2027-03-19T09:00:00Z");
        assert_eq!((event.reason.as_deref(), event.action.as_deref()), (Some("Sending"), Some("Sending canary")));
        assert_eq!((event.note.as_deref(), event.type_.as_deref()), (Some("The first."), Some("Normal")));
        assert_eq!(event.regarding, Some(reference()));
        assert_eq!(event.reporting_controller.as_deref(), Some("headroom"));
        events.tell_of(&reference(), false, "Sending", "Sending rest", "Another wave.").await;
        events.tell_of(&reference(), true, "Sending", "Sending rest", "A warning.").await;
        assert_eq!(written(&server).len(), 3);
        pass(361).await;
        events.tell_of(&reference(), false, "Sending", "Sending canary", "The fourth.").await;
        assert_eq!(written(&server).len(), 4, "six minutes have passed");
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_the_api_server_has_forgotten_is_said_anew() {
        let _clock = clock::simulate("2027-03-19T09:00:00Z".parse().unwrap());
        let server = ApiServer::new();
        let events = Events::new(server.client("headroom"));
        events.tell_of(&reference(), true, "Rejected", "NeedsAttention", "Once.").await;
        let name = written(&server)[0].metadata.name.clone().unwrap();
        assert!(name.starts_with("spring-sale.") && name.len() == "spring-sale.".len() + 16, "{name}");
        server.delete("etcd", &server.place("events.events.k8s.io", "default", &name).unwrap()).unwrap();
        pass(60).await;
        events.tell_of(&reference(), true, "Rejected", "NeedsAttention", "Twice.").await;
        assert_eq!(written(&server)[0].note.as_deref(), Some("Twice."));
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_name_of_an_object_still_leaves_room() {
        let _clock = clock::simulate("2027-03-19T09:00:00Z".parse().unwrap());
        let server = ApiServer::new();
        let long = ObjectReference { name: Some("a".repeat(253)), ..reference() };
        Events::new(server.client("headroom")).tell_of(&long, true, "Unreadable", "Read", &"n".repeat(2_000)).await;
        let there = written(&server);
        assert_eq!(there[0].metadata.name.as_ref().unwrap().len(), 253);
        assert_eq!(there[0].note.as_ref().unwrap().len(), 1_024);
    }
}

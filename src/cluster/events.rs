//! Events: one per transition, in the words of the status. A failure to write one is logged and never more than that.

use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};

use super::error::CALL_TIME_OUT;

/// Writes events as the operator.
#[derive(Clone)]
pub struct Events {
    recorder: Recorder,
}

/// The API server takes no longer note.
const LONGEST_NOTE: usize = 1024;

impl Events {
    /// Speaks as `headroom`.
    pub fn new(client: Client) -> Events {
        let reporter = Reporter { controller: crate::api::MANAGER.into(), instance: None };
        Events { recorder: Recorder::new(client, reporter) }
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
    pub async fn tell_of(
        &self,
        reference: &k8s_openapi::api::core::v1::ObjectReference,
        warning: bool,
        reason: &str,
        action: &str,
        note: &str,
    ) {
        let event = Event {
            type_: if warning { EventType::Warning } else { EventType::Normal },
            reason: reason.to_owned(),
            note: Some(note.chars().take(LONGEST_NOTE).collect()),
            action: action.to_owned(),
            secondary: None,
        };
        match tokio::time::timeout(CALL_TIME_OUT, self.recorder.publish(&event, reference)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, reason, "failed to write an event"),
            Err(_) => tracing::warn!(reason, "failed to write an event in time"),
        }
    }
}

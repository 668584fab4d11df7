//! What is said of a Sender: whether it can be used as it is written, and what it can do.

use jiff::Timestamp;

use crate::api::condition::{self, Wanted};
use crate::api::sender::{SenderSpec, SenderStatus};

use super::template::Template;
use super::units::Rate;

/// Why a Sender cannot be used as it is written, as a sentence with the field and the way out.
pub fn fault(spec: &SenderSpec) -> Option<String> {
    if let Err(error) = Rate::parse(&spec.send_rate) {
        return Some(format!("spec.sendRate: {error}"));
    }
    let body = spec.webhook.body.as_deref()?;
    Template::parse(body).err().map(|error| format!("spec.webhook.body: {error}"))
}

/// The Sender's new status. `trouble` is what only an adapter can find wrong.
pub fn tell(
    spec: &SenderSpec,
    generation: i64,
    old: &SenderStatus,
    trouble: Option<String>,
    now: Timestamp,
) -> SenderStatus {
    let fault = fault(spec).or(trouble);
    let message = fault.clone().map_or_else(
        || "It releases a wave by one request, at most once: one that may have arrived is never repeated.".to_owned(),
        |fault| format!("It cannot be used: {fault}."),
    );
    let reason = if fault.is_some() { "Invalid" } else { "Valid" };
    let wanted =
        Wanted { kind: "Ready", status: Some(fault.is_none()), reason: reason.to_owned(), message: message.clone() };
    SenderStatus {
        observed_generation: Some(generation),
        kind: Some("webhook".to_owned()),
        contract: Some("at most once".to_owned()),
        abilities: Some("fire".to_owned()),
        message: Some(message),
        conditions: condition::merge(&[wanted], &old.conditions, Some(generation), now),
    }
}

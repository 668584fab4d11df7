//! What is said of a Sender: whether it can be used as it is written, and what it can do.

use jiff::Timestamp;

use crate::api::condition::{self, Wanted};
use crate::api::sender::{SenderSpec, SenderStatus};

use super::contract::{Contract, MOST_TRIES};
use super::job::JobTemplate;
use super::template::Template;
use super::units::Rate;
use super::units::people::Rounding;

/// Why a Sender cannot be used as it is written, as a sentence with the field and the way out.
pub fn fault(spec: &SenderSpec) -> Option<String> {
    if let Err(error) = Rate::parse(&spec.send_rate) {
        return Some(format!("spec.sendRate: {error}"));
    }
    if let Err(error) = Contract::of_sender(spec) {
        return Some(error);
    }
    if let Some(job) = &spec.job {
        return JobTemplate::parse(&job.template).err();
    }
    let body = spec.webhook.as_ref()?.body.as_deref()?;
    Template::parse(body).err().map(|error| format!("spec.webhook.body: {error}"))
}

/// What becomes of a request that may have arrived, and how the receiver can tell whose it is.
fn guarantee(spec: &SenderSpec, contract: &Contract) -> String {
    let repeats = match contract {
        Contract::Keyed { retention } => format!(
            "; one that may have arrived is repeated under the same key, at most {} times within {}, since its receiver keeps keys.",
            MOST_TRIES - 1,
            retention.for_people(Rounding::Down)
        ),
        Contract::Queryable { .. } => ", at most once: of one that may have arrived its receiver is asked what became of it, and a person decides where that does not tell.".to_owned(),
        Contract::Job => ", under a name of its own and once: what became of it its Job tells, and where that is gone or has failed a person decides.".to_owned(),
        Contract::AtMostOnce => ", at most once: one that may have arrived is never repeated.".to_owned(),
    };
    let signed = if spec.webhook.as_ref().is_some_and(|webhook| webhook.signing.is_some()) {
        " Every request is signed."
    } else {
        ""
    };
    format!("{repeats}{signed}")
}

/// What it can do.
fn abilities(contract: &Contract) -> &'static str {
    if matches!(contract, Contract::Queryable { .. } | Contract::Job) { "fire, tell" } else { "fire" }
}

/// The Sender's new status. `trouble` is what only an adapter can find wrong.
pub fn tell(
    spec: &SenderSpec,
    generation: i64,
    old: &SenderStatus,
    trouble: Option<String>,
    now: Timestamp,
) -> SenderStatus {
    let contract = Contract::of_sender(spec).unwrap_or_default();
    let fault = fault(spec).or(trouble);
    let (kind, what) = if spec.job.is_some() { ("job", "Job") } else { ("webhook", "request") };
    let message = fault.clone().map_or_else(
        || format!("It releases a wave by one {what}{}", guarantee(spec, &contract)),
        |fault| format!("It cannot be used: {fault}."),
    );
    let reason = if fault.is_some() { "Invalid" } else { "Valid" };
    let wanted =
        Wanted { kind: "Ready", status: Some(fault.is_none()), reason: reason.to_owned(), message: message.clone() };
    SenderStatus {
        observed_generation: Some(generation),
        kind: Some(kind.to_owned()),
        contract: Some(contract.for_people().to_owned()),
        abilities: Some(abilities(&contract).to_owned()),
        message: Some(message),
        conditions: condition::merge(&[wanted], &old.conditions, Some(generation), now),
    }
}

//! The pool as a case writes it: its spec in the form of the API, and the parts of its status that decisions read.

use headroom::api::pool::CapacityPoolSpec;
use headroom::api::pool_status::{Breach, CapacityPoolStatus, Claim, Reservation, WorkloadStatus};
use headroom::plan::rules::Rules;
use headroom::plan::snapshot::Pool;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Deserialize;
use serde_json::Value;

use super::case::Ago;
use super::merge::strict;

/// A pool.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WrittenPool {
    namespace: String,
    name: String,
    spec: Value,
    #[serde(default)]
    missing: bool,
    #[serde(default)]
    deleting: bool,
    #[serde(default)]
    breaches: Vec<WrittenBreach>,
    reservation: Option<WrittenReservation>,
}

/// A guardrail that was broken.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WrittenBreach {
    guardrail: String,
    since: Ago,
    fine_for: Option<Ago>,
}

/// A promise to a wave.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WrittenReservation {
    entry: String,
    /// How long it still holds; a promise that is void is written with `expired`.
    #[serde(default)]
    holds_for: Ago,
    #[serde(default)]
    expired: Ago,
}

impl WrittenPool {
    /// `<namespace>/<name>`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The spec.
    pub fn spec(&self) -> Result<CapacityPoolSpec, String> {
        strict("pool.spec", &self.spec)
    }

    /// As the snapshot holds it, with these claims and what it says of its workloads.
    pub fn pool(&self, claims: Vec<Claim>, workloads: Vec<WorkloadStatus>, now: Timestamp) -> Result<Pool, String> {
        let breach = |breach: &WrittenBreach| Breach {
            guardrail: breach.guardrail.clone(),
            since: Time(now - breach.since.0),
            fine_since: breach.fine_for.map(|ago| Time(now - ago.0)),
        };
        let reservation = self.reservation.as_ref().map(|reservation| Reservation {
            entry: reservation.entry.clone(),
            valid_until: Time(now + reservation.holds_for.0 - reservation.expired.0),
        });
        Ok(Pool {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            generation: 1,
            missing: self.missing,
            deleting: self.deleting,
            rules: Rules::parse(&self.spec()?),
            status: CapacityPoolStatus {
                observed_generation: Some(1),
                claims,
                workloads,
                breaches: self.breaches.iter().map(breach).collect(),
                reservation,
                ..CapacityPoolStatus::default()
            },
        })
    }
}

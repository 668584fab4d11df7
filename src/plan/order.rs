//! What a plan orders to be done: the release of a wave, or facts for the ledger that no wave will go.

use jiff::Timestamp;

use crate::api::release::{EntryLoad, EntryWave, Evidence, SkipReason};

use super::contract::Contract;
use super::resume::AtRest;

/// One wave to be released, with everything that is frozen about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// Namespace and name of the Campaign.
    pub campaign: (String, String),
    /// The resource version that was weighed; no other will do.
    pub campaign_version: String,
    /// Namespace and name of the Sender.
    pub sender: (String, String),
    /// Its UID.
    pub sender_uid: String,
    /// The generation that was weighed.
    pub sender_generation: i64,
    /// `<namespace>/<name>` of the pool.
    pub pool: String,
    /// Identity of the send.
    pub send_id: String,
    /// Its label in the ledger.
    pub send_label: String,
    /// The pool's label in the ledger.
    pub pool_label: String,
    /// Name of the ledger entry.
    pub entry: String,
    /// The idempotency key.
    pub key: String,
    /// Tells this attempt from any other.
    pub nonce: String,
    /// The wave, as it is sized now.
    pub wave: EntryWave,
    /// The request's body.
    pub body: String,
    /// What the receiver guarantees.
    pub contract: Contract,
    /// The load it brings.
    pub load: EntryLoad,
    /// What opened the gate.
    pub evidence: Evidence,
    /// When that was last weighed.
    pub evidence_at: Timestamp,
    /// A byte that left later would have the wave still leaving when its window has closed; None: no limit.
    pub latest_start: Option<Timestamp>,
    /// Set where it is a wave that Headroom has paused, and that is let go on.
    pub rest: Option<AtRest>,
}

/// A wave that will not go, as a fact of the ledger: created under the very name that firing it would use, so that
/// the API server decides between the two.
#[derive(Clone, Debug, PartialEq)]
pub struct Skip {
    /// Namespace and name of the Campaign.
    pub campaign: (String, String),
    /// Its UID.
    pub campaign_uid: String,
    /// Its generation.
    pub campaign_generation: i64,
    /// `<namespace>/<name>` of the pool.
    pub pool: String,
    /// Identity of the send.
    pub send_id: String,
    /// Its label in the ledger.
    pub send_label: String,
    /// The pool's label in the ledger.
    pub pool_label: String,
    /// Name of the ledger entry.
    pub entry: String,
    /// Tells this entry from any other.
    pub nonce: String,
    /// The wave.
    pub wave: EntryWave,
    /// Why.
    pub reason: SkipReason,
    /// Who or what decided it.
    pub by: String,
}

//! Everything one decision knows: plain data, read beforehand. What is not in here does not count.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::api::campaign::{AfterKind, CampaignSpec};
use crate::api::campaign_status::{CampaignStatus, Phase};
use crate::api::pool_status::{CapacityPoolStatus, Claim};
use crate::api::release::{Disposition, EntryLoad, Outcome, SkipReason};
use crate::api::sender::SenderSpec;

use super::after::{Other, Rollout};
use super::claim::Target;
use super::contract::{Contract, stayed_away};
use super::inquiry::Heard;
use super::memory::Memory;
use super::reading::{HistoryPoints, Reading, SensorFault};
use super::resume::Runs;
use super::rules::{Rules, Unusable};
use super::scope::Scope;
use super::stop::Stop;

/// One pool, with everything that draws on it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The pool itself.
    pub pool: Pool,
    /// One per workload in the rules, in their order.
    pub workloads: Vec<Workload>,
    /// Claims in the pool's status on targets that no workload of the rules was found with: it left the rules, is not there, or
    /// has another target now.
    pub orphans: Vec<Orphan>,
    /// One answer per limit, in their order; None where nothing was asked.
    pub limits: Vec<Option<Result<Reading, SensorFault>>>,
    /// One answer per guardrail, in their order; None where nothing was asked.
    pub guardrails: Vec<Option<Result<Reading, SensorFault>>>,
    /// What else may keep campaigns back.
    pub gates: Gates,
    /// Every campaign that names the pool.
    pub campaigns: Vec<Campaign>,
    /// Ledger entries of this pool, and of every send in `campaigns`.
    pub entries: Vec<Entry>,
    /// The operator's settings.
    pub settings: Settings,
    /// What was seen before, by this process.
    pub memory: Memory,
    /// Fresh and random; names what is made in this step.
    pub nonce: String,
}

/// What may keep campaigns back beside the room there is.
#[derive(Clone, Debug, Default)]
pub struct Gates {
    /// The one switch, if it is there.
    pub stop: Option<Stop>,
    /// How many incidents are open; None where nothing was asked.
    pub incidents: Option<Result<Reading, SensorFault>>,
    /// One answer per check of the rules, in their order; None where nothing was asked.
    pub checks: Vec<Option<Result<Reading, SensorFault>>>,
    /// Workloads that campaigns wait for.
    pub rollouts: BTreeMap<(AfterKind, String), Rollout>,
    /// Campaigns of the namespaces of those that wait for others, by `<namespace>/<name>`.
    pub others: BTreeMap<String, Other>,
}

/// What the platform team sets for all pools.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `<namespace>/<release>`: which of several installs this is.
    pub install: String,
    /// A breach lasts until its guardrail has been fine for at least so long.
    pub breach_recovery: SignedDuration,
    /// Where this install looks.
    pub scope: Scope,
}

/// The pool itself.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its generation.
    pub generation: i64,
    /// Whether there is no such pool: campaigns name it, and nothing more is known.
    pub missing: bool,
    /// Whether it is being deleted, or its namespace is.
    pub deleting: bool,
    /// Its rules, or why they cannot be used.
    pub rules: Result<Rules, Unusable>,
    /// Its status: of it, claims, breaches and the reservation count.
    pub status: CapacityPoolStatus,
}

impl Pool {
    /// `<namespace>/<name>`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// What was read of one workload.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its target, or why there is none.
    pub target: Result<Found, TargetFault>,
    /// Its newest demand; None where nothing was asked.
    pub demand: Option<Result<Reading, SensorFault>>,
    /// Its demand of the last eight days; None where nothing was asked.
    pub history: Option<Result<HistoryPoints, SensorFault>>,
}

/// A workload that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// What carries the floor.
    pub target: Target,
    /// The most its autoscaler allows.
    pub autoscaler_max: Option<i32>,
    /// Replicas that are ready, at the generation that was asked for.
    pub ready: i32,
    /// Replicas that exist.
    pub replicas: i32,
    /// Replicas for which there is a place on the nodes that are there; None: that is not asked.
    pub placeable: Option<i32>,
}

impl Found {
    /// The most replicas there may be, of those that the pool allows.
    pub fn most(&self, allowed: i32) -> i32 {
        allowed.min(self.autoscaler_max.unwrap_or(i32::MAX)).min(self.placeable.unwrap_or(i32::MAX))
    }
}

/// A claim whose workload has left the rules, or whose target was replaced.
#[derive(Clone, Debug)]
pub struct Orphan {
    /// The claim.
    pub claim: Claim,
    /// What it was made on, as it is now.
    pub target: Result<Target, TargetFault>,
}

/// Why a workload has no target that can be scaled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetFault {
    /// There is no such workload.
    Missing,
    /// It cannot be scaled by this release; why, as a sentence.
    Unsupported(String),
    /// It could not be read this time; why.
    Unreadable(String),
}

/// One campaign.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Its generation.
    pub generation: i64,
    /// Its resource version: what is decided counts for exactly this one.
    pub version: String,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// What it says.
    pub spec: CampaignSpec,
    /// What people ask of it from outside Git.
    pub asks: Asks,
    /// What was said of it.
    pub status: CampaignStatus,
    /// Its sender, if there is one.
    pub sender: Option<Sender>,
    /// Labels of its namespace.
    pub labels: BTreeMap<String, String>,
    /// The older Campaign, of any pool, that has the same `sendId`.
    pub taken_by: Option<String>,
    /// A ledger entry of its send that cannot be read, so that nothing can be said of what has gone.
    pub unreadable_entry: Option<String>,
}

impl Campaign {
    /// `<namespace>/<name>`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The identity of the send, as it is written or by default.
    pub fn send_id(&self) -> String {
        self.spec.send_id.clone().unwrap_or_else(|| self.key())
    }

    /// Whether its status says that it has ended.
    pub fn has_finished(&self) -> bool {
        self.status.phase.is_some_and(Phase::is_finished)
    }

    /// The waves of which its status says that they went.
    pub fn said_to_have_gone(&self) -> BTreeSet<&str> {
        self.status.waves.iter().filter(|wave| wave.release.is_some()).map(|wave| wave.name.as_str()).collect()
    }
}

/// What people ask of a campaign by annotations, as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    /// To hold it: who and why.
    pub hold: Option<String>,
    /// To lift the hold that began at this instant.
    pub resume: Option<String>,
    /// To end it: who and why.
    pub abort: Option<String>,
    /// Digest of a spec, and who approved it.
    pub approved: Option<String>,
    /// Digest of a spec, until when, and who lets it go without confirmed headroom.
    pub without_headroom: Option<String>,
    /// Why.
    pub without_headroom_reason: Option<String>,
    /// A wave, what became of it, of which attempt, and who says so.
    pub resolve: Option<String>,
    /// How that person knows.
    pub resolve_reason: Option<String>,
}

/// The sender of a campaign.
#[derive(Clone, Debug)]
pub struct Sender {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Its generation.
    pub generation: i64,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// What it says.
    pub spec: SenderSpec,
    /// Why it cannot be used, if it cannot.
    pub trouble: Option<String>,
}

/// One line of the ledger.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Identity of the send.
    pub send_id: String,
    /// The wave.
    pub wave: String,
    /// The first recipient.
    pub offset: u64,
    /// How many.
    pub recipients: u64,
    /// The size as it was written.
    pub share: String,
    /// Fired or skipped.
    pub disposition: Disposition,
    /// Why it was skipped.
    pub skip: Option<SkipReason>,
    /// Who or what decided that.
    pub skipped_by: Option<String>,
    /// UID of the Campaign it came from.
    pub campaign_uid: String,
    /// Whether that Campaign is gone from the cluster, whatever pool it drew on.
    pub is_orphaned: bool,
    /// `<namespace>/<name>` of that Campaign.
    pub campaign: String,
    /// `<namespace>/<name>` of the pool.
    pub pool: String,
    /// When the first attempt was made.
    pub first_attempt: Timestamp,
    /// When the newest attempt was made.
    pub newest_attempt: Timestamp,
    /// How many attempts were made.
    pub attempts: usize,
    /// How many of them were more than called off, since a person last said that it may be tried again.
    pub tries: usize,
    /// When those attempts began that are not known to have left nothing at the receiver: the first of them, and the last.
    pub may_have_left_at: Vec<Timestamp>,
    /// What the receiver guarantees.
    pub contract: Contract,
    /// The nonce of the newest attempt.
    pub newest_nonce: String,
    /// The result of the newest attempt, if it has one, or what a person has said it was.
    pub newest_result: Option<String>,
    /// When the receiver may be asked again, as that attempt found.
    pub again: Option<Timestamp>,
    /// What the receiver said of the newest attempt when it was asked.
    pub heard: Option<Heard>,
    /// Whether a receiver that keeps keys has put one of those attempts off: they are harmless while the key is kept.
    pub was_deferred: bool,
    /// Nonces of the attempts of which a person has said what became of them.
    pub resolved: Vec<String>,
    /// What became of it.
    pub outcome: Option<Outcome>,
    /// When it was written what became of it.
    pub decided_at: Option<Timestamp>,
    /// The sentence of its outcome, or of its newest attempt while it has none.
    pub message: Option<String>,
    /// The load it brings.
    pub load: Option<EntryLoad>,
    /// Messages per second by later tries, where that was another rate.
    pub rates: Vec<f64>,
    /// `<namespace>/<name>` of the Sender it was made for.
    pub sender_key: Option<String>,
    /// UID of the Sender it was made for, and the digest of that Sender's URL; or those with which a person said it may be tried
    /// again.
    pub sender: Option<(String, String)>,
    /// The request's body, byte for byte.
    pub body: Option<String>,
    /// How often Headroom has paused it and let it go on.
    pub runs: Runs,
}

impl Entry {
    /// Whether its newest attempt is known to have left nothing at the receiver, so that it may be tried again; or was put off, while
    /// the key is kept.
    pub fn may_be_tried_again(&self) -> bool {
        self.outcome.is_none() && stayed_away(self.newest_result.as_deref())
    }

    /// Whether its wave may still go through the gate: nothing of it has gone, or nobody knows and its receiver is asked again.
    pub fn is_open(&self) -> bool {
        self.may_be_tried_again() || self.outcome == Some(Outcome::Unknown)
    }

    /// When its Job was seen to have ended, or it was written that nobody knows: its last message had left by then. Of what went by a
    /// request that is never seen.
    pub fn ended(&self) -> Option<Timestamp> {
        let is_over = matches!(self.outcome, Some(Outcome::Released | Outcome::Unknown));
        self.decided_at.filter(|_| self.contract.is_followed() && is_over)
    }

    /// When it was written that its receiver has taken it, of what goes by a request: its first message had left by then.
    pub fn taken(&self) -> Option<Timestamp> {
        self.decided_at.filter(|_| !self.contract.is_followed() && self.outcome == Some(Outcome::Released))
    }

    /// Whether the load of this entry counts: everything that has, or may have, gone.
    pub fn brings_load(&self) -> bool {
        self.disposition == Disposition::Fire
            && (self.outcome == Some(Outcome::Released) || self.is_unknown() || self.is_under_way())
    }
}

//! Why a campaign stands where it stands: data with numbers, one variant per situation. `place` holds the one table of
//! the phase and reason that each means; `explain` turns it into the sentence that people read.

use jiff::{SignedDuration, Timestamp};

use super::after::Pending;
use super::approval::Needed;
use super::canary::Unseen;
use super::contract::Way;
use super::reading::{SeenBy, SensorFault};
use super::rules::{Bound, Plausible};
use super::snapshot::TargetFault;

/// The numbers of one workload in front of the gate, requests per second.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// The workload.
    pub workload: String,
    /// What the wave brings at its peak there, with its margin.
    pub needed: f64,
    /// The margin in it.
    pub margin: f64,
    /// What is free.
    pub free: f64,
    /// Replicas that are ready and held.
    pub replicas: i32,
    /// What they bear before utilisation.
    pub raw_capacity: f64,
    /// Share of it that is used.
    pub utilization: f64,
    /// What they bear.
    pub capacity: f64,
    /// Demand, as it is or will be very soon.
    pub baseline: f64,
    /// The part of it that is kept for urgent campaigns.
    pub reserve: f64,
    /// Still to come from other sends, with its margin.
    pub committed: f64,
}

/// What was measured: a workload's demand, a limit or a guardrail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// A workload's demand.
    Demand,
    /// A limit.
    Limit,
    /// A guardrail.
    Guardrail,
    /// A check that `after` waits for.
    Check,
    /// The count of open incidents.
    Incidents,
}

impl Measured {
    /// Its name in sentences.
    pub fn name(self) -> &'static str {
        match self {
            Measured::Demand => "demand of",
            Measured::Limit => "limit",
            Measured::Guardrail => "guardrail",
            Measured::Check => "check",
            Measured::Incidents => "query of the pool's",
        }
    }
}

/// What sets the most replicas there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CappedBy {
    /// The pool's own rule.
    Pool,
    /// The workload's autoscaler.
    Autoscaler,
    /// The nodes that are there.
    Nodes,
}

/// Why there is not enough room.
#[derive(Clone, Debug, PartialEq)]
pub enum Lack {
    /// Even the most replicas do not bear it now.
    Now {
        /// Replicas it would take, if that can be said.
        needed: Option<i32>,
        /// The most there may be.
        most: i32,
        /// What sets that.
        by: CappedBy,
    },
    /// It would bear it now, and not later, while its traffic still arrives.
    Later {
        /// When, in minutes from now.
        after: f64,
        /// What would be needed in all.
        needed: f64,
        /// The most there may be.
        most: f64,
    },
}

/// How a person says what became of a wave, and what keeps what has been said from counting.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolving {
    /// Namespace of the Campaign.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// It was said, and counts from then on.
    pub waits: Option<Timestamp>,
    /// It was said, and cannot be taken: why.
    pub refused: Option<String>,
}

/// Why a campaign stands where it stands.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // The fields are the numbers of the sentence in `explain`, where each is shown in its place.
pub enum Why {
    PoolNotFound {
        pool: String,
        is_in_sight: bool,
    },
    SenderNotFound {
        sender: String,
        is_in_sight: bool,
    },
    PoolInvalid {
        pool: String,
        why: String,
    },
    Invalid {
        field: String,
        why: String,
    },
    NotAdmitted {
        what: &'static str,
        object: String,
        namespace: String,
    },
    SenderUnable {
        sender: String,
        why: String,
    },
    SendIdTaken {
        send_id: String,
        by: String,
    },
    NeverFits {
        why: String,
    },
    WaveChanged {
        why: String,
    },
    AwaitingApproval {
        needed: Needed,
        pool: String,
        name: String,
        namespace: String,
        edited: bool,
    },
    After {
        pending: Vec<Pending>,
    },
    Frozen {
        wave: String,
        reason: String,
        from: Timestamp,
        at: Timestamp,
    },
    BeforeStart {
        wave: String,
        at: Timestamp,
        confirmed: Option<(u32, u32)>,
    },
    OutsideWindow {
        wave: String,
        at: Timestamp,
        takes: String,
        window_was_open: bool,
    },
    Paced {
        wave: String,
        recipients: u64,
        left: u64,
        at: Timestamp,
        busiest: f64,
    },
    Room {
        wave: String,
        numbers: Numbers,
        lack: Lack,
        likely: Option<Timestamp>,
    },
    Turn {
        wave: String,
        ahead: String,
        ahead_wave: String,
        numbers: Option<Numbers>,
    },
    Slots {
        wave: String,
        running: Vec<String>,
        most: usize,
    },
    Incident {
        count: f64,
    },
    WouldGo {
        wave: String,
        numbers: Numbers,
    },
    Sensor {
        measured: Measured,
        name: String,
        fault: SensorFault,
    },
    TooOld {
        measured: Measured,
        name: String,
        age: i64,
        limit: i64,
        workload: String,
    },
    Negative {
        workload: String,
        value: f64,
    },
    Implausible {
        measured: Measured,
        name: String,
        value: f64,
        plausible: Plausible,
    },
    Uncovered {
        workload: String,
        /// Replicas with fresh samples.
        seen: f64,
        ready: i32,
        /// All that there are, ready or not.
        there: i32,
        /// The share of them that is needed.
        least: f64,
        seen_by: SeenBy,
        /// Whether those that are not seen became ready a moment ago.
        are_new: bool,
    },
    NoHistory {
        workload: String,
    },
    Limit {
        name: String,
        value: String,
        max: String,
        predicted: Option<String>,
    },
    LimitUnpredictable {
        name: String,
        workload: String,
    },
    Target {
        workload: String,
        name: String,
        fault: TargetFault,
    },
    Claimed {
        workload: String,
        by: String,
    },
    Contested {
        workload: String,
        manager: String,
        value: i32,
        floor: i32,
    },
    Scaling {
        wave: String,
        numbers: Numbers,
        needed: i32,
        have: i32,
        held: i32,
        most: i32,
    },
    Confirming {
        wave: String,
        numbers: Numbers,
        seen: u32,
        of: u32,
        span: i64,
    },
    Sending {
        wave: String,
        recipients: u64,
        until: Timestamp,
    },
    Soaking {
        wave: String,
        until: Timestamp,
        unseen: Option<Unseen>,
    },
    Suspended {
        released: usize,
        planned: usize,
    },
    PoolSuspended {
        pool: String,
    },
    OnHold {
        reason: String,
        since: Timestamp,
        name: String,
        namespace: String,
    },
    Stopped {
        reason: String,
        only: Option<String>,
    },
    OutOfBounds {
        guardrail: String,
        value: f64,
        bound: Bound,
        since: Timestamp,
        lasting: SignedDuration,
    },
    Breached {
        guardrail: String,
        value: Option<f64>,
        bound: Bound,
        since: Timestamp,
        fine_since: Option<Timestamp>,
        until: Option<Timestamp>,
        arriving: Option<f64>,
        held: bool,
    },
    SentBefore {
        send_id: String,
        campaign: String,
        waves: Vec<(String, u64, Timestamp)>,
    },
    LedgerLost {
        waves: Vec<String>,
    },
    LedgerUnreadable {
        entry: String,
    },
    DeadlineHeld {
        waves: Vec<String>,
        end: Option<Timestamp>,
    },
    OutcomeUnknown {
        wave: String,
        what: String,
        way: Way,
        at: Timestamp,
        /// What was said when somebody was asked what became of it.
        told: Option<String>,
        /// When it is asked again.
        asks_at: Option<Timestamp>,
        resolve: Resolving,
    },
    Rejected {
        wave: String,
        what: String,
        resolve: Resolving,
    },
    Unreachable {
        wave: String,
        what: String,
        tries: usize,
        resolve: Resolving,
    },
    Arriving {
        recipients: u64,
        waves: usize,
        load: f64,
        workload: String,
    },
    Completed {
        recipients: u64,
        waves: usize,
        edited: bool,
    },
    DeadlineSkipped {
        waves: Vec<String>,
        recipients: u64,
        planned: u64,
    },
    Aborted {
        waves: usize,
        planned: usize,
        recipients: u64,
        by: String,
        by_guardrail: bool,
        /// Waves that were under way, and by what: a Job is not stopped by it, a campaign in listmonk is cancelled.
        under_way: Vec<(String, Way)>,
    },
    NotYetTried {
        wave: String,
        what: String,
        again: Option<Timestamp>,
    },
    AskingAgain {
        wave: String,
        what: String,
        at: Timestamp,
        again: Option<Timestamp>,
        tries: usize,
        until: Timestamp,
    },
    UnderWay {
        wave: String,
        recipients: u64,
        at: Timestamp,
        told: Option<String>,
        /// Set where it cannot be seen, or stands still.
        resolve: Option<Resolving>,
    },
    AskingReceiver {
        wave: String,
        what: String,
        way: Way,
        at: Timestamp,
        told: Option<String>,
        again: Option<Timestamp>,
        until: Timestamp,
    },
}

impl Why {
    /// The numbers in front of the gate, where there are any.
    pub fn numbers(&self) -> Option<&Numbers> {
        match self {
            Why::Room { numbers, .. }
            | Why::Scaling { numbers, .. }
            | Why::Confirming { numbers, .. }
            | Why::WouldGo { numbers, .. } => Some(numbers),
            Why::Turn { numbers, .. } => numbers.as_ref(),
            _ => None,
        }
    }

    /// When the wave it speaks of may go, as far as that is known.
    pub fn next_start(&self) -> Option<Timestamp> {
        match self {
            Why::BeforeStart { at, .. }
            | Why::OutsideWindow { at, .. }
            | Why::Frozen { at, .. }
            | Why::Paced { at, .. } => Some(*at),
            Why::Room { likely, .. } => *likely,
            Why::Soaking { until, .. } => Some(*until),
            Why::NotYetTried { again, .. } | Why::AskingAgain { again, .. } => *again,
            _ => None,
        }
    }

    /// The wave it speaks of, if it speaks of one.
    pub fn wave(&self) -> Option<&str> {
        match self {
            Why::BeforeStart { wave, .. }
            | Why::Frozen { wave, .. }
            | Why::Paced { wave, .. }
            | Why::Slots { wave, .. }
            | Why::WouldGo { wave, .. }
            | Why::OutsideWindow { wave, .. }
            | Why::Room { wave, .. }
            | Why::Turn { wave, .. }
            | Why::Scaling { wave, .. }
            | Why::Confirming { wave, .. }
            | Why::NotYetTried { wave, .. }
            | Why::AskingAgain { wave, .. }
            | Why::AskingReceiver { wave, .. }
            | Why::Sending { wave, .. }
            | Why::UnderWay { wave, .. }
            | Why::Soaking { wave, .. }
            | Why::OutcomeUnknown { wave, .. }
            | Why::Rejected { wave, .. }
            | Why::Unreachable { wave, .. } => Some(wave),
            _ => None,
        }
    }

    /// When its receiver is asked next what became of the wave it speaks of, or the time for that is over.
    pub fn asks_at(&self) -> Option<Timestamp> {
        match self {
            Why::OutcomeUnknown { asks_at, .. } => *asks_at,
            Why::AskingReceiver { again, until, .. } => Some(again.map_or(*until, |again| again.min(*until))),
            _ => None,
        }
    }

    /// When what a person has said of a wave begins to count.
    pub fn resolves_at(&self) -> Option<Timestamp> {
        match self {
            Why::OutcomeUnknown { resolve, .. } | Why::Rejected { resolve, .. } | Why::Unreachable { resolve, .. } => {
                resolve.waits
            }
            _ => None,
        }
    }
}

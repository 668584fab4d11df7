//! Every reason a campaign can give for not moving, in one closed list. The words are an interface: alerts, scripts
//! and `docs/reasons.md` name them.

use std::fmt;

/// Why a campaign stands where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The pool it names is not there.
    PoolNotFound,
    /// The sender it names is not there.
    SenderNotFound,
    /// The pool cannot be used as it is written.
    PoolInvalid,
    /// A field cannot be understood or contradicts another.
    Invalid,
    /// The pool or the sender does not admit campaigns of this namespace.
    NotAdmitted,
    /// The sender cannot carry out this plan.
    SenderUnable,
    /// Another Campaign with the same `sendId` came first.
    SendIdTaken,
    /// A wave can never leave inside its windows.
    NeverFits,
    /// A wave that has gone was changed in the spec.
    WaveChanged,
    /// A person must approve exactly this spec.
    AwaitingApproval,
    /// Something that it waits for, by `spec.after`, is not so yet.
    AfterNotMet,
    /// The pool's owner lets nothing leave for a time.
    Frozen,
    /// `start` is still to come.
    BeforeStart,
    /// No window is open, or what is left of it is too short.
    OutsideWindow,
    /// It is cut into parts, and the next is not due.
    Paced,
    /// There is not enough room.
    WaitingForRoom,
    /// Another campaign goes first.
    WaitingForTurn,
    /// As many campaigns as the pool allows are in the middle of their send.
    MaxConcurrent,
    /// The pool's query counts open incidents.
    IncidentOpen,
    /// What would have to be measured cannot be believed.
    SensorUntrusted,
    /// The newest sample is too old.
    SampleTooOld,
    /// Nothing is known of an ordinary day's demand.
    NoHistory,
    /// What cannot be scaled has no room.
    LimitReached,
    /// What cannot be scaled cannot be foretold.
    LimitUnpredictable,
    /// The workload or its autoscaler cannot be scaled by this release.
    TargetUnsupported,
    /// The workload is not there.
    TargetMissing,
    /// Another pool has claimed the workload.
    TargetClaimed,
    /// Somebody else keeps writing the floor.
    FloorContested,
    /// Replicas are being raised.
    ScalingUp,
    /// Replicas became ready a moment ago, and Prometheus has too little of them yet.
    MeasuringReplicas,
    /// Room is there and is being confirmed.
    Confirming,
    /// Nobody knows whether a wave arrived; its receiver, which keeps keys, is asked again.
    AskingAgain,
    /// Nobody knows whether a wave arrived; its receiver is asked what became of it.
    AskingReceiver,
    /// Everything is confirmed, and the pool only observes.
    ObserveOnly,
    /// A wave is leaving.
    Sending,
    /// A wave has left and is being watched.
    Soaking,
    /// `spec.suspend` is true.
    Suspended,
    /// The pool's `spec.suspend` is true.
    PoolSuspended,
    /// A person holds it, from outside Git.
    OnHold,
    /// A person has stopped every release, or those of its pool.
    Stopped,
    /// A guardrail is out of bounds, and has not been for long enough to count as broken.
    GuardrailOutOfBounds,
    /// A guardrail is, or was until shortly, broken.
    GuardrailBreached,
    /// Waves of this `sendId` went for an earlier Campaign.
    SentBefore,
    /// The status tells of a wave that the ledger does not know.
    LedgerLost,
    /// The time for what is left has passed.
    DeadlinePassed,
    /// Nobody knows whether a wave arrived.
    OutcomeUnknown,
    /// The receiver refused a wave.
    Rejected,
    /// The receiver could not be reached, so often that a person should look.
    ReceiverUnreachable,
    /// Everything has left; its load still arrives.
    LoadStillArriving,
    /// It is over.
    Completed,
    /// A person ended it.
    Aborted,
    /// A guardrail ended it.
    GuardrailAborted,
}

impl Reason {
    /// Every reason, in the order of the list above.
    pub const ALL: [Reason; 52] = [
        Reason::PoolNotFound,
        Reason::SenderNotFound,
        Reason::PoolInvalid,
        Reason::Invalid,
        Reason::NotAdmitted,
        Reason::SenderUnable,
        Reason::SendIdTaken,
        Reason::NeverFits,
        Reason::WaveChanged,
        Reason::AwaitingApproval,
        Reason::AfterNotMet,
        Reason::Frozen,
        Reason::BeforeStart,
        Reason::OutsideWindow,
        Reason::Paced,
        Reason::WaitingForRoom,
        Reason::WaitingForTurn,
        Reason::MaxConcurrent,
        Reason::IncidentOpen,
        Reason::SensorUntrusted,
        Reason::SampleTooOld,
        Reason::NoHistory,
        Reason::LimitReached,
        Reason::LimitUnpredictable,
        Reason::TargetUnsupported,
        Reason::TargetMissing,
        Reason::TargetClaimed,
        Reason::FloorContested,
        Reason::ScalingUp,
        Reason::MeasuringReplicas,
        Reason::Confirming,
        Reason::AskingAgain,
        Reason::AskingReceiver,
        Reason::ObserveOnly,
        Reason::Sending,
        Reason::Soaking,
        Reason::Suspended,
        Reason::PoolSuspended,
        Reason::OnHold,
        Reason::Stopped,
        Reason::GuardrailOutOfBounds,
        Reason::GuardrailBreached,
        Reason::SentBefore,
        Reason::LedgerLost,
        Reason::DeadlinePassed,
        Reason::OutcomeUnknown,
        Reason::Rejected,
        Reason::ReceiverUnreachable,
        Reason::LoadStillArriving,
        Reason::Completed,
        Reason::Aborted,
        Reason::GuardrailAborted,
    ];

    /// Whether it tells of something that could not be measured or believed.
    pub fn is_silence(self) -> bool {
        use Reason::{MeasuringReplicas, NoHistory, SampleTooOld, SensorUntrusted};
        matches!(self, SensorUntrusted | SampleTooOld | NoHistory | MeasuringReplicas)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The variant's name is the word.
        fmt::Debug::fmt(self, f)
    }
}

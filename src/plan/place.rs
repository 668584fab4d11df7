//! What each situation means to those who look from outside: phase and reason in one table, whether a person is needed,
//! whether it is silence, and what the situation is about. Words for people are `explain`'s.

use crate::api::campaign_status::Phase;

use super::after::Pending;
use super::reason::Reason;
use super::snapshot::TargetFault;
use super::why::{Lack, Why};

impl Why {
    /// Phase and reason: one table.
    pub fn place(&self) -> (Phase, Reason) {
        match self {
            Why::PoolNotFound { .. } => (Phase::Pending, Reason::PoolNotFound),
            Why::SenderNotFound { .. } => (Phase::Pending, Reason::SenderNotFound),
            Why::PoolInvalid { .. } => (Phase::Pending, Reason::PoolInvalid),
            Why::Invalid { .. } => (Phase::Refused, Reason::Invalid),
            Why::NotAdmitted { .. } => (Phase::Refused, Reason::NotAdmitted),
            Why::SenderUnable { .. } => (Phase::Refused, Reason::SenderUnable),
            Why::SendIdTaken { .. } => (Phase::Refused, Reason::SendIdTaken),
            Why::NeverFits { .. } => (Phase::Refused, Reason::NeverFits),
            Why::WaveChanged { .. } => (Phase::Refused, Reason::WaveChanged),
            Why::AwaitingApproval { .. } => (Phase::AwaitingApproval, Reason::AwaitingApproval),
            Why::After { .. } => (Phase::Scheduled, Reason::AfterNotMet),
            Why::Frozen { .. } => (Phase::Scheduled, Reason::Frozen),
            Why::BeforeStart { .. } => (Phase::Scheduled, Reason::BeforeStart),
            Why::OutsideWindow { .. } => (Phase::Scheduled, Reason::OutsideWindow),
            Why::Paced { .. } => (Phase::Scheduled, Reason::Paced),
            Why::Room { .. } => (Phase::Queued, Reason::WaitingForRoom),
            Why::Turn { .. } => (Phase::Queued, Reason::WaitingForTurn),
            Why::Slots { .. } => (Phase::Queued, Reason::MaxConcurrent),
            Why::Incident { .. } => (Phase::Queued, Reason::IncidentOpen),
            Why::Uncovered { are_new: true, .. } => (Phase::Scaling, Reason::MeasuringReplicas),
            Why::Sensor { .. } | Why::Negative { .. } | Why::Uncovered { .. } | Why::Implausible { .. } => {
                (Phase::Queued, Reason::SensorUntrusted)
            }
            Why::TooOld { .. } => (Phase::Queued, Reason::SampleTooOld),
            Why::NoHistory { .. } => (Phase::Queued, Reason::NoHistory),
            Why::Limit { .. } => (Phase::Queued, Reason::LimitReached),
            Why::LimitUnpredictable { .. } => (Phase::Queued, Reason::LimitUnpredictable),
            Why::Target { fault: TargetFault::Missing | TargetFault::Unreadable(_), .. } => {
                (Phase::Queued, Reason::TargetMissing)
            }
            Why::Target { fault: TargetFault::Unsupported(_), .. } => (Phase::Queued, Reason::TargetUnsupported),
            Why::Claimed { .. } => (Phase::Queued, Reason::TargetClaimed),
            Why::Contested { .. } => (Phase::Queued, Reason::FloorContested),
            Why::OutOfBounds { .. } => (Phase::Queued, Reason::GuardrailOutOfBounds),
            Why::Scaling { .. } => (Phase::Scaling, Reason::ScalingUp),
            Why::Confirming { .. } | Why::NotYetTried { .. } => (Phase::Confirming, Reason::Confirming),
            Why::AskingAgain { .. } => (Phase::Confirming, Reason::AskingAgain),
            Why::AskingReceiver { .. } => (Phase::Confirming, Reason::AskingReceiver),
            Why::WouldGo { .. } => (Phase::Confirming, Reason::ObserveOnly),
            Why::Sending { .. } | Why::UnderWay { .. } => (Phase::Sending, Reason::Sending),
            Why::Soaking { .. } => (Phase::Soaking, Reason::Soaking),
            Why::Suspended { .. } => (Phase::Held, Reason::Suspended),
            Why::PoolSuspended { .. } => (Phase::Held, Reason::PoolSuspended),
            Why::OnHold { .. } => (Phase::Held, Reason::OnHold),
            Why::Stopped { .. } => (Phase::Held, Reason::Stopped),
            Why::Breached { .. } => (Phase::Held, Reason::GuardrailBreached),
            Why::SentBefore { .. } => (Phase::Held, Reason::SentBefore),
            Why::LedgerLost { .. } | Why::LedgerUnreadable { .. } => (Phase::Held, Reason::LedgerLost),
            Why::DeadlineHeld { .. } => (Phase::Held, Reason::DeadlinePassed),
            Why::OutcomeUnknown { .. } => (Phase::NeedsAttention, Reason::OutcomeUnknown),
            Why::Rejected { .. } => (Phase::NeedsAttention, Reason::Rejected),
            Why::Unreachable { .. } => (Phase::NeedsAttention, Reason::ReceiverUnreachable),
            Why::Arriving { .. } => (Phase::Observing, Reason::LoadStillArriving),
            Why::Completed { .. } => (Phase::Completed, Reason::Completed),
            Why::DeadlineSkipped { .. } => (Phase::Skipped, Reason::DeadlinePassed),
            Why::Aborted { by_guardrail: false, .. } => (Phase::Aborted, Reason::Aborted),
            Why::Aborted { by_guardrail: true, .. } => (Phase::Aborted, Reason::GuardrailAborted),
        }
    }

    /// Whether only a person can make it go on.
    pub fn is_stalled(&self) -> bool {
        if let Why::After { pending } = self {
            return pending.iter().any(Pending::is_hopeless);
        }
        if let Why::UnderWay { resolve: Some(_), .. } = self {
            return true;
        }
        let (phase, reason) = self.place();
        match phase {
            Phase::Refused | Phase::NeedsAttention => true,
            Phase::Held => reason != Reason::GuardrailBreached,
            _ => false,
        }
    }

    /// Whether it waits for something that could not be measured or believed.
    pub fn is_silence(&self) -> bool {
        self.place().1.is_silence()
    }

    /// Whether the campaign can be carried out as it is written.
    pub fn is_accepted(&self) -> Option<bool> {
        match self.place().0 {
            Phase::Refused => Some(false),
            Phase::Pending => None,
            _ => Some(true),
        }
    }

    /// What it is about, without what is measured anew at every look: while this stays the same, status is not
    /// written again for every number that moved.
    pub fn matter(&self) -> String {
        let about = match self {
            Why::Room { wave, numbers, lack, .. } => {
                format!("{wave} {} {}", numbers.workload, matches!(lack, Lack::Now { .. }))
            }
            Why::Paced { wave, at, .. } => format!("{wave} {at}"),
            Why::Incident { .. } => String::new(),
            Why::Stopped { reason, only } => format!("{reason} {only:?}"),
            Why::Turn { wave, ahead, ahead_wave, .. } => format!("{wave} {ahead} {ahead_wave}"),
            Why::Sensor { measured, name, fault } => format!("{measured:?} {name} {}", fault.label()),
            Why::TooOld { measured, name, .. } | Why::Implausible { measured, name, .. } => {
                format!("{measured:?} {name}")
            }
            Why::Limit { name, .. } => name.clone(),
            Why::Scaling { wave, numbers, .. }
            | Why::Confirming { wave, numbers, .. }
            | Why::WouldGo { wave, numbers } => format!("{wave} {}", numbers.workload),
            Why::OutOfBounds { guardrail, .. } => guardrail.clone(),
            Why::Breached { guardrail, value, fine_since, held, .. } => {
                format!("{guardrail} {} {fine_since:?} {held}", value.is_some())
            }
            Why::Arriving { workload, .. } | Why::Negative { workload, .. } | Why::Uncovered { workload, .. } => {
                workload.clone()
            }
            Why::BeforeStart { wave, at, confirmed } => {
                format!("{wave} {at} {}", confirmed.is_some_and(|(seen, of)| seen >= of))
            }
            other => format!("{other:?}"),
        };
        let (phase, reason) = self.place();
        format!("{} {reason} {about}", phase.name())
    }
}

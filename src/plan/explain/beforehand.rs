//! The sentences of what must be so beforehand: an approval, and what `spec.after` names.

use super::held_against;
use crate::api::campaign_status::Phase;
use crate::plan::after::{Pending, Rollout};
use crate::plan::approval::Needed;
use crate::plan::units::people;

pub(super) fn awaiting_approval(needed: Needed, pool: &str, name: &str, namespace: &str, edited: bool) -> String {
    let why = match needed {
        Needed::Asked => "spec.approval.required is true".to_owned(),
        Needed::Above { size, above } => format!(
            "it goes to {} recipients, and the CapacityPool {pool} lets {} go without",
            people::grouped(size),
            people::grouped(above)
        ),
    };
    let edited = if edited { " It was approved as it was before, and has been edited since." } else { "" };
    format!(
        "Waiting for approval: {why}.{edited} Who may approve on {pool} does so with \"kubectl headroom approve {name} -n {namespace}\"."
    )
}

/// Something that a campaign waits for, as part of a sentence.
pub(super) fn not_yet(pending: &Pending) -> String {
    match pending {
        Pending::Campaign { name, is_there: false, .. } => {
            format!("there is no Campaign {name} in this namespace, and spec.after names it")
        }
        Pending::Campaign { name, phase: Some(phase), .. } if pending.is_hopeless() => format!(
            "Campaign {name} is {} and does not complete; take it out of spec.after, or set spec.abort",
            phase.name()
        ),
        Pending::Campaign { name, phase: Some(Phase::Completed), .. } => {
            format!("Campaign {name} says that it has completed, and the ledger knows no wave of it that went")
        }
        Pending::Campaign { name, phase, .. } => {
            format!("Campaign {name} must complete first, and is {}", phase.map_or("Pending", Phase::name))
        }
        Pending::Workload { name, rollout: Rollout::Missing, .. } => format!("there is no Deployment {name}"),
        Pending::Workload { name, rollout: Rollout::Unreadable(why), .. } => {
            format!("the Deployment {name} could not be read: {why}")
        }
        Pending::Workload { name, rollout: Rollout::There { complete, images }, image } => match image {
            Some(image) if !images.contains(image) => {
                format!("the Deployment {name} must run the image {image}, and runs {}", images.join(", "))
            }
            _ if !complete => format!("the Deployment {name} is being rolled out"),
            _ => format!("the Deployment {name} is rolled out"),
        },
        Pending::Check { name, value, bound } => {
            format!("the check \"{name}\" must be fulfilled, and is {value} ({})", held_against(bound))
        }
        Pending::CheckUnknown { name, why } => {
            format!("the check \"{name}\" cannot be believed: {}", why.trim_end_matches('.'))
        }
    }
}

//! Letting a wave go on that Headroom has paused: what the ledger holds of it before the request leaves, and what is told of it
//! afterwards. The way there is that of any release; see `release`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::release::{Resume, WaveReleaseStatus};
use crate::api::{Campaign, WaveRelease};
use crate::cluster::{Error, objects};
use crate::plan::order::Release;
use crate::plan::resume::AtRest;
use crate::plan::units::people::grouped;
use crate::senders::Attempt;

use super::context::Context;

/// The fact that it is let go on, by the version that was decided on: of two operators one writes it.
pub async fn begin(
    ctx: &Context,
    mut entry: WaveRelease,
    order: &Release,
    rest: &AtRest,
    at: &Time,
) -> Result<WaveRelease, Error> {
    let resume = Resume {
        nonce: order.nonce.clone(),
        at: at.clone(),
        pause: rest.pause.clone(),
        evidence: order.evidence.clone(),
        result: None,
        message: None,
    };
    entry.status.get_or_insert_default().resumes.push(resume);
    objects::replace_status(&ctx.client, &entry).await
}

/// What became of it. The wave itself tells the rest, whatever was answered.
pub fn note(status: &mut WaveReleaseStatus, nonce: &str, attempt: &Attempt) {
    if let Some(there) = status.resumes.iter_mut().find(|there| there.nonce == nonce) {
        there.result = Some(attempt.label().to_owned());
        there.message = Some(attempt.to_string().chars().take(512).collect());
    }
}

/// Tells of it where people look.
pub async fn tell(ctx: &Context, order: &Release, rest: &AtRest, attempt: &Attempt, campaign: Option<&Campaign>) {
    let (wave, left) = (&order.wave.name, grouped(rest.left));
    tracing::info!(
        campaign = format!("{}/{}", order.campaign.0, order.campaign.1),
        wave,
        entry = order.entry,
        left,
        free = order.evidence.free,
        needed = order.evidence.needed,
        result = attempt.label(),
        message = %attempt,
        "tried to let a wave go on"
    );
    if let (Attempt::Started { .. }, Some(campaign)) = (attempt, campaign) {
        let after = grouped(rest.sent);
        let note = format!(
            "Wave \"{wave}\" goes on in listmonk after {after} messages: Headroom had paused it, since {}, and headroom for the other {left} is confirmed.",
            rest.reason
        );
        ctx.events.tell(campaign, false, "WaveResumed", &format!("Resume {wave}"), &note).await;
    }
}

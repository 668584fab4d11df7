//! `headroom approve`: a person answers for exactly this spec, and in a crisis for its going without confirmed headroom. Who
//! may is the API server's to say: the verb `approve` on the pool, and only in one's own name.

use anyhow::anyhow;
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::cluster::ClusterArguments;
use super::say;
use crate::api::{APPROVED_ANNOTATION, Campaign, WITHOUT_HEADROOM_ANNOTATION, WITHOUT_HEADROOM_REASON_ANNOTATION};
use crate::clock;
use crate::plan::approval::{self, LONGEST_WITHOUT_HEADROOM};
use crate::plan::units::{Span, people};

/// What `headroom approve` is given.
#[derive(Debug, Args)]
pub struct ApproveArguments {
    /// The Campaign.
    #[arg(value_name = "CAMPAIGN")]
    name: String,
    /// In a crisis: let it go although headroom cannot be confirmed. It is recorded with each wave, and loud.
    #[arg(long, requires = "reason")]
    without_headroom: bool,
    /// Why it must go without.
    #[arg(long, value_name = "TEXT", requires = "without_headroom")]
    reason: Option<String>,
    /// How long that counts; at most 4h.
    #[arg(long = "for", value_name = "SPAN", default_value = "1h", value_parser = span, requires = "without_headroom")]
    lasting: SignedDuration,
    #[command(flatten)]
    cluster: ClusterArguments,
}

fn span(text: &str) -> Result<SignedDuration, String> {
    let span = Span::parse(text).map(Span::to_duration).map_err(|error| error.to_string())?;
    if span > LONGEST_WITHOUT_HEADROOM { Err("4h is the longest".to_owned()) } else { Ok(span) }
}

/// Approves.
pub fn approve(arguments: &ApproveArguments) -> anyhow::Result<()> {
    let name = &arguments.name;
    arguments.cluster.run(async |cluster| {
        let campaign = cluster.campaign(name).await?;
        let digest = approval::digest(&campaign.spec);
        is_the_operators(&campaign, &digest)?;
        let user = cluster.user().await?;
        let annotations = if arguments.without_headroom {
            let until = whole(clock::now() + arguments.lasting);
            json!({
                WITHOUT_HEADROOM_ANNOTATION: format!("{digest} {until} {user}"),
                WITHOUT_HEADROOM_REASON_ANNOTATION: arguments.reason.as_deref().unwrap_or_default().trim(),
            })
        } else {
            json!({APPROVED_ANNOTATION: format!("{digest} {user}")})
        };
        // By the version that was read: what is approved is what was looked at.
        cluster.annotate(&campaign, annotations).await?;
        say(&told(&campaign, &cluster.namespace, &digest, &user, arguments.without_headroom));
        Ok(())
    })
}

/// Both must speak of the same spec, or the approval would count for nothing.
fn is_the_operators(campaign: &Campaign, digest: &str) -> anyhow::Result<()> {
    let status = campaign.status.clone().unwrap_or_default();
    let is_current = status.observed_generation == campaign.metadata.generation;
    match status.approval {
        Some(approval) if is_current && approval.digest != digest => Err(anyhow!(
            "this headroom understands the Campaign otherwise than the operator does (digest {digest}, and {} there); use the same release",
            approval.digest
        )),
        _ => Ok(()),
    }
}

fn whole(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second()).unwrap_or(instant)
}

fn told(campaign: &Campaign, namespace: &str, digest: &str, user: &str, without_headroom: bool) -> String {
    let size = u64::try_from(campaign.spec.audience.size).unwrap_or(0);
    let name = campaign.metadata.name.as_deref().unwrap_or_default();
    let what = if without_headroom { "may go without confirmed headroom, answered for by" } else { "is approved by" };
    format!(
        "Campaign {namespace}/{name} ({} recipients by {}, digest {digest}) {what} {user}. An edit of what is sent, to whom or when voids it.",
        people::grouped(size),
        campaign.spec.channel
    )
}

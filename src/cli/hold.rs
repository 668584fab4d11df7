//! `headroom pause`, `resume` and `abort`: what a person asks of one campaign from outside Git. Each is one annotation; what
//! it does is the operator's decision.

use clap::Args;
use serde_json::json;

use super::cluster::ClusterArguments;
use super::say;
use crate::api::{ABORT_ANNOTATION, HOLD_ANNOTATION, RESUME_ANNOTATION};
use crate::plan::hold;

/// What `headroom pause` and `headroom abort` are given.
#[derive(Debug, Args)]
pub struct ReasonArguments {
    /// The Campaign.
    #[arg(value_name = "CAMPAIGN")]
    name: String,
    /// Why: shown to everybody who looks at it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// What `headroom resume` is given.
#[derive(Debug, Args)]
pub struct ResumeArguments {
    /// The Campaign.
    #[arg(value_name = "CAMPAIGN")]
    name: String,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Holds a campaign: no further wave goes.
pub fn pause(arguments: &ReasonArguments) -> anyhow::Result<()> {
    let name = &arguments.name;
    arguments.cluster.run(async |cluster| {
        let told = format!("{}: {}", cluster.user().await?, arguments.reason.trim());
        cluster.annotate_anyhow(name, json!({HOLD_ANNOTATION: told, RESUME_ANNOTATION: null})).await?;
        say(&format!(
            "Campaign {}/{name} is held: no further wave goes. A wave that is leaving goes on. Lift it with: headroom resume {name} -n {}",
            cluster.namespace, cluster.namespace
        ));
        Ok(())
    })
}

/// Lifts a hold.
pub fn resume(arguments: &ResumeArguments) -> anyhow::Result<()> {
    let name = &arguments.name;
    arguments.cluster.run(async |cluster| {
        let campaign = cluster.campaign(name).await?;
        let held = campaign.status.as_ref().and_then(|status| status.hold.as_ref());
        let is_asked = campaign.metadata.annotations.iter().flatten().any(|(key, _)| key == HOLD_ANNOTATION);
        if held.is_none() && !is_asked {
            say(&format!("Campaign {}/{name} is not held by a person.", cluster.namespace));
            return Ok(());
        }
        let resume = held.map(hold::name);
        cluster.annotate(&campaign, json!({HOLD_ANNOTATION: null, RESUME_ANNOTATION: resume})).await?;
        say(&format!("Campaign {}/{name} goes on, as soon as everything else lets it.", cluster.namespace));
        if campaign.spec.suspend == Some(true) {
            say("spec.suspend is true still; that is set in Git.");
        }
        Ok(())
    })
}

/// Ends a campaign for good.
pub fn abort(arguments: &ReasonArguments) -> anyhow::Result<()> {
    let name = &arguments.name;
    arguments.cluster.run(async |cluster| {
        let told = format!("{}: {}", cluster.user().await?, arguments.reason.trim());
        cluster.annotate_anyhow(name, json!({ABORT_ANNOTATION: told})).await?;
        say(&format!(
            "Campaign {}/{name} will be ended: no further wave goes, and this cannot be taken back. It is certain once its phase is Aborted.",
            cluster.namespace
        ));
        Ok(())
    })
}

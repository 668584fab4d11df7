//! `headroom resolve`: a person says what became of a wave of which nobody knows, or that its receiver did not take. Who may is
//! the API server's to say: the verb `resolve` on the Sender, and only in one's own name. What follows is the operator's decision.

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::cluster::ClusterArguments;
use super::say;
use crate::api::release::{Outcome, ResolvedAs};
use crate::api::{RESOLVE_ANNOTATION, RESOLVE_REASON_ANNOTATION, WaveRelease};
use crate::cluster::{ledger, objects};
use crate::plan::identity::{SendId, WaveId};
use crate::plan::resolve;

/// What `headroom resolve` is given.
#[derive(Debug, Args)]
pub struct ResolveArguments {
    /// The Campaign.
    #[arg(value_name = "CAMPAIGN")]
    name: String,
    /// The wave.
    #[arg(long, value_name = "WAVE")]
    wave: String,
    /// What became of it.
    #[arg(long = "as", value_name = "WHAT")]
    what: What,
    /// How you know: kept in the ledger for good.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The namespace that holds the ledger.
    #[arg(long, env = "HEADROOM_LEDGER_NAMESPACE", value_name = "NAMESPACE", default_value = "headroom-ledger")]
    ledger_namespace: String,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// What can be said.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// The receiver has it: the campaign goes on with the next wave.
    Sent,
    /// Nothing of it has gone: it is tried again.
    NotSent,
    /// It shall not go any more: the campaign goes on with the next wave.
    Skip,
}

impl What {
    fn resolved_as(self) -> ResolvedAs {
        match self {
            What::Sent => ResolvedAs::Sent,
            What::NotSent => ResolvedAs::NotSent,
            What::Skip => ResolvedAs::Skip,
        }
    }

    fn follows(self) -> &'static str {
        match self {
            What::Sent => "It counts as sent, its traffic too, and the campaign goes on.",
            What::NotSent => {
                "It is tried again, as soon as there is room for it. If it had gone after all, its recipients get it twice."
            }
            What::Skip => "It will not go any more, and the campaign goes on without it.",
        }
    }
}

/// Says what became of a wave.
pub fn resolve(arguments: &ResolveArguments) -> anyhow::Result<()> {
    let (name, wave) = (&arguments.name, &arguments.wave);
    if arguments.reason.trim().is_empty() {
        return Err(anyhow!("--reason must say how you know what became of the wave"));
    }
    arguments.cluster.run(async |cluster| {
        let campaign = cluster.campaign(name).await?;
        let send = match &campaign.spec.send_id {
            Some(text) => SendId::parse(text, &cluster.namespace)?,
            None => SendId::for_campaign(&cluster.namespace, name),
        };
        let entry = WaveId::new(&send, wave).ledger_name();
        let found = objects::get::<WaveRelease>(&cluster.client, &arguments.ledger_namespace, &entry).await?;
        let known = found.as_ref().and_then(ledger::entry);
        let Some(known) = known else {
            return Err(anyhow!(
                "the ledger in {} has no wave \"{wave}\" of {}: it was never tried",
                arguments.ledger_namespace,
                send.as_str()
            ));
        };
        if let Some(outcome) = known.outcome.filter(|it| !matches!(it, Outcome::Unknown | Outcome::Rejected)) {
            return Err(anyhow!("what became of wave \"{wave}\" is known: {outcome:?}"));
        }
        let user = cluster.user().await?;
        let word = resolve::word(wave, arguments.what.resolved_as(), &known.newest_nonce, &user);
        let annotations = json!({RESOLVE_ANNOTATION: word, RESOLVE_REASON_ANNOTATION: arguments.reason.trim()});
        // By the version that was read: what is resolved is what was looked at.
        cluster.annotate(&campaign, annotations).await?;
        say(&format!(
            "{user} says of wave \"{wave}\" of Campaign {}/{name}: {}. {} While the request may still be under way (6 minutes), that waits.",
            cluster.namespace,
            resolve::name(arguments.what.resolved_as()),
            arguments.what.follows()
        ));
        Ok(())
    })
}

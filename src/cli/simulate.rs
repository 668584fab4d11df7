//! `headroom simulate`: campaigns, pools and senders from files, played against a simulated cluster and day in seconds.
//! Reads files, prints, and gives an exit code: 0 all sent, 1 something was not, 2 it could not be played.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::lint::without_errors;
use super::{plot, span};
use crate::lint;
use crate::sim::moment::Played;
use crate::sim::story::Story;
use crate::sim::world::{self, Watch};

/// Who approves in a simulation what needs an approval.
const APPROVER: &str = "the simulation";

/// What `headroom simulate` is given.
#[derive(Debug, Args)]
pub struct SimulateArguments {
    /// Files or folders with at least one Campaign, its `CapacityPool` and its Sender, or - for standard input; Deployments
    /// and autoscalers are made up if they are not among them.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// When it begins.
    #[arg(long, value_name = "TIME", default_value = "2027-03-19T08:00:00Z")]
    from: Timestamp,
    /// It ends then, whatever is still under way.
    #[arg(long = "for", value_name = "SPAN", default_value = "24h", value_parser = span)]
    longest: SignedDuration,
    /// Demand stands at this share of `demand.peak` all day, and there is no history; else a day swings below it.
    #[arg(long, value_name = "SHARE")]
    flat: Option<f64>,
    /// So many times as many people respond as the campaigns expect.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    response: f64,
    /// Draw a plot into this file, as SVG.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Print what happened as JSON.
    #[arg(long)]
    json: bool,
}

/// Moments of a long story are further apart.
fn step(longest: SignedDuration) -> SignedDuration {
    if longest <= SignedDuration::from_hours(2) { SignedDuration::from_secs(5) } else { SignedDuration::from_secs(30) }
}

/// Plays the files.
pub fn simulate(arguments: &SimulateArguments) -> ExitCode {
    match play(arguments) {
        Ok(played) => {
            let done = |campaign: &crate::sim::moment::CampaignMoment| campaign.phase == "Completed";
            let sent = played.moments.last().is_some_and(|moment| moment.campaigns.iter().all(done));
            if sent && played.taken.iter().all(|taken| taken.fits) { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => {
            eprintln!("headroom: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn play(arguments: &SimulateArguments) -> anyhow::Result<Played> {
    if !(arguments.response.is_finite() && arguments.response >= 0.0) {
        return Err(anyhow!("--response must be a number that is no less than 0"));
    }
    if arguments.flat.is_some_and(|share| !(share.is_finite() && share >= 0.0)) {
        return Err(anyhow!("--flat must be a number that is no less than 0"));
    }
    let sources = without_errors(&arguments.files, None)?;
    let sources = sources.ok_or_else(|| anyhow!("these files cannot be played before that is mended"))?;
    let mut story = Story::of(lint::objects(&sources), arguments.from, arguments.flat)?;
    story.response = arguments.response;
    story.approve(APPROVER)?;
    let watch = Watch::every(step(arguments.longest), arguments.longest);
    let played = world::play(&story, watch, None, &mut |_| {})?;
    if let Some(path) = &arguments.plot {
        plot::draw(&played, path)?;
    }
    super::tell(&played, arguments.json)?;
    for (namespace, name) in story.approvals.iter().filter(|_| !arguments.json) {
        super::say(&format!(
            "{namespace}/{name} needs an approval before it goes, which here it has: see \"kubectl headroom approve\"."
        ));
    }
    Ok(played)
}

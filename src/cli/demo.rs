//! `headroom demo`: the real operator in a simulated world, drawn as it happens. It needs no cluster, no Prometheus and no
//! network, and is over in under a minute.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::{plot, screen};
use crate::sim::moment::{Moment, Outcome};
use crate::sim::story::Story;
use crate::sim::world::{self, Watch};
use crate::yaml;

/// What the three people of the demo have written; the same files that `tests/bed/demo` applies to a real cluster.
const FILES: [(&str, &str); 4] = [
    ("examples/demo/shop.yaml", include_str!("../../examples/demo/shop.yaml")),
    ("examples/demo/pool.yaml", include_str!("../../examples/demo/pool.yaml")),
    ("examples/demo/sender.yaml", include_str!("../../examples/demo/sender.yaml")),
    ("examples/demo/campaign.yaml", include_str!("../../examples/demo/campaign.yaml")),
];
/// A Friday morning.
const START: i64 = 1_805_446_800;
/// Demand stands at this share of the declared peak.
const DEMAND: f64 = 0.94;
/// From one picture to the next.
const STEP: SignedDuration = SignedDuration::from_secs(2);
const PICTURE: Duration = Duration::from_millis(250);

/// What `headroom demo` is given.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Do not draw, and do not wait: only the end is told.
    #[arg(long)]
    headless: bool,
    /// Print what happened as JSON.
    #[arg(long)]
    json: bool,
    /// Where the plot goes.
    #[arg(long, value_name = "FILE", default_value = "headroom-demo.svg")]
    plot: PathBuf,
}

/// Plays the demo.
pub fn demo(arguments: &DemoArguments) -> anyhow::Result<()> {
    let mut objects = Vec::new();
    for (name, text) in FILES {
        objects.extend(yaml::read_all(&text.replace("PORT", "80")).with_context(|| format!("failed to read {name}"))?);
    }
    let start = Timestamp::from_second(START).context("failed to find the start")?;
    let story = Story::of(objects, start, Some(DEMAND))?;
    let draws = !arguments.headless && !arguments.json;
    let in_place = draws && std::io::stdout().is_terminal();
    let mut seen: Vec<Moment> = Vec::new();
    let mut said = String::new();
    let mut tell = |moment: &Moment| {
        seen.push(moment.clone());
        let mut out = std::io::stdout().lock();
        // A reader that has gone away is no reason to fail.
        if in_place {
            let picture = screen::draw(&seen, "headroom demo: the real operator in a simulated world");
            let _ = write!(out, "\x1b[H\x1b[J{picture}");
            let _ = out.flush();
            std::thread::sleep(PICTURE);
        } else if draws {
            let now: String = moment.campaigns.iter().map(|campaign| campaign.message.as_str()).collect();
            if now != said {
                let _ = writeln!(out, "{}", screen::draw(&seen, "headroom demo"));
                said = now;
            }
        }
    };
    let watch = Watch::every(STEP, SignedDuration::from_mins(30));
    let played = world::play(&story, watch, None, &mut tell)?;
    plot::draw(&played, &arguments.plot)?;
    super::tell(&played, arguments.json)?;
    if !arguments.json {
        super::say(&format!("The plot is in {}.", arguments.plot.display()));
    }
    if played.outcome == Outcome::Over { Ok(()) } else { Err(anyhow!("the demo did not come to its end")) }
}

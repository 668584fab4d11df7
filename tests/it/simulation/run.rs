//! Plays a seed and holds it against every promise. What is broken is told with the seed, what went wrong in its world,
//! and the last that happened.

use std::fmt::Write;

use headroom::sim::moment::{Outcome, Played};
use headroom::sim::story::Story;
use headroom::sim::tape::Tape;
use headroom::sim::world::{self, Watch};
use jiff::SignedDuration;

use super::check::{self, Case};
use super::history::History;
use super::mix::Mix;
use super::told;
use super::trouble::Trouble;

/// So many of the last lines are shown of a world in which a promise was broken.
const SHOWN: usize = 80;

/// How a swarm's worlds are watched.
pub const WATCH: Watch = Watch {
    step: SignedDuration::from_secs(5),
    longest: SignedDuration::from_mins(90),
    keeps_moments: false,
    quiet: Some(SignedDuration::from_mins(10)),
    lines: 0,
};

/// What a seed came to.
pub struct Came {
    pub mix: Mix,
    pub outcome: Outcome,
    pub taken: usize,
    pub heard: usize,
    pub passed: SignedDuration,
}

/// Plays a seed onto a tape.
pub fn play(seed: u64, tape: &Tape) -> (Story, Mix, Played) {
    let mix = Mix::of(seed);
    let story = told::story(seed, &mix);
    let trouble = Box::new(Trouble::new(seed, &mix, told::calm()));
    let played = world::play_onto(tape, &story, WATCH, Some(trouble), &mut |_| {}).unwrap();
    (story, mix, played)
}

/// Plays a seed and checks it; else what is broken.
pub fn judge(seed: u64) -> Result<Came, String> {
    let tape = Tape::keeping(0);
    let (story, mix, played) = play(seed, &tape);
    let broken = broken(&story, &mix, &played);
    if broken.is_empty() {
        let passed = played.ended.duration_since(played.begun);
        let (taken, heard) = (played.taken.len(), played.heard.len());
        return Ok(Came { mix, outcome: played.outcome, taken, heard, passed });
    }
    Err(told_of(seed, &mix, &story, &broken))
}

/// What of all that is promised was broken in a world.
pub fn broken(story: &Story, mix: &Mix, played: &Played) -> Vec<String> {
    let case = Case { story, mix, played, history: History::of(&played.calls) };
    let check = |(name, checker): &check::Checker| checker(&case).err().map(|why| format!("{name}: {why}"));
    check::ALL.iter().filter_map(check).collect()
}

/// A world in which a promise was broken, played again to be looked at.
fn told_of(seed: u64, mix: &Mix, story: &Story, broken: &[String]) -> String {
    let lines = std::env::var("HEADROOM_SIM_LINES").ok().and_then(|text| text.parse().ok()).unwrap_or(SHOWN);
    let tape = Tape::keeping(lines);
    play(seed, &tape);
    let mut text = format!("seed {seed}: {}\n", broken.join("\n  and "));
    let _ = writeln!(text, "  went wrong: {mix}");
    for campaign in &story.campaigns {
        let _ = writeln!(text, "  campaign {} {}", campaign["metadata"]["name"], campaign["spec"]);
    }
    for (at, deed) in &story.deeds {
        let _ = writeln!(text, "  deed {at:#} {deed:?}");
    }
    let _ = writeln!(text, "  crashes {:?}, {:?}", story.crashes, story.troubles);
    for line in tape.lines() {
        let _ = writeln!(text, "  {line}");
    }
    text
}

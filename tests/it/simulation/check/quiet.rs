//! What is said, and when nothing is to be said any more.

use headroom::plan::reason::Reason;
use headroom::sim::moment::Outcome;
use jiff::SignedDuration;

use super::super::told;
use super::{CAMPAIGNS, Case, Version};

const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

fn is_finished(version: &Version) -> bool {
    matches!(version.text("/status/phase"), "Completed" | "Skipped" | "Aborted")
}

fn is_reason(text: &str) -> bool {
    Reason::ALL.iter().any(|reason| reason.to_string() == text)
}

pub fn explained_and_quiet(case: &Case<'_>) -> Result<(), String> {
    let then = told::calm() + PATIENCE;
    for (key, _) in case.history.all(CAMPAIGNS) {
        let Some(version) = case.history.then(CAMPAIGNS, key, then).filter(|version| version.stays()) else { continue };
        if then > case.played.ended || is_finished(version) {
            continue;
        }
        let is_seen = version.get("/status/observedGeneration") == version.get("/metadata/generation");
        if !is_seen || version.text("/status/message").is_empty() || !is_reason(version.text("/status/reason")) {
            return Err(format!("a minute after all is calm nothing explains {key}: {}", version.get("/status")));
        }
    }
    if case.played.outcome == Outcome::OutOfTime && !still_sends(case) {
        return Err("it neither ended nor came to rest".to_owned());
    }
    Ok(())
}

/// A smooth send without an end is spread over a day, in as many parts as it needs, and need not be over when the story is. One
/// goes a quarter of an hour after the one before has left and been watched, which takes some minutes of its own.
fn still_sends(case: &Case<'_>) -> bool {
    let lately = case.played.ended - SignedDuration::from_mins(20);
    case.played.taken.iter().filter(|taken| taken.at > lately).any(|taken| {
        let (_, name) = taken.campaign.split_once('/').unwrap_or_default();
        case.story.campaigns.iter().any(|campaign| {
            campaign["metadata"]["name"] == name
                && campaign["spec"]["pace"] == "Smooth"
                && campaign["spec"].pointer("/schedule/end").is_none()
        })
    })
}

pub fn reasons_are_documented(case: &Case<'_>) -> Result<(), String> {
    for (key, versions) in case.history.all(CAMPAIGNS) {
        for version in versions.iter().filter(|version| version.is_ours() && !version.get("/status").is_null()) {
            let reason = version.text("/status/reason");
            // Arming is written before anything else has been said only if nothing was ever said.
            if !is_reason(reason) || version.text("/status/message").is_empty() {
                return Err(format!("{key} says {reason:?} at {}", version.at));
            }
        }
    }
    Ok(())
}

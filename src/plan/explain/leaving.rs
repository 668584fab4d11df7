//! The sentences of a wave that is leaving or has left.

use jiff::Timestamp;

use super::resolving::{resolve_with, resolved};
use super::{Voice, factor, waves};
use crate::plan::canary::Unseen;
use crate::plan::contract::Way;
use crate::plan::units::people::{self, Rounding};
use crate::plan::why::Resolving;

/// Its receiver has it, and sends at its rate.
pub(super) fn sending(wave: &str, recipients: u64, until: Timestamp, voice: &Voice<'_>) -> String {
    format!("Wave \"{wave}\" is leaving: {} messages, the last about {}.", people::grouped(recipients), voice.at(until))
}

/// It was started, and tells its end itself; or it cannot be seen, and a person may say it.
pub(super) fn under_way(
    (wave, recipients, at): (&str, u64, Timestamp),
    told: Option<&str>,
    resolve: Option<&Resolving>,
    voice: &Voice<'_>,
) -> String {
    let said = resolve.map_or_else(String::new, |resolve| {
        format!(
            " Whoever knows what became of it can say so: {}{}",
            resolve_with(wave, "sent|not-sent|skip", resolve),
            resolved(resolve, voice)
        )
    });
    format!(
        "Wave \"{wave}\" is leaving since {}: {} messages; {}.{said}",
        voice.at(at),
        people::grouped(recipients),
        told.unwrap_or("its Job has been made")
    )
}

/// What an end of the send does not end.
pub(super) fn nothing_more(under_way: &[(String, Way)]) -> String {
    let by = |way: Way| under_way.iter().filter(|(_, by)| *by == way).map(|(wave, _)| wave.clone()).collect::<Vec<_>>();
    let (jobs, campaigns) = (by(Way::Job), by(Way::Listmonk));
    if jobs.is_empty() && campaigns.is_empty() {
        return "Nothing more of this send goes.".to_owned();
    }
    let told = |names: &[String], what: &str, end: &str| {
        let told = (!names.is_empty()).then(|| format!("; the {what} of {} was under way and {end}", waves(names)));
        told.unwrap_or_default()
    };
    let jobs = told(&jobs, "Job", "is not stopped");
    let campaigns = told(&campaigns, "listmonk campaign", "is being cancelled");
    format!("No further wave goes{jobs}{campaigns}.")
}

/// It has left, and its effect is watched.
pub(super) fn soaking(wave: &str, until: Timestamp, unseen: Option<&Unseen>, voice: &Voice<'_>) -> String {
    format!(
        "Wave \"{wave}\" has left; its effect is watched until {} before the next wave.{}",
        voice.at(until),
        unseen.map_or_else(String::new, cannot_be_seen)
    )
}

/// Why watching a wave tells nothing about its load.
fn cannot_be_seen(unseen: &Unseen) -> String {
    format!(
        " Its traffic cannot be told from an ordinary day's: it brings {} to {}, where demand moves by {} from one ten minutes to the next. So the guardrails alone are watched, and the margin of {} stays.",
        people::needed(unseen.expects),
        unseen.workload,
        people::per_second(unseen.noise, Rounding::Up),
        factor(unseen.margin)
    )
}

//! Waves for which there is no time: those that fit no window at all, which is a matter of the plan and can be mended, and
//! those whose time has passed, which is for good.

use jiff::{SignedDuration, Timestamp};

use crate::api::campaign::OnDeadline;
use crate::api::release::SkipReason;

use super::freezes::{self, Freeze};
use super::intent::Intent;
use super::past::{Past, skip_rest};
use super::schedule::{Fit, WaveSchedule};
use super::snapshot::{Campaign, Entry, Snapshot};
use super::stand::{Stand, rests};
use super::units::Span;
use super::units::people::{self, Rounding};
use super::waves::Gone;
use super::why::Why;

/// The arithmetic of a plan that can never be carried out, and the place of the wave that never fits.
pub fn never(intent: &Intent, frozen: &[Freeze]) -> Option<(usize, Why)> {
    let mut sent = Vec::new();
    intent.times.iter().enumerate().find_map(|(index, times)| {
        let wave = intent.waves.waves.get(index)?;
        let sized = intent.waves.size(index, intent.audience, &sent);
        sent.push(Gone {
            name: wave.name.clone(),
            offset: sized.offset,
            recipients: sized.recipients,
            share: wave.size.as_written(),
        });
        let recipients = intent.at_least(index, sized.recipients);
        let takes = intent.rate.time_for(recipients);
        let why = times.fits_at_all(takes).err().or_else(|| only_in_freezes(times, frozen, takes))?;
        Some((index, too_long(&wave.name, recipients, intent, &why)))
    })
}

/// Freezes that leave no time between start and end in which it could leave.
fn only_in_freezes(times: &WaveSchedule, frozen: &[Freeze], takes: SignedDuration) -> Option<String> {
    let (fit, freeze) = freezes::fit(times, frozen, times.start()?, takes);
    freeze.filter(|_| fit == Fit::Never).map(|freeze| no_time_beside(freeze, takes))
}

/// What a freeze leaves no time for, as the end of a sentence.
pub(super) fn no_time_beside(freeze: &Freeze, takes: SignedDuration) -> String {
    let takes = Span::from_millis(i64::try_from(takes.as_millis()).unwrap_or(i64::MAX)).for_people(Rounding::Up);
    format!(
        "it takes {takes} to leave, and the pool's freezes ({}, …) leave no such time before its end",
        freeze.reason
    )
}

pub(super) fn too_long(wave: &str, recipients: u64, intent: &Intent, why: &str) -> Why {
    let (messages, rate) = (people::grouped(recipients), &intent.rate);
    Why::NeverFits { why: format!("wave \"{wave}\" of {messages} messages at {rate}: {why}") }
}

/// How one is told that may not leave before then, takes so long, and would have it in no window that is open.
pub(super) fn later(
    wave: &str,
    at: Timestamp,
    (takes, window_was_open): (SignedDuration, bool),
    freeze: Option<&Freeze>,
    now: Timestamp,
) -> Why {
    let wave = wave.to_owned();
    if let Some(freeze) = freeze {
        return Why::Frozen { wave, reason: freeze.reason.clone(), from: freeze.from, at };
    }
    let takes = Span::between(now, now + takes).for_people(Rounding::Up);
    Why::OutsideWindow { wave, at, takes, window_was_open }
}

/// The time of what is left has passed.
pub(super) fn missed<'a>(
    snapshot: &Snapshot,
    campaign: &Campaign,
    intent: &Intent,
    names: &[String],
    past: &Past<'_>,
) -> Stand<'a> {
    // One that was tried and did not go is left as well.
    let is_left = |name: &&String| past.of_wave(name).is_none_or(Entry::may_be_tried_again);
    let left: Vec<String> = names.iter().filter(is_left).cloned().collect();
    match intent.schedule.on_deadline() {
        OnDeadline::Hold => rests(Why::DeadlineHeld { waves: left, end: intent.schedule.end() }),
        OnDeadline::Skip => Stand::Rests {
            why: Why::DeadlineSkipped { waves: left, recipients: past.messages(), planned: intent.audience },
            also: Vec::new(),
            skips: skip_rest(
                snapshot,
                campaign,
                &intent.send_id,
                names,
                past,
                SkipReason::Missed,
                "its time had passed",
            ),
            until: None,
        },
    }
}

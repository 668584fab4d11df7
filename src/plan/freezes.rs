//! Freezes: times in which the pool's owner lets nothing leave. Owns how a wave's time is fitted around them; whether a
//! wave fits its own windows is `schedule`'s.

use jiff::{SignedDuration, Timestamp};

use crate::api::pool::Freeze as Written;

use super::rules::{Unusable, at};
use super::schedule::{self, Fit, WaveSchedule};

/// A time in which nothing leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// From this instant on.
    pub from: Timestamp,
    /// Until this one, which is free again.
    pub to: Timestamp,
    /// Shown to those who wait.
    pub reason: String,
}

impl Freeze {
    /// Understands freezes, in the order of time.
    pub fn parse_all(written: &[Written]) -> Result<Vec<Freeze>, Unusable> {
        let one = |(index, freeze): (usize, &Written)| {
            let field = |name: &str| format!("spec.admission.freezes[{index}].{name}");
            let from = at(field("from"), schedule::absolute(&freeze.from))?;
            let to = at(field("to"), schedule::absolute(&freeze.to))?;
            if from >= to {
                return Err(Unusable { field: field("to"), why: "must be after from".to_owned() });
            }
            Ok(Freeze { from, to, reason: freeze.reason.clone() })
        };
        let mut freezes = written.iter().enumerate().map(one).collect::<Result<Vec<_>, _>>()?;
        freezes.sort_by_key(|freeze| (freeze.from, freeze.to));
        Ok(freezes)
    }

    fn meets(&self, from: Timestamp, takes: SignedDuration) -> bool {
        // A wave of no length at all is still a moment.
        let to = from.checked_add(takes.max(SignedDuration::from_millis(1))).unwrap_or(Timestamp::MAX);
        from < self.to && self.from < to
    }
}

/// When something that takes so long may start, freezes kept free, and the first freeze that is in its way.
pub fn fit<'a>(
    times: &WaveSchedule,
    freezes: &'a [Freeze],
    now: Timestamp,
    takes: SignedDuration,
) -> (Fit, Option<&'a Freeze>) {
    let mut from = now;
    let mut first: Option<&Freeze> = None;
    let mut window_was_open = false;
    // Each turn passes at least one freeze.
    for _ in 0..=freezes.len() {
        let (at, until) = match times.fit(from, takes) {
            Fit::Never => return (Fit::Never, first),
            Fit::Now { until } => (from, until),
            Fit::Later { at, window_was_open: open } => {
                window_was_open |= open && from == now;
                (at, None)
            }
        };
        let Some(freeze) = freezes.iter().find(|freeze| freeze.meets(at, takes)) else {
            if at > now {
                return (Fit::Later { at, window_was_open }, first);
            }
            // Its last message must have left before the next freeze begins, too.
            let next = freezes.iter().map(|freeze| freeze.from).filter(|from| *from >= at).min();
            let until = match (until, next) {
                (Some(until), Some(next)) => Some(until.min(next)),
                (until, next) => until.or(next),
            };
            return (Fit::Now { until }, first);
        };
        first.get_or_insert(freeze);
        from = freeze.to.max(from);
    }
    (Fit::Never, first)
}

#[cfg(test)]
mod tests;

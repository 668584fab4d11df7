//! When messages may leave: a start, an end, and windows in a time zone. A wave starts only if its last message also
//! leaves inside. Across a change of the clocks the narrower reading counts; what has passed is never caught up.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::api::campaign::{OnDeadline, Schedule as Written, Window as WrittenWindow};

mod window;
mod zone;

use super::units::Span;
use super::units::people::Rounding;
use window::Window;
pub use zone::absolute;

/// Windows repeat weekly; so far ahead every one of them has come, changes of the clocks included.
const LOOK_AHEAD: SignedDuration = SignedDuration::from_hours(15 * 24);

/// A field of a schedule that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct ScheduleError {
    /// Its path.
    pub field: String,
    /// What is wrong, and how it is written.
    pub why: String,
}

/// A campaign's schedule.
#[derive(Clone, Debug)]
pub struct Schedule {
    zone: TimeZone,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    windows: Vec<Window>,
    on_deadline: OnDeadline,
}

/// The schedule of one wave.
#[derive(Clone, Debug)]
pub struct WaveSchedule {
    zone: TimeZone,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    windows: Vec<Window>,
}

/// Whether something that takes a while may start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It may start now.
    Now {
        /// Its last message must have left by then; None: no limit.
        until: Option<Timestamp>,
    },
    /// It may start later.
    Later {
        /// The first instant at which it may.
        at: Timestamp,
        /// Whether a window is open now, that is too short.
        window_was_open: bool,
    },
    /// It may never start any more.
    Never,
}

fn windows(path: &str, written: &[WrittenWindow]) -> Result<Vec<Window>, ScheduleError> {
    written
        .iter()
        .enumerate()
        .map(|(index, written)| {
            Window::parse(written)
                .map_err(|(field, why)| ScheduleError { field: format!("{path}.windows[{index}].{field}"), why })
        })
        .collect()
}

impl Schedule {
    /// Understands a schedule.
    pub fn parse(written: &Written) -> Result<Schedule, ScheduleError> {
        let wrong = |field: &str, why: String| ScheduleError { field: format!("spec.schedule.{field}"), why };
        let name = written.time_zone.as_deref().unwrap_or("UTC");
        let zone = zone::find(name).map_err(|why| wrong("timeZone", why))?;
        let instant = |field: &str, text: Option<&String>, side| {
            text.map(|text| zone::instant(text, &zone, side).map_err(|why| wrong(field, why))).transpose()
        };
        let start = instant("start", written.start.as_ref(), zone::Side::Start)?;
        let end = instant("end", written.end.as_ref(), zone::Side::End)?;
        if let (Some(start), Some(end)) = (start, end)
            && start >= end
        {
            return Err(wrong("end", "must be after start; in the time zones as written it is not".to_owned()));
        }
        let windows = windows("spec.schedule", written.windows.as_deref().unwrap_or_default())?;
        Ok(Schedule { zone, start, end, windows, on_deadline: written.on_deadline.unwrap_or_default() })
    }

    /// The schedule of a wave: its own windows and zone replace the campaign's; start and end always hold.
    pub fn for_wave(
        &self,
        path: &str,
        time_zone: Option<&str>,
        own: Option<&[WrittenWindow]>,
    ) -> Result<WaveSchedule, ScheduleError> {
        let zone = match time_zone {
            None => self.zone.clone(),
            Some(name) => zone::find(name).map_err(|why| ScheduleError { field: format!("{path}.timeZone"), why })?,
        };
        let windows = match own {
            None => self.windows.clone(),
            Some(own) => windows(path, own)?,
        };
        Ok(WaveSchedule { zone, start: self.start, end: self.end, windows })
    }

    /// Nothing goes before.
    pub fn start(&self) -> Option<Timestamp> {
        self.start
    }

    /// No message leaves after.
    pub fn end(&self) -> Option<Timestamp> {
        self.end
    }

    /// The zone its local times are in.
    pub fn campaign_zone(&self) -> &TimeZone {
        &self.zone
    }

    /// What becomes of waves that have not gone by the end.
    pub fn on_deadline(&self) -> OnDeadline {
        self.on_deadline
    }
}

impl WaveSchedule {
    /// Nothing goes before.
    pub fn start(&self) -> Option<Timestamp> {
        self.start
    }

    /// No message leaves after.
    pub fn end(&self) -> Option<Timestamp> {
        self.end
    }

    /// Whether something that takes so long may start now, or when it may.
    pub fn fit(&self, now: Timestamp, takes: SignedDuration) -> Fit {
        let mut window_was_open = false;
        for (from, to) in self.open(now) {
            if from <= now && now < to {
                window_was_open = true;
            }
            let at = from.max(now);
            if to.duration_since(at) >= takes && at < to {
                return if at == now {
                    Fit::Now { until: (to < Timestamp::MAX).then_some(to) }
                } else {
                    Fit::Later { at, window_was_open }
                };
            }
        }
        Fit::Never
    }

    /// Whether it could ever be long enough; else the arithmetic, as the end of a sentence.
    pub fn fits_at_all(&self, takes: SignedDuration) -> Result<(), String> {
        let base = match (self.start, self.end) {
            (Some(start), _) => start,
            (None, Some(end)) => end.checked_sub(LOOK_AHEAD).unwrap_or(Timestamp::MIN),
            // Any Monday will do where only the days of the week matter.
            (None, None) => Timestamp::from_second(1_799_020_800).unwrap_or(Timestamp::UNIX_EPOCH),
        };
        let longest = self.open(base).into_iter().map(|(from, to)| to.duration_since(from)).max();
        let longest = longest.unwrap_or(SignedDuration::ZERO);
        if longest >= takes {
            return Ok(());
        }
        let told = |span: SignedDuration, rounding| {
            Span::from_millis(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)).for_people(rounding)
        };
        Err(format!(
            "it takes {} to leave, and the longest time in which it may leave without a break is {}",
            told(takes, Rounding::Up),
            told(longest, Rounding::Down)
        ))
    }

    /// The times in which messages may leave, joined and in order, that have not ended at `base`.
    fn open(&self, base: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let (start, end) = (self.start.unwrap_or(Timestamp::MIN), self.end.unwrap_or(Timestamp::MAX));
        if self.windows.is_empty() {
            return if end > base { vec![(start, end)] } else { Vec::new() };
        }
        let from = base.max(start);
        let mut times: Vec<_> =
            self.windows.iter().flat_map(|window| window.times(&self.zone, from, LOOK_AHEAD)).collect();
        times.sort();
        let mut joined: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (from, to) in times {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        let clipped = joined.into_iter().map(|(from, to)| (from.max(start), to.min(end)));
        clipped.filter(|(from, to)| from < to && *to > base).collect()
    }
}

#[cfg(test)]
mod tests;

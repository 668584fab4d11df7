//! What the workload will be asked for without any send: from the same hour of the last seven days, until there is a
//! better forecast. Never from "demand now" alone: an ordinary morning outgrows it.

use jiff::{SignedDuration, Timestamp};

mod history;

pub use history::History;

/// The same hour of the last seven days is exceeded by at most about so much.
pub const GROWTH: f64 = 1.1;
/// Demand now stands for what is not known, so many times, where a channel may go on that.
const ASSUMED: f64 = 1.5;
/// With fewer days the declared peak stands beside the history: the quarter of an hour before this hour, seven days ago,
/// is in the eighth.
const ENOUGH_DAYS: usize = 8;

/// What to do where nothing is known of an ordinary day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// Nothing goes.
    Closed,
    /// Demand now stands for it, with a surcharge.
    Assumed,
}

impl Unproven {
    /// A push is over before the day has changed; everything else brings load for hours.
    pub fn of_channel(channel: &str) -> Unproven {
        if channel == "push" { Unproven::Assumed } else { Unproven::Closed }
    }
}

#[derive(Clone, Debug)]
enum Source {
    History(History),
    HistoryAndPeak(History, f64),
    Peak(f64),
    Assumed(f64),
}

/// Demand without any send, in requests per second.
#[derive(Clone, Debug)]
pub struct Baseline {
    source: Source,
}

impl Baseline {
    /// From what is known; None if that is nothing.
    pub fn new(
        history: Option<&History>,
        declared_peak: Option<f64>,
        demand: f64,
        unproven: Unproven,
    ) -> Option<Baseline> {
        let history = history.filter(|history| history.days() > 0).cloned();
        let source = match (history, declared_peak) {
            (Some(history), _) if history.days() >= ENOUGH_DAYS => Source::History(history),
            (Some(history), Some(peak)) => Source::HistoryAndPeak(history, peak),
            (Some(history), None) => Source::History(history),
            (None, Some(peak)) => Source::Peak(peak),
            (None, None) if unproven == Unproven::Assumed => Source::Assumed(ASSUMED * demand),
            (None, None) => return None,
        };
        Some(Baseline { source })
    }

    /// At an instant.
    pub fn at(&self, instant: Timestamp) -> f64 {
        match &self.source {
            Source::History(history) => GROWTH * history.h7(instant),
            Source::HistoryAndPeak(history, peak) => (GROWTH * history.h7(instant)).max(*peak),
            Source::Peak(peak) | Source::Assumed(peak) => *peak,
        }
    }

    /// The most between two instants.
    pub fn highest(&self, from: Timestamp, to: Timestamp) -> f64 {
        let mut highest = self.at(to);
        let mut instant = from;
        while instant < to {
            highest = highest.max(self.at(instant));
            match instant.checked_add(SignedDuration::from_mins(5)) {
                Ok(next) => instant = next,
                Err(_) => break,
            }
        }
        highest
    }

    /// Where it comes from, in words.
    pub fn source(&self) -> String {
        match &self.source {
            Source::History(history) => format!("{} days of history", history.days()),
            Source::HistoryAndPeak(history, _) => format!("demand.peak and {} days of history", history.days()),
            Source::Peak(_) => "demand.peak".to_owned(),
            Source::Assumed(_) => {
                "1.5 times the demand now: there is neither a day of history nor demand.peak".to_owned()
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(NOW + 60 * minutes).unwrap()
    }

    /// `days` days of 100 requests per second, and one hour of 300 that begins exactly `ago` minutes ago.
    fn history(days: i64, ago: i64) -> History {
        let points = (1..=days * 288).rev().map(|step| {
            let minute = -5 * step;
            let value = if (-ago..-ago + 60).contains(&minute) { 300.0 } else { 100.0 };
            (at(minute), value)
        });
        History::new(&points.collect::<Vec<_>>())
    }

    #[test]
    fn the_same_hour_of_another_day_is_what_is_expected() {
        // Three days ago, one hour from now: in an hour it may come again.
        let baseline = Baseline::new(Some(&history(8, 3 * 1440 - 60)), None, 100.0, Unproven::Closed).unwrap();
        assert_eq!(baseline.at(at(90)), 1.1 * 300.0);
        assert_eq!(baseline.at(at(50)), 1.1 * 300.0, "a quarter of an hour early counts");
        assert_eq!(baseline.at(at(40)), 1.1 * 100.0);
        assert_eq!(baseline.highest(at(0), at(60)), 1.1 * 300.0);
        assert_eq!(baseline.highest(at(0), at(30)), 1.1 * 100.0);
        assert_eq!(baseline.source(), "8 days of history");
    }

    #[test]
    fn what_was_declared_stands_until_eight_days_were_seen() {
        let peak = |days, peak| Baseline::new(Some(&history(days, 0)), peak, 100.0, Unproven::Closed).unwrap();
        assert_eq!(peak(3, Some(500.0)).at(at(0)), 500.0, "not multiplied: the owner said the most");
        assert_eq!(peak(7, Some(500.0)).at(at(0)), 500.0, "a week is not enough to have seen all around this hour");
        assert_eq!(peak(8, Some(500.0)).at(at(0)), 1.1 * 100.0);
        assert_eq!(peak(3, None).at(at(0)), 1.1 * 100.0);
    }

    #[test]
    fn without_history_and_peak_only_a_push_goes_on_demand_now() {
        assert!(Baseline::new(None, None, 100.0, Unproven::of_channel("email")).is_none());
        assert!(Baseline::new(Some(&history(0, 0)), None, 100.0, Unproven::of_channel("sms")).is_none());
        assert_eq!(Baseline::new(None, None, 100.0, Unproven::of_channel("push")).unwrap().at(at(0)), 150.0);
        assert_eq!(Baseline::new(None, Some(80.0), 100.0, Unproven::of_channel("push")).unwrap().at(at(0)), 80.0);
    }
}

//! The traffic of a simulated world, and its truth: what an ordinary day asks of each workload, and what sends bring on
//! top of it. The operator sees of this only what the simulated Prometheus tells.

use jiff::{SignedDuration, Timestamp};

use crate::plan::load::Burst;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// What an ordinary day asks for, in requests per second.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// The same at every hour.
    Flat(f64),
    /// A day that swings evenly between its least and its most.
    Day {
        /// The least, twelve hours from the peak.
        low: f64,
        /// The most.
        high: f64,
        /// When, in minutes after midnight UTC.
        peak_minute: f64,
    },
}

impl Shape {
    /// At an instant.
    pub fn at(&self, instant: Timestamp) -> f64 {
        match self {
            Shape::Flat(rate) => *rate,
            Shape::Day { low, high, peak_minute } => {
                let second = u32::try_from(instant.as_second().rem_euclid(DAY)).unwrap_or(0);
                let turn = (f64::from(second) / 60.0 - peak_minute) / 1440.0;
                let height = f64::midpoint(1.0, libm::cos(turn * std::f64::consts::TAU));
                low + (high - low) * height
            }
        }
    }
}

/// One workload.
#[derive(Clone, Debug)]
pub struct Workload {
    /// `<namespace>/<name>` of its pool.
    pub pool: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name in the pool.
    pub name: String,
    /// Its Deployment.
    pub deployment: String,
    /// The query that measures its demand.
    pub query: String,
    /// Share of a visit's requests that reaches it.
    pub share: f64,
    /// What one replica truly bears, requests per second.
    pub bears: f64,
    /// The most replicas that the pool allows.
    pub most: u32,
    /// An ordinary day.
    pub shape: Shape,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Every workload.
    pub workloads: Vec<Workload>,
    /// What sends bring, by pool.
    pub sends: Vec<(String, Burst)>,
    /// The share of requests that fails whatever the load.
    pub errors: f64,
}

impl Traffic {
    /// What sends bring to a workload at an instant.
    pub fn caused(&self, workload: &Workload, instant: Timestamp) -> f64 {
        let ours = self.sends.iter().filter(|(pool, _)| *pool == workload.pool);
        ours.map(|(_, burst)| burst.scaled(workload.share).at(instant)).sum()
    }

    /// Everything that is asked of it at an instant.
    pub fn demand(&self, workload: &Workload, instant: Timestamp) -> f64 {
        workload.shape.at(instant) + self.caused(workload, instant)
    }

    /// The most that will be asked of it while a send's traffic arrives, by the truth.
    pub fn highest(&self, workload: &Workload, from: Timestamp, until: Timestamp) -> f64 {
        let mut highest = self.demand(workload, from);
        let mut instant = from;
        while let Ok(next) = instant.checked_add(SignedDuration::from_secs(10)) {
            if next > until {
                break;
            }
            highest = highest.max(self.demand(workload, next));
            instant = next;
        }
        highest
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_day_swings_between_its_least_and_its_most() {
        let day = Shape::Day { low: 200.0, high: 1_000.0, peak_minute: 720.0 };
        let at = |hour: i64| day.at(Timestamp::from_second(hour * 3600).unwrap());
        assert!((at(12) - 1_000.0).abs() < 1e-9 && (at(24) - 200.0).abs() < 1e-9);
        assert!((at(6) - 600.0).abs() < 1e-9 && (at(36) - 1_000.0).abs() < 1e-9, "the same every day");
    }
}

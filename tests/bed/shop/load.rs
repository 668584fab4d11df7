//! The visits that a send brings: λ(t) = r · K · [F(t − a) − F(t − b)], F log-normal. Times in minutes, rates per second.
//!
//! Pure arithmetic of the shop's own; it must not use what Headroom plans with.

use serde::Deserialize;

/// How people respond in a world.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// Share of recipients that visit, 0 to 1.
    pub visit_rate: f64,
    pub requests_per_visit: f64,
    /// Above 0, in minutes of the world.
    pub median_minutes: f64,
    /// Above 0.
    pub sigma: f64,
}

/// One accepted wave.
#[derive(Clone, Debug)]
pub struct Wave {
    /// When its first message left, in minutes of the world's clock.
    pub start: f64,
    pub recipients: f64,
    /// Messages per second.
    pub rate: f64,
    pub response: Response,
}

/// F(x), and 1 − F(x). Each is computed on its own, since a difference of two F near 1 would lose its digits.
fn shares(x: f64, response: &Response) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    let z = (libm::log(response.median_minutes) - libm::log(x)) / (response.sigma * std::f64::consts::SQRT_2);
    (libm::erfc(z) / 2.0, libm::erfc(-z) / 2.0)
}

impl Wave {
    /// When its last message left, in minutes of the world's clock.
    pub fn end(&self) -> f64 {
        self.start + self.recipients / (60.0 * self.rate)
    }

    /// Requests per second at an instant.
    pub fn at(&self, minute: f64) -> f64 {
        let kernel = self.response.visit_rate * self.response.requests_per_visit;
        let (since_start, left_of_start) = shares(minute - self.start, &self.response);
        let (since_end, left_of_end) = shares(minute - self.end(), &self.response);
        let late = minute - self.end() > self.response.median_minutes;
        let part = if late { left_of_end - left_of_start } else { since_start - since_end };
        self.rate * kernel * part.max(0.0)
    }
}

/// Requests per second that waves bring together at an instant.
pub fn together(waves: &[Wave], minute: f64) -> f64 {
    waves.iter().map(|wave| wave.at(minute)).sum()
}

/// Of more waves than this it is not looked for when they are highest together: the shop has other things to do.
const MANY: usize = 64;

/// The most that waves bring together at `from` or at any time after it; of very many the sum of what each brings at most, which
/// is no less.
///
/// A wave rises until its end and, when it was short, a little beyond; so each is looked at on the way to its end,
/// however far off that is, and densely just after it. The best of these instants is then refined.
pub fn highest(waves: &[Wave], from: f64) -> f64 {
    if waves.len() > MANY {
        return waves.iter().map(|wave| highest(std::slice::from_ref(wave), from)).sum();
    }
    let mut instants = vec![from];
    for wave in waves {
        let end = wave.end().max(from);
        instants.extend((1..=40).map(|step| from + (end - from) * f64::from(step) / 40.0));
        let mut after = 1e-4;
        while after < 2_000.0 {
            instants.push(end + after);
            after *= 1.3;
        }
    }
    instants.sort_by(f64::total_cmp);
    let loads: Vec<f64> = instants.iter().map(|instant| together(waves, *instant)).collect();
    let Some(best) = (0..loads.len()).max_by(|one, other| loads[*one].total_cmp(&loads[*other])) else { return 0.0 };
    let (mut low, mut high) = (instants[best.saturating_sub(1)], instants[(best + 1).min(instants.len() - 1)]);
    let mut most = loads[best];
    for _ in 0..60 {
        let (left, right) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        let (at_left, at_right) = (together(waves, left), together(waves, right));
        most = most.max(at_left).max(at_right);
        if at_left < at_right {
            low = left;
        } else {
            high = right;
        }
    }
    most
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    /// A golden file: its rows, without the heading.
    fn golden(name: &str) -> Vec<Vec<String>> {
        let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
    }

    fn push(recipients: f64, rate: f64) -> Wave {
        let response = Response { visit_rate: 0.04, requests_per_visit: 10.0, median_minutes: 15.0, sigma: 2.0 };
        Wave { start: 10.0, recipients, rate, response }
    }

    #[test]
    fn a_push_after_one_minute_by_hand() {
        let wave = push(10_000_000.0, 5_000.0);
        // 2,000 · Φ(−ln 15 / 2) = 2,000 · 0.087864185
        assert!((wave.at(11.0) - 175.728_37).abs() < 1e-4);
        assert!(wave.at(10.0) == 0.0 && wave.at(3.0) == 0.0);
    }

    #[test]
    fn every_golden_load_of_a_push() {
        let mut seen = 0;
        for row in golden("golden.csv").iter().filter(|row| row[1] == "push") {
            let number = |column: usize| row[column].parse::<f64>().unwrap();
            // The files round rate and duration to ten digits, hence 1e-7.
            let wave = push(number(2), number(3));
            let (found, wanted) = (wave.at(10.0 + number(5)), number(6));
            assert!((found - wanted).abs() <= 1e-7 * wanted.max(1e-3), "{row:?}: {found}");
            seen += 1;
        }
        assert!(seen >= 28, "only {seen} rows were compared");
    }

    #[test]
    fn every_golden_peak_of_a_push() {
        let mut seen = 0;
        for row in golden("golden_peaks.csv").iter().filter(|row| row[1] == "push") {
            let number = |column: usize| row[column].parse::<f64>().unwrap();
            let (found, wanted) = (highest(&[push(number(2), number(3))], 10.0), number(6));
            assert!((found / wanted - 1.0).abs() < 1e-6, "{row:?}: {found}");
            seen += 1;
        }
        assert!(seen >= 2, "only {seen} rows were compared");
    }

    #[test]
    fn a_peak_that_is_hours_away_is_seen() {
        // 60,000 messages at one per second leave for 1,000 minutes. At their end F(1000; 15, 2) = Φ(2.0998526) = 0.98213,
        // and 0.4 · 0.98213 = 0.39285.
        let found = highest(&[push(60_000.0, 1.0)], 10.0);
        assert!((found - 0.392_85).abs() < 1e-4, "{found}");
    }

    #[test]
    fn nothing_sent_brings_nothing() {
        assert!(highest(&[], 3.0) == 0.0);
        assert!(highest(&[push(0.0, 5_000.0)], 10.0) == 0.0);
    }
}

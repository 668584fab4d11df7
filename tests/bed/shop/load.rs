//! The visits that a send brings: λ(t) = r · K · [F(t − a) − F(t − b)], F log-normal. Times in minutes, rates per second.

use serde::Deserialize;

/// How people respond in a world.
#[derive(Clone, Debug, Deserialize)]
pub struct Response {
    pub visit_rate: f64,
    pub requests_per_visit: f64,
    pub median_minutes: f64,
    pub sigma: f64,
}

/// One accepted wave.
#[derive(Clone, Debug)]
pub struct Wave {
    /// When its first message left, in minutes of the shop's clock.
    pub start: f64,
    pub recipients: f64,
    /// Messages per second.
    pub rate: f64,
    pub response: Response,
}

fn share(x: f64, response: &Response) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let z = (response.median_minutes.ln() - x.ln()) / (response.sigma * std::f64::consts::SQRT_2);
    libm::erfc(z) / 2.0
}

impl Wave {
    /// Requests per second at an instant.
    pub fn at(&self, minute: f64) -> f64 {
        let end = self.start + self.recipients / (60.0 * self.rate);
        let kernel = self.response.visit_rate * self.response.requests_per_visit;
        let part = share(minute - self.start, &self.response) - share(minute - end, &self.response);
        self.rate * kernel * part.max(0.0)
    }
}

/// The most that waves bring together from an instant on, looked at every five seconds for six hours.
pub fn highest(waves: &[Wave], from: f64) -> f64 {
    (0..6 * 720).map(|step| waves.iter().map(|wave| wave.at(from + f64::from(step) / 12.0)).sum()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_after_one_minute_by_hand() {
        let response = Response { visit_rate: 0.04, requests_per_visit: 10.0, median_minutes: 15.0, sigma: 2.0 };
        let wave = Wave { start: 10.0, recipients: 10_000_000.0, rate: 5_000.0, response };
        // 2,000 · Φ(−ln 15 / 2) = 2,000 · 0.087864185
        assert!((wave.at(11.0) - 175.728_37).abs() < 1e-4);
        assert!(wave.at(10.0) == 0.0 && wave.at(3.0) == 0.0);
    }
}

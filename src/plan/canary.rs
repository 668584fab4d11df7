//! A canary that can be measured: large enough that what its people ask for stands out of the noise of an ordinary day.
//! Owns that arithmetic; whether its guardrails hold is `guard`'s, whether it may go the gate's.
//! Source of the formula: docs/capacity.md.

use jiff::SignedDuration;

use super::load::Component;
use super::number;

/// So many times the noise stands out.
const STANDS_OUT: f64 = 3.0;
/// Fewer recipients tell nothing, and a canary of more than so many percent is none.
const FEWEST: u64 = 1_000;
const MOST_PERCENT: u32 = 10;

/// A canary whose traffic cannot be told from the ordinary.
#[derive(Clone, Debug, PartialEq)]
pub struct Unseen {
    /// The workload on which it stands out most.
    pub workload: String,
    /// What its people bring there on average while it leaves and is watched, requests per second.
    pub expects: f64,
    /// By how much demand there moves from one ten minutes to the next.
    pub noise: f64,
    /// The margin that stays because nothing is learnt.
    pub margin: f64,
}

/// One workload on which a canary might be seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise {
    /// Its name.
    pub workload: String,
    /// The share of a visit's requests that reaches it.
    pub share: f64,
    /// By how much its demand moves, requests per second.
    pub deviation: f64,
}

/// Minutes-worth of the share that has come by then, summed from 0: the integral of a log-normal distribution function.
fn come_in_all(people: &Component, minutes: f64) -> f64 {
    if minutes <= 0.0 {
        return 0.0;
    }
    let normal = |z: f64| libm::erfc(-z / std::f64::consts::SQRT_2) / 2.0;
    let (sigma, median) = (people.sigma, people.median);
    let z = (libm::log(minutes) - libm::log(median)) / sigma;
    (minutes * normal(z) - median * libm::exp(sigma * sigma / 2.0) * normal(z - sigma)).max(0.0)
}

/// What people bring on average from the first message of a wave until its soak is over, requests per second, without any
/// margin.
pub fn expects(people: &Component, rate: f64, recipients: u64, soak: SignedDuration) -> f64 {
    let soak = soak.as_secs_f64() / 60.0;
    let all = number::of_count(recipients) / (60.0 * rate) + soak;
    if all <= 0.0 || !all.is_finite() {
        return 0.0;
    }
    rate * people.per_message * (come_in_all(people, all) - come_in_all(people, soak)) / all
}

/// The smallest whole percent of an audience whose traffic stands out on one of the workloads; None where no canary does.
pub fn percent(noises: &[Noise], people: &Component, rate: f64, audience: u64, soak: SignedDuration) -> Option<u32> {
    // The least requests of visits per second that stand out somewhere.
    let enough = noises.iter().map(|noise| STANDS_OUT * noise.deviation / noise.share).reduce(f64::min)?;
    (1..=MOST_PERCENT).find(|percent| {
        let recipients = audience / 100 * u64::from(*percent) + audience % 100 * u64::from(*percent) / 100;
        recipients >= FEWEST && expects(people, rate, recipients, soak) >= enough
    })
}

/// Why nothing can be told from a wave's traffic, if nothing can. `noises` without any: nothing is known.
pub fn unseen(
    noises: &[Noise],
    people: &Component,
    rate: f64,
    margin: f64,
    recipients: u64,
    soak: SignedDuration,
) -> Option<Unseen> {
    let visits = expects(people, rate, recipients, soak);
    let stands_out = |noise: &Noise| visits * noise.share / noise.deviation.max(f64::MIN_POSITIVE);
    let best = noises.iter().max_by(|a, b| stands_out(a).total_cmp(&stands_out(b)))?;
    (visits * best.share < STANDS_OUT * best.deviation).then(|| Unseen {
        workload: best.workload.clone(),
        expects: visits * best.share,
        noise: best.deviation,
        margin,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::plan::load::Profile;

    const TEN: SignedDuration = SignedDuration::from_mins(10);

    fn people(channel: &str) -> Component {
        Profile::builtin(channel, "consumer").unwrap().components().remove(0)
    }

    fn noise(deviation: f64) -> Vec<Noise> {
        vec![Noise { workload: "web".into(), share: 1.0, deviation }]
    }

    /// The mean by summing the load second by second.
    fn plainly(people: &Component, rate: f64, recipients: u64, soak: f64) -> f64 {
        let length = number::of_count(recipients) / (60.0 * rate);
        let all = length + soak;
        let steps = 20_000;
        let sum: f64 = (0..steps)
            .map(|step| {
                let at = (f64::from(step) + 0.5) / f64::from(steps) * all;
                rate * people.per_message * (people.come(at) - people.come(at - length))
            })
            .sum();
        sum / f64::from(steps)
    }

    #[test]
    fn the_mean_is_the_mean_of_the_load() {
        for (channel, rate, recipients) in
            [("email", 100.0, 24_000), ("email", 5_000.0, 24_000), ("push", 5_000.0, 100_000), ("sms", 50.0, 3_000)]
        {
            let (closed, summed) =
                (expects(&people(channel), rate, recipients, TEN), plainly(&people(channel), rate, recipients, 10.0));
            assert!((closed - summed).abs() < 1e-3 * summed, "{channel}: {closed} and {summed}");
        }
    }

    #[test]
    fn two_percent_of_a_large_mailing_are_not_seen_and_ten_may_be() {
        // 24,000 mails at 100 a second: the design measured 1 request a second.
        let mail = people("email");
        let brings = expects(&mail, 100.0, 24_000, TEN);
        assert!((0.5..1.5).contains(&brings), "{brings}");
        let told = unseen(&noise(20.0), &mail, 100.0, 2.3, 24_000, TEN).unwrap();
        assert_eq!((told.workload.as_str(), told.noise), ("web", 20.0));
        // r·K of people is 25 at 100 mails a second: beside a noise of 20 none is ever seen, however large.
        assert_eq!(percent(&noise(20.0), &mail, 100.0, 1_200_000, TEN), None);
        // A push to 5 % of 1.2 million brings 24,000 requests, of which about 41 % come within ten minutes: 16 a second on
        // average; one to 4 % brings 13. Beside a noise of 5 it takes 15.
        let push = people("push");
        assert_eq!(percent(&noise(5.0), &push, 5_000.0, 1_200_000, TEN), Some(5));
        assert_eq!(unseen(&noise(5.0), &push, 5_000.0, 2.3, 60_000, TEN), None);
        assert!(unseen(&noise(5.0), &push, 5_000.0, 2.3, 48_000, TEN).is_some());
    }

    #[test]
    fn a_thousand_at_least_and_a_tenth_at_most() {
        let push = people("push");
        // Nothing moves at all: whatever comes stands out.
        assert_eq!(percent(&noise(0.0), &push, 5_000.0, 1_000_000, TEN), Some(1));
        assert_eq!(percent(&noise(0.0), &push, 5_000.0, 30_000, TEN), Some(4), "3 % are 900");
        assert_eq!(percent(&noise(0.0), &push, 5_000.0, 9_999, TEN), None, "10 % are 999");
        assert_eq!(percent(&[], &push, 5_000.0, 1_000_000, TEN), None, "nothing is known");
        // The workload on which it stands out most counts.
        let mut two = noise(1e9);
        two.push(Noise { workload: "checkout".into(), share: 0.05, deviation: 0.0 });
        assert_eq!(percent(&two, &push, 5_000.0, 1_000_000, TEN), Some(1));
    }
}

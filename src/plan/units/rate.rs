//! Rates: `100/s`, `60000/min`, `5000/h`; exact fractions of one per second.

use std::fmt;

use jiff::SignedDuration;

use super::{UnitError, fraction, number};

/// So many per second, above 0; an exact fraction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u64,
    /// In so many seconds.
    per: u64,
    text: String,
}

impl Rate {
    /// Reads `100/s`, `60000/min` or `5000/h`.
    pub fn parse(text: &str) -> Result<Rate, UnitError> {
        let wrong =
            || UnitError { text: text.to_owned(), what: "a rate above 0", example: "100/s, 60000/min or 5000/h" };
        let (count, places, unit) = number(text.trim()).ok_or_else(wrong)?;
        let seconds: u64 = match unit {
            "/s" => 1,
            "/min" => 60,
            "/h" => 3600,
            _ => return Err(wrong()),
        };
        let per = 10_u64.checked_pow(places).and_then(|scale| scale.checked_mul(seconds)).ok_or_else(wrong)?;
        let rate = Rate { count, per, text: text.trim().to_owned() };
        let value = fraction(count, per).ok_or_else(wrong)?;
        if !(value > 0.0 && value <= 1e9) {
            return Err(wrong());
        }
        Ok(rate)
    }

    /// Per second.
    pub fn per_second(&self) -> f64 {
        // In range since it was parsed.
        fraction(self.count, self.per).unwrap_or(f64::INFINITY)
    }

    /// How long `count` take at this rate, rounded up to whole milliseconds.
    pub fn time_for(&self, count: u64) -> SignedDuration {
        let milliseconds = (u128::from(count) * u128::from(self.per) * 1000).div_ceil(u128::from(self.count.max(1)));
        SignedDuration::from_millis(i64::try_from(milliseconds).unwrap_or(i64::MAX / 1_000_000))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_exact() {
        assert_eq!(Rate::parse("100/s").unwrap().per_second(), 100.0);
        assert_eq!(Rate::parse("60000/min").unwrap().per_second(), 1000.0);
        assert_eq!(Rate::parse("5000/min").unwrap().per_second(), 5000.0 / 60.0);
        assert_eq!(Rate::parse("0.5/s").unwrap().per_second(), 0.5);
        assert_eq!(Rate::parse("5000/min").unwrap().time_for(5000), SignedDuration::from_secs(60));
        // 1,200,000 at 100 a second are 12,000 s.
        assert_eq!(Rate::parse("100/s").unwrap().time_for(1_200_000), SignedDuration::from_secs(12_000));
        // One at three a second takes 333.3 ms, rounded up.
        assert_eq!(Rate::parse("3/s").unwrap().time_for(1), SignedDuration::from_millis(334));
    }

    #[test]
    fn what_is_no_rate_is_refused_with_an_example() {
        for text in [
            "",
            "100",
            "/s",
            "0/s",
            "-1/s",
            "1e3/s",
            "100/d",
            "1,000/s",
            "1./s",
            ".5/s",
            "1.2.3/s",
            "99999999999999999999/s",
            "∞/s",
        ] {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            Rate::parse("1,000/s").unwrap_err().to_string(),
            "\"1,000/s\" is not a rate above 0; write it like 100/s, 60000/min or 5000/h"
        );
    }
}

//! Percents: `75%`, `2.5%`; parts per million inside.

use super::{UnitError, fraction, number};

/// A share from above 0 to 100 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent {
    ppm: u32,
}

/// Parts per million in one percent.
const PPM: u64 = 10_000;

impl Percent {
    /// Reads `75%` or `2.5%`; at most four decimal places.
    pub fn parse(text: &str) -> Result<Percent, UnitError> {
        let wrong =
            || UnitError { text: text.to_owned(), what: "a percentage from 0.0001% to 100%", example: "75% or 2.5%" };
        let (value, places, unit) = number(text.trim()).ok_or_else(wrong)?;
        if unit != "%" || places > 4 {
            return Err(wrong());
        }
        let scale = 10_u64.pow(places);
        let ppm = value.checked_mul(PPM).ok_or_else(wrong)? / scale;
        let ppm = u32::try_from(ppm).ok().filter(|ppm| (1..=1_000_000).contains(ppm)).ok_or_else(wrong)?;
        Ok(Percent { ppm })
    }

    /// As a share of one.
    pub fn fraction(self) -> f64 {
        fraction(u64::from(self.ppm), 1_000_000).unwrap_or(0.0)
    }

    /// In parts per million.
    pub fn ppm(self) -> u32 {
        self.ppm
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp)]
mod tests {
    use super::*;

    #[test]
    fn percents_are_parts_per_million() {
        assert_eq!(Percent::parse("75%").unwrap().fraction(), 0.75);
        assert_eq!(Percent::parse("2.5%").unwrap().ppm(), 25_000);
        assert_eq!(Percent::parse("100%").unwrap().ppm(), 1_000_000);
        for text in ["75", "0%", "101%", "-1%", "0.75", "1.00001%", "%", "NaN%"] {
            assert!(Percent::parse(text).is_err(), "{text}");
        }
    }
}

//! Spans of time: `800ms`, `90s`, `10m`, `36h`, `400d`; whole milliseconds inside.

use jiff::{SignedDuration, Timestamp};

use super::people::Rounding;
use super::{UnitError, number};

/// A span of time, at least 0, in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    milliseconds: i64,
}

/// No span is longer than ten years.
const LONGEST: u64 = 3650 * 86_400_000;

impl Span {
    /// Reads a span above 0.
    pub fn parse(text: &str) -> Result<Span, UnitError> {
        let what = "a span of time above 0";
        Span::read(text).filter(|span| span.milliseconds > 0).ok_or_else(|| wrong(text, what))
    }

    /// Reads a span that may be 0.
    pub fn parse_or_zero(text: &str) -> Result<Span, UnitError> {
        Span::read(text).ok_or_else(|| wrong(text, "a span of time"))
    }

    fn read(text: &str) -> Option<Span> {
        let mut rest = text.trim();
        let mut total: u64 = 0;
        loop {
            let (value, places, after) = number(rest)?;
            let end = after.find(|character: char| character.is_ascii_digit()).unwrap_or(after.len());
            let (unit, next) = after.split_at(end);
            let milliseconds: u64 = match unit {
                "ms" => 1,
                "s" => 1_000,
                "m" | "min" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                _ => return None,
            };
            total = total.checked_add(value.checked_mul(milliseconds)? / 10_u64.checked_pow(places)?)?;
            if next.is_empty() {
                let total = Some(total).filter(|total| *total <= LONGEST)?;
                return Some(Span { milliseconds: i64::try_from(total).ok()? });
            }
            rest = next;
        }
    }

    /// From whole milliseconds; below 0 counts as 0.
    pub fn from_millis(milliseconds: i64) -> Span {
        Span { milliseconds: milliseconds.max(0) }
    }

    /// From one instant to a later one; 0 if it is not later.
    pub fn between(from: Timestamp, to: Timestamp) -> Span {
        Span::from_millis(i64::try_from(to.duration_since(from).as_millis()).unwrap_or(i64::MAX))
    }

    /// As a duration.
    pub fn to_duration(self) -> SignedDuration {
        SignedDuration::from_millis(self.milliseconds)
    }

    /// In words a person reads: `15 s`, `40 min`, `2 h 5 min`, `3 days 4 h`.
    pub fn for_people(self, rounding: Rounding) -> String {
        let in_units = |unit: i64| match rounding {
            Rounding::Up => self.milliseconds.div_euclid(unit) + i64::from(self.milliseconds.rem_euclid(unit) > 0),
            Rounding::Down => self.milliseconds.div_euclid(unit),
        };
        let pair = |count: i64, per: i64, big: &str, small: &str| match (count / per, count % per) {
            (bigs, 0) => format!("{bigs} {big}"),
            (bigs, smalls) => format!("{bigs} {big} {smalls} {small}"),
        };
        let days = |count: i64| if count / 24 == 1 { "day" } else { "days" };
        if self.milliseconds < 120_000 {
            format!("{} s", in_units(1_000))
        } else if self.milliseconds < 3_600_000 {
            format!("{} min", in_units(60_000))
        } else if self.milliseconds < 86_400_000 {
            pair(in_units(60_000), 60, "h", "min")
        } else {
            let hours = in_units(3_600_000);
            pair(hours, 24, days(hours), "h")
        }
    }
}

fn wrong(text: &str, what: &'static str) -> UnitError {
    UnitError { text: text.to_owned(), what, example: "800ms, 90s, 10m, 36h or 400d" }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn spans_in_every_unit() {
        let seconds = |text: &str| Span::parse(text).unwrap().to_duration().as_secs();
        assert_eq!((seconds("90s"), seconds("10m"), seconds("36h"), seconds("400d")), (90, 600, 129_600, 34_560_000));
        assert_eq!(Span::parse("1.5h").unwrap().to_duration().as_secs(), 5400);
        assert_eq!(seconds("1h30m"), 5400);
        assert_eq!(Span::parse("800ms").unwrap().to_duration().as_millis(), 800);
        assert!(Span::parse("0s").is_err());
        assert!(Span::parse_or_zero("0s").is_ok());
        for text in ["10", "m", "-1m", "1 h", "1h30", "4000d", "1e3s"] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spans_for_people() {
        let told = |text: &str| Span::parse(text).unwrap().for_people(Rounding::Up);
        assert_eq!(told("15s"), "15 s");
        assert_eq!(told("119001ms"), "120 s");
        assert_eq!(told("2401s"), "41 min");
        assert_eq!(Span::parse("2401s").unwrap().for_people(Rounding::Down), "40 min");
        assert_eq!(told("125m"), "2 h 5 min");
        assert_eq!(told("24h"), "1 day");
        assert_eq!(told("76h"), "3 days 4 h");
    }
}

//! Thresholds with a unit: `1%`, `800ms`, `5/s`, `0.05`. Inside, the value a query gives: shares of one, seconds, per second.

use super::people::plain;
use super::{Span, UnitError, fraction, number};

/// What a measured value is held against.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    value: f64,
    unit: Unit,
}

/// How it was written, and how values held against it are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A share of one, shown in percent.
    Percent,
    /// Seconds.
    Time,
    /// Per second.
    PerSecond,
    /// Nothing.
    None,
}

impl Threshold {
    /// Reads `1%` (0.01), `800ms` (0.8), `5/s` (5) or `0.05`.
    pub fn parse(text: &str) -> Result<Threshold, UnitError> {
        let wrong = || UnitError { text: text.to_owned(), what: "a threshold", example: "1%, 800ms, 5/s or \"0.05\"" };
        let (digits, places, unit) = number(text.trim()).ok_or_else(wrong)?;
        let scale = 10_u64.checked_pow(places).ok_or_else(wrong)?;
        let plain = |scale: u64| fraction(digits, scale).ok_or_else(wrong);
        let (value, unit) = match unit {
            "" => (plain(scale)?, Unit::None),
            "%" => (plain(scale.checked_mul(100).ok_or_else(wrong)?)?, Unit::Percent),
            "/s" => (plain(scale)?, Unit::PerSecond),
            _ => {
                let span = Span::parse_or_zero(text).map_err(|_| wrong())?;
                (span.to_duration().as_secs_f64(), Unit::Time)
            }
        };
        Ok(Threshold { value, unit })
    }

    /// In the unit that a query gives.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// How it was written.
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// A value that is held against this threshold: with as many digits as it takes to tell the two apart.
    pub fn show_against(&self, value: f64) -> String {
        let (shown, own) = (self.show(value), self.show(self.value));
        if shown != own || value.total_cmp(&self.value).is_eq() {
            return shown;
        }
        match self.unit {
            Unit::Percent => format!("{} %", value * 100.0),
            Unit::Time => format!("{value} s"),
            Unit::PerSecond => format!("{value}/s"),
            Unit::None => format!("{value}"),
        }
    }

    /// A value of the same kind, as people read it: `3.2 %`, `640 ms`.
    pub fn show(&self, value: f64) -> String {
        let number = |scale: f64| {
            // Beside a limit so small that it would read as 0 nothing is rounded.
            let is_tiny = self.value > 0.0 && plain(self.value * scale) == "0";
            if is_tiny { format!("{}", value * scale) } else { plain(value * scale) }
        };
        match self.unit {
            Unit::Percent => format!("{} %", number(100.0)),
            Unit::Time if value.abs() < 1.0 => format!("{} ms", number(1000.0)),
            Unit::Time => format!("{} s", number(1.0)),
            Unit::PerSecond => format!("{}/s", number(1.0)),
            Unit::None => number(1.0),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_in_every_unit() {
        let of = |text: &str| Threshold::parse(text).unwrap();
        assert_eq!(
            (of("1%").value(), of("800ms").value(), of("5/s").value(), of("0.05").value()),
            (0.01, 0.8, 5.0, 0.05)
        );
        assert_eq!(of("1%").show(0.032), "3.2 %");
        assert_eq!(of("800ms").show(0.64), "640 ms");
        assert_eq!(of("2s").show(2.5), "2.5 s");
        assert_eq!(of("0.05").show_against(0.050_04), "0.05004", "never: it is 0.05 (limit 0.05)");
        assert_eq!((of("1%").show_against(0.032), of("1%").show_against(0.01)), ("3.2 %".into(), "1 %".into()));
        assert_eq!(of("0.05").show(0.0512), "0.051");
        assert_eq!(of("5/s").show(1234.0), "1234/s");
        let tiny = of("0.0004");
        let shown = (tiny.show_against(0.0), tiny.show_against(0.000_41), tiny.show(tiny.value()));
        assert_eq!(shown, ("0".into(), "0.00041".into(), "0.0004".into()), "never: it is 0.00041 (limit 0)");
        for text in ["", "1 %", "abc", "-1%", "5/min", "1e-3"] {
            assert!(Threshold::parse(text).is_err(), "{text}");
        }
    }
}

//! Numbers and instants as people read them. What is needed is rounded up and what is free is rounded down, so that a
//! message never promises more than there is.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Which way a shown number may err.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Never less than it is.
    Up,
    /// Never more than it is.
    Down,
}

/// Digits in groups of three: `1,200,000`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count in a narrow column: `950`, `24k`, `1.2M`; rounded down.
pub fn short(count: u64) -> String {
    let scaled = |unit: u64, letter: &str| {
        let tenths = count / (unit / 10);
        match (tenths / 10, tenths % 10) {
            (whole, 0) => format!("{whole}{letter}"),
            (whole, _) if whole >= 100 => format!("{whole}{letter}"),
            (whole, tenth) => format!("{whole}.{tenth}{letter}"),
        }
    };
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => scaled(1_000, "k"),
        1_000_000..1_000_000_000 => scaled(1_000_000, "M"),
        _ => scaled(1_000_000_000, "G"),
    }
}

/// A rate without its unit, in whole requests per second: `1,180`.
pub fn per_second(value: f64, rounding: Rounding) -> String {
    // A number that is a whole one but for rounding noise is that whole one.
    let near = value.round();
    let whole = if (value - near).abs() <= 1e-9 * near.abs().max(1.0) {
        near
    } else {
        match rounding {
            Rounding::Up => value.ceil(),
            Rounding::Down => value.floor(),
        }
    };
    if !whole.is_finite() {
        return "∞".to_owned();
    }
    let sign = if whole < 0.0 { "-" } else { "" };
    let count = format!("{:.0}", whole.abs()).parse().unwrap_or(u64::MAX);
    format!("{sign}{}", grouped(count))
}

/// What is needed: rounded up, with its unit.
pub fn needed(value: f64) -> String {
    format!("{} req/s", per_second(value, Rounding::Up))
}

/// What is free: rounded down, with its unit.
pub fn free(value: f64) -> String {
    format!("{} req/s", per_second(value, Rounding::Down))
}

/// A measured value with three digits that count.
pub fn plain(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let places: usize = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        size if size >= 0.1 => 3,
        _ => 3,
    };
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// An instant in a zone: `14:10` today, `Fri 14:10` within a week, `19 Mar 14:10`, `19 Mar 2027 14:10`.
pub fn instant(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (there, here) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let days = (there.date() - here.date()).get_days();
    let format = if days == 0 {
        "%H:%M"
    } else if (1..7).contains(&days) {
        "%a %H:%M"
    } else if there.year() == here.year() {
        "%-d %b %H:%M"
    } else {
        "%-d %b %Y %H:%M"
    };
    there.strftime(format).to_string()
}

/// A day in a zone: `19 Mar 2027`.
pub fn day(at: Timestamp, zone: &TimeZone) -> String {
    format!("on {}", at.to_zoned(zone.clone()).strftime("%-d %b %Y"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_rates() {
        assert_eq!(grouped(1_200_000), "1,200,000");
        assert_eq!(grouped(999), "999");
        let shown: Vec<String> = [0, 950, 1_000, 24_000, 24_550, 999_999, 1_200_000, 1_000_000_000].map(short).to_vec();
        assert_eq!(shown, ["0", "950", "1k", "24k", "24.5k", "999k", "1.2M", "1G"]);
        assert_eq!(needed(551.2), "552 req/s");
        assert_eq!(free(150.9), "150 req/s");
        assert_eq!(free(-0.5), "-1 req/s");
        // 0.1 + 0.2 errors must not show a whole number as its neighbour.
        assert_eq!(needed(552.000_000_000_1), "552 req/s");
        assert_eq!(free(151.999_999_999_99), "152 req/s");
        assert_eq!(plain(3.200_000_1), "3.2");
    }

    #[test]
    fn instants_in_a_zone() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let now: Timestamp = "2027-03-19T08:00:00Z".parse().unwrap();
        let at = |text: &str| instant(text.parse().unwrap(), now, &berlin);
        assert_eq!(at("2027-03-19T13:10:00Z"), "14:10");
        assert_eq!(at("2027-03-20T13:10:00Z"), "Sat 14:10");
        assert_eq!(at("2027-04-20T12:10:00Z"), "20 Apr 14:10");
        assert_eq!(at("2028-01-20T13:10:00Z"), "20 Jan 2028 14:10");
        assert_eq!(at("2027-03-18T13:10:00Z"), "18 Mar 14:10");
    }
}

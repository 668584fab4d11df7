//! Quantities as people write them: what is read is finite, in range, and what the text says, worked out here once more;
//! and whatever it is, it can be shown. Judges nothing but `plan::units`.

use headroom::plan::units::people::{self, Rounding};
use headroom::plan::units::{Percent, Rate, Span, Threshold};

use super::bytes::Bytes;

/// Ten years, in milliseconds.
const TEN_YEARS: i128 = 3650 * 86_400_000;

/// Reads one input; whether it is a quantity of some kind.
pub fn holds(data: &[u8]) -> bool {
    let mut bytes = Bytes::new(data);
    let (value, count) = (bytes.number(), u64::from_le_bytes(std::array::from_fn(|_| bytes.next())));
    let text = String::from_utf8_lossy(bytes.rest()).into_owned();
    for rounding in [Rounding::Up, Rounding::Down] {
        assert!(!people::per_second(value, rounding).is_empty());
    }
    assert!(!(people::plain(value) + &people::grouped(count) + &people::short(count)).is_empty());
    let read = [rate(&text, count), percent(&text), span(&text), threshold(&text, value)];
    read.contains(&true)
}

/// A number in front of a unit, exactly: its digits, how many of them stand behind the point, and the unit.
fn split(text: &str) -> (i128, u32, &str) {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    assert!(number.starts_with(|first: char| first.is_ascii_digit()), "{text:?} begins with no digit");
    let places = number.split_once('.').map_or(0, |(_, part)| part.len());
    let digits = number.replacen('.', "", 1).parse().unwrap_or_else(|_| panic!("{text:?} is no number"));
    (digits, u32::try_from(places).expect("few"), unit)
}

#[allow(clippy::cast_precision_loss)]
fn is_near(value: f64, digits: i128, parts: i128) -> bool {
    let right = digits as f64 / parts as f64;
    (value - right).abs() <= right.abs() * 1e-15
}

fn rate(text: &str, count: u64) -> bool {
    let Ok(rate) = Rate::parse(text) else { return false };
    let per_second = rate.per_second();
    assert!(per_second.is_finite() && per_second > 0.0 && per_second <= 1e9, "{per_second}/s of {text:?}");
    assert_eq!(Rate::parse(&rate.to_string()).as_ref(), Ok(&rate), "{rate} is read otherwise");
    let (digits, places, unit) = split(text.trim());
    let seconds = match unit {
        "/s" => 1,
        "/min" => 60,
        "/h" => 3600,
        _ => panic!("{unit:?} is no unit of a rate"),
    };
    let per = 10_i128.pow(places) * seconds;
    assert!(is_near(per_second, digits, per), "{per_second}/s of {text:?}");
    // The shortest whole time in which so many fit, as far as a time can be told.
    let time = rate.time_for(count).as_millis();
    let needed = i128::from(count) * per * 1000;
    if needed <= digits * i128::from(i64::MAX) {
        assert!(time * digits >= needed && (time - 1) * digits < needed, "{count} at {text:?} in {time} ms");
    } else {
        assert!(time > TEN_YEARS, "{count} at {text:?} in {time} ms");
    }
    true
}

fn percent(text: &str) -> bool {
    let Ok(percent) = Percent::parse(text) else { return false };
    let (digits, places, unit) = split(text.trim());
    assert_eq!(unit, "%");
    assert_eq!(i128::from(percent.ppm()) * 10_i128.pow(places), digits * 10_000, "of {text:?}");
    assert!((1..=1_000_000).contains(&percent.ppm()) && is_near(percent.fraction(), percent.ppm().into(), 1_000_000));
    let again = format!("{}.{:04}%", percent.ppm() / 10_000, percent.ppm() % 10_000);
    assert_eq!(Percent::parse(&again), Ok(percent), "{again} is read otherwise");
    true
}

fn span(text: &str) -> bool {
    let Ok(span) = Span::parse_or_zero(text) else {
        assert!(Span::parse(text).is_err(), "{text:?} is a span above 0 and none from 0");
        return false;
    };
    let milliseconds = span.to_duration().as_millis();
    assert!((0..=TEN_YEARS).contains(&milliseconds), "{milliseconds} ms of {text:?}");
    assert_eq!(Span::parse(text).ok(), (milliseconds > 0).then_some(span), "{text:?} is 0 or is not");
    let again = format!("{milliseconds}ms");
    assert_eq!(Span::parse_or_zero(&again), Ok(span), "{again} is read otherwise");
    assert!(!span.for_people(Rounding::Up).is_empty() && !span.for_people(Rounding::Down).is_empty());
    let (mut total, mut rest) = (0, text.trim());
    while !rest.is_empty() {
        let (digits, places, behind) = split(rest);
        let end = behind.find(|letter: char| letter.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, next) = behind.split_at(end);
        let unit = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => panic!("{unit:?} is no unit of time"),
        };
        // Each part is cut to whole milliseconds.
        total += digits * unit / 10_i128.pow(places);
        rest = next;
    }
    assert_eq!(milliseconds, total, "of {text:?}");
    true
}

fn threshold(text: &str, value: f64) -> bool {
    let Ok(threshold) = Threshold::parse(text) else { return false };
    let own = threshold.value();
    assert!(own.is_finite() && own >= 0.0, "{own} of {text:?}");
    let (digits, places, unit) = split(text.trim());
    let parts = 10_i128.pow(places);
    match unit {
        "" | "/s" => assert!(is_near(own, digits, parts), "{own} of {text:?}"),
        "%" => assert!(is_near(own, digits, parts * 100), "{own} of {text:?}"),
        _ => {
            let span = Span::parse_or_zero(text).expect("another unit is one of time").to_duration();
            assert!(is_near(own, span.as_millis(), 1000), "{own} of {text:?}");
        }
    }
    assert!(!threshold.show(value).is_empty() && !threshold.show(own).is_empty());
    // Two that differ are told apart.
    let (shown, limit) = (threshold.show_against(value), threshold.show(own));
    assert!(
        shown != limit || value.to_bits() == own.to_bits() || !value.is_finite(),
        "{value} reads as {own}: {shown}"
    );
    true
}

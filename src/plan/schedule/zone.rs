//! Local times as instants. Across a change of the clocks the narrower reading counts: a start is the later instant,
//! an end the earlier one, and a time that the change leaves out is the instant of the change.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

/// Which end of a stretch of time a local time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Nothing before.
    Start,
    /// Nothing after.
    End,
}

/// Seconds from 1970 to the year 5138.
const MOST_SECONDS: i64 = 100_000_000_000;

/// Finds an IANA time zone.
pub fn find(name: &str) -> Result<TimeZone, String> {
    let unknown = || format!("\"{name}\" is not a time zone; write an IANA name such as Europe/Berlin, or UTC");
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    // Names without a place, such as local, would mean the operator's own.
    if name.eq_ignore_ascii_case("local") {
        return Err(unknown());
    }
    TimeZone::get(name).map_err(|_| unknown())
}

/// An instant that carries its offset.
pub fn absolute(text: &str) -> Result<Timestamp, String> {
    let example = "2027-11-26T00:00:00Z";
    let instant: Timestamp =
        text.parse().map_err(|_| format!("\"{text}\" is not an instant with an offset; write it like {example}"))?;
    let sound = instant.as_second().abs() < MOST_SECONDS;
    if sound { Ok(instant) } else { Err(format!("\"{text}\" is too far away")) }
}

/// Reads an instant: with an offset it is one, else it is local time in the zone.
pub fn instant(text: &str, zone: &TimeZone, side: Side) -> Result<Timestamp, String> {
    // Sums with other times must stay possible.
    let within = |instant: Timestamp| {
        let sound = instant.as_second().abs() < MOST_SECONDS;
        if sound { Ok(instant) } else { Err(format!("\"{text}\" is too far away; leave it out if there is no limit")) }
    };
    if let Ok(instant) = text.parse::<Timestamp>() {
        return within(instant);
    }
    match text.parse::<DateTime>() {
        Ok(local) => within(of_local(local, zone, side)),
        Err(_) => Err(format!(
            "\"{text}\" is not a time; write it like 2027-03-19T09:00, or with an offset like 2027-03-19T09:00+01:00"
        )),
    }
}

/// The instant of a local time.
pub fn of_local(local: DateTime, zone: &TimeZone, side: Side) -> Timestamp {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let bound = match side {
        Side::Start => Timestamp::MAX,
        Side::End => Timestamp::MIN,
    };
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => ambiguous.compatible().unwrap_or(bound),
        AmbiguousOffset::Fold { .. } => match side {
            Side::Start => ambiguous.later().unwrap_or(bound),
            Side::End => ambiguous.earlier().unwrap_or(bound),
        },
        AmbiguousOffset::Gap { .. } => {
            let before = ambiguous.earlier().unwrap_or(bound);
            zone.following(before).next().map_or(before, |change| change.timestamp())
        }
    }
}

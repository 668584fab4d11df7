//! A time of day on some days of the week, in a zone; one that ends no later than it begins runs over midnight.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::api::campaign::Window as Written;

use super::zone::{Side, of_local};

/// Days of the week as they are written.
const DAYS: [(&str, Weekday); 7] = [
    ("Mon", Weekday::Monday),
    ("Tue", Weekday::Tuesday),
    ("Wed", Weekday::Wednesday),
    ("Thu", Weekday::Thursday),
    ("Fri", Weekday::Friday),
    ("Sat", Weekday::Saturday),
    ("Sun", Weekday::Sunday),
];

/// A window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Whether it opens on that day, Monday first.
    days: [bool; 7],
    from: Time,
    to: Time,
    /// Whether it ends on the day after the one it opens on.
    ends_next_day: bool,
}

fn day(name: &str) -> Result<usize, String> {
    let known = DAYS.iter().position(|(short, _)| short.eq_ignore_ascii_case(name.trim()));
    known.ok_or_else(|| {
        format!("\"{name}\" is not a day; write Mon, Tue, Wed, Thu, Fri, Sat, Sun or a range such as Mon-Fri")
    })
}

/// A time of day; 24:00 is midnight at the end of the day.
fn time(text: &str) -> Result<(Time, bool), String> {
    if text == "24:00" {
        return Ok((Time::midnight(), true));
    }
    let wrong = || format!("\"{text}\" is not a time of day; write it like \"09:00\", in quotes");
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let (hour, minute) = (hour.parse().map_err(|_| wrong())?, minute.parse().map_err(|_| wrong())?);
    Time::new(hour, minute, 0, 0).map(|time| (time, false)).map_err(|_| wrong())
}

impl Window {
    /// Understands a window; an error comes with the name of the field.
    pub fn parse(written: &Written) -> Result<Window, (&'static str, String)> {
        let mut days = [written.days.is_none(); 7];
        for entry in written.days.iter().flatten() {
            let (first, last) = entry.split_once('-').unwrap_or((entry, entry));
            let (first, last) = (day(first).map_err(|why| ("days", why))?, day(last).map_err(|why| ("days", why))?);
            let mut index = first;
            loop {
                if let Some(chosen) = days.get_mut(index) {
                    *chosen = true;
                }
                if index == last {
                    break;
                }
                index = (index + 1) % 7;
            }
        }
        let (from, _) = time(&written.from).map_err(|why| ("from", why))?;
        let (to, is_midnight) = time(&written.to).map_err(|why| ("to", why))?;
        if from == to && !is_midnight {
            return Err((
                "to",
                "from and to are the same; for a whole day write from \"00:00\" to \"24:00\"".to_owned(),
            ));
        }
        Ok(Window { days, from, to, ends_next_day: is_midnight || to < from })
    }

    /// Every time it is open that has not ended at `from`, for so long ahead.
    pub fn times(&self, zone: &TimeZone, from: Timestamp, ahead: SignedDuration) -> Vec<(Timestamp, Timestamp)> {
        let until = from.checked_add(ahead).unwrap_or(Timestamp::MAX);
        // The one that opened the day before may still be open.
        let mut date = from.to_zoned(zone.clone()).date().checked_sub(1.day()).unwrap_or(Date::MIN);
        let mut times = Vec::new();
        loop {
            let index = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
            let Ok(tomorrow) = date.tomorrow() else { return times };
            if self.days.get(index).copied().unwrap_or(false) {
                let opens = of_local(date.to_datetime(self.from), zone, Side::Start);
                let last = if self.ends_next_day { tomorrow } else { date };
                let closes = of_local(last.to_datetime(self.to), zone, Side::End);
                if opens > until {
                    return times;
                }
                if opens < closes && closes > from {
                    times.push((opens, closes));
                }
            }
            if of_local(date.to_datetime(Time::midnight()), zone, Side::Start) > until {
                return times;
            }
            date = tomorrow;
        }
    }
}

//! Quantities, times and zones that have the right form and still cannot be: `0%`, `30 February`, `Europe/Nowhere`. The
//! form says which of the operator's parsers reads the field, so that a new field is held to it without being named.

use crate::api::campaign::Schedule as Written;
use crate::api::schema::{INSTANT, PERCENT, RATE, SPAN, THRESHOLD, ZONE};
use crate::plan::schedule::Schedule;
use crate::plan::units::{Percent, Rate, Span, Threshold, UnitError};

/// Why a text of that form cannot be used, if it cannot.
pub fn fault(form: &str, text: &str) -> Option<String> {
    let told = |error: UnitError| error.to_string();
    match form {
        RATE => Rate::parse(text).err().map(told),
        PERCENT => Percent::parse(text).err().map(told),
        SPAN => Span::parse_or_zero(text).err().map(told),
        THRESHOLD => Threshold::parse(text).err().map(told),
        ZONE => time(&Written { time_zone: Some(text.to_owned()), ..Written::default() }),
        INSTANT => time(&Written { start: Some(text.to_owned()), ..Written::default() }),
        _ => None,
    }
}

fn time(written: &Written) -> Option<String> {
    Schedule::parse(written).err().map(|error| error.why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_the_right_form_may_still_be_impossible() {
        for (form, good, bad) in [
            (RATE, "100/s", "0/s"),
            (PERCENT, "2.5%", "101%"),
            (SPAN, "0s", "4000d"),
            (THRESHOLD, "800ms", "99999999999999999999"),
            (ZONE, "Europe/Berlin", "Europe/Nowhere"),
            (INSTANT, "2027-02-28T09:00", "2027-02-30T09:00"),
        ] {
            assert_eq!(fault(form, good), None, "{good}");
            assert!(fault(form, bad).is_some(), "{bad}");
        }
    }
}

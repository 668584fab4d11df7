#![allow(clippy::unwrap_used)]

use super::*;
use crate::api::campaign::{Schedule as WrittenSchedule, Window};
use crate::plan::schedule::Schedule;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn freeze(from: &str, to: &str) -> Freeze {
    let written = Written { from: from.into(), to: to.into(), reason: "stock-taking".into() };
    Freeze::parse_all(&[written]).unwrap().remove(0)
}

fn times(windows: &[(&str, &str)], end: Option<&str>) -> WaveSchedule {
    let window = |(from, to): &(&str, &str)| Window { days: None, from: (*from).into(), to: (*to).into() };
    let written = WrittenSchedule {
        end: end.map(Into::into),
        windows: (!windows.is_empty()).then(|| windows.iter().map(window).collect()),
        ..WrittenSchedule::default()
    };
    Schedule::parse(&written).unwrap().for_wave("spec.waves[a]", None, None).unwrap()
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[test]
fn a_wave_waits_for_the_end_of_a_freeze_and_for_the_next_window_after_it() {
    let freezes = [freeze("2027-03-19T10:00:00Z", "2027-03-19T12:30:00Z")];
    let (fit_free, cause) = fit(&times(&[], None), &freezes, at("2027-03-19T11:00:00Z"), HOUR);
    assert_eq!(fit_free, Fit::Later { at: at("2027-03-19T12:30:00Z"), window_was_open: false });
    assert_eq!(cause, Some(&freezes[0]));
    // Windows from 9 to 13: after the freeze half an hour is left, which is not enough; the next is tomorrow's.
    let (fit_window, _) = fit(&times(&[("09:00", "13:00")], None), &freezes, at("2027-03-19T11:00:00Z"), HOUR);
    assert_eq!(fit_window, Fit::Later { at: at("2027-03-20T09:00:00Z"), window_was_open: false });
}

#[test]
fn a_wave_must_have_left_when_a_freeze_begins() {
    let freezes = [freeze("2027-03-19T10:00:00Z", "2027-03-19T12:00:00Z")];
    let last = fit(&times(&[], None), &freezes, at("2027-03-19T09:00:00Z"), HOUR).0;
    assert_eq!(last, Fit::Now { until: Some(at("2027-03-19T10:00:00Z")) });
    let late = fit(&times(&[], None), &freezes, at("2027-03-19T09:00:01Z"), HOUR).0;
    assert_eq!(late, Fit::Later { at: at("2027-03-19T12:00:00Z"), window_was_open: false });
}

#[test]
fn freezes_that_follow_one_another_are_passed_one_by_one_and_the_end_holds() {
    let freezes = [
        freeze("2027-03-19T10:00:00Z", "2027-03-19T12:00:00Z"),
        freeze("2027-03-19T12:30:00Z", "2027-03-19T14:00:00Z"),
    ];
    let (next, cause) = fit(&times(&[], None), &freezes, at("2027-03-19T10:00:00Z"), HOUR);
    assert_eq!(next, Fit::Later { at: at("2027-03-19T14:00:00Z"), window_was_open: false });
    assert_eq!(cause, Some(&freezes[0]));
    let (never, _) = fit(&times(&[], Some("2027-03-19T14:59:59Z")), &freezes, at("2027-03-19T10:00:00Z"), HOUR);
    assert_eq!(never, Fit::Never);
}

#[test]
fn a_freeze_that_ends_before_it_begins_names_its_field() {
    let written = Written { from: "2027-03-19T12:00Z".into(), to: "2027-03-19T12:00Z".into(), reason: "x".into() };
    let error = Freeze::parse_all(&[written]).unwrap_err();
    assert_eq!(error.to_string(), "spec.admission.freezes[0].to: must be after from");
}

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn window(days: &[&str], from: &str, to: &str) -> WrittenWindow {
    let days = (!days.is_empty()).then(|| days.iter().map(ToString::to_string).collect());
    WrittenWindow { days, from: from.into(), to: to.into() }
}

fn schedule(
    start: Option<&str>,
    end: Option<&str>,
    windows: Vec<WrittenWindow>,
) -> Result<WaveSchedule, ScheduleError> {
    let written = Written {
        time_zone: Some("Europe/Berlin".into()),
        start: start.map(Into::into),
        end: end.map(Into::into),
        windows: (!windows.is_empty()).then_some(windows),
        on_deadline: None,
    };
    Schedule::parse(&written)?.for_wave("spec.waves[x]", None, None)
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[test]
fn a_wave_starts_inside_start_and_end_only_if_it_also_ends_there() {
    // Berlin is one hour ahead of UTC on 19 March 2027.
    let day = schedule(Some("2027-03-19T09:00"), Some("2027-03-19T18:00"), vec![]).unwrap();
    assert_eq!(
        day.fit(at("2027-03-19T07:00:00Z"), HOUR),
        Fit::Later { at: at("2027-03-19T08:00:00Z"), window_was_open: false }
    );
    assert_eq!(day.fit(at("2027-03-19T08:00:00Z"), HOUR), Fit::Now { until: Some(at("2027-03-19T17:00:00Z")) });
    assert_eq!(day.fit(at("2027-03-19T16:00:00Z"), HOUR), Fit::Now { until: Some(at("2027-03-19T17:00:00Z")) });
    assert_eq!(day.fit(at("2027-03-19T16:00:00.001Z"), HOUR), Fit::Never);
    assert_eq!(day.fit(at("2027-03-19T17:00:00Z"), SignedDuration::ZERO), Fit::Never);
}

#[test]
fn windows_are_waited_for_and_joined() {
    let office =
        schedule(None, None, vec![window(&["Mon-Fri"], "09:00", "12:00"), window(&["Mon-Fri"], "12:00", "14:00")])
            .unwrap();
    // A Friday, 11:30 local: the two windows are one, so that two hours still fit.
    assert_eq!(office.fit(at("2027-03-19T10:30:00Z"), HOUR * 2), Fit::Now { until: Some(at("2027-03-19T13:00:00Z")) });
    // Three do not; Monday 9:00 local is 8:00 in UTC.
    assert_eq!(
        office.fit(at("2027-03-19T10:30:00Z"), HOUR * 3),
        Fit::Later { at: at("2027-03-22T08:00:00Z"), window_was_open: true }
    );
    assert!(office.fits_at_all(HOUR * 5).is_ok());
    assert_eq!(
        office.fits_at_all(HOUR * 6).unwrap_err(),
        "it takes 6 h to leave, and the longest time in which it may leave without a break is 5 h"
    );
    assert_eq!(office.fit(at("2027-03-19T10:30:00Z"), HOUR * 6), Fit::Never);
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_it_opens() {
    let night = schedule(None, None, vec![window(&["Fri"], "22:00", "02:00")]).unwrap();
    // Saturday 01:00 local: still Friday's window, for one hour.
    assert_eq!(night.fit(at("2027-03-20T00:00:00Z"), HOUR), Fit::Now { until: Some(at("2027-03-20T01:00:00Z")) });
    assert_eq!(
        night.fit(at("2027-03-20T00:00:01Z"), HOUR),
        Fit::Later { at: at("2027-03-26T21:00:00Z"), window_was_open: true }
    );
}

#[test]
fn in_spring_the_hour_that_is_left_out_is_the_instant_of_the_change() {
    // 28 March 2027, 02:00 becomes 03:00 in Berlin, at 01:00 UTC.
    let lost = schedule(Some("2027-03-28T02:30"), None, vec![]).unwrap();
    assert_eq!(lost.start(), Some(at("2027-03-28T01:00:00Z")));
    let until = schedule(None, Some("2027-03-28T02:30"), vec![]).unwrap();
    assert_eq!(until.fit(at("2027-03-28T00:00:00Z"), HOUR), Fit::Now { until: Some(at("2027-03-28T01:00:00Z")) });
    // From 01:00 (00:00 UTC) to 04:00 (02:00 UTC) there are two hours that day, not three.
    let night = schedule(None, None, vec![window(&["Sun"], "01:00", "04:00")]).unwrap();
    assert_eq!(
        night.fit(at("2027-03-27T12:00:00Z"), HOUR * 2),
        Fit::Later { at: at("2027-03-28T00:00:00Z"), window_was_open: false }
    );
    assert_eq!(
        night.fit(at("2027-03-27T12:00:00Z"), HOUR * 3),
        Fit::Later { at: at("2027-04-03T23:00:00Z"), window_was_open: false }
    );
    // A window that lies in the hour left out is not open at all that day.
    let gone = schedule(None, None, vec![window(&["Sun"], "02:10", "02:50")]).unwrap();
    assert_eq!(
        gone.fit(at("2027-03-27T12:00:00Z"), SignedDuration::from_mins(10)),
        Fit::Later { at: at("2027-04-04T00:10:00Z"), window_was_open: false }
    );
}

#[test]
fn in_autumn_the_hour_that_comes_twice_is_read_narrowly() {
    // 31 October 2027, 03:00 becomes 02:00 in Berlin, at 01:00 UTC: 02:30 is 00:30 and 01:30 UTC.
    let later = schedule(Some("2027-10-31T02:30"), None, vec![]).unwrap();
    assert_eq!(later.start(), Some(at("2027-10-31T01:30:00Z")));
    let earlier = schedule(None, Some("2027-10-31T02:30"), vec![]).unwrap();
    assert_eq!(
        earlier.fit(at("2027-10-31T00:00:00Z"), SignedDuration::from_mins(30)),
        Fit::Now { until: Some(at("2027-10-31T00:30:00Z")) }
    );
    // From 02:15 to 02:45 the narrow reading begins (01:15 UTC) after it ends (00:45 UTC): not open that day.
    let twice = schedule(None, None, vec![window(&["Sun"], "02:15", "02:45")]).unwrap();
    assert_eq!(
        twice.fit(at("2027-10-30T12:00:00Z"), SignedDuration::from_mins(10)),
        Fit::Later { at: at("2027-11-07T01:15:00Z"), window_was_open: false }
    );
    // From 01:00 (23:00 UTC) to 04:00 (03:00 UTC) there are four hours that night.
    let night = schedule(None, None, vec![window(&["Sun"], "01:00", "04:00")]).unwrap();
    assert_eq!(
        night.fit(at("2027-10-30T12:00:00Z"), HOUR * 4),
        Fit::Later { at: at("2027-10-30T23:00:00Z"), window_was_open: false }
    );
}

#[test]
fn a_wave_has_windows_and_a_zone_of_its_own_but_no_later_end() {
    let written = Written {
        time_zone: Some("Europe/Berlin".into()),
        end: Some("2027-03-19T18:00".into()),
        windows: Some(vec![window(&[], "09:00", "18:00")]),
        ..Written::default()
    };
    let campaign = Schedule::parse(&written).unwrap();
    let own = [window(&[], "09:00", "11:00")];
    let tokyo = campaign.for_wave("spec.waves[asia]", Some("Asia/Tokyo"), Some(&own)).unwrap();
    // 09:00 in Tokyo is midnight UTC.
    assert_eq!(
        tokyo.fit(at("2027-03-18T12:00:00Z"), HOUR),
        Fit::Later { at: at("2027-03-19T00:00:00Z"), window_was_open: false }
    );
    assert_eq!(
        tokyo.fit(at("2027-03-19T03:00:00Z"), HOUR),
        Fit::Never,
        "the next one would be after the campaign's end"
    );
    let error = campaign.for_wave("spec.waves[asia]", Some("Asia/Nowhere"), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "spec.waves[asia].timeZone: \"Asia/Nowhere\" is not a time zone; write an IANA name such as Europe/Berlin, or UTC"
    );
}

#[test]
fn what_cannot_be_understood_names_the_field_and_the_way_out() {
    let refused = |written: Written| Schedule::parse(&written).unwrap_err().to_string();
    let base = Written::default();
    assert!(
        refused(Written { start: Some("tomorrow".into()), ..base.clone() })
            .starts_with("spec.schedule.start: \"tomorrow\" is not a time; write it like")
    );
    assert!(
        refused(Written { end: Some("2027-02-30T09:00".into()), ..base.clone() }).starts_with("spec.schedule.end: ")
    );
    assert!(
        refused(Written { time_zone: Some("local".into()), ..base.clone() }).starts_with("spec.schedule.timeZone: ")
    );
    assert!(
        refused(Written {
            start: Some("2027-03-19T09:00+01:00".into()),
            end: Some("2027-03-19T08:00Z".into()),
            ..base.clone()
        })
        .starts_with("spec.schedule.end: must be after start")
    );
    let with = |window: WrittenWindow| refused(Written { windows: Some(vec![window]), ..base.clone() });
    assert!(
        with(window(&["Funday"], "09:00", "10:00"))
            .starts_with("spec.schedule.windows[0].days: \"Funday\" is not a day")
    );
    assert!(with(window(&[], "9", "10:00")).starts_with("spec.schedule.windows[0].from: \"9\" is not a time of day"));
    assert!(with(window(&[], "09:00", "25:00")).starts_with("spec.schedule.windows[0].to: "));
    assert!(with(window(&[], "09:00", "09:00")).starts_with("spec.schedule.windows[0].to: from and to are the same"));
}

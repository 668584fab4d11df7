//! Windows and instants: whatever is allowed to leave leaves inside a plain reading of the windows, across every change
//! of the clocks.

use headroom::api::campaign::{Schedule as Written, Window};
use headroom::plan::schedule::{Fit, Schedule};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const ZONES: [&str; 5] = ["Europe/Berlin", "America/New_York", "UTC", "Australia/Lord_Howe", "Asia/Kathmandu"];

#[derive(Clone, Debug)]
struct Hours {
    days: Vec<usize>,
    from: i32,
    to: i32,
}

fn hours() -> impl Strategy<Value = Hours> {
    let days = prop::collection::vec(0_usize..7, 1..4);
    // Around the hours at which clocks are changed, and anywhere.
    let time = || prop_oneof![2 => 0_i32..300, 1 => 0_i32..1440];
    (days, time(), time())
        .prop_filter("from is not to", |(_, from, to)| from != to)
        .prop_map(|(days, from, to)| Hours { days, from, to })
}

fn clock(minutes: i32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

impl Hours {
    fn written(&self) -> Window {
        let days = self.days.iter().map(|day| DAYS[*day].to_owned()).collect();
        Window { days: Some(days), from: clock(self.from), to: clock(self.to) }
    }

    /// A plain reading of the clock on the wall.
    fn holds(&self, instant: Timestamp, zone: &TimeZone) -> bool {
        let there = instant.to_zoned(zone.clone());
        let minute = i32::from(there.hour()) * 60 + i32::from(there.minute());
        let day = usize::try_from(there.weekday().to_monday_zero_offset()).unwrap();
        let opened = |day: usize| self.days.contains(&day);
        if self.from < self.to {
            opened(day) && (self.from..self.to).contains(&minute)
        } else {
            (opened(day) && minute >= self.from) || (opened((day + 6) % 7) && minute < self.to)
        }
    }
}

fn near_a_change() -> impl Strategy<Value = i64> {
    // 28 March and 31 October 2027 at 01:00Z, 14 March 2027 at 07:00Z, 2 October 2027 at 15:30Z, and any time of that year.
    let change = prop::sample::select(vec![1_806_195_600_i64, 1_824_944_400, 1_805_007_600, 1_822_491_000]);
    prop_oneof![3 => (change, -200_000_i64..200_000).prop_map(|(at, off)| at + off), 1 => 1_798_761_600_i64..1_830_297_600]
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn what_may_leave_leaves_inside_the_windows(
        hours in hours(), zone in prop::sample::select(ZONES.to_vec()), second in near_a_change(), takes in 1_i64..7_200, end in prop::option::weighted(0.3, 0_i64..100_000),
    ) {
        let now = Timestamp::from_second(second).unwrap();
        let end = end.map(|after| now + SignedDuration::from_secs(after));
        let written = Written {
            time_zone: Some(zone.to_owned()),
            windows: Some(vec![hours.written()]),
            end: end.map(|end| end.to_string()),
            ..Written::default()
        };
        let schedule = Schedule::parse(&written).unwrap().for_wave("w", None, None).unwrap();
        let zone = TimeZone::get(zone).unwrap();
        let takes = SignedDuration::from_secs(takes);
        let (start, until) = match schedule.fit(now, takes) {
            Fit::Now { until } => (now, until),
            Fit::Later { at, .. } => {
                prop_assert!(at > now);
                (at, None)
            }
            Fit::Never => return Ok(()),
        };
        // From the first message to the last.
        for part in [0, 1, 2, 3, 4] {
            let moment = start + takes * part / 4 - SignedDuration::from_nanos(i64::from(part == 4));
            prop_assert!(hours.holds(moment, &zone), "{moment} is outside {hours:?}");
        }
        prop_assert!(end.is_none_or(|end| start + takes <= end));
        prop_assert!(until.is_none_or(|until| now + takes <= until));
    }
}

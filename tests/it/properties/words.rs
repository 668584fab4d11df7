//! Everything that reads what people write: it never panics, is finite where it accepts, and says the same again where it
//! can be written out.

use std::collections::BTreeMap;

use headroom::api::campaign::{Schedule as WrittenSchedule, Window};
use headroom::plan::schedule::Schedule;
use headroom::plan::template::{Template, Variables};
use headroom::plan::units::people::{self, Rounding};
use headroom::plan::units::{Percent, Rate, Span, Threshold};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

/// Anything at all, and what is nearly right.
fn quantities() -> impl Strategy<Value = String> {
    let units = prop::sample::select(vec![
        "/s", "/min", "/h", "%", "ms", "s", "m", "min", "h", "d", "", "/", "e", " /s", "٣", "µs",
    ]);
    let digits = || {
        prop_oneof![
            3 => prop_oneof![0_u64..130, 0_u64..100_000].prop_map(|number| number.to_string()),
            1 => any::<u64>().prop_map(|number| number.to_string()),
            2 => (0_u32..10_000, 0_u32..1_000_000).prop_map(|(whole, part)| format!("{whole}.{part}")),
            1 => prop::sample::select(vec!["", ".", "1.", ".5", "-1", "+1", "1e9", "1_000", "1,5", "NaN", "inf", "0", "00", "9007199254740993", "18446744073709551616", "1.0000000000"]).prop_map(ToOwned::to_owned),
        ]
    };
    prop_oneof![
        2 => any::<String>(),
        5 => (digits(), units.clone()).prop_map(|(digits, unit)| format!("{digits}{unit}")),
        2 => (digits(), units.clone(), digits(), units).prop_map(|(one, unit, two, other)| format!("{one}{unit}{two}{other}")),
    ]
}

fn instants() -> impl Strategy<Value = String> {
    let plain = (0_i32..12_000, 0_i32..14, 0_i32..33, 0_i32..26, 0_i32..62)
        .prop_map(|(year, month, day, hour, minute)| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}"));
    let ending =
        prop::sample::select(vec!["", "Z", "+01:00", "-23:59", "+24:00", ":60", ":59Z", "[Europe/Berlin]", " ", "T"]);
    prop_oneof![1 => any::<String>(), 4 => (plain, ending).prop_map(|(plain, ending)| format!("{plain}{ending}"))]
}

fn zones() -> impl Strategy<Value = String> {
    let near = vec![
        "UTC",
        "Europe/Berlin",
        "europe/berlin",
        "local",
        "Local",
        "Etc/GMT+12",
        "",
        "/",
        "../etc/passwd",
        "Europe",
        "\0",
        "EST5EDT",
    ];
    prop_oneof![1 => any::<String>(), 3 => prop::sample::select(near).prop_map(ToOwned::to_owned)]
}

fn times() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => any::<String>(),
        4 => (0_u32..26, 0_u32..62).prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}")),
        1 => prop::sample::select(vec!["24:00", "9:5", "-1:00", "+9:00", "٠٩:٠٠", "09:00:00", ":"]).prop_map(ToOwned::to_owned),
    ]
}

fn days() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => any::<String>(),
        3 => prop::sample::select(vec!["Mon", "mon-fri", "Sat-Mon", "Sun", "Mon-", "-", "Mon-Fri-Sat", "Monday", " Tue ", "Sun-Sun"]).prop_map(ToOwned::to_owned),
    ]
}

fn bodies() -> impl Strategy<Value = String> {
    let parts = vec![
        "{",
        "}",
        "{{",
        "}}",
        "\"",
        "\\",
        ":",
        ",",
        "[",
        "]",
        "1",
        "\"a\"",
        "{{ wave.offset }}",
        "{{ parameters.x }}",
        "{{parameters.x}}",
        "{{ key }}",
        "{{ nobody }}",
        "\"a\": ",
        "null",
        " ",
        "\\\"",
        "{{ audience.size }}",
        "\u{e9}",
        "\n",
    ];
    prop_oneof![
        1 => any::<String>(),
        4 => prop::collection::vec(prop::sample::select(parts), 0..10).prop_map(|parts| parts.concat()),
        2 => ("[a-z]{1,6}", prop::sample::select(vec!["wave.offset", "parameters.x", "key", "sendId"])).prop_map(|(name, variable)| format!("{{\"{name}\": {{{{ {variable} }}}}}}")),
    ]
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn rates(text in quantities(), count in 0_u64..=1_000_000_000) {
        if let Ok(rate) = Rate::parse(&text) {
            prop_assert!(rate.per_second() > 0.0 && rate.per_second() <= 1e9);
            prop_assert_eq!(Rate::parse(&rate.to_string()).unwrap(), rate.clone());
            // Messages leave no faster than that.
            let takes = rate.time_for(count).as_secs_f64();
            prop_assert!(takes * rate.per_second() >= f64::from(u32::try_from(count).unwrap()) * (1.0 - 1e-9) || takes > 1e8);
        }
    }

    #[test]
    fn percents_and_spans(text in quantities()) {
        if let Ok(percent) = Percent::parse(&text) {
            prop_assert!(percent.fraction() > 0.0 && percent.fraction() <= 1.0);
            prop_assert!((f64::from(percent.ppm()) / 1e6 - percent.fraction()).abs() < 1e-15);
        }
        if let Ok(span) = Span::parse(&text) {
            prop_assert!(!span.to_duration().is_zero() && !span.to_duration().is_negative());
            prop_assert_eq!(Span::parse_or_zero(&text).unwrap(), span);
            let milliseconds = span.to_duration().as_millis();
            prop_assert_eq!(Span::parse(&format!("{milliseconds}ms")).unwrap(), span);
            prop_assert!(!span.for_people(Rounding::Up).is_empty() && !span.for_people(Rounding::Down).is_empty());
        }
    }

    #[test]
    fn thresholds(text in quantities(), value in prop::num::f64::ANY) {
        if let Ok(threshold) = Threshold::parse(&text) {
            prop_assert!(threshold.value().is_finite() && threshold.value() >= 0.0);
            let (shown, own) = (threshold.show_against(value), threshold.show(threshold.value()));
            prop_assert!(!shown.is_empty());
            // Two values that differ are never shown alike: "it is 1 % (limit 1 %)" explains nothing.
            prop_assert!(shown != own || value.total_cmp(&threshold.value()).is_eq(), "{value} and {own}");
        }
    }

    #[test]
    fn schedules(zone in zones(), start in instants(), end in prop::option::weighted(0.8, instants())) {
        // An end that is the start itself is the nearest miss.
        let end = end.unwrap_or_else(|| start.clone());
        let written = WrittenSchedule { time_zone: Some(zone), start: Some(start), end: Some(end), ..WrittenSchedule::default() };
        if let Ok(schedule) = Schedule::parse(&written) {
            prop_assert!(schedule.start().unwrap() < schedule.end().unwrap());
            let again = WrittenSchedule { start: schedule.start().map(|at| at.to_string()), end: schedule.end().map(|at| at.to_string()), ..written };
            let again = Schedule::parse(&again).unwrap();
            prop_assert_eq!((again.start(), again.end()), (schedule.start(), schedule.end()));
        }
    }

    #[test]
    fn windows(from in times(), to in times(), days in prop::option::of(prop::collection::vec(days(), 0..3))) {
        let window = Window { days, from, to };
        let written = WrittenSchedule { windows: Some(vec![window]), ..WrittenSchedule::default() };
        if let Err(error) = Schedule::parse(&written) {
            prop_assert!(error.field.starts_with("spec.schedule.windows[0]."), "{}", error.field);
        }
    }

    #[test]
    fn bodies_that_are_accepted_are_json_whatever_a_parameter_holds(text in bodies(), parameter in any::<String>()) {
        if let Ok(template) = Template::parse(&text) {
            let parameters = BTreeMap::from([("x".to_owned(), parameter.clone())]);
            let variables = |value: &str| Variables { parameters: BTreeMap::from([("x".to_owned(), value.to_owned())]), key: "k".into(), send_id: "a/b".into(), ..Variables::default() };
            let _ = template.check_parameters(&parameters);
            let body = template.render(&variables(&parameter)).unwrap();
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            // The parameter is data: with another one the structure is the same.
            let plain: serde_json::Value = serde_json::from_str(&template.render(&variables("p")).unwrap()).unwrap();
            prop_assert_eq!(outline(&body), outline(&plain));
        }
    }

    #[test]
    fn numbers_for_people(count in any::<u64>(), value in prop::num::f64::ANY, second in -60_000_000_000_i64..200_000_000_000, now in 0_i64..4_000_000_000) {
        prop_assert_eq!(people::grouped(count).replace(',', "").parse::<u64>().unwrap(), count);
        prop_assert!(people::short(count).len() <= 12);
        prop_assert!(!people::plain(value).is_empty() && !people::needed(value).is_empty() && !people::free(value).is_empty());
        if value.is_finite() && value.abs() < 1e12 {
            let shown = |rounding| people::per_second(value, rounding).replace(',', "").parse::<f64>().unwrap();
            let noise = 1e-9 * value.abs().max(1.0);
            prop_assert!(shown(Rounding::Down) <= value + noise && shown(Rounding::Up) >= value - noise);
        }
        let (at, now) = (Timestamp::from_second(second).unwrap(), Timestamp::from_second(now).unwrap());
        prop_assert!(people::instant(at, now, &TimeZone::UTC).len() <= 24);
    }
}

/// Its structure: keys and kinds.
fn outline(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(fields) => {
            fields.iter().map(|(name, value)| [name.as_str(), ":", &outline(value), ","].concat()).collect::<String>()
                + "{}"
        }
        serde_json::Value::Array(items) => items.iter().map(|item| outline(item) + ",").collect::<String>() + "[]",
        serde_json::Value::String(_) => "s".to_owned(),
        other => other.to_string(),
    }
}

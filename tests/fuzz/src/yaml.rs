//! Files of a repository, whatever is in them: they are read or refused, every finding says where, what is said is the same
//! each time, and an object that lint finds no error in is one that the operator can read.

use headroom::api::{Campaign, CapacityPool, Sender};
use headroom::lint::finding::Severity;
use headroom::lint::{Options, Report, Source, lint, objects, print};
use serde_json::Value;

/// Reads one input; whether lint has nothing against it.
pub fn holds(data: &[u8]) -> bool {
    let (first, content) = data.split_first().unwrap_or((&0, data));
    if let Ok(text) = std::str::from_utf8(content) {
        let _ = headroom::yaml::read_all(text);
    }
    let options = Options {
        closed: first & 1 == 1,
        namespace: (first & 2 == 2).then(|| "shop".to_owned()),
        skip_templates: first & 4 == 4,
        trouble: |_| None,
    };
    let sources = [Source { name: "file.yaml".to_owned(), content: content.to_vec() }];
    let report = lint(&sources, &options);
    let lines = content.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 2;
    for finding in &report.findings {
        assert!(
            (1..=lines).contains(&finding.at.line),
            "a finding in line {} of {lines}: {finding:?}",
            finding.at.line
        );
        assert!(!finding.message.is_empty(), "{finding:?} says nothing");
    }
    shown(&report);
    let is_clean = report.count(Severity::Error) == 0;
    if is_clean {
        for object in objects(&sources) {
            read(object);
        }
    }
    is_clean
}

/// One line of machine-readable findings is one JSON object, and one for people is shown without a byte that moves a cursor.
fn shown(report: &Report) {
    let machine: Value = serde_json::from_str(&print::machine(report)).expect("what machines read is JSON");
    assert!(machine.is_object());
    let people = print::human(report, false) + &print::github(report);
    let moves = people.chars().find(|letter| letter.is_control() && !matches!(letter, '\n' | '\t'));
    assert_eq!(moves, None, "{people:?}");
}

/// An object of ours that nothing was found wrong with.
fn read(object: Value) {
    let text = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
    if !text("apiVersion").starts_with("headroom.dev/") {
        return;
    }
    let why = match text("kind").as_str() {
        "Campaign" => serde_json::from_value::<Campaign>(object.clone()).err(),
        "CapacityPool" => serde_json::from_value::<CapacityPool>(object.clone()).err(),
        "Sender" => serde_json::from_value::<Sender>(object.clone()).err(),
        _ => None,
    };
    assert!(why.is_none(), "lint finds nothing wrong with {object}, and it cannot be read: {why:?}");
}

//! The house, as its own rules have it: who may know whom, and where a clock may be read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::bed::root;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Lines of code of a file, without its tests and comments.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// What breaks the rules: (a module, and what its code must not name).
fn broken(module: &str, path: &Path, code: &str) -> Vec<String> {
    let is_test = path.ends_with("tests.rs");
    let forbidden: &[&str] = match module {
        "api" => &[
            "crate::plan",
            "crate::cluster",
            "crate::controller",
            "crate::senders",
            "crate::prometheus",
            "tokio",
            "reqwest",
        ],
        "plan" => &[
            "crate::cluster",
            "crate::controller",
            "crate::senders",
            "crate::prometheus",
            "crate::clock",
            "crate::metrics",
            "async ",
            ".await",
            "tokio",
            "reqwest",
            "kube::",
            "tracing",
            "Uuid::new_v4",
            "std::fs",
            "std::net",
            "std::env",
        ],
        "cluster" => &["crate::controller", "crate::senders", "crate::prometheus", "crate::web", "crate::cli"],
        "prometheus" => {
            &["crate::controller", "crate::senders", "crate::cluster", "crate::web", "crate::cli", "kube::"]
        }
        "senders" => {
            &["crate::controller", "crate::prometheus", "crate::cluster", "crate::web", "crate::cli", "kube::"]
        }
        // It judges text, and so may know the decisions and the one adapter's view of a query, but touch nothing.
        "lint" => &[
            "crate::cluster",
            "crate::controller",
            "crate::senders",
            "crate::web",
            "crate::cli",
            "crate::clock",
            "crate::metrics",
            "async ",
            ".await",
            "tokio",
            "reqwest",
            "tracing",
            "kube::Client",
            "kube::client",
            "kube::Api",
            "std::fs",
            "std::net",
            "std::env",
            "std::io",
        ],
        "controller" => &["crate::web", "crate::cli"],
        "web" => &["crate::cli", "crate::senders", "crate::prometheus"],
        _ => &[],
    };
    let mut broken: Vec<String> = Vec::new();
    if !is_test {
        broken.extend(
            forbidden
                .iter()
                .filter(|word| code.contains(**word))
                .map(|word| format!("{} names {word}", path.display())),
        );
    }
    // The operator that runs must not know whether its world is a simulation.
    if !matches!(module, "sim" | "cli") && code.contains("crate::sim") {
        broken.push(format!("{} names crate::sim", path.display()));
    }
    // One clock: whoever reads another cannot be simulated.
    for word in ["Timestamp::now", "SystemTime::now", "Zoned::now"] {
        if module != "clock" && !is_test && code.contains(word) {
            broken.push(format!("{} reads a clock by {word}", path.display()));
        }
    }
    // And one source of chance, for the same reason.
    if module != "chance" && !is_test && code.contains("new_v4") {
        broken.push(format!("{} draws by chance", path.display()));
    }
    broken
}

#[test]
fn who_may_know_whom() {
    let src = root().join("src");
    let mut found = Vec::new();
    for path in sources(&src) {
        let inside = path.strip_prefix(&src).unwrap();
        let module = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        found.extend(broken(module, inside, &code(&path)));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_rules_can_be_broken() {
    assert_eq!(broken("plan", Path::new("plan/x.rs"), "use crate::cluster::Error;").len(), 1);
    assert_eq!(broken("senders", Path::new("senders/x.rs"), "let now = Timestamp::now();").len(), 1);
    assert_eq!(broken("lint", Path::new("lint/x.rs"), "let text = std::fs::read_to_string(path);").len(), 1);
    assert!(broken("controller", Path::new("controller/x.rs"), "use crate::cluster::Error;").is_empty());
    assert_eq!(broken("web", Path::new("web/x.rs"), "use crate::sim::apiserver::ApiServer;").len(), 1);
    assert!(broken("cli", Path::new("cli/x.rs"), "use crate::sim::apiserver::ApiServer;").is_empty());
}

#[test]
fn files_open_with_what_they_own_and_stay_small() {
    let mut found = Vec::new();
    for path in sources(&root().join("src")).into_iter().chain(sources(&root().join("tests"))) {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        if !text.starts_with("//!") && !path.ends_with("tests.rs") {
            found.push(format!("{} does not say what it owns", path.display()));
        }
        if lines > 500 && !path.ends_with("tests.rs") {
            found.push(format!("{} has {lines} lines", path.display()));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// First words of the rows of a table, told by its head.
fn rows(text: &str, head: &str) -> Vec<String> {
    let (_, table) = text.split_once(&format!("\n| {head} |")).unwrap_or_else(|| panic!("no table of {head}"));
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('`').nth(1).unwrap_or_else(|| panic!("no word in {row}")).to_owned()).collect()
}

#[test]
fn every_reason_is_documented_and_every_documented_reason_is_one() {
    let text = std::fs::read_to_string(root().join("docs/reasons.md")).unwrap();
    let mut told = rows(&text, "Reason");
    let mut known: Vec<String> = headroom::plan::reason::Reason::ALL.iter().map(ToString::to_string).collect();
    told.sort();
    known.sort();
    assert_eq!(told, known);
}

#[test]
fn every_phase_is_documented_and_every_documented_phase_is_one() {
    let text = std::fs::read_to_string(root().join("docs/reasons.md")).unwrap();
    let definition = serde_json::to_value(schemars::schema_for!(headroom::api::Phase)).unwrap();
    let words = definition["oneOf"].as_array().unwrap().iter().map(|one| one["const"].as_str().unwrap().to_owned());
    let mut known: Vec<String> = words.collect();
    let mut told = rows(&text, "Phase");
    told.sort();
    known.sort();
    assert_eq!(told, known);
}

/// Words where conditions and events are made that look like a reason and are none: types and statuses of conditions,
/// types and actions of events, a phase, states of a wave, kinds of a metric.
const NO_REASONS: [&str; 28] = [
    "Accepted",
    "Approved",
    "BrokenOff",
    "False",
    "Finished",
    "Firing",
    "Floor",
    "HeadroomConfirmed",
    "Hold",
    "Job",
    "Look",
    "Missed",
    "Normal",
    "Pending",
    "Read",
    "Released",
    "Restore",
    "Scale",
    "ScaleHeld",
    "ScaleReady",
    "ScaleRestored",
    "SensorTrusted",
    "Skipped",
    "Stalled",
    "True",
    "Unknown",
    "Warning",
    "WindowOpen",
];

/// Text in quotes that is one word written like a reason.
fn quoted_words(code: &str) -> Vec<String> {
    let is_word = |text: &&str| {
        text.len() > 2
            && text.starts_with(|first: char| first.is_ascii_uppercase())
            && text.chars().all(|letter| letter.is_ascii_alphabetic())
            && text.chars().any(|letter| letter.is_ascii_lowercase())
    };
    code.lines().flat_map(|line| line.split('"').skip(1).step_by(2)).filter(is_word).map(str::to_owned).collect()
}

#[test]
fn every_other_word_of_conditions_and_events_is_documented_and_the_other_way_round() {
    let text = std::fs::read_to_string(root().join("docs/reasons.md")).unwrap();
    let (reasons, words) = (rows(&text, "Reason"), rows(&text, "Word"));
    // What files and simulated servers say is no word of the operator's.
    let is_operator =
        |path: &PathBuf| !["sim", "lint"].iter().any(|room| path.starts_with(root().join("src").join(room)));
    let makers = sources(&root().join("src"))
        .into_iter()
        .filter(is_operator)
        .map(|path| code(&path))
        .filter(|code| [".tell(", ".tell_of(", "Wanted { kind"].iter().any(|maker| code.contains(maker)));
    let said: BTreeSet<String> = makers.flat_map(|code| quoted_words(&code)).collect();
    for word in &words {
        assert!(said.contains(word), "docs/reasons.md tells of {word}, which nothing says");
    }
    let untold: Vec<&String> = said.iter().filter(|word| !reasons.contains(word) && !words.contains(word)).collect();
    assert_eq!(untold, NO_REASONS, "a word that conditions or events show is missing from docs/reasons.md");
}

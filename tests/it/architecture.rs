//! The house, as its own rules have it: who may know whom, and where a clock may be read.

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

#[test]
fn every_reason_is_documented() {
    let text = std::fs::read_to_string(root().join("docs/reasons.md")).unwrap();
    for reason in headroom::plan::reason::Reason::ALL {
        assert!(text.contains(&format!("| `{reason}` |")), "docs/reasons.md does not tell of {reason}");
    }
}

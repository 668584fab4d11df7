//! The mutants of `tests/mutants`: each is a defect that somebody might make, as a patch, with the seeds or the test that
//! find it. `tests/mutants/run` runs them; here only what would keep it from running is found.

use std::process::Command;

use crate::support::bed::root;

fn patches() -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(root().join("tests/mutants")).unwrap();
    let mut all: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
    all.sort();
    all
}

#[test]
fn every_mutant_says_what_it_is_and_what_catches_it() {
    let all = patches();
    assert!(all.len() >= 15, "{} mutants", all.len());
    for path in all {
        let text = std::fs::read_to_string(&path).unwrap();
        let has = |field: &str| text.lines().any(|line| line.strip_prefix(field).is_some_and(|rest| rest.len() > 1));
        assert!(has("Mutant: ") && has("Caught-by: "), "{}", path.display());
        assert!(has("Seeds: ") != has("Test: "), "{}", path.display());
    }
}

#[test]
fn every_mutant_still_applies() {
    if Command::new("git").arg("--version").output().is_err() {
        eprintln!("there is no git here, so whether the mutants still apply is not known");
        return;
    }
    for path in patches() {
        let told = Command::new("git").args(["apply", "--check"]).arg(&path).current_dir(root()).output().unwrap();
        let why = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(told.status.success(), "{} no longer applies: {why}", path.display());
    }
}

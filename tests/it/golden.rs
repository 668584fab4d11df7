//! Golden cases of the decision: one snapshot, one instant, and the plan that follows, in a file each
//! (`tests/golden/plan`; `tests/golden/README.md` says how they are written). What is expected is worked out in the file, by hand or by
//! `tests/golden/arithmetic.py`, and never comes from the program. Needs no bed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use headroom::plan::plan;
use headroom::plan::reason::Reason;

use crate::support::bed::root;

mod campaign;
pub mod case;
mod entry;
mod expect;
mod gates;
mod measured;
mod merge;
mod pool;
pub mod world;

use case::Case;

/// Cases that the program does not meet yet, each with the reason. One that is met must leave the list.
const KNOWN: [(&str, &str); 0] = [];

/// Every case, in the order of their names.
fn files() -> Vec<PathBuf> {
    let folder = root().join("tests/golden/plan");
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    files.sort();
    files
}

fn name(file: &std::path::Path) -> String {
    file.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn every_case_is_decided_as_it_was_worked_out() {
    let mut told = Vec::new();
    let files = files();
    for file in &files {
        let name = name(file);
        let case = match Case::read(file) {
            Ok(case) => case,
            Err(why) => {
                told.push(format!("{name}: {why}"));
                continue;
            }
        };
        // What it shows and why are for people, and must be there.
        if case.title.len() < 10 || case.why.trim().is_empty() {
            told.push(format!("{name}: title and why say too little"));
        }
        let (snapshot, now) = match world::build(&case) {
            Ok(built) => built,
            Err(why) => {
                told.push(format!("{name}: {why}"));
                continue;
            }
        };
        let differences = case.expect.against(&plan(&snapshot, now));
        match KNOWN.iter().find(|(known, _)| *known == name) {
            Some((_, why)) if differences.is_empty() => {
                told.push(format!("{name}: is met now; take it out of KNOWN ({why})"));
            }
            Some(_) => {}
            None => told.extend(differences.iter().map(|difference| format!("{name}: {difference}"))),
        }
    }
    assert!(told.is_empty(), "\n{}\n", told.join("\n"));
    assert!(files.len() >= 200, "{} cases", files.len());
}

#[test]
fn every_reason_is_expected_by_a_case() {
    let mut seen = BTreeSet::new();
    for file in files() {
        let Ok(case) = Case::read(&file) else { continue };
        seen.extend(case.expect.reasons());
    }
    let missing: Vec<String> =
        Reason::ALL.iter().map(ToString::to_string).filter(|reason| !seen.contains(reason)).collect();
    assert!(missing.is_empty(), "no case expects {missing:?}");
    let known: BTreeSet<String> = Reason::ALL.iter().map(ToString::to_string).collect();
    let strange: Vec<&String> = seen.difference(&known).collect();
    assert!(strange.is_empty(), "no such reason: {strange:?}");
}

#[test]
fn every_phase_is_expected_by_a_case() {
    const PHASES: [&str; 15] = [
        "Pending",
        "Refused",
        "AwaitingApproval",
        "Scheduled",
        "Queued",
        "Scaling",
        "Confirming",
        "Sending",
        "Soaking",
        "Held",
        "NeedsAttention",
        "Observing",
        "Completed",
        "Skipped",
        "Aborted",
    ];
    let cases = files().into_iter().filter_map(|file| Case::read(&file).ok());
    let seen: BTreeSet<String> = cases.flat_map(|case| case.expect.phases()).collect();
    let missing: Vec<&&str> = PHASES.iter().filter(|phase| !seen.contains(**phase)).collect();
    assert!(missing.is_empty(), "no case expects {missing:?}");
}

#[test]
fn a_key_that_nobody_knows_is_an_error() {
    let with =
        |text: &str| Case::of(&format!("title: x\nwhy: x\n{text}")).and_then(|case| world::build(&case).map(drop));
    assert_eq!(with("expect: {}"), Ok(()));
    for text in [
        "expect: {relase: none}",
        "exept: {}",
        "workloads: {web: {demandd: 3}}\nexpect: {}",
        "campaigns: [{name: sale, spec: {audiance: {size: 3}}}]\nexpect: {}",
        "campaigns: [{name: sale, sender: {spec: {rate: 3}}}]\nexpect: {}",
        "pool: {spec: {suspended: true}}\nexpect: {}",
        "workloads: {wob: {demand: 3}}\nexpect: {}",
        "workloads: {web: {claim: {silentSince: 1m}}}\nexpect: {}",
        "gates: {incident: 0}\nexpect: {}",
        "gates: {stop: stopped}\nexpect: {}",
        "gates: {checks: {page: 1}}\nexpect: {}",
        "gates: {rollouts: {landing: Gone}}\nexpect: {}",
        "gates: {rollouts: {landing: {complete: true, image: x}}}\nexpect: {}",
        "gates: {others: {teaser: {phase: Complete}}}\nexpect: {}",
        "campaigns: [{asks: {holds: x}}]\nexpect: {}",
        "expect: {release: {campaign: a, wave: b, offset: 0, recipients: 1, withoutHeadroom: {by: a, reason: b}}}",
    ] {
        assert!(with(text).is_err(), "{text}");
    }
}

//! `headroom lint` as a hook or a pipeline runs it: what it reads, what it prints where, and how it ends. What is said of
//! a file is shown in `src/lint/tests.rs`. Needs no bed.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::bed::root;

/// Runs it in `tests/lint`, with that on standard input.
fn lint(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_headroom"))
        .arg("lint")
        .args(arguments)
        .current_dir(root().join("tests/lint"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Whoever does not read it closes it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn ended(arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let output = lint(arguments, input);
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_exit_code_says_whether_anything_is_wrong() {
    assert_eq!(ended(&["world.yaml", "good"], "").0, Some(0));
    assert_eq!(ended(&["world.yaml", "bad/yaml-octal.yaml"], "").0, Some(1));
    // A note and a warning are allowed; a warning is not under --strict, a reference that leads nowhere not under --closed.
    assert_eq!(ended(&["world.yaml", "bad/pool-not-found.yaml"], "").0, Some(0));
    assert_eq!(ended(&["world.yaml", "bad/pool-not-found.yaml", "--closed"], "").0, Some(1));
    assert_eq!(ended(&["world.yaml", "bad/left-over.yaml"], "").0, Some(0));
    assert_eq!(ended(&["world.yaml", "bad/left-over.yaml", "--strict"], "").0, Some(1));
    for cannot in [&["nowhere.yaml"][..], &[], &["--format", "xml", "world.yaml"]] {
        assert_eq!(ended(cannot, "").0, Some(2), "{cannot:?}");
    }
    // What can be read is told all the same.
    let output = lint(&["nowhere.yaml", "bad/yaml-octal.yaml"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stdout).contains("[yaml-number]"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("failed to read nowhere.yaml"));
}

#[test]
fn folders_and_standard_input_are_read_and_the_order_is_always_the_same() {
    let (code, first) = ended(&["."], "");
    assert_eq!(code, Some(1));
    assert!(first.contains("./bad/yaml-octal.yaml:9:11: error: spec.audience.size: "), "{first}");
    assert!(!first.contains('\u{1b}'), "no colour where nobody sees it");
    assert_eq!(ended(&["./bad", "."], "").1, first);
    let (code, said) = ended(&["-", "world.yaml"], "apiVersion: headroom.dev/v1\nkind: Sender\n");
    assert_eq!(code, Some(1));
    assert!(said.starts_with("<stdin>:1:13: error: apiVersion: there is no version"), "{said}");
}

#[test]
fn programs_and_github_read_it() {
    let (_, said) = ended(&["--format", "json", "world.yaml", "bad/yaml-clock.yaml"], "");
    let read: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&read["summary"]["errors"], &read["findings"][1]["line"]), (&Value::from(2), &Value::from(13)));
    let (_, said) = ended(&["--format", "github", "world.yaml", "bad/yaml-clock.yaml"], "");
    assert!(said.starts_with("::error file=bad/yaml-clock.yaml,line=12,col=13,title=yaml-clock::"), "{said}");
}

#[test]
fn what_the_api_server_refuses_is_found_without_one() {
    for (object, part) in crate::crds::wrong() {
        let (code, said) = ended(&["-", "--format", "json"], &object.to_string());
        assert_eq!(code, Some(1), "{object}: {said}");
        let read: Value = serde_json::from_str(&said).unwrap();
        let errors = read["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == "error");
        // One cause, one finding; where the server names the field, so does this.
        let errors: Vec<&Value> = errors.collect();
        assert_eq!(errors.len(), 1, "{object}: {said}");
        if part.starts_with("spec.") && !part.contains(' ') {
            assert_eq!(errors[0]["field"], part, "{object}: {said}");
        }
    }
}

//! `headroom simulate` as a person runs it: files in, a report out, and an exit code.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::bed::root;

fn simulate(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_headroom"))
        .arg("simulate")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// One of the demo's files.
fn demo(name: &str) -> String {
    std::fs::read_to_string(root().join(format!("examples/demo/{name}.yaml"))).unwrap().replace("PORT", "80")
}

/// A folder with the demo's files, and this campaign in place of its own.
fn folder(campaign: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(Path::join(folder.path(), name), text).unwrap();
    for name in ["shop", "pool", "sender"] {
        write(&format!("{name}.yaml"), &demo(name));
    }
    write("campaign.yaml", campaign);
    folder
}

const QUIET: [&str; 4] = ["--flat", "0.5", "--for", "2h"];

#[test]
fn a_folder_is_played_and_the_approval_it_lacks_is_told() {
    let campaign = demo("campaign").replace("  channel: push\n", "  channel: push\n  approval: {required: true}\n");
    assert!(campaign.contains("approval"));
    let folder = folder(&campaign);
    let path = folder.path().to_str().unwrap();
    let played = simulate(&[&[path][..], &QUIET].concat(), "");
    let told = text(&played.stdout);
    assert_eq!(played.status.code(), Some(0), "{told}{}", text(&played.stderr));
    assert!(told.contains("marketing/flash-sale wave \"rest\" to 36,000 recipients: there was room"), "{told}");
    let needs =
        "marketing/flash-sale needs an approval before it goes, which here it has: see \"kubectl headroom approve\".";
    assert!(told.contains(needs), "{told}");
}

#[test]
fn a_listmonk_is_played_and_asks_for_its_parameter_first() {
    let sender = demo("sender");
    let (before, _) = sender.split_once("  webhook:").unwrap();
    let sender = format!("{before}  listmonk: {{url: \"http://listmonk.mail:9000\", secretRef: {{name: listmonk}}}}\n");
    let folder = folder(&demo("campaign"));
    std::fs::write(folder.path().join("sender.yaml"), sender).unwrap();
    let path = folder.path().to_str().unwrap();
    let told = simulate(&[&[path][..], &QUIET].concat(), "");
    assert_eq!(told.status.code(), Some(2), "{}", text(&told.stdout));
    assert!(text(&told.stderr).contains("campaignId is missing"), "{}", text(&told.stderr));
    let campaign = demo("campaign");
    let line = campaign.lines().find(|line| line.starts_with("  parameters:")).unwrap();
    let id = "  parameters: {campaignId: \"12\"}";
    std::fs::write(folder.path().join("campaign.yaml"), campaign.replace(line, id)).unwrap();
    let played = simulate(&[&[path][..], &QUIET].concat(), "");
    let told = text(&played.stdout);
    assert_eq!(played.status.code(), Some(0), "{told}{}", text(&played.stderr));
    assert!(told.contains("marketing/flash-sale wave \"rest\" to 36,000 recipients: there was room"), "{told}");
}

#[test]
fn standard_input_is_played_and_nothing_is_said_of_approvals_that_nobody_asked_for() {
    let all = ["shop", "pool", "sender", "campaign"].map(demo).join("\n---\n");
    let played = simulate(&[&["-"][..], &QUIET].concat(), &all);
    let told = text(&played.stdout);
    assert_eq!(played.status.code(), Some(0), "{told}{}", text(&played.stderr));
    assert!(told.contains("marketing/flash-sale: Completed, 2/2") && !told.contains("approval"), "{told}");
}

#[test]
fn a_file_with_an_error_is_not_played_and_lint_says_where_it_is() {
    let folder = folder(&demo("campaign").replace("percent: 10", "percnt: 10"));
    let refused = simulate(&[folder.path().to_str().unwrap()], "");
    let told = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("campaign.yaml:17:20: error: spec.waves[0].percnt"), "{told}");
    assert!(told.contains("did you mean percent?") && text(&refused.stdout).is_empty(), "{told}");
}

//! A node that has been here leaves nothing: no process, no control group, no mount, no network interface, no file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::bed::{Exports, root};
use crate::support::node;

/// What the machine has that a node could have added to.
fn of_the_machine() -> (BTreeSet<String>, BTreeSet<String>) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap().lines().map(str::to_owned).collect();
    let interfaces = fs::read_dir("/sys/class/net").unwrap();
    (mounts, interfaces.map(|it| it.unwrap().file_name().into_string().unwrap()).collect())
}

/// Command lines that name the folder; a process that ends meanwhile has none.
fn processes(dir: &Path) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = all.filter_map(|process| fs::read_to_string(process.path().join("cmdline")).ok());
    lines.map(|line| line.replace('\0', " ")).filter(|line| line.contains(dir.to_str().unwrap())).collect()
}

#[test]
fn a_node_that_is_taken_down_is_gone_without_a_trace() {
    // Whether there can be one is said once.
    if node::node().is_none() {
        return;
    }
    let before = of_the_machine();
    let exports = Exports::of(&["--node"]).unwrap();
    let dir = PathBuf::from(exports.value("HEADROOM_BED"));
    let listed = fs::read_to_string(dir.join("cgroups")).unwrap();
    let groups: Vec<&str> = listed.lines().collect();
    assert!(!groups.is_empty() && groups.iter().all(|group| Path::new(group).exists()), "{groups:?}");
    assert!(!processes(&dir).is_empty());

    let down = Command::new(root().join("tests/bed/down")).arg("--dir").arg(&dir).output().unwrap();
    assert!(down.status.success(), "{}", String::from_utf8_lossy(&down.stderr));
    assert_eq!(of_the_machine(), before);
    assert_eq!(processes(&dir), [""; 0]);
    let left: Vec<&&str> = groups.iter().filter(|group| Path::new(group).exists()).collect();
    assert!(left.is_empty() && !dir.exists(), "{left:?} {}", dir.display());
}

//! What helm says after an install: what is out of the ordinary about it, and commands that can be typed as they stand, the
//! next one last.

use std::process::Command;

use super::{URL, chart, helm};
use crate::support::bed::{bed, root};

/// What is said with these values. No cluster is asked.
fn said(values: &[&str]) -> String {
    let chart = chart();
    let install = ["install", "headroom", &chart, "--namespace", "ops", "--dry-run=client"];
    let text = helm(&[&install[..], values].concat()).unwrap();
    text.split_once("\nNOTES:\n").unwrap().1.to_owned()
}

#[test]
fn each_peculiarity_is_told_of_and_only_then() {
    let usual = said(&["--set", URL]);
    for (set, words) in [
        ("senderNamespaces={mail}", "senderNamespaces is empty"),
        ("receivers.networks={10.96.0.0/12}", "receivers.networks is empty"),
        ("metrics.serviceMonitor.enabled=true", "every pod behind headroom.ops, and not the address"),
        ("metrics.serviceMonitor.enabled=true", "needs it in metrics.serviceMonitor.additionalLabels"),
        ("replicas=3", "each of the 3 replicas"),
        (
            "networkPolicy.enabled=true,networkPolicy.ingressFrom[0].podSelector.matchLabels.app=prometheus",
            "among the peers of networkPolicy.ingressFrom",
        ),
        ("networkPolicy.enabled=true,networkPolicy.egress[0].ports[0].port=443", "networkPolicy.egress is set"),
        ("ledger.protect=false", "ledger.protect is false"),
        ("approval.protect=false", "approval.protect is false"),
        ("rbac.create=false,serviceAccount.name=own", "give ops/own the rights"),
        ("restore.onUninstall=false", "a Job gives all borrowed scale back"),
        ("restore.timeout=90s", "(at most 90s)"),
        (
            "restore.onUninstall=false,ledger.namespace=records",
            "\n   headroom restore --install ops/headroom --ledger-namespace records\n",
        ),
    ] {
        let then = said(&["--set", URL, "--set", set]);
        assert_ne!(usual.contains(words), then.contains(words), "{set}: {words}\n{then}");
    }
}

#[test]
fn the_last_line_is_the_next_command() {
    let full = root().join("charts/headroom/ci/full-values.yaml");
    for values in [["--set", URL], ["--values", full.to_str().unwrap()]] {
        let said = said(&values);
        assert_eq!(said.trim_end().lines().last(), Some("   kubectl -n ops rollout status deployment/headroom"));
    }
}

#[test]
fn the_pool_can_be_pasted_and_is_a_good_one() {
    let said = said(&["--set", URL]);
    // Flush left: a shell that is given it with blanks before END waits for more.
    let (_, rest) = said.split_once("\nkubectl apply -f - <<'END'\n").unwrap();
    let (pool, _) = rest.split_once("\nEND\n").unwrap();
    let file = bed().dir.join("pool-of-the-notes.yaml");
    std::fs::write(&file, pool).unwrap();
    let lint = Command::new(env!("CARGO_BIN_EXE_headroom")).args(["lint", "--strict"]).arg(file).output().unwrap();
    let told = String::from_utf8_lossy(&lint.stdout);
    assert!(lint.status.success() && told.contains("1 CapacityPool"), "{told}");
}

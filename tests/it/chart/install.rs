//! The whole chart on a real API server: definitions and policies included, in a namespace that enforces the restricted
//! Pod Security Standard. What protects the ledger holds against an administrator, and nothing of the record goes with
//! the release.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{chart, helm};
use crate::support::bed::bed;

const NAMESPACE: &str = "guard-op";
const LEDGER: &str = "guard-ledger";
const OTHER: &str = "guard-other";
/// The words of the two policies.
const ENTRIES: &str = "WaveReleases are the record that prevents a second send. Only Headroom may remove them";
const HOME: &str = "The record that prevents a second send lives in this";

/// Policies take effect a little after they are written, and as long after they are gone.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_mins(2), "{what} was not so after two minutes");
        std::thread::sleep(Duration::from_millis(250));
    }
}

fn install(more: &[&str]) {
    let (chart, url, ledger) =
        (chart(), format!("prometheus.url={}", bed().prometheus), format!("ledger.namespace={LEDGER}"));
    let mut arguments = vec!["install", "headroom", &chart, "--namespace", NAMESPACE, "--set", &url, "--set", &ledger];
    arguments.extend(more);
    helm(&arguments).unwrap_or_else(|said| panic!("helm install: {said}"));
}

fn uninstall() {
    // No node of the bed runs the Job that gives scale back, and nothing is borrowed: see `leaving`.
    helm(&["uninstall", "headroom", "--namespace", NAMESPACE, "--no-hooks"])
        .unwrap_or_else(|said| panic!("helm uninstall: {said}"));
}

fn entry(namespace: &str, name: &str) -> String {
    json!({
        "apiVersion": "headroom.dev/v1alpha1", "kind": "WaveRelease",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "sendId": "guard/x", "wave": {"name": name, "offset": 0, "recipients": 5, "share": "rest"},
            "disposition": "Fire", "campaign": {"namespace": "guard", "name": "x", "uid": "u", "generation": 1},
            "pool": "guard/p", "nonce": "n", "firstAttemptAt": "2027-01-01T00:00:00Z",
        },
    })
    .to_string()
}

fn delete(arguments: &[&str]) -> Result<String, String> {
    bed().try_kubectl(&[&["delete"][..], arguments].concat())
}

fn refused(verdict: Result<String, String>, words: &str) {
    let said = verdict.expect_err(words);
    assert!(said.contains(words), "{words} in: {said}");
}

/// Nothing here takes the real definition of the ledger away: every other test of the run stands on it.
fn delete_definition(name: &str) -> Result<String, String> {
    delete(&["crd", name, "--dry-run=server"])
}

#[test]
fn with_everything_on_it_runs_restricted_and_its_record_outlives_an_administrator_and_the_release() {
    let bed = bed();
    bed.kubectl(&["create", "namespace", OTHER]);
    bed.apply(
        &json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
        })
        .to_string(),
    );
    // The definitions are there already, from kubectl; they are taken over as by anyone who applied them first.
    install(&["--take-ownership"]);
    restricted_and_running();
    let owned = "jsonpath={.metadata.annotations.meta\\.helm\\.sh/release-namespace} {.metadata.annotations.helm\\.sh/resource-policy}";
    for name in ["campaigns", "capacitypools", "senders", "wavereleases"] {
        let crd = format!("{name}.headroom.dev");
        assert_eq!(bed.kubectl(&["get", "crd", &crd, "-o", owned]), format!("{NAMESPACE} keep"), "{crd}");
    }

    for (namespace, name) in [(LEDGER, "kept"), (LEDGER, "removed"), (OTHER, "elsewhere")] {
        bed.apply(&entry(namespace, name));
    }
    let dry = ["-n", LEDGER, "waverelease", "kept", "--dry-run=server"];
    until("the policies hold", || {
        delete(&dry).is_err()
            && delete(&["namespace", LEDGER, "--dry-run=server"]).is_err()
            && delete_definition("wavereleases.headroom.dev").is_err()
    });
    // A cluster administrator, who may do everything else.
    refused(delete(&["-n", LEDGER, "waverelease", "kept"]), ENTRIES);
    refused(delete(&["-n", LEDGER, "wavereleases", "--all"]), ENTRIES);
    refused(
        bed.try_kubectl(&["delete", "--raw", &format!("/apis/headroom.dev/v1alpha1/namespaces/{LEDGER}/wavereleases")]),
        ENTRIES,
    );
    refused(delete(&["namespace", LEDGER]), HOME);
    refused(delete_definition("wavereleases.headroom.dev"), HOME);
    // And nothing else is held.
    delete(&["-n", OTHER, "waverelease", "elsewhere"]).unwrap();
    delete(&["namespace", OTHER, "--wait=false"]).unwrap();
    delete_definition("campaigns.headroom.dev").unwrap();
    only_the_operator_may_remove();

    uninstall();
    until("the policies are gone", || delete(&dry).is_ok());
    assert_eq!(kept(), "kept");
    for name in ["campaigns", "capacitypools", "senders", "wavereleases"] {
        bed.kubectl(&["get", "crd", &format!("{name}.headroom.dev")]);
    }
    assert!(bed.try_kubectl(&["-n", NAMESPACE, "get", "deployment", "headroom"]).is_err());

    // The same release takes them over again, unasked.
    install(&[]);
    assert_eq!(kept(), "kept");
    uninstall();
    until("the entry may go", || delete(&["-n", LEDGER, "waverelease", "kept"]).is_ok());
    until("the ledger may go", || delete(&["namespace", LEDGER, "--wait=false"]).is_ok());
    bed.kubectl(&["delete", "namespace", NAMESPACE, "--wait=false"]);
}

fn kept() -> String {
    bed().kubectl(&["-n", LEDGER, "get", "wavereleases", "-o", "jsonpath={.items[*].metadata.name}"])
}

fn restricted_and_running() {
    let bed = bed();
    bed.kubectl(&["-n", NAMESPACE, "rollout", "status", "deployment/headroom", "--timeout=120s"]);
    // The namespace does enforce it.
    refused(
        bed.try_kubectl(&["-n", NAMESPACE, "run", "careless", "--image=careless", "--dry-run=server"]),
        "violates PodSecurity \"restricted:latest\"",
    );
}

fn only_the_operator_may_remove() {
    let bed = bed();
    let operator = format!("system:serviceaccount:{NAMESPACE}:headroom");
    let remove = || delete(&["-n", LEDGER, "waverelease", "removed", "--as", &operator]);
    // It asks for no such right today.
    refused(remove(), "cannot delete resource \"wavereleases\"");
    let may = |verb: &str, what: &str| {
        bed.try_kubectl(&["-n", LEDGER, "auth", "can-i", verb, what, "--as", &operator]).is_ok()
    };
    assert!(may("create", "wavereleases.headroom.dev") && !may("update", "wavereleases.headroom.dev"));
    // Whoever gives it the right is not in its way, and others with the same right still are.
    bed.kubectl(&["-n", LEDGER, "create", "role", "remover", "--verb=delete", "--resource=wavereleases.headroom.dev"]);
    let (ours, theirs) = (format!("--serviceaccount={NAMESPACE}:headroom"), "--user=somebody");
    bed.kubectl(&["-n", LEDGER, "create", "rolebinding", "remover", "--role=remover", &ours, theirs]);
    until("somebody has the right", || {
        bed.try_kubectl(&["-n", LEDGER, "auth", "can-i", "delete", "wavereleases.headroom.dev", "--as=somebody"])
            .is_ok()
    });
    refused(delete(&["-n", LEDGER, "waverelease", "removed", "--as=somebody"]), ENTRIES);
    remove().unwrap();
    assert_eq!(kept(), "kept");
}

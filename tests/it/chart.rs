//! The chart: what its switches do, what it refuses, and that two installs get along. Where each value lands is in `values`,
//! which rights come out in `rights`, and what gives scale back when a release is removed in `restore`; what an API server
//! makes of it all is in `install`; what people are told is in `notes` and `readme`.

mod install;
mod notes;
mod readme;
mod restore;
mod rights;
mod values;

use std::process::Command;

use serde_json::Value;

use crate::support::bed::{bed, root};

fn chart() -> String {
    root().join("charts/headroom").to_str().unwrap().to_owned()
}

fn helm(arguments: &[&str]) -> Result<String, String> {
    let output = bed().command("helm").args(arguments).output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout))
    }
}

fn render(set: &[&str]) -> Result<String, String> {
    let chart = chart();
    let mut arguments = vec!["template", "headroom", chart.as_str(), "--namespace", "ops"];
    for value in set {
        arguments.extend(["--set", value]);
    }
    helm(&arguments)
}

const URL: &str = "prometheus.url=http://prometheus:9090";

/// What is rendered with a file of values, and further values.
fn rendered(file: &str, set: &[&str]) -> Vec<Value> {
    let (chart, file) = (chart(), root().join("charts/headroom/ci").join(file));
    let mut arguments = vec!["template", "headroom", &chart, "--namespace", "ops", "--values", file.to_str().unwrap()];
    for value in set {
        arguments.extend(["--set", value]);
    }
    headroom::yaml::read_all(&helm(&arguments).unwrap()).unwrap()
}

fn one<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    let (first, second) = (found.next(), found.next());
    assert!(second.is_none(), "one {kind}");
    first.unwrap_or_else(|| panic!("no {kind}"))
}

fn named<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn is_hook(object: &Value) -> bool {
    object.pointer("/metadata/annotations/helm.sh~1hook").is_some()
}

const POD: &str = "/spec/template/spec";
const CONTAINER: &str = "/spec/template/spec/containers/0";

fn hold(object: &Value, rows: &[(&str, &str, Value)]) {
    for (base, pointer, wanted) in rows {
        let is = object.pointer(&format!("{base}{pointer}"));
        assert_eq!(is, Some(wanted), "{base}{pointer} of {}", object["kind"]);
    }
}

/// Kinds and names of what is rendered.
fn objects(text: &str) -> Vec<(String, String)> {
    headroom::yaml::read_all(text)
        .unwrap()
        .iter()
        .map(|object| {
            (object["kind"].as_str().unwrap().to_owned(), object["metadata"]["name"].as_str().unwrap().to_owned())
        })
        .collect()
}

fn count(text: &str, kind: &str) -> usize {
    objects(text).iter().filter(|(there, _)| there == kind).count()
}

#[test]
fn it_passes_the_strict_linter_with_every_set_of_values() {
    let folder = root().join("charts/headroom/ci");
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let said = helm(&["lint", "--strict", &chart(), "--values", file.to_str().unwrap()]);
        said.unwrap_or_else(|said| panic!("{}: {said}", file.display()));
    }
}

#[test]
fn what_is_missing_or_misspelt_is_refused_by_name() {
    let told = render(&[]).unwrap_err();
    assert!(told.contains("prometheus.url"), "{told}");
    let told = render(&[URL, "prometheus.ur1=x"]).unwrap_err();
    assert!(told.contains("ur1"), "{told}");
    let told = render(&[URL, "serviceAccount.create=false"]).unwrap_err();
    assert!(told.contains("serviceAccount.name"), "{told}");
    let told = render(&[URL, "ledger.namespace=ops"]).unwrap_err();
    assert!(told.contains("ledger.namespace must not be the release's own namespace"), "{told}");
    let told = render(&[URL, "senderNamespaces={headroom-ledger}"]).unwrap_err();
    assert!(told.contains("senderNamespaces must not hold the ledger's namespace"), "{told}");
    for ours in ["ops", "headroom-ledger"] {
        let told = render(&[URL, &format!("jobNamespaces={{{ours}}}")]).unwrap_err();
        assert!(told.contains(&format!("jobNamespaces must not hold {ours}")), "{told}");
    }
    let told = render(&[URL, "watchNamespaces={shop}", "jobNamespaces={mail}"]).unwrap_err();
    assert!(told.contains("jobNamespaces holds mail, and watchNamespaces does not"), "{told}");
    let told = render(&[URL, "watchNamespaces={shop}", "senderNamespaces={mail}"]).unwrap_err();
    assert!(told.contains("senderNamespaces holds mail, and watchNamespaces does not"), "{told}");
    let told = render(&[URL, "watchNamespaces={headroom-ledger}"]).unwrap_err();
    assert!(told.contains("watchNamespaces must not hold the ledger's namespace"), "{told}");
    for (value, part) in [
        ("receivers.hosts={https://mail.internal}", "hosts"),
        ("receivers.hosts={mail.internal:443}", "hosts"),
        ("receivers.hosts={*}", "hosts"),
        ("receivers.networks={10.0.0.7}", "networks"),
        ("receivers.networks={mail.internal/24}", "networks"),
    ] {
        let told = render(&[URL, value]).unwrap_err();
        assert!(told.contains(part), "{value}: {told}");
    }
    let told = render(&["prometheus.url=http://user:pass@prometheus"]).unwrap_err();
    assert!(told.contains("url"), "{told}");
}

#[test]
fn credentials_that_do_not_belong_together_are_refused() {
    let secret = "prometheus.auth.secretName=access";
    for (values, said) in [
        (&["prometheus.auth.tokenKey=token"][..], "names keys and no Secret"),
        (&[secret], "none of its keys is named"),
        (
            &[secret, "prometheus.auth.tokenKey=t", "prometheus.auth.usernameKey=u", "prometheus.auth.passwordKey=p"],
            "has a tokenKey and a user",
        ),
        (&[secret, "prometheus.auth.usernameKey=u"], "usernameKey and prometheus.auth.passwordKey go together"),
        (&[secret, "prometheus.auth.privateKeyKey=k"], "certificateKey and prometheus.auth.privateKeyKey go together"),
        (&[secret, "prometheus.auth.tokenkey=t"], "tokenkey"),
    ] {
        let told = render(&[&[URL], values].concat()).unwrap_err();
        assert!(told.contains(said), "{values:?}: {told}");
    }
}

#[test]
fn every_switch_does_what_it_says() {
    let usual = render(&[URL]).unwrap();
    assert_eq!(count(&usual, "CustomResourceDefinition"), 4);
    assert_eq!(count(&usual, "Namespace"), 1);
    assert_eq!(count(&usual, "ValidatingAdmissionPolicy"), 3);
    assert_eq!(count(&usual, "ValidatingAdmissionPolicyBinding"), 3);
    assert_eq!(count(&render(&[URL, "crds.install=false"]).unwrap(), "CustomResourceDefinition"), 0);
    assert_eq!(count(&render(&[URL, "ledger.create=false"]).unwrap(), "Namespace"), 0);
    assert_eq!(count(&render(&[URL, "ledger.protect=false"]).unwrap(), "ValidatingAdmissionPolicy"), 1);
    assert_eq!(count(&render(&[URL, "approval.protect=false"]).unwrap(), "ValidatingAdmissionPolicy"), 2);
    let bare = render(&[URL, "rbac.create=false"]).unwrap();
    for kind in ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"] {
        assert_eq!(count(&bare, kind), 0, "{kind}");
    }
    assert_eq!(count(&usual, "PodDisruptionBudget"), 0);
    let watched = render(&[URL, "metrics.serviceMonitor.enabled=true", "networkPolicy.enabled=true"]).unwrap();
    assert_eq!((count(&watched, "ServiceMonitor"), count(&watched, "NetworkPolicy")), (1, 1));
    let secrets = render(&[URL, "senderNamespaces={mail,news}"]).unwrap();
    assert!(secrets.contains("--sender-namespaces=mail,news"));
    assert!(count(&secrets, "Role") > count(&usual, "Role"));
}

#[test]
fn two_installs_share_no_name_across_the_cluster() {
    let cluster_wide = |namespace: &str, release: &str| {
        let text = helm(&[
            "template",
            release,
            &chart(),
            "--namespace",
            namespace,
            "--set",
            URL,
            "--set",
            "crds.install=false",
            "--set",
            "ledger.create=false",
        ])
        .unwrap();
        let wide =
            ["ClusterRole", "ClusterRoleBinding", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];
        objects(&text).into_iter().filter(|(kind, _)| wide.contains(&kind.as_str())).collect::<Vec<_>>()
    };
    let (one, other) = (cluster_wide("a-b", "c"), cluster_wide("a", "b-c"));
    assert!(!one.is_empty() && one.iter().all(|object| !other.contains(object)), "{one:?} {other:?}");
}

#[test]
fn the_arguments_of_the_chart_are_those_of_the_program() {
    let auth = ["secretName", "usernameKey", "passwordKey", "caKey", "certificateKey", "privateKeyKey"];
    let auth = auth.map(|key| format!("prometheus.auth.{key}={}", key.to_lowercase()));
    let usual = [
        URL,
        "watchNamespaces={mail}",
        "senderNamespaces={mail}",
        "receivers.hosts={mail.internal}",
        "receivers.networks={10.96.0.0/12}",
        "prometheus.tenant=shop",
    ];
    let text = render(&[&usual[..], &auth.each_ref().map(String::as_str)].concat()).unwrap();
    let deployment =
        headroom::yaml::read_all(&text).unwrap().into_iter().find(|object| object["kind"] == "Deployment").unwrap();
    let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap().clone();
    let help = Command::new(env!("CARGO_BIN_EXE_headroom")).args(["run", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for argument in arguments.iter().skip(1) {
        let name = argument.as_str().unwrap().split('=').next().unwrap();
        assert!(help.contains(name), "{name} in {help}");
    }
}

//! The Job that gives scale back while the release is removed: when it is there, with which rights, and that it runs where the
//! operator does.

use serde_json::{Value, json};

use super::{CONTAINER, POD, URL, hold, is_hook, one, render, rendered};

#[test]
fn the_job_that_gives_scale_back_is_there_only_while_the_release_is_removed() {
    let off = rendered("full-values.yaml", &[]);
    assert_eq!(off.iter().filter(|object| is_hook(object)).count(), 0, "restore.onUninstall is false there");
    let objects = rendered("full-values.yaml", &["restore.onUninstall=true"]);
    let hooks: Vec<&Value> = objects.iter().filter(|object| is_hook(object)).collect();
    let kinds: Vec<&str> = hooks.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ServiceAccount", "ClusterRoleBinding", "RoleBinding", "RoleBinding", "Job"]);
    for hook in &hooks {
        hold(
            hook,
            &[
                ("/metadata/annotations", "/helm.sh~1hook", json!("pre-delete")),
                ("/metadata/annotations", "/helm.sh~1hook-delete-policy", json!("before-hook-creation,hook-succeeded")),
            ],
        );
    }
    // The operator's rights, and that to throw the one switch.
    let roles = [
        ("headroom-operator.ops.headroom", hooks[1]),
        ("headroom-ledger.ops.headroom", hooks[2]),
        ("headroom-stopper.ops.headroom", hooks[3]),
    ];
    for (role, binding) in roles {
        assert_eq!(binding["roleRef"]["name"], role);
        assert_eq!(binding["subjects"][0]["name"], "headroom-restore");
    }
    // Where it may run, and how, is what holds for the operator.
    let (job, operator) = (one(&objects, "Job"), one(&objects, "Deployment"));
    for value in [
        "imagePullSecrets",
        "nodeSelector",
        "tolerations",
        "affinity",
        "priorityClassName",
        "securityContext",
        "dnsPolicy",
        "dnsConfig",
        "hostAliases",
    ] {
        let at = format!("{POD}/{value}");
        assert!(job.pointer(&at).is_some() && job.pointer(&at) == operator.pointer(&at), "{value}");
    }
    for value in ["image", "imagePullPolicy", "resources", "securityContext"] {
        let at = format!("{CONTAINER}/{value}");
        assert!(job.pointer(&at).is_some() && job.pointer(&at) == operator.pointer(&at), "{value}");
    }
    hold(
        job,
        &[
            (
                CONTAINER,
                "/args",
                json!([
                    "restore",
                    "--install=ops/headroom",
                    "--ledger-namespace=headroom-ledger",
                    "--until-removed=headroom",
                    "--timeout=5m",
                ]),
            ),
            // By these a mesh, or a policy of the network, tells the pods of the chart from others.
            (
                "/spec/template/metadata",
                "/labels",
                json!({
                    "app.kubernetes.io/name": "headroom", "app.kubernetes.io/instance": "headroom",
                    "app.kubernetes.io/component": "restore", "team": "platform", "example.com/mesh": "off",
                }),
            ),
            ("/spec/template/metadata", "/annotations", json!({"example.com/log": "true"})),
            (POD, "/serviceAccountName", json!("headroom-restore")),
            (POD, "/restartPolicy", json!("Never")),
        ],
    );
    // It would never end beside a container that does not.
    assert_eq!(job.pointer(&format!("{POD}/containers/1")), None);
    let bare = headroom::yaml::read_all(&render(&[URL, "rbac.create=false"]).unwrap()).unwrap();
    let bare: Vec<&Value> = bare.iter().filter(|object| is_hook(object)).collect();
    assert_eq!(bare.len(), 1, "no rights are made");
    // The operator's account gives no token unasked.
    hold(
        bare[0],
        &[(POD, "/serviceAccountName", json!("headroom")), (POD, "/automountServiceAccountToken", json!(true))],
    );
}

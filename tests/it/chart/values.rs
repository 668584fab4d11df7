//! Where each value of the chart lands, and which rights come out: exact, so that a value that is read nowhere and a right
//! that nobody asked for are both seen.

use serde_json::{Value, json};

use super::{URL, chart, helm, render};
use crate::support::bed::root;

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

const POD: &str = "/spec/template/spec";
const CONTAINER: &str = "/spec/template/spec/containers/0";

fn hold(object: &Value, rows: &[(&str, &str, Value)]) {
    for (base, pointer, wanted) in rows {
        let is = object.pointer(&format!("{base}{pointer}"));
        assert_eq!(is, Some(wanted), "{base}{pointer} of {}", object["kind"]);
    }
}

#[test]
fn every_value_of_the_pod_lands_where_it_belongs() {
    let objects = rendered("full-values.yaml", &["extraArgs={--one=1,--two}"]);
    let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let labels = "/spec/template/metadata/labels";
    hold(
        one(&objects, "Deployment"),
        &[
            (CONTAINER, "/image", json!(format!("registry.example.com/platform/headroom@{digest}"))),
            (CONTAINER, "/imagePullPolicy", json!("Always")),
            (POD, "/imagePullSecrets", json!([{"name": "pull"}])),
            (
                CONTAINER,
                "/resources",
                json!({"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}),
            ),
            (POD, "/nodeSelector", json!({"kubernetes.io/os": "linux"})),
            (POD, "/tolerations", json!([{"key": "dedicated", "operator": "Exists"}])),
            (
                POD,
                "/affinity/nodeAffinity/preferredDuringSchedulingIgnoredDuringExecution/0/preference/matchExpressions/0",
                json!({"key": "disk", "operator": "In", "values": ["ssd"]}),
            ),
            (
                POD,
                "/topologySpreadConstraints",
                json!([{
                    "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "headroom"}},
                }]),
            ),
            (POD, "/priorityClassName", json!("system-cluster-critical")),
            (POD, "/dnsPolicy", json!("None")),
            (POD, "/dnsConfig", json!({"nameservers": ["10.0.0.53"], "options": [{"name": "ndots", "value": "2"}]})),
            (POD, "/hostAliases", json!([{"ip": "10.0.0.9", "hostnames": ["prometheus.example.com"]}])),
            (POD, "/containers/1", json!({"name": "signer", "image": "registry.example.com/platform/signer:1.0"})),
            ("/metadata", "/annotations", json!({"example.com/reload": "true"})),
            (POD, "/terminationGracePeriodSeconds", json!(60)),
            ("", "/spec/revisionHistoryLimit", json!(3)),
            // No two processes of an install at once.
            ("", "/spec/replicas", json!(1)),
            ("", "/spec/strategy", json!({"type": "Recreate"})),
            (
                POD,
                "/securityContext",
                json!({
                    "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                    "seccompProfile": {"type": "RuntimeDefault"},
                }),
            ),
            (
                CONTAINER,
                "/securityContext",
                json!({
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
                }),
            ),
            (
                CONTAINER,
                "/livenessProbe",
                json!({
                    "httpGet": {"path": "/healthz", "port": "http"},
                    "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6,
                }),
            ),
            (
                CONTAINER,
                "/readinessProbe",
                json!({
                    "httpGet": {"path": "/readyz", "port": "http"},
                    "periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 3,
                }),
            ),
            ("/spec/template/metadata", "/annotations", json!({"example.com/log": "true"})),
            (labels, "/example.com~1mesh", json!("off")),
            (labels, "/team", json!("platform")),
            (labels, "/app.kubernetes.io~1name", json!("headroom")),
            (labels, "/app.kubernetes.io~1instance", json!("headroom")),
            (
                CONTAINER,
                "/args",
                json!([
                    "run",
                    "--install=ops/headroom",
                    "--ledger-namespace=headroom-ledger",
                    "--prometheus-url=https://prometheus.example.com:9090/tenant/a",
                    "--sender-namespaces=mail,push",
                    "--http-address=0.0.0.0:8080",
                    "--log-format=text",
                    "--log-level=debug",
                    "--breach-recovery=15m",
                    "--one=1",
                    "--two",
                ]),
            ),
            (CONTAINER, "/env", json!([{"name": "RUST_BACKTRACE", "value": "1"}])),
            (POD, "/volumes", json!([{"name": "ca", "configMap": {"name": "company-ca"}}])),
            (
                CONTAINER,
                "/volumeMounts",
                json!([{
                    "name": "ca", "mountPath": "/etc/ssl/certs/company.crt", "subPath": "company.crt", "readOnly": true,
                }]),
            ),
            (POD, "/serviceAccountName", json!("headroom")),
            (POD, "/enableServiceLinks", json!(false)),
            (POD, "/automountServiceAccountToken", json!(true)),
        ],
    );
}

#[test]
fn every_value_beside_the_pod_lands_where_it_belongs() {
    let objects = rendered("full-values.yaml", &[]);
    hold(
        one(&objects, "Service"),
        &[
            ("", "/spec/ports/0/port", json!(9090)),
            ("", "/spec/ports/0/targetPort", json!("http")),
            ("", "/metadata/annotations/prometheus.io~1scrape", json!("true")),
        ],
    );
    hold(
        one(&objects, "ServiceAccount"),
        &[
            ("/metadata", "/annotations", json!({"example.com/identity": "headroom"})),
            ("", "/automountServiceAccountToken", json!(false)),
        ],
    );
    hold(
        one(&objects, "ServiceMonitor"),
        &[
            ("", "/metadata/namespace", json!("monitoring")),
            ("", "/metadata/labels/release", json!("prometheus")),
            ("/metadata", "/annotations", json!({"example.com/note": "headroom"})),
            ("", "/spec/namespaceSelector/matchNames", json!(["ops"])),
            ("/spec/endpoints/0", "/interval", json!("10s")),
            ("/spec/endpoints/0", "/scrapeTimeout", json!("5s")),
            ("/spec/endpoints/0", "/honorLabels", json!(true)),
            ("/spec/endpoints/0", "/relabelings", json!([{"action": "labeldrop", "regex": "pod"}])),
            (
                "/spec/endpoints/0",
                "/metricRelabelings",
                json!([{"action": "drop", "sourceLabels": ["__name__"], "regex": "go_.*"}]),
            ),
        ],
    );
    let monitoring = json!({"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}});
    hold(
        one(&objects, "NetworkPolicy"),
        &[
            ("/spec/ingress/0", "/from", json!([{"namespaceSelector": monitoring}])),
            ("/spec/ingress/0", "/ports", json!([{"port": "http", "protocol": "TCP"}])),
            ("", "/spec/egress", json!([{}])),
            ("", "/spec/policyTypes", json!(["Ingress", "Egress"])),
        ],
    );
    hold(
        one(&objects, "PodDisruptionBudget"),
        &[
            ("", "/spec/maxUnavailable", json!("100%")),
            ("", "/spec/unhealthyPodEvictionPolicy", json!("IfHealthyBudget")),
        ],
    );
    for object in objects.iter().filter(|object| object["kind"] == "CustomResourceDefinition") {
        hold(
            object,
            &[
                ("/metadata/annotations", "/example.com~1owner", json!("platform")),
                ("/metadata/annotations", "/helm.sh~1resource-policy", json!("keep")),
            ],
        );
    }
    let extra: Vec<&Value> =
        objects.iter().filter(|it| it["kind"] == "ConfigMap").map(|it| &it["metadata"]["name"]).collect();
    assert_eq!(extra, ["as-a-map", "headroom-as-a-string"]);
    // A label of the operator's owner is on everything that the chart itself makes.
    for object in objects.iter().filter(|object| object["kind"] != "ConfigMap") {
        assert_eq!(
            object["metadata"]["labels"]["team"], "platform",
            "{} {}",
            object["kind"], object["metadata"]["name"]
        );
    }
}

#[test]
fn an_account_of_ones_own_and_a_platform_that_chooses_the_user_are_left_alone() {
    let objects = rendered("own-rights-values.yaml", &[]);
    let deployment = one(&objects, "Deployment");
    hold(
        deployment,
        &[
            (POD, "/serviceAccountName", json!("headroom-operator")),
            (POD, "/securityContext", json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}})),
            (
                CONTAINER,
                "/livenessProbe",
                json!({"tcpSocket": {"port": "http"}, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6}),
            ),
        ],
    );
    assert!(!objects.iter().any(|object| object["kind"] == "ServiceAccount"));
    // The ledger's definition stays whatever is said of the others, while the ledger is protected.
    for object in objects.iter().filter(|object| object["kind"] == "CustomResourceDefinition") {
        let is_kept = object.pointer("/metadata/annotations/helm.sh~1resource-policy") == Some(&json!("keep"));
        assert_eq!(
            is_kept,
            object["metadata"]["name"] == "wavereleases.headroom.dev",
            "{}",
            object["metadata"]["name"]
        );
    }
}

#[test]
fn the_budget_lets_a_node_be_drained_unless_it_is_told_otherwise() {
    let budget = |set: &[&str]| {
        let text = render(&[&[URL, "podDisruptionBudget.enabled=true"][..], set].concat())?;
        Ok::<Value, String>(one(&headroom::yaml::read_all(&text).unwrap(), "PodDisruptionBudget")["spec"].clone())
    };
    // The operator's pod, and not that of the Job which gives scale back.
    let mut wanted = json!({
        "maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {
            "matchLabels": {"app.kubernetes.io/name": "headroom", "app.kubernetes.io/instance": "headroom"},
            "matchExpressions": [{"key": "app.kubernetes.io/component", "operator": "NotIn", "values": ["restore"]}],
        },
    });
    assert_eq!(budget(&[]).unwrap(), wanted);
    wanted["maxUnavailable"] = json!(0);
    assert_eq!(budget(&["podDisruptionBudget.maxUnavailable=0"]).unwrap(), wanted);
    wanted.as_object_mut().unwrap().remove("maxUnavailable");
    wanted["minAvailable"] = json!("50%");
    let least = "podDisruptionBudget.minAvailable=50%";
    for none in ["podDisruptionBudget.maxUnavailable=", "podDisruptionBudget.maxUnavailable=null"] {
        assert_eq!(budget(&[none, least]).unwrap(), wanted, "{none}");
        let told = budget(&[none]).unwrap_err();
        assert!(told.contains("neither podDisruptionBudget.maxUnavailable nor"), "{told}");
    }
    // Both are refused by name, with the way out, and before anybody switches it on.
    for told in [budget(&[least]).unwrap_err(), render(&[URL, least]).unwrap_err()] {
        for word in ["maxUnavailable and podDisruptionBudget.minAvailable", "podDisruptionBudget.maxUnavailable=\"\""] {
            assert!(told.contains(word), "{told}");
        }
    }
    assert!(budget(&["podDisruptionBudget.maxUnavailable=one"]).unwrap_err().contains("maxUnavailable"));
}

#[test]
fn the_image_is_named_by_what_is_given() {
    let digest = "a".repeat(64);
    let by_digest = format!("image.digest=sha256:{digest}");
    for (set, image) in [
        (vec![], "headroom:0.1.0".to_owned()),
        (vec!["image.tag=2.0"], "headroom:2.0".to_owned()),
        (vec!["image.registry=r.example:5000/", "image.repository=a/b"], "r.example:5000/a/b:0.1.0".to_owned()),
        // The digest says more than the tag.
        (vec!["image.tag=2.0", &by_digest], format!("headroom@sha256:{digest}")),
    ] {
        let text = render(&[&[URL][..], &set[..]].concat()).unwrap();
        let objects = headroom::yaml::read_all(&text).unwrap();
        hold(one(&objects, "Deployment"), &[(CONTAINER, "/image", json!(image))]);
    }
    let told = render(&[URL, "image.digest=sha256:abc"]).unwrap_err();
    assert!(told.contains("digest"), "{told}");
}

/// A rule, by groups, resources and verbs, each as a list with blanks.
fn rule(groups: &str, resources: &str, verbs: &str) -> Value {
    // The core group is the empty text.
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    json!({"apiGroups": words(groups), "resources": words(resources), "verbs": words(verbs)})
}

#[test]
fn the_rights_are_these_and_no_others() {
    let text = render(&[URL, "senderNamespaces={mail}"]).unwrap();
    let objects = headroom::yaml::read_all(&text).unwrap();
    let counting = headroom::yaml::read_all(&render(&[URL, "nodes.count=true"]).unwrap()).unwrap();
    let counting = counting.iter().find(|it| it["metadata"]["name"] == "headroom-operator.ops.headroom").unwrap();
    assert!(counting["rules"].as_array().unwrap().contains(&rule("", "nodes pods", "list")), "{counting}");
    let mut definitions = rule("apiextensions.k8s.io", "customresourcedefinitions", "get");
    definitions["resourceNames"] = json!([
        "campaigns.headroom.dev",
        "capacitypools.headroom.dev",
        "senders.headroom.dev",
        "wavereleases.headroom.dev"
    ]);
    let read = "get list watch";
    let write = "get list watch create update patch delete";
    let ours = "headroom.dev";
    let switch = |verbs: &str| {
        let mut switch = rule("", "configmaps", verbs);
        switch["resourceNames"] = json!(["headroom-stop"]);
        switch
    };
    let wanted: Vec<(&str, &str, Value, Vec<Value>)> = vec![
        (
            "ClusterRole",
            "headroom-operator.ops.headroom",
            Value::Null,
            vec![
                rule(ours, "campaigns capacitypools senders wavereleases", read),
                rule(ours, "campaigns/status capacitypools/status senders/status", "update"),
                rule(ours, "capacitypools", "patch"),
                rule("apps", "deployments", "get list watch patch"),
                rule("autoscaling", "horizontalpodautoscalers", "get list watch patch"),
                rule("", "namespaces", read),
                rule("events.k8s.io", "events", "create patch"),
                definitions,
            ],
        ),
        (
            "Role",
            "headroom-ledger.ops.headroom",
            json!("headroom-ledger"),
            vec![rule(ours, "wavereleases", "create"), rule(ours, "wavereleases/status", "update")],
        ),
        ("Role", "headroom-sender-secrets.ops.headroom", json!("mail"), vec![rule("", "secrets", "get")]),
        ("Role", "headroom-stop.ops.headroom", json!("ops"), vec![switch("get")]),
        (
            "ClusterRole",
            "headroom-viewer.ops.headroom",
            Value::Null,
            vec![rule(ours, "campaigns capacitypools senders wavereleases", read)],
        ),
        ("ClusterRole", "headroom-marketer.ops.headroom", Value::Null, vec![rule(ours, "campaigns", write)]),
        (
            "ClusterRole",
            "headroom-pool-owner.ops.headroom",
            Value::Null,
            vec![rule(ours, "capacitypools", write), rule(ours, "campaigns", read)],
        ),
        (
            "ClusterRole",
            "headroom-approver.ops.headroom",
            Value::Null,
            vec![rule(ours, "capacitypools", "get list watch approve")],
        ),
        (
            "Role",
            "headroom-stopper.ops.headroom",
            json!("ops"),
            vec![switch("get update patch delete"), rule("", "configmaps", "create")],
        ),
    ];
    let roles: Vec<&Value> =
        objects.iter().filter(|object| object["kind"] == "Role" || object["kind"] == "ClusterRole").collect();
    assert_eq!(roles.len(), wanted.len(), "{roles:#?}");
    for (kind, name, namespace, rules) in &wanted {
        let role = roles.iter().find(|role| role["kind"] == **kind && role["metadata"]["name"] == **name);
        let role = role.unwrap_or_else(|| panic!("no {kind} {name}"));
        assert_eq!(role["metadata"]["namespace"], *namespace, "{name}");
        assert_eq!(role["rules"], json!(rules), "{name}");
    }
    // Bound to the operator's account alone, and people are bound by people. Hooks are not there while it runs.
    let bindings: Vec<&Value> = objects
        .iter()
        .filter(|it| it["kind"] == "RoleBinding" || it["kind"] == "ClusterRoleBinding")
        .filter(|it| it.pointer("/metadata/annotations/helm.sh~1hook").is_none())
        .collect();
    let account = json!([{"kind": "ServiceAccount", "name": "headroom", "namespace": "ops"}]);
    let mut bound: Vec<(&Value, &Value)> = Vec::new();
    for binding in &bindings {
        assert_eq!(binding["subjects"], account, "{binding}");
        bound.push((&binding["roleRef"]["name"], &binding["metadata"]["namespace"]));
    }
    let all: Vec<(&str, Value)> =
        wanted[..4].iter().map(|(_, name, namespace, _)| (*name, namespace.clone())).collect();
    assert_eq!(bound.len(), all.len());
    for (name, namespace) in all {
        assert!(bound.iter().any(|(role, at)| **role == name && **at == namespace), "{name} is bound in {namespace}");
    }
}

#[test]
fn the_job_that_gives_scale_back_is_there_only_while_the_release_is_removed() {
    let is_hook = |object: &&Value| object.pointer("/metadata/annotations/helm.sh~1hook").is_some();
    let off = rendered("full-values.yaml", &[]);
    assert_eq!(off.iter().filter(is_hook).count(), 0, "restore.onUninstall is false there");
    let objects = rendered("full-values.yaml", &["restore.onUninstall=true"]);
    let hooks: Vec<&Value> = objects.iter().filter(is_hook).collect();
    let kinds: Vec<&str> = hooks.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ServiceAccount", "ClusterRoleBinding", "RoleBinding", "Job"]);
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
    let roles = [("headroom-operator.ops.headroom", hooks[1]), ("headroom-stopper.ops.headroom", hooks[2])];
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
            (POD, "/serviceAccountName", json!("headroom-restore")),
            (POD, "/restartPolicy", json!("Never")),
        ],
    );
    // It would never end beside a container that does not.
    assert_eq!(job.pointer(&format!("{POD}/containers/1")), None);
    let bare = headroom::yaml::read_all(&render(&[URL, "rbac.create=false"]).unwrap()).unwrap();
    let bare: Vec<&Value> = bare.iter().filter(is_hook).collect();
    assert_eq!(bare.len(), 1, "no rights are made");
    hold(bare[0], &[(POD, "/serviceAccountName", json!("headroom"))]);
}

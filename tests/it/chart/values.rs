//! Where each value of the chart lands: exact, so that a value that is read nowhere is seen.

use std::path::Path;

use serde_json::{Value, json};

use super::{CONTAINER, POD, URL, chart, helm, hold, is_hook, named, one, render, rendered};
use crate::support::bed::root;

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
            ("", "/spec/replicas", json!(3)),
            // A new one is there before an old one goes.
            (
                "",
                "/spec/strategy",
                json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}),
            ),
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
                    "--prometheus-tenant=shop",
                    "--prometheus-ca-file=/etc/headroom/prometheus/ca.crt",
                    "--prometheus-certificate-file=/etc/headroom/prometheus/tls.crt",
                    "--prometheus-key-file=/etc/headroom/prometheus/tls.key",
                    "--prometheus-password-file=/etc/headroom/prometheus/password",
                    "--prometheus-username-file=/etc/headroom/prometheus/user",
                    "--prometheus-address=http://thanos.example.com:10902",
                    "--prometheus-address=http://prometheus.shop.svc:9090",
                    "--sender-namespaces=mail,push",
                    "--job-namespaces=push",
                    "--receiver-host=*.mail.internal",
                    "--receiver-host=push.example.com",
                    "--receiver-network=10.96.0.0/12",
                    "--receiver-network=fd00:10:96::/112",
                    "--http-address=0.0.0.0:8080",
                    "--log-format=text",
                    "--log-level=debug",
                    "--breach-recovery=15m",
                    "--lease-duration=30s",
                    "--one=1",
                    "--two",
                ]),
            ),
            (CONTAINER, "/env", json!([{"name": "RUST_BACKTRACE", "value": "1"}])),
            (
                POD,
                "/volumes",
                json!([
                    {"name": "prometheus-auth", "secret": {
                        "secretName": "prometheus-access",
                        "items": [
                            {"key": "ca.crt", "path": "ca.crt"},
                            {"key": "password", "path": "password"},
                            {"key": "tls.crt", "path": "tls.crt"},
                            {"key": "tls.key", "path": "tls.key"},
                            {"key": "user", "path": "user"},
                        ],
                    }},
                    {"name": "ca", "configMap": {"name": "company-ca"}},
                ]),
            ),
            (
                CONTAINER,
                "/volumeMounts",
                json!([
                    {"name": "prometheus-auth", "mountPath": "/etc/headroom/prometheus", "readOnly": true},
                    {
                        "name": "ca", "mountPath": "/etc/ssl/certs/company.crt", "subPath": "company.crt", "readOnly": true,
                    },
                ]),
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
fn every_value_that_only_changes_something_changes_it_everywhere() {
    let objects = rendered("other-values.yaml", &[]);
    let name = "/app.kubernetes.io~1name";
    hold(
        one(&objects, "Deployment"),
        &[
            (CONTAINER, "/image", json!("headroom:2.0")),
            ("/metadata", "/name", json!("conductor")),
            ("/spec/selector/matchLabels", name, json!("pacer")),
            ("/spec/template/metadata/labels", name, json!("pacer")),
            (CONTAINER, "/args/2", json!("--ledger-namespace=records")),
            (POD, "/serviceAccountName", json!("conductor-account")),
            (CONTAINER, "/resources/limits/memory", json!("1Gi")),
            (POD, "/securityContext/fsGroup", json!(65532)),
            (CONTAINER, "/securityContext/runAsNonRoot", json!(true)),
            (CONTAINER, "/readinessProbe/failureThreshold", json!(5)),
            (POD, "/terminationGracePeriodSeconds", json!(90)),
            ("", "/spec/revisionHistoryLimit", json!(0)),
        ],
    );
    hold(
        one(&objects, "Job"),
        &[
            ("/metadata", "/name", json!("conductor-restore")),
            (CONTAINER, "/args/2", json!("--ledger-namespace=records")),
            (CONTAINER, "/args/3", json!("--until-removed=conductor")),
            (CONTAINER, "/args/4", json!("--timeout=90s")),
        ],
    );
    for kind in ["Service", "NetworkPolicy", "PodDisruptionBudget"] {
        hold(
            one(&objects, kind),
            &[("/metadata", "/name", json!("conductor")), ("/metadata/labels", name, json!("pacer"))],
        );
    }
    hold(one(&objects, "Service"), &[("/spec/selector", name, json!("pacer"))]);
    hold(one(&objects, "PodDisruptionBudget"), &[("/spec/selector/matchLabels", name, json!("pacer"))]);
    // Without peers everybody reaches the port, and nothing is said of what it may reach itself.
    hold(
        one(&objects, "NetworkPolicy"),
        &[
            ("/spec/podSelector/matchLabels", name, json!("pacer")),
            ("", "/spec/policyTypes", json!(["Ingress"])),
            ("", "/spec/ingress", json!([{"ports": [{"port": "http", "protocol": "TCP"}]}])),
        ],
    );
    // The ledger's namespace is made, written to and protected, by the account and for it.
    hold(one(&objects, "Namespace"), &[("/metadata", "/name", json!("records"))]);
    let (ledger, home) = ("headroom-ledger.ops.headroom", "headroom-ledger-home.ops.headroom");
    for kind in ["Role", "RoleBinding"] {
        hold(named(&objects, kind, ledger), &[("/metadata", "/namespace", json!("records"))]);
    }
    let (which, who) = ("/spec/matchConditions/0/expression", "/spec/validations/0/expression");
    hold(
        named(&objects, "ValidatingAdmissionPolicy", ledger),
        &[
            ("", which, json!("request.namespace == 'records'")),
            ("", who, json!("request.userInfo.username == 'system:serviceaccount:ops:conductor-account'")),
        ],
    );
    let home = named(&objects, "ValidatingAdmissionPolicy", home).pointer(which).unwrap().as_str().unwrap();
    assert!(home.contains("? 'records' : "), "{home}");
    named(&objects, "ServiceAccount", "conductor-account");
    let bound = |object: &&Value| !is_hook(object) && object.get("subjects").is_some();
    for binding in objects.iter().filter(bound) {
        hold(binding, &[("/subjects/0", "/name", json!("conductor-account"))]);
    }
    // Beside a release of another name, a name for the chart becomes a part.
    let objects = headroom::yaml::read_all(&render(&[URL, "nameOverride=pacer"]).unwrap()).unwrap();
    hold(one(&objects, "Deployment"), &[("/metadata", "/name", json!("headroom-pacer"))]);
}

/// The keys of a schema that hold no further keys.
fn keys(schema: &Value, at: &str) -> Vec<String> {
    match schema["properties"].as_object() {
        Some(inner) if schema["additionalProperties"] == false => {
            inner.iter().flat_map(|(key, schema)| keys(schema, &format!("{at}/{key}"))).collect()
        }
        _ => vec![at.to_owned()],
    }
}

/// Each key is changed in one of the files of `ci`, and the chart is another with that change and without it.
#[test]
fn every_value_is_read() {
    let folder = root().join("charts/headroom");
    let read = |path: &Path| headroom::yaml::read_all(&std::fs::read_to_string(path).unwrap()).unwrap().remove(0);
    let (schema, defaults) = (read(&folder.join("values.schema.json")), read(&folder.join("values.yaml")));
    let chart = chart();
    let template = |file: &Path, set: &[&str]| {
        let with = ["template", "headroom", &chart, "--namespace", "ops", "--values", file.to_str().unwrap()];
        helm(&[&with[..], set].concat())
    };
    let files = std::fs::read_dir(folder.join("ci")).unwrap().map(|file| file.unwrap().path());
    let files: Vec<_> = files.map(|file| (read(&file), template(&file, &[]), file)).collect();
    for key in keys(&schema, "").into_iter().filter(|key| key != "/global") {
        let default = defaults.pointer(&key).unwrap_or_else(|| panic!("{key} is not in values.yaml"));
        let set = format!("{}={default}", key[1..].replace('/', "."));
        let is_read = files.iter().any(|(values, with, file)| {
            values.pointer(&key).is_some_and(|value| value != default) && template(file, &["--set-json", &set]) != *with
        });
        assert!(is_read, "no file of charts/headroom/ci changes {key}, or the chart does not read it");
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

//! Which rights come out, and who is given them: exact, so that one that nobody asked for is seen.

use serde_json::{Value, json};

use super::{URL, is_hook, render};

/// A rule, by groups, resources and verbs, each as a list with blanks.
fn rule(groups: &str, resources: &str, verbs: &str) -> Value {
    // The core group is the empty text.
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    json!({"apiGroups": words(groups), "resources": words(resources), "verbs": words(verbs)})
}

#[test]
fn the_rights_are_these_and_no_others() {
    let text = render(&[URL, "senderNamespaces={mail}", "jobNamespaces={push}"]).unwrap();
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
                rule(ours, "campaigns capacitypools senders", read),
                rule(ours, "campaigns/status capacitypools/status senders/status", "update"),
                rule(ours, "capacitypools", "patch"),
                rule("apps", "deployments", "get list watch patch"),
                rule("autoscaling", "horizontalpodautoscalers", "get list watch patch"),
                rule("events.k8s.io", "events", "create patch"),
                rule("", "namespaces", read),
                definitions,
            ],
        ),
        (
            "Role",
            "headroom-ledger.ops.headroom",
            json!("headroom-ledger"),
            vec![rule(ours, "wavereleases", "get list watch create"), rule(ours, "wavereleases/status", "update")],
        ),
        ("Role", "headroom-sender-secrets.ops.headroom", json!("mail"), vec![rule("", "secrets", "get")]),
        ("Role", "headroom-sender-jobs.ops.headroom", json!("push"), vec![rule("batch", "jobs", "create get")]),
        ("Role", "headroom-stop.ops.headroom", json!("ops"), vec![switch("get")]),
        (
            "Role",
            "headroom-leader.ops.headroom",
            json!("ops"),
            vec![rule("coordination.k8s.io", "leases", "create"), {
                let mut lease = rule("coordination.k8s.io", "leases", "get update");
                lease["resourceNames"] = json!(["headroom.headroom.dev"]);
                lease
            }],
        ),
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
            "ClusterRole",
            "headroom-resolver.ops.headroom",
            Value::Null,
            vec![rule(ours, "senders", "get list watch resolve"), rule(ours, "wavereleases", read)],
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
    // Two are part of roles that people have already, unless that is not wanted.
    let (mut joined, join) = (Vec::new(), "rbac.authorization.k8s.io/aggregate-to-");
    for role in &roles {
        let (name, labels) = (role["metadata"]["name"].as_str().unwrap(), &role["metadata"]["labels"]);
        let labels = labels.as_object().unwrap().keys();
        joined.extend(labels.filter_map(|label| Some((name, label.strip_prefix(join)?))));
    }
    joined.sort_unstable();
    let (marketer, viewer) = ("headroom-marketer.ops.headroom", "headroom-viewer.ops.headroom");
    assert_eq!(joined, [(marketer, "admin"), (marketer, "edit"), (viewer, "view")]);
    assert!(!render(&[URL, "rbac.aggregateRoles=false"]).unwrap().contains(join));
    // Bound to the operator's account alone, and people are bound by people. Hooks are not there while it runs.
    let bindings: Vec<&Value> = objects
        .iter()
        .filter(|it| it["kind"] == "RoleBinding" || it["kind"] == "ClusterRoleBinding")
        .filter(|it| !is_hook(it))
        .collect();
    let account = json!([{"kind": "ServiceAccount", "name": "headroom", "namespace": "ops"}]);
    let mut bound: Vec<(&Value, &Value)> = Vec::new();
    for binding in &bindings {
        assert_eq!(binding["subjects"], account, "{binding}");
        bound.push((&binding["roleRef"]["name"], &binding["metadata"]["namespace"]));
    }
    let all: Vec<(&str, Value)> =
        wanted[..6].iter().map(|(_, name, namespace, _)| (*name, namespace.clone())).collect();
    assert_eq!(bound.len(), all.len());
    for (name, namespace) in all {
        assert!(bound.iter().any(|(role, at)| **role == name && **at == namespace), "{name} is bound in {namespace}");
    }
}

#[test]
fn in_some_namespaces_only_the_rights_are_the_same_and_end_there() {
    let cluster_wide = headroom::yaml::read_all(&render(&[URL]).unwrap()).unwrap();
    let text = render(&[URL, "watchNamespaces={shop,marketing,mail}", "senderNamespaces={mail}"]).unwrap();
    let objects = headroom::yaml::read_all(&text).unwrap();
    let operator = "headroom-operator.ops.headroom";
    let found = |objects: &[Value], kind: &str| {
        let is = |it: &&Value| it["kind"] == kind && it["metadata"]["name"] == operator;
        objects.iter().filter(is).cloned().collect::<Vec<_>>()
    };
    // In the whole cluster it may read what the three and its own namespace are called, and whether the CRDs are there.
    let wide = &found(&objects, "ClusterRole")[0]["rules"];
    let mut namespaces = rule("", "namespaces", "get list watch");
    namespaces["resourceNames"] = json!(["mail", "marketing", "ops", "shop"]);
    assert_eq!(wide[0], namespaces);
    assert_eq!(wide[1]["resources"], json!(["customresourcedefinitions"]));
    assert_eq!(wide.as_array().unwrap().len(), 2, "{wide}");
    let roles = found(&objects, "Role");
    let usual = found(&cluster_wide, "ClusterRole")[0]["rules"].as_array().unwrap().clone();
    for (role, namespace) in roles.iter().zip(["shop", "marketing", "mail"]) {
        assert_eq!(role["metadata"]["namespace"], namespace);
        assert_eq!(role["rules"].as_array().unwrap()[..], usual[..6]);
    }
    assert_eq!((roles.len(), found(&objects, "RoleBinding").len()), (3, 3));
    // Who gives scale back when the release is removed has the same, and the ledger's.
    let given =
        |it: &&Value| it["kind"] == "RoleBinding" && it["metadata"]["name"] == "headroom-restore-rights.ops.headroom";
    let given: Vec<(&Value, &Value)> =
        objects.iter().filter(given).map(|it| (&it["metadata"]["namespace"], &it["roleRef"]["name"])).collect();
    let (ours, ledger) = (json!(operator), json!("headroom-ledger.ops.headroom"));
    let places = [json!("shop"), json!("marketing"), json!("mail"), json!("headroom-ledger")];
    assert_eq!(given, [(&places[0], &ours), (&places[1], &ours), (&places[2], &ours), (&places[3], &ledger)]);
    let own = |it: &&Value| it["kind"] == "Role" && it["metadata"]["name"] == "headroom-restore-owner.ops.headroom";
    let mut deployment = rule("apps", "deployments", "get");
    deployment["resourceNames"] = json!(["headroom"]);
    assert_eq!(objects.iter().find(own).unwrap()["rules"], json!([deployment]));
    for container in objects.iter().filter_map(|it| it.pointer("/spec/template/spec/containers/0/args")) {
        assert!(
            container.as_array().unwrap().contains(&json!("--watch-namespaces=shop,marketing,mail")),
            "{container}"
        );
    }
}

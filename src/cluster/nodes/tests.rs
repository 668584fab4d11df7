#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

fn amount(of: &Amounts, resource: &str) -> Option<u64> {
    of.get(resource).copied()
}

#[test]
fn a_replica_asks_for_what_the_scheduler_would_count() {
    let spec: PodSpec = serde_json::from_value(json!({
        "overhead": {"cpu": "10m"},
        "initContainers": [
            // Alone before anything else: 100m.
            {"name": "first", "resources": {"requests": {"cpu": "100m", "memory": "1Gi"}}},
            {"name": "mesh", "restartPolicy": "Always", "resources": {"requests": {"cpu": "200m"}}},
            // Beside the sidecar: 1,100m, which is more than 700m of everything that runs later.
            {"name": "second", "resources": {"requests": {"cpu": "900m"}}},
        ],
        "containers": [
            {"name": "app", "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"cpu": "2"}}},
            {"name": "limited", "resources": {"limits": {"cpu": "250m", "memory": "64Mi"}}},
        ],
    }))
    .unwrap();
    let asked = requests(&spec);
    assert_eq!(amount(&asked, "cpu"), Some(1_110));
    assert_eq!(amount(&asked, "memory"), Some(1_073_741_824_000), "1 GiB before, 128 MiB later");
    assert_eq!(amount(&asked, PODS), Some(1_000));
}

#[test]
fn a_node_says_what_it_has_and_whether_it_takes_pods() {
    let read = |spec: serde_json::Value, ready: &str| {
        node(
            &serde_json::from_value(json!({
                "metadata": {"name": "n", "labels": {"zone": "a"}},
                "spec": spec,
                "status": {
                    "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110", "odd": "?"},
                    "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": ready}],
                },
            }))
            .unwrap(),
        )
    };
    let taints = json!([
        {"key": "a", "effect": "NoSchedule"}, {"key": "b", "value": "x", "effect": "NoExecute"},
        {"key": "c", "effect": "PreferNoSchedule"},
    ]);
    let open = read(json!({"taints": taints}), "True");
    assert!(open.is_open);
    assert_eq!((amount(&open.allocatable, "cpu"), amount(&open.allocatable, PODS)), (Some(4_000), Some(110_000)));
    assert_eq!(amount(&open.allocatable, "odd"), None);
    assert_eq!(open.taints.iter().map(|taint| taint.key.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(!read(json!({"unschedulable": true}), "True").is_open);
    assert!(!read(json!({}), "False").is_open && !read(json!({}), "Unknown").is_open);
}

#[test]
fn only_pods_on_a_node_are_placed() {
    let read = |spec: serde_json::Value| {
        let pod = json!({"metadata": {"name": "p", "namespace": "shop", "labels": {"app": "web"}}, "spec": spec});
        placed(&serde_json::from_value(pod).unwrap())
    };
    assert!(read(json!({"containers": []})).is_none());
    let there = read(json!({"containers": [], "nodeName": "n"})).unwrap();
    assert_eq!((there.node.as_str(), there.namespace.as_str(), there.is_going), ("n", "shop", false));
}

#[test]
fn what_a_template_asks_of_a_node_is_read_whole() {
    let deployment: Deployment = serde_json::from_value(json!({
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web", "tier": "front"}},
                "spec": {
                    "containers": [{"name": "app", "resources": {"requests": {"cpu": "500m"}}}],
                    "nodeSelector": {"zone": "a"},
                    "tolerations": [
                        {"operator": "Exists"}, {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},
                        {"key": "team", "value": "shop"},
                    ],
                    "affinity": {
                        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                            {"matchExpressions": [
                                {"key": "cores", "operator": "Gt", "values": ["7"]}, {"key": "disk", "operator": "Exists"},
                            ]},
                            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]},
                        ]}},
                        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                            {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}},
                        ]},
                    },
                },
            },
        },
    }))
    .unwrap();
    let needs = needs(&deployment);
    assert_eq!(amount(&needs.requests, "cpu"), Some(500));
    assert_eq!((needs.selector.len(), needs.node_selector.len(), needs.is_alone), (1, 1, true));
    let tolerated = |index: usize| {
        let toleration = &needs.tolerations[index];
        (toleration.key.as_deref(), toleration.value.as_deref(), toleration.effect.as_deref())
    };
    assert_eq!(tolerated(0), (None, None, None));
    assert_eq!(tolerated(1), (Some("gpu"), None, Some("NoSchedule")));
    assert_eq!(tolerated(2), (Some("team"), Some("shop"), None));
    let terms = needs.affinity.unwrap();
    assert!(matches!(terms[0][..], [Requirement::Above(_, 7), Requirement::Exists(_)]));
    assert!(matches!(terms[1][..], [Requirement::Unknown]));
}

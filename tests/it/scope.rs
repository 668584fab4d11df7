//! An install that looks at some namespaces only: there it does its whole work, with rights that end there; of what lies
//! elsewhere it says that it does not look.

use serde_json::json;

use crate::support::bed::bed;
use crate::support::world::{Wants, World};

#[test]
fn an_install_works_in_its_namespaces_and_touches_nothing_beyond() {
    let name = "scope";
    bed().apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "scope-elsewhere"}}).to_string());
    let watched = format!("watchNamespaces={{{name}-shop,{name}-marketing,{name}-mail}}");
    let world = World::new(name, Wants { values: vec![watched], ..Wants::default() });

    // The same pool and the same Sender, where it does not look; nor do the other installs on this cluster see to that pool.
    for (kind, from, object) in
        [("capacitypool", world.shop(), "storefront"), ("sender", format!("{name}-mail"), "push")]
    {
        let there = world.get(&["-n", &from, "get", kind, object]);
        let annotations = json!({"headroom.dev/install": "elsewhere/headroom"});
        let metadata = json!({"name": object, "namespace": "scope-elsewhere", "annotations": annotations});
        let (version, kind, spec) = (&there["apiVersion"], &there["kind"], &there["spec"]);
        world
            .bed()
            .apply(&json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}).to_string());
    }
    let elsewhere = |object: &str| json!({"namespace": "scope-elsewhere", "name": object});
    world.apply_campaign("poolless", &json!({"poolRef": elsewhere("storefront")}));
    world.apply_campaign("senderless", &json!({"senderRef": elsewhere("push")}));
    for (campaign, reason, what, field) in [
        ("poolless", "PoolNotFound", "CapacityPool scope-elsewhere/storefront", "spec.poolRef"),
        ("senderless", "SenderNotFound", "Sender scope-elsewhere/push", "spec.senderRef"),
    ] {
        let status = world.until_reason(campaign, reason, 60);
        let wanted = format!(
            "Waiting: the {what} cannot be seen, since this Headroom does not look at namespace scope-elsewhere. Check {field}, or ask the platform team to add the namespace to watchNamespaces of the chart."
        );
        assert_eq!(status["message"], wanted);
    }

    world.apply_campaign("sale", &json!({}));
    world.until_phase("sale", "Completed", 120);
    assert_eq!(world.waves_received(), ["canary", "rest"]);
    world.check_safety();
    world.until_restored(2);
    let untouched = world.get(&["-n", "scope-elsewhere", "get", "capacitypool", "storefront"]);
    assert!(untouched["status"].is_null(), "{untouched}");

    // Its rights, as the API server sees them.
    for (verb, what) in [("list", "campaigns"), ("patch", "deployments"), ("patch", "horizontalpodautoscalers")] {
        assert!(world.may(verb, what, "scope-shop"), "{verb} {what}");
        assert!(!world.may(verb, what, "scope-elsewhere"), "{verb} {what}");
    }
    world.check_secrets();
}

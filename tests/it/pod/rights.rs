//! The operator's rights, held against what it asked for: nothing was asked for by another right than the chart's, and no right
//! that the chart gives is one that is never used. That nothing is refused is held of every world there is.

use std::collections::BTreeSet;

use serde_json::json;

use super::small;
use crate::support::audit::{self, Right};
use crate::support::node;
use crate::support::world::{Wants, World, by_gauge};

/// What the rules of the operator's roles allow, as the API server has them.
fn allowed(world: &World) -> BTreeSet<Right> {
    let name = &world.name;
    let cluster = world.get(&["get", "clusterrole", &format!("headroom-operator.{name}-op.headroom")]);
    let roles = [
        ("ledger", format!("{name}-ledger")),
        ("sender-secrets", format!("{name}-mail")),
        ("stop", world.operator_namespace()),
        ("leader", world.operator_namespace()),
    ];
    let roles = roles.map(|(what, namespace)| {
        world.get(&["-n", &namespace, "get", "role", &format!("headroom-{what}.{name}-op.headroom")])
    });
    let mut rights = BTreeSet::new();
    for rule in std::iter::once(&cluster).chain(&roles).flat_map(|role| role["rules"].as_array().unwrap()) {
        let words = |field: &str| -> Vec<String> { serde_json::from_value(rule[field].clone()).unwrap() };
        for group in words("apiGroups") {
            for resource in words("resources") {
                for verb in words("verbs") {
                    rights.insert((verb, group.clone(), resource.clone()));
                }
            }
        }
    }
    rights
}

/// Asked for only where the creation of an entry meets one that is there, of which the watch has not told yet: the tests of
/// `crash` and of the simulated world bring that about, and no script on a quiet node does.
const RARE: [(&str, &str, &str); 1] = [("get", "headroom.dev", "wavereleases")];

#[test]
fn what_is_asked_for_is_what_is_allowed_both_ways() {
    let mut pool = by_gauge("rights", "320/s");
    pool["scaleDown"] = json!({"hold": "30s", "step": "100%"});
    let Some(world) = node::world("rights", &Wants { pool: pool.clone(), ..Wants::default() }) else { return };
    world.helm("upgrade", &[&node::VALUES[..], &["nodes.count=true"]].concat());
    pool["nodes"] = json!("Fixed");
    world.apply_pool(&pool);
    world.apply_campaign("sale", &small());
    world.until_phase("sale", "Completed", 120);
    // The pool is about another workload now, one without an autoscaler: what the first one was given goes back.
    assert!(world.floor() > 2, "{}", world.hpa());
    let shop = world.shop();
    world.bed().kubectl(&["-n", &shop, "create", "deployment", "other", "--image=bed.local/idle:1", "--replicas=4"]);
    pool["workloads"][0]["name"] = json!("other");
    pool["workloads"][0]["targetRef"]["name"] = json!("other");
    world.apply_pool(&pool);
    world.until(120, "the floor of before is gone", || world.floor() == 2);
    world.apply_campaign("without", &json!({"audience": {"size": 12000}}));
    world.until_phase("without", "Completed", 120);
    // It ends, and asks whether anybody comes after it.
    world.bed().kubectl(&["-n", &world.operator_namespace(), "delete", "pod", "--all"]);
    node::pod(&world);

    world.check_secrets();
    let user = format!("system:serviceaccount:{}:headroom", world.operator_namespace());
    let used: BTreeSet<Right> = audit::events(world.bed(), &user).iter().filter_map(audit::right).collect();
    let allowed = allowed(&world);
    let beyond: Vec<&Right> = used.difference(&allowed).collect();
    assert!(beyond.is_empty(), "asked for by another right than the chart's: {beyond:?}");
    let rare = RARE.map(|(verb, group, resource)| (verb.to_owned(), group.to_owned(), resource.to_owned()));
    let unused: Vec<&Right> = allowed.difference(&used).filter(|right| !rare.contains(right)).collect();
    assert!(unused.is_empty(), "never used: {unused:?}");
}

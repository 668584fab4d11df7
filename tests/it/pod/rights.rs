//! The operator's rights, held against what it asked for: of all that the API server was asked in the operator's name nothing
//! was refused, and no right that the chart gives is one that is never used.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::small;
use crate::support::node;
use crate::support::world::{Wants, World, by_gauge};

/// A verb, an API group, and a resource with its part.
type Right = (String, String, String);

/// What the account was asked for, and how it was answered.
fn asked(world: &World, account: &str) -> Vec<(Right, i64)> {
    let log = std::fs::read_to_string(world.bed().dir.join("logs/audit.log")).unwrap();
    let user = format!("system:serviceaccount:{}:{account}", world.operator_namespace());
    let events =
        log.lines().filter(|line| line.contains(&user)).filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events
        .filter(|event| event["user"]["username"] == user.as_str() && !event["objectRef"].is_null())
        .map(|event| {
            let object = &event["objectRef"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let resource = match object["subresource"].as_str() {
                Some(part) => format!("{}/{part}", text(&object["resource"])),
                None => text(&object["resource"]),
            };
            let right = (text(&event["verb"]), text(&object["apiGroup"]), resource);
            (right, event["responseStatus"]["code"].as_i64().unwrap_or(0))
        })
        .collect()
}

/// What the rules of the operator's roles allow, as the API server has them.
fn allowed(world: &World) -> BTreeSet<Right> {
    let name = &world.name;
    let cluster = world.get(&["get", "clusterrole", &format!("headroom-operator.{name}-op.headroom")]);
    let roles = [
        ("ledger", format!("{name}-ledger")),
        ("sender-secrets", format!("{name}-mail")),
        ("stop", world.operator_namespace()),
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

    let asked = asked(&world, "headroom");
    // 403 is the only answer that says a right is missing; 404, 409 and 410 are answers like others.
    let refused: BTreeSet<&Right> = asked.iter().filter(|(_, code)| *code == 403).map(|(right, _)| right).collect();
    assert!(refused.is_empty(), "refused: {refused:?}");
    let used: BTreeSet<Right> = asked.iter().map(|(right, _)| right.clone()).collect();
    let allowed = allowed(&world);
    let beyond: Vec<&Right> = used.difference(&allowed).collect();
    assert!(beyond.is_empty(), "asked for by another right than the chart's: {beyond:?}");
    let rare = RARE.map(|(verb, group, resource)| (verb.to_owned(), group.to_owned(), resource.to_owned()));
    let unused: Vec<&Right> = allowed.difference(&used).filter(|right| !rare.contains(right)).collect();
    assert!(unused.is_empty(), "never used: {unused:?}");
}

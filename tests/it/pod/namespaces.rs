//! Namespaces are deleted while a floor stands: those of the pool, of the campaigns and of the operator, in every order. None
//! hangs, and nothing stays borrowed.

use std::time::{Duration, Instant};

use super::{held_long, small};
use crate::support::node;
use crate::support::world::{Wants, World};

/// Whose namespace is deleted.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    Operator,
    Pool,
    Campaigns,
}

fn name(world: &World, of: Of) -> String {
    match of {
        Of::Operator => world.operator_namespace(),
        Of::Pool => world.shop(),
        Of::Campaigns => world.marketing(),
    }
}

fn deleted(world: &World, order: [Of; 3]) {
    for of in order {
        let name = name(world, of);
        world.bed().kubectl(&["delete", "namespace", &name, "--wait=false"]);
        let begun = Instant::now();
        while world.bed().try_kubectl(&["get", "namespace", &name]).is_ok() {
            let left = || world.bed().kubectl(&["get", "namespace", &name, "-o", "jsonpath={.status.conditions}"]);
            assert!(begun.elapsed() < Duration::from_mins(2), "{name} hangs: {}", left());
            std::thread::sleep(Duration::from_millis(250));
        }
        // The operator's went first: nobody is there any more who would give anything back later.
        if of == Of::Operator && order[0] == Of::Operator {
            assert!(world.is_back_at(2), "{} {}", world.hpa(), world.pool());
        }
    }
    let released = world.entries();
    assert_eq!(released.len(), 2, "the ledger stays: {released:?}");
}

fn in_order(name: &str, order: [Of; 3]) {
    let Some(world) = node::world(name, &Wants { pool: held_long(name), ..Wants::default() }) else { return };
    world.apply_campaign("sale", &small());
    world.until_phase("sale", "Completed", 120);
    assert!(world.floor() > 2, "{}", world.hpa());
    deleted(&world, order);
}

#[test]
fn the_operators_first() {
    in_order("opc", [Of::Operator, Of::Pool, Of::Campaigns]);
    in_order("ocp", [Of::Operator, Of::Campaigns, Of::Pool]);
}

#[test]
fn the_pools_first() {
    in_order("poc", [Of::Pool, Of::Operator, Of::Campaigns]);
    in_order("pco", [Of::Pool, Of::Campaigns, Of::Operator]);
}

#[test]
fn the_campaigns_first() {
    in_order("cop", [Of::Campaigns, Of::Operator, Of::Pool]);
    in_order("cpo", [Of::Campaigns, Of::Pool, Of::Operator]);
}

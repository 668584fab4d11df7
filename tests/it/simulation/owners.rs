//! What the owners of the pool and of the Sender change about them while sends go on: how fast is sent, whom they let in, what is borne,
//! and whether anything is sent at all. They never claim more than is true, since a claim that is false is no fault of the operator's.

use headroom::sim::deed::{Deed, Thing};
use headroom::sim::story::Story;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::dice::Dice;
use super::mix::{Class, Mix};
use super::told::{self, MAIL, POOL, POOLS, SENDER, SENDERS, SHOP};

/// Earlier seeds are told as they were when they were played.
pub const FIRST: u64 = 70_001;

/// A team to which no namespace belongs.
pub const NOBODY: &str = "nobody";

/// Where a story has pools or Senders that change, they change in these ways too.
pub fn change(seed: u64, mix: &Mix, story: &Story, deeds: &mut Vec<(SignedDuration, Deed)>) {
    let mut dice = Dice::of(seed, 7);
    let pool = Thing::new(POOLS, SHOP, POOL);
    let sender = Thing::new(SENDERS, MAIL, SENDER);
    for (class, thing) in [(Class::Pools, pool), (Class::Senders, sender)] {
        for _ in 0..mix.strength(class).div_ceil(3) {
            let (then, back) = match class {
                Class::Pools => of_pool(&mut dice, story),
                _ => of_sender(&mut dice),
            };
            let write = |spec: Value| Deed::Write { by: "kubectl", to: thing.clone(), fields: json!({ "spec": spec }) };
            let at = told::time(&mut dice);
            deeds.push((at, write(then)));
            if dice.one_in(2) {
                deeds.push((told::until(at, &mut dice), write(back)));
            }
        }
    }
}

fn of_pool(dice: &mut Dice, story: &Story) -> (Value, Value) {
    let pool = story.objects.iter().find(|object| object["kind"] == "CapacityPool").unwrap();
    let workloads = &pool["spec"]["workloads"];
    let other = |field: &str, value: Value| {
        let mut other = workloads.clone();
        other[0][field] = value;
        (json!({ "workloads": other }), json!({ "workloads": workloads }))
    };
    let admits = |team: &str| json!({"admission": {"namespaceSelector": {"matchLabels": {"team": team}}}});
    match dice.below(6) {
        0 => (json!({"mode": "Observe"}), json!({"mode": null})),
        1 => (admits(NOBODY), admits("marketing")),
        2 => other("maxReplicas", json!(dice.between(2, 12))),
        3 => other("capacityPerReplica", json!(format!("{}/s", dice.between(20, 90)))),
        4 => other("requestsPerRequest", json!(2.0)),
        _ => (json!({"reserve": "30%"}), json!({"reserve": null})),
    }
}

fn of_sender(dice: &mut Dice) -> (Value, Value) {
    let admits = |team: &str| json!({"namespaceSelector": {"matchLabels": {"team": team}}});
    let rate = |text: &str| json!({ "sendRate": text });
    match dice.below(3) {
        0 => (admits(NOBODY), admits("marketing")),
        1 => (rate("6000/s"), rate("2000/s")),
        _ => (rate("300/s"), rate("6000/s")),
    }
}

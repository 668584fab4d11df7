//! Which waves that are leaving are paused or cancelled, and that nothing else is.

use super::*;
use crate::api::pool_status::Breach;
use crate::api::release::SkipReason;
use crate::plan::halt::How;
use crate::plan::inquiry::{Heard, Said};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

fn heard(said: Said) -> Option<Heard> {
    Some(Heard { attempt: "attempt".into(), at: at(-1), said, sent: None, still: None, ran: None })
}

/// Its canary is leaving by listmonk.
fn world() -> Snapshot {
    let mut world = snapshot();
    let started = entry("canary", 4_000, -60, None);
    let contract = Contract::Listmonk;
    let (newest_result, heard) = (Some("Started".into()), heard(Said::Running("it runs".into())));
    world.entries = vec![Entry { contract, newest_result, heard, ..started }];
    world
}

/// What is done to it, in a world with this change.
fn halted(change: &dyn Fn(&mut Snapshot)) -> Option<How> {
    let mut world = world();
    change(&mut world);
    let halts = plan(&world, at(0)).halts;
    assert!(halts.len() < 2);
    halts.first().map(|halt| halt.how)
}

fn skipped(reason: SkipReason) -> Entry {
    let rest = entry("rest", 36_000, -30, None);
    Entry { disposition: Disposition::Skip, skip: Some(reason), skipped_by: Some("kim".into()), ..rest }
}

#[test]
fn what_is_leaving_goes_on_unless_its_send_is_ended() {
    assert_eq!(halted(&|_| ()), None);
    let cancelled = Some(How::Cancel);
    assert_eq!(halted(&|world| world.campaigns[0].spec.abort = Some(true)), cancelled);
    assert_eq!(halted(&|world| world.campaigns[0].asks.abort = Some("kim".into())), cancelled);
    assert_eq!(halted(&|world| world.campaigns[0].deleting = true), cancelled);
    assert_eq!(halted(&|world| world.campaigns[0].status.phase = Some(Phase::Aborted)), cancelled);
    for reason in [SkipReason::Aborted, SkipReason::Breached] {
        assert_eq!(halted(&|world| world.entries.push(skipped(reason))), cancelled);
    }
    // That the time of a later wave has passed, or that nobody was left for it, ends nothing that is leaving.
    for reason in [SkipReason::Missed, SkipReason::Empty] {
        assert_eq!(halted(&|world| world.entries.push(skipped(reason))), None);
    }
    // What holds the next wave back does not hold this one.
    assert_eq!(halted(&|world| world.campaigns[0].spec.suspend = Some(true)), None);
}

#[test]
fn a_campaign_that_draws_on_another_pool_now_is_not_one_that_is_gone() {
    assert_eq!(halted(&|world| world.campaigns.clear()), None);
    let gone = |world: &mut Snapshot| {
        world.campaigns.clear();
        world.entries[0].is_orphaned = true;
    };
    assert_eq!(halted(&gone), Some(How::Cancel));
    // Created again under its name, it is another one.
    assert_eq!(
        halted(&|world| {
            world.campaigns[0].uid = "uid-again".into();
            world.entries[0].is_orphaned = true;
        }),
        Some(How::Cancel)
    );
}

#[test]
fn only_what_was_seen_to_go_on_is_halted() {
    for said in [Said::Done, Said::Ended(String::new()), Said::Absent(String::new()), Said::Other(String::new())] {
        let change = |world: &mut Snapshot| {
            world.campaigns[0].spec.abort = Some(true);
            world.entries[0].heard = heard(said.clone());
        };
        assert_eq!(halted(&change), None, "{said:?}");
    }
    // It stands still, and anybody could let it go on.
    let paused = |world: &mut Snapshot| {
        world.campaigns[0].spec.abort = Some(true);
        world.entries[0].heard = heard(Said::Hidden(String::new()));
    };
    assert_eq!(halted(&paused), Some(How::Cancel));
    // A Job has nothing by which it could be halted, and another pool's waves are that pool's.
    let of = |change: &dyn Fn(&mut Entry)| {
        halted(&|world: &mut Snapshot| {
            world.campaigns[0].spec.abort = Some(true);
            change(&mut world.entries[0]);
        })
    };
    assert_eq!(of(&|entry| entry.contract = Contract::Job), None);
    assert_eq!(of(&|entry| entry.pool = "shop/other".into()), Some(How::Cancel), "its Campaign names this pool now");
    let elsewhere = |world: &mut Snapshot| {
        world.entries[0].pool = "shop/other".into();
        world.entries[0].is_orphaned = true;
        world.campaigns.clear();
    };
    assert_eq!(halted(&elsewhere), None);
    let of_nobody = |world: &mut Snapshot| {
        world.pool.missing = true;
        world.entries[0].is_orphaned = true;
        world.campaigns.clear();
    };
    assert_eq!(halted(&of_nobody), None);
    assert_eq!(of(&|entry| entry.outcome = Some(Outcome::Released)), None);
}

/// A guardrail that is out of bounds, and was before.
fn broken(world: &mut Snapshot, on_breach: &str, value: f64) {
    let rail = json!([{"name": "errors", "query": "errors", "max": "0.05", "onBreach": on_breach}]);
    let mut spec = pool_spec();
    spec["guardrails"] = rail;
    world.pool.rules = Rules::parse(&serde_json::from_value(spec).unwrap());
    world.pool.status.breaches = vec![Breach { guardrail: "errors".into(), since: Time(at(-20)), fine_since: None }];
    world.guardrails = vec![Some(reading(value, 1))];
}

#[test]
fn a_guardrail_pauses_what_is_leaving_where_it_says_so() {
    for (on_breach, value, what) in
        [("Hold", 0.2, None), ("Pause", 0.2, Some(How::Pause)), ("Pause", 0.01, None), ("Hold", 0.01, None)]
    {
        assert_eq!(halted(&|world| broken(world, on_breach, value)), what, "{on_breach} {value}");
    }
    // The strictest ends a send, and what is leaving of one that is held stands still.
    let held = |world: &mut Snapshot| {
        broken(world, "Abort", 0.2);
        world.campaigns[0].spec.suspend = Some(true);
    };
    assert_eq!(halted(&held), Some(How::Pause));
    // What stands still already is not told so again.
    let paused = |world: &mut Snapshot| {
        broken(world, "Pause", 0.2);
        world.entries[0].heard = heard(Said::Hidden(String::new()));
    };
    assert_eq!(halted(&paused), None);
}

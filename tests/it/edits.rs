//! Edits at any moment: nobody is sent to twice, nobody is skipped, and what holds says why.

use serde_json::json;

use crate::support::world::{Wants, World};

fn canary_gone(name: &str) -> World {
    let world = World::new(name, Wants::default());
    world
        .apply_campaign("sale", &json!({"waves": [{"name": "canary", "percent": 10, "soak": "6s"}, {"name": "rest"}]}));
    world.until(60, "the canary has gone", || world.received().len() == 1);
    world
}

fn recipients(world: &World) -> Vec<(i64, i64)> {
    let number = |request: &serde_json::Value, field: &str| request["body"]["wave"][field].as_i64().unwrap();
    world.received().iter().map(|request| (number(request, "offset"), number(request, "recipients"))).collect()
}

#[test]
fn an_audience_doubled_between_waves_reaches_everybody_once() {
    let world = canary_gone("doubled");
    world.patch_campaign("sale", &json!({"audience": {"size": 30000}}));
    world.until_phase("sale", "Completed", 120);
    assert_eq!(recipients(&world), [(0, 2_000), (2_000, 28_000)]);
    world.check_safety();
}

#[test]
fn an_audience_cut_below_what_has_gone_ends_without_a_second_message() {
    let world = canary_gone("halved");
    world.patch_campaign("sale", &json!({"audience": {"size": 1500}}));
    world.until_phase("sale", "Completed", 120);
    assert_eq!(recipients(&world), [(0, 2_000)]);
    assert_eq!(world.status("sale")["waves"][1]["state"], "Skipped");
}

#[test]
fn a_wave_inserted_before_others_takes_nobody_twice_and_one_that_went_cannot_be_changed() {
    let world = canary_gone("inserted");
    world.patch_campaign("sale", &json!({"waves": [{"name": "other", "percent": 10}, {"name": "rest"}]}));
    let status = world.until_reason("sale", "WaveChanged", 20);
    assert!(
        status["message"].as_str().unwrap().contains("wave \"canary\" went to 2,000 recipients")
            || status["message"].as_str().unwrap().contains("wave \"canary\" went to 2000 recipients"),
        "{}",
        status["message"]
    );
    world.patch_campaign("sale", &json!({"waves": [{"name": "early", "percent": 5}, {"name": "canary", "percent": 10, "soak": "6s"}, {"name": "rest"}]}));
    world.until_phase("sale", "Completed", 120);
    assert_eq!(recipients(&world), [(0, 2_000), (2_000, 1_000), (3_000, 17_000)]);
    world.check_safety();
}

#[test]
fn deleted_and_applied_again_it_is_held_and_says_what_went() {
    let world = canary_gone("again");
    world.bed().kubectl(&["-n", &world.marketing(), "delete", "campaign", "sale"]);
    world.apply_campaign("sale", &json!({}));
    let status = world.until_reason("sale", "SentBefore", 20);
    assert!(
        status["message"].as_str().unwrap().contains("\"canary\" to 2,000 recipients on "),
        "{}",
        status["message"]
    );
    // The same name by another Campaign is refused while the older one stands.
    world.apply_campaign("copy", &json!({"sendId": format!("{}/sale", world.marketing())}));
    world.until(20, "the copy is kept back", || {
        let reason = world.status("copy")["reason"].clone();
        reason == "SentBefore" || reason == "SendIdTaken"
    });
    world.always(5, "nothing goes", || world.received().len() == 1);
}

#[test]
fn a_window_that_is_too_short_is_waited_for_or_skipped() {
    let world = World::new("window", Wants::default());
    // 20,000 at 2,000 a second take ten seconds; the send may leave in the next five.
    let end = (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(5)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    world.apply_campaign("late", &json!({"schedule": {"end": end}, "waves": [{"name": "all"}]}));
    let status = world.until_phase("late", "Skipped", 20);
    assert_eq!(status["reason"], "DeadlinePassed");
    assert!(
        status["message"].as_str().unwrap().starts_with("Skipped: the time for wave \"all\" has passed; 0 of 20,000"),
        "{}",
        status["message"]
    );
    world.apply_campaign("held", &json!({"schedule": {"end": end, "onDeadline": "Hold"}, "waves": [{"name": "all"}]}));
    world.until(20, "it is held", || world.status("held")["phase"] == "Held");
    let tomorrow =
        (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    world.apply_campaign("early", &json!({"schedule": {"start": tomorrow}}));
    let status = world.until_reason("early", "BeforeStart", 20);
    assert!(
        status["message"].as_str().unwrap().starts_with("Scheduled: wave \"canary\" may start "),
        "{}",
        status["message"]
    );
    // An hour's window for a send of two is refused at once, with the arithmetic.
    world.apply_campaign(
        "never",
        &json!({
            "audience": {"size": 14_400_000},
            "schedule": {"start": tomorrow, "windows": [{"from": "09:00", "to": "10:00"}]},
            "waves": [{"name": "all"}],
        }),
    );
    let status = world.until_reason("never", "NeverFits", 20);
    assert_eq!(
        status["message"],
        "Refused: wave \"all\" of 14,400,000 messages at 2000/s: it takes 2 h to leave, and the longest time in which it may leave without a break is 1 h. Choose a longer window, a later end, or smaller waves."
    );
    assert!(world.received().is_empty());
}

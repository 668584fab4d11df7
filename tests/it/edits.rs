//! Edits at any moment: nobody is sent to twice, nobody is skipped, and what holds says why.

use serde_json::{Value, json};

use crate::support::world::{Wants, World};

/// A campaign whose first wave has gone, and is watched until the test lets it go on.
fn canary_gone(name: &str, size: i64) -> World {
    let world = World::new(name, Wants::default());
    let waves = json!([{"name": "canary", "percent": 10, "soak": "10m"}, {"name": "rest"}]);
    world.apply_campaign("sale", &json!({"audience": {"size": size}, "waves": waves}));
    world.until(60, "the canary has gone", || world.received().len() == 1);
    world
}

/// Makes an edit, waits until it was seen, and lets the rest go.
fn edit_and_go_on(world: &World, edit: &Value) {
    world.patch_campaign("sale", edit);
    world.until(60, "the edit is seen", || {
        let sale = world.get(&["-n", &world.marketing(), "get", "campaign", "sale"]);
        sale["status"]["observedGeneration"] == sale["metadata"]["generation"]
    });
    world.always(2, "nothing goes while the canary is watched", || world.received().len() == 1);
    world
        .patch_campaign("sale", &json!({"waves": [{"name": "canary", "percent": 10, "soak": "0s"}, {"name": "rest"}]}));
}

fn recipients(world: &World) -> Vec<(i64, i64)> {
    let number = |request: &Value, field: &str| request["body"]["wave"][field].as_i64().unwrap();
    world.received().iter().map(|request| (number(request, "offset"), number(request, "recipients"))).collect()
}

#[test]
fn an_audience_doubled_between_waves_reaches_everybody_once() {
    let world = canary_gone("doubled", 20_000);
    edit_and_go_on(&world, &json!({"audience": {"size": 40_000}}));
    world.until_phase("sale", "Completed", 120);
    assert_eq!(recipients(&world), [(0, 2_000), (2_000, 38_000)]);
    world.check_safety();
}

#[test]
fn an_audience_halved_between_waves_reaches_everybody_that_is_left_once() {
    let world = canary_gone("halved", 20_000);
    edit_and_go_on(&world, &json!({"audience": {"size": 10_000}}));
    world.until_phase("sale", "Completed", 120);
    assert_eq!(recipients(&world), [(0, 2_000), (2_000, 8_000)]);
    world.check_safety();
}

#[test]
fn an_audience_cut_below_what_has_gone_ends_without_a_second_message() {
    let world = canary_gone("cut", 20_000);
    edit_and_go_on(&world, &json!({"audience": {"size": 1500}}));
    world.until_phase("sale", "Completed", 120);
    assert_eq!(recipients(&world), [(0, 2_000)]);
    assert_eq!(world.status("sale")["waves"][1]["state"], "Skipped");
    world.check_safety();
}

#[test]
fn a_wave_inserted_before_others_takes_nobody_twice_and_one_that_went_cannot_be_changed() {
    let world = canary_gone("inserted", 20_000);
    world.patch_campaign("sale", &json!({"waves": [{"name": "other", "percent": 10}, {"name": "rest"}]}));
    let status = world.until_reason("sale", "WaveChanged", 20);
    let told = status["message"].as_str().unwrap();
    assert!(told.contains("wave \"canary\" went to 2,000 recipients and is not in spec.waves any more"), "{told}");
    // Nor may the pool be changed under it.
    world.patch_campaign(
        "sale",
        &json!({
            "poolRef": {"namespace": world.shop(), "name": "other"},
            "waves": [{"name": "canary", "percent": 10, "soak": "10m"}, {"name": "rest"}],
        }),
    );
    let status = world.until_reason("sale", "Invalid", 20);
    let told = status["message"].as_str().unwrap();
    assert!(
        told.starts_with(
            "Refused: spec.poolRef: wave \"canary\" went through the CapacityPool inserted-shop/storefront"
        ),
        "{told}"
    );
    world.patch_campaign("sale", &json!({
        "poolRef": {"namespace": world.shop(), "name": "storefront"},
        "waves": [{"name": "early", "percent": 5}, {"name": "canary", "percent": 10, "soak": "0s"}, {"name": "rest"}],
    }));
    world.until_phase("sale", "Completed", 120);
    assert_eq!(recipients(&world), [(0, 2_000), (2_000, 1_000), (3_000, 17_000)]);
    world.check_safety();
}

/// What was applied again says what went before, and nothing goes.
fn is_held_as_sent(world: &World) {
    let status = world.until_reason("sale", "SentBefore", 20);
    assert!(
        status["message"].as_str().unwrap().contains("\"canary\" to 2,000 recipients on "),
        "{}",
        status["message"]
    );
    world.always(5, "nothing goes", || world.received().len() == 1);
}

#[test]
fn applied_again_by_another_sender_it_is_the_same_send() {
    let world = canary_gone("resent", 20_000);
    let mail = format!("{}-mail", world.name);
    let mut second = world.get(&["-n", &mail, "get", "sender", "push"]);
    second["metadata"] = json!({"namespace": mail, "name": "second"});
    second.as_object_mut().unwrap().remove("status");
    world.bed().apply(&second.to_string());
    world.bed().kubectl(&["-n", &world.marketing(), "delete", "campaign", "sale"]);
    world.apply_campaign("sale", &json!({"senderRef": {"namespace": mail, "name": "second"}}));
    is_held_as_sent(&world);
    world.check_safety();
}

#[test]
fn deleted_and_applied_again_it_is_held_and_says_what_went() {
    let world = canary_gone("again", 20_000);
    world.bed().kubectl(&["-n", &world.marketing(), "delete", "campaign", "sale"]);
    world.apply_campaign("sale", &json!({}));
    is_held_as_sent(&world);
    // Of two that have not gone, with one identity, the older counts.
    let one = json!({"sendId": format!("{}/both", world.marketing()), "suspend": true});
    world.apply_campaign("older", &one);
    world.until_reason("older", "Suspended", 20);
    std::thread::sleep(std::time::Duration::from_secs(1));
    world.apply_campaign("younger", &one);
    let status = world.until_reason("younger", "SendIdTaken", 20);
    let told = status["message"].as_str().unwrap();
    assert!(told.contains("belongs to the older Campaign again-marketing/older"), "{told}");
    world.check_safety();
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
    // Local times across both changes of the clocks: in spring 02:30 does not exist and is the instant of the change; in
    // autumn it comes twice, and a start is the later one.
    for (name, local, instant) in
        [("spring", "2027-03-28T02:30", "2027-03-28T01:00:00Z"), ("autumn", "2027-10-31T02:30", "2027-10-31T01:30:00Z")]
    {
        world.apply_campaign(name, &json!({"schedule": {"timeZone": "Europe/Berlin", "start": local}}));
        assert_eq!(world.until_reason(name, "BeforeStart", 20)["nextStart"]["at"], instant);
    }
    assert!(world.received().is_empty());
}

#[test]
fn a_window_that_is_open_and_too_short_is_not_begun() {
    let world = World::new("short", Wants::default());
    // It closes in less than two minutes, and the whole takes 250 s.
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let clock = |minutes: i64| (&now + jiff::SignedDuration::from_mins(minutes)).strftime("%H:%M").to_string();
    let windows = |to: i64| json!([{"from": clock(-60), "to": clock(to)}]);
    let waves = json!([{"name": "all"}]);
    world.apply_campaign(
        "sale",
        &json!({"audience": {"size": 500_000}, "waves": waves, "schedule": {"windows": windows(2)}}),
    );
    let status = world.until_reason("sale", "OutsideWindow", 30);
    let told = status["message"].as_str().unwrap();
    assert!(told.contains("it takes 5 min and would not end inside the window that is open now"), "{told}");
    world.always(5, "nothing goes", || world.received().is_empty());
    world.patch_campaign("sale", &json!({"audience": {"size": 20_000}, "schedule": {"windows": windows(30)}}));
    world.until(120, "it goes", || world.received().len() == 1);
    world.check_safety();
}

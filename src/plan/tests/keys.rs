//! What a wave is known by: its send and its own name, and nothing that somebody may edit meanwhile. The name and the key are
//! worked out by hand: the SHA-256 and the `UUIDv5` of `headroom/1`, `marketing/sale` and `canary`, with a NUL between them.

use super::*;

const NAME: &str = "marketing-sale-canary-91943c491b90";
const KEY: &str = "bc45d9b9-ed27-5a71-97c4-55148b2c7909";

/// The canary goes, under that name and that key.
fn is_known(edited: &Snapshot, edit: &str) {
    let release = plan(edited, at(0)).release.unwrap_or_else(|| panic!("after {edit} the canary goes"));
    assert_eq!(
        (release.wave.name.as_str(), release.entry.as_str(), release.key.as_str()),
        ("canary", NAME, KEY),
        "{edit}"
    );
}

#[test]
fn a_wave_is_known_by_its_send_and_its_own_name() {
    is_known(&snapshot(), "nothing");
}

#[test]
fn another_sender_makes_no_other_wave_of_it() {
    let mut edited = snapshot();
    let campaign = &mut edited.campaigns[0];
    campaign.spec.sender_ref.name = "other".into();
    let sender = campaign.sender.as_mut().unwrap();
    (sender.name, sender.uid) = ("other".into(), "another".into());
    is_known(&edited, "another Sender");
}

#[test]
fn another_place_makes_no_other_wave_of_it() {
    let mut edited = snapshot();
    let waves = json!([{"name": "early", "percent": 5}, {"name": "canary", "percent": 10}, {"name": "rest"}]);
    edited.campaigns = vec![campaign("sale", &json!({ "waves": waves }))];
    edited.entries = vec![Entry { share: "5%".into(), ..entry("early", 2_000, -3_600, Some(Outcome::Released)) }];
    is_known(&edited, "a wave before it");
}

#[test]
fn another_life_makes_no_other_wave_of_it() {
    let mut edited = snapshot();
    let campaign = &mut edited.campaigns[0];
    (campaign.uid, campaign.generation, campaign.version) = ("another".into(), 4, "12".into());
    campaign.created = at(-10);
    is_known(&edited, "another UID");
}

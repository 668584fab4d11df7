//! The main job: floor raised, confirmed, canary, soak, rest, observed, completed, and the scale given back.

use serde_json::json;

use crate::support::world::{Wants, World};

#[test]
fn a_campaign_waits_for_headroom_is_sent_wave_by_wave_and_gives_the_scale_back() {
    let world = World::new("happy", Wants::default());
    assert_eq!(world.floor(), 2);
    world.apply_campaign("sale", &json!({}));
    // The pods that the autoscaler gives are not enough: the floor is raised, with the baseline noted on the target.
    world.until(30, "the floor is raised", || world.floor() > 2);
    let note = world.hpa()["metadata"]["annotations"]["headroom.dev/floor"].as_str().unwrap().to_owned();
    let note: serde_json::Value = serde_json::from_str(&note).unwrap();
    assert_eq!((note["baseline"].as_i64(), note["lastWritten"].as_i64()), (Some(2), Some(world.floor())));
    let status = world.until_phase("sale", "Completed", 120);
    assert_eq!(status["display"]["waves"], "2/2");
    assert_eq!(status["display"]["sent"], "20k/20k");
    assert_eq!(status["message"], "20,000 messages went in 2 waves.");
    assert_eq!(world.waves_received(), ["canary", "rest"]);
    world.check_safety();
    world.until_restored(2);
    world.until(60, "the pods are back", || {
        let pods =
            world.bed().kubectl(&["-n", &world.shop(), "get", "deployment", "web", "-o", "jsonpath={.spec.replicas}"]);
        pods == "4" || pods == "5"
    });

    // `kubectl wait` ends, and each transition was told once.
    world.bed().kubectl(&[
        "-n",
        &world.marketing(),
        "wait",
        "--for=condition=Finished",
        "campaign/sale",
        "--timeout=5s",
    ]);
    let events = world.bed().kubectl(&[
        "-n",
        &world.marketing(),
        "get",
        "events",
        "-o",
        "jsonpath={range .items[*]}{.reason}{\"\\n\"}{end}",
    ]);
    for reason in ["ScalingUp", "Confirming", "Completed"] {
        assert!(events.lines().any(|line| line == reason), "{reason} in {events}");
    }
    // An edit after the end changes nothing, and says so.
    world.patch_campaign("sale", &json!({"audience": {"size": 40000}}));
    world.until(20, "the edit is answered", || {
        world.status("sale")["message"].as_str().unwrap().contains("It was edited after its end; that changes nothing.")
    });
    assert_eq!(world.received().len(), 2);
}

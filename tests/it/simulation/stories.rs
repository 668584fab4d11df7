//! Stories that are told in full: the demo, a pool that is full, and a campaign that is applied again. What each comes to
//! was worked out by hand.

use std::collections::BTreeSet;

use headroom::sim::deed::Deed;
use headroom::sim::moment::{Outcome, Played};
use headroom::sim::story::Story;
use headroom::sim::tape::Tape;
use headroom::sim::world::{self, Watch};
use jiff::SignedDuration;
use serde_json::json;

use super::told::{demo, seconds};

const CAMPAIGN: &str = "flash-sale";

fn play(story: &Story) -> Played {
    let watch = Watch::every(SignedDuration::from_secs(2), SignedDuration::from_mins(25));
    world::play(story, watch, None, &mut |_| {}).unwrap()
}

/// What must hold of each.
fn check(played: &Played, told: &str) {
    assert!(played.is_alive, "{told}: the operator has ended");
    let mut keys = BTreeSet::new();
    for taken in &played.taken {
        assert!(keys.insert(&taken.key), "{told}: {} wave {} went twice", taken.campaign, taken.wave);
        assert!(taken.fits, "{told}: {} wave {} went without room", taken.campaign, taken.wave);
    }
    for line in &played.ledger {
        let is_taken = line.key.as_ref().is_some_and(|key| keys.contains(key));
        assert!(line.outcome.as_deref() != Some("Released") || is_taken, "{told}: {} was never taken", line.name);
    }
    for taken in &played.taken {
        assert!(
            played.ledger.iter().any(|line| line.key.as_ref() == Some(&taken.key)),
            "{told}: no entry for {taken:?}"
        );
    }
    let order: Vec<&str> = played.taken.iter().map(|taken| taken.wave.as_str()).collect();
    assert!(order == ["canary", "rest"] || order == ["canary"] || order.is_empty(), "{told}: {order:?}");
    if let [canary, rest] = played.taken.as_slice() {
        // The shortest canary leaves in half a second and is watched for fifteen.
        assert!(rest.at.duration_since(canary.at) >= seconds(15), "{told}: the soak was cut short");
    }
    if played.outcome == Outcome::Over {
        for target in &played.targets {
            assert!(!target.is_noted && target.least == Some(2), "{told}: {target:?} was not given back");
        }
    }
}

#[test]
fn the_demo_comes_to_its_end_with_room_for_every_wave() {
    let played = play(&demo(0.94));
    assert_eq!(played.outcome, Outcome::Over);
    check(&played, "demo");
    assert_eq!(played.taken.len(), 2);
    let last = &played.moments.last().unwrap().campaigns[0];
    assert_eq!((last.phase.as_str(), last.waves.as_str(), last.sent.as_str()), ("Completed", "2/2", "40k/40k"));
    let reasons: BTreeSet<&str> = played.moments.iter().map(|moment| moment.campaigns[0].reason.as_str()).collect();
    for reason in ["ScalingUp", "Confirming", "Soaking", "LoadStillArriving", "Completed"] {
        assert!(reasons.contains(reason), "{reason} in {reasons:?}");
    }
    let worst = played.moments.iter().flat_map(|moment| &moment.workloads).map(|it| it.demand / it.bears);
    assert!(worst.fold(0.0, f64::max) < 1.0, "no workload was ever asked for more than it bears");
}

#[test]
fn where_there_is_no_room_nothing_goes_until_there_is() {
    // 24 replicas bear 1,800 in use; 1,700 leave less than the canary needs. After five minutes demand falls.
    let mut story = demo(1_700.0 / 320.0);
    story.deeds = vec![(seconds(300), Deed::Demand(300.0))];
    let played = play(&story);
    check(&played, "full");
    assert_eq!(played.taken.len(), 2);
    let first = played.moments.first().unwrap().at;
    assert!(played.taken[0].at.duration_since(first) > seconds(295), "{}", played.taken[0].at);
    assert!(played.moments.iter().any(|moment| moment.campaigns[0].reason == "WaitingForRoom"));
}

#[test]
fn what_the_operator_writes_itself_calls_for_no_further_look() {
    // No room, and every ten seconds somebody suspends it or thinks better of it: thirty edits, each of which is answered
    // by a status. While it waits for room it is looked at every three seconds: three further looks in each of 15 times.
    let mut story = demo(1_700.0 / 320.0);
    let edit = |step: u64| Deed::Edit {
        campaign: ("marketing".into(), CAMPAIGN.into()),
        spec: json!({"suspend": step % 2 == 1}),
    };
    story.deeds = (1..=30).map(|step| (seconds(step * 10), edit(step))).collect();
    let tape = Tape::keeping(usize::MAX);
    world::play_onto(&tape, &story, Watch::every(seconds(2), seconds(305)), None, &mut |_| {}).unwrap();
    let lines = tape.lines();
    let count = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    // Each look begins by asking whether everything is stopped.
    let looks =
        lines.iter().filter(|line| line.contains(" get ") && line.contains("configmaps headroom/headroom-stop"));
    let (looks, written) = (looks.count(), count("campaigns.headroom.dev marketing/flash-sale/status"));
    assert!(written >= 30, "{written} statuses: nothing was at stake");
    assert!(looks <= 30 + 3 * 15 + 6, "{looks} looks, {written} statuses");
}

#[test]
fn deleted_and_applied_again_between_its_waves_nothing_goes_twice() {
    let mut story = demo(0.94);
    story.deeds = vec![(seconds(60), Deed::Reapply { campaign: ("marketing".into(), CAMPAIGN.into()) })];
    let played = play(&story);
    check(&played, "reapplied");
    assert_eq!(played.taken.len(), 1);
    assert_eq!(played.moments.last().unwrap().campaigns[0].reason, "SentBefore");
}

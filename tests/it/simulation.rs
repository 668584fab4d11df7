//! Stories of a simulated world, each decided by its seed: demand, sizes, edits, crashes of the operator, and an API
//! server that refuses, loses answers and tells late. Whatever happens, what must hold holds; and the same seed is the
//! same story. `HEADROOM_SIM_SEEDS=1000 cargo test --release --test it simulation` plays more of them.

use std::collections::BTreeSet;
use std::time::Duration;

use headroom::sim::apiserver::{Call, Change, Delivery, Interceptor, Interference, Refusal, Then, Verb};
use headroom::sim::moment::{Outcome, Played};
use headroom::sim::story::{Deed, Story};
use headroom::sim::world::{self, Watch};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::support::bed::root;

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    fn one_in(&mut self, of: u64) -> bool {
        self.next(of) == 0
    }
}

/// Between the operator and the API server.
struct Trouble(Dice);

impl Interceptor for Trouble {
    fn before(&mut self, call: &Call) -> Interference {
        if call.ask.agent != "headroom" || call.ask.verb == Verb::Watch {
            return Interference::default();
        }
        let then = match self.0.next(40) {
            0 => Then::Refuse(Refusal::new(500, "InternalError", "etcdserver: leader changed")),
            1 => Then::Refuse(Refusal::new(429, "TooManyRequests", "too many requests")),
            2 => Then::Break,
            _ => Then::Go,
        };
        let delay = if self.0.one_in(20) { Duration::from_millis(self.0.next(3_000)) } else { Duration::ZERO };
        Interference { delay, then }
    }

    fn after(&mut self, call: &Call, _: u16) -> Interference {
        // It was done, and nobody learns of it.
        let lost = call.ask.agent == "headroom" && call.ask.verb != Verb::Watch && self.0.one_in(30);
        Interference { delay: Duration::ZERO, then: if lost { Then::Break } else { Then::Go } }
    }

    fn deliver(&mut self, watch: &Call, _: &Change) -> Delivery {
        match self.0.next(30) {
            0 if watch.ask.agent == "headroom" => Delivery::End,
            1..=3 if watch.ask.agent == "headroom" => Delivery::Late(Duration::from_millis(self.0.next(5_000))),
            _ => Delivery::Tell,
        }
    }
}

const CAMPAIGN: &str = "flash-sale";

fn demo(flat: f64) -> Story {
    let read = |name: &str| {
        let path = format!("examples/demo/{name}.yaml");
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        (path, text.replace("PORT", "80"))
    };
    let files: Vec<(String, String)> = ["shop", "pool", "sender", "campaign"].map(read).to_vec();
    Story::from_files(&files, "2027-03-19T09:00:00Z".parse::<Timestamp>().unwrap(), Some(flat)).unwrap()
}

fn seconds(count: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(count).unwrap())
}

const WATCH: Watch = Watch { step: SignedDuration::from_secs(2), longest: SignedDuration::from_mins(25) };

fn play(story: &Story) -> Played {
    world::play(story, WATCH, None, &mut |_| {}).unwrap()
}

/// What must hold whatever happened. `aborted_at` is when an abort was committed, if one was.
fn check(played: &Played, aborted_at: Option<Timestamp>, told: &str) {
    assert!(played.is_alive, "{told}: the operator has ended");
    let mut keys = BTreeSet::new();
    for taken in &played.taken {
        assert!(keys.insert(&taken.key), "{told}: {} wave {} went twice", taken.campaign, taken.wave);
        assert!(taken.fits, "{told}: {} wave {} went without room", taken.campaign, taken.wave);
        if let Some(aborted) = aborted_at {
            // A fire window that was open may still end: five seconds.
            let late = taken.at.duration_since(aborted);
            assert!(late <= seconds(5), "{told}: wave {} went {late:#} after the abort", taken.wave);
        }
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
    check(&played, None, "demo");
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
    check(&played, None, "full");
    assert_eq!(played.taken.len(), 2);
    let first = played.moments.first().unwrap().at;
    assert!(played.taken[0].at.duration_since(first) > seconds(295), "{}", played.taken[0].at);
    assert!(played.moments.iter().any(|moment| moment.campaigns[0].reason == "WaitingForRoom"));
}

#[test]
fn deleted_and_applied_again_between_its_waves_nothing_goes_twice() {
    let mut story = demo(0.94);
    story.deeds = vec![(seconds(60), Deed::Reapply { campaign: ("marketing".into(), CAMPAIGN.into()) })];
    let played = play(&story);
    check(&played, None, "reapplied");
    assert_eq!(played.taken.len(), 1);
    assert_eq!(played.moments.last().unwrap().campaigns[0].reason, "SentBefore");
}

/// A story from a seed, and when it is aborted, if it is.
fn told_by(seed: u64) -> (Story, Option<SignedDuration>) {
    let mut dice = Dice(seed);
    let mut story = demo(0.3 + 0.1 * f64::from(u32::try_from(dice.next(12)).unwrap()));
    let campaign = ("marketing".to_owned(), CAMPAIGN.to_owned());
    let size = 5_000 + dice.next(60_000);
    story.campaigns[0]["spec"]["audience"]["size"] = json!(size);
    story.crashes = (0..dice.next(4)).map(|_| seconds(dice.next(240))).collect();
    for _ in 0..dice.next(3) {
        story
            .deeds
            .push((seconds(dice.next(240)), Deed::Demand(50.0 + f64::from(u32::try_from(dice.next(350)).unwrap()))));
    }
    if dice.one_in(3) {
        let spec = json!({"audience": {"size": 1_000 + dice.next(80_000)}});
        story.deeds.push((seconds(dice.next(180)), Deed::Edit { campaign: campaign.clone(), spec }));
    }
    if dice.one_in(6) {
        story.deeds.push((seconds(dice.next(180)), Deed::Reapply { campaign: campaign.clone() }));
    }
    let aborted = dice.one_in(5).then(|| seconds(dice.next(120)));
    if let Some(at) = aborted {
        story.deeds.push((at, Deed::Edit { campaign, spec: json!({"abort": true}) }));
    }
    story.deeds.sort_by_key(|(at, _)| *at);
    (story, aborted)
}

/// Plays a seed; what it comes to in a line, for comparison.
fn play_seed(seed: u64) -> (Played, String) {
    let (story, aborted) = told_by(seed);
    let is_reapplied = story.deeds.iter().any(|(_, deed)| matches!(deed, Deed::Reapply { .. }));
    let trouble = Box::new(Trouble(Dice(seed ^ 0x5eed)));
    let played = world::play(&story, WATCH, Some(trouble), &mut |_| {}).unwrap();
    // The first moment is one step after the beginning. A deed is done at the first step after its time.
    let begun = played.moments.first().map(|moment| moment.at - WATCH.step);
    let aborted = aborted.filter(|_| !is_reapplied).and_then(|at| begun.map(|begun| begun + at + WATCH.step));
    check(&played, aborted, &format!("seed {seed}"));
    let taken: Vec<String> =
        played.taken.iter().map(|taken| format!("{} {} {}", taken.at, taken.wave, taken.recipients)).collect();
    let last = played.moments.last().unwrap().campaigns[0].reason.clone();
    let line = format!("{} {last} {}", played.moments.len(), taken.join(", "));
    (played, line)
}

#[test]
fn whatever_a_seed_brings_nothing_goes_twice_or_without_room_and_the_scale_is_given_back() {
    let count: u64 = std::env::var("HEADROOM_SIM_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let first: u64 = std::env::var("HEADROOM_SIM_FIRST").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let (mut over, mut sent, mut waves) = (0, 0, 0);
    for seed in first..first + count {
        let (played, _) = play_seed(seed);
        over += u64::from(played.outcome == Outcome::Over);
        sent += u64::from(played.taken.len() == 2);
        waves += played.taken.len();
    }
    eprintln!("simulation: {count} seeds, {waves} releases, {over} came to their end, {sent} sent everything");
    assert!(sent * 4 >= count, "a world in which hardly anything is sent shows nothing: {sent} of {count}");
}

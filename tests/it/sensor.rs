//! A Prometheus that answers well, and measures something else than what runs here: part of the pods, or another cluster. Its
//! numbers are numbers like any other; what it cannot show is told, and nothing goes.

use serde_json::json;

use crate::support::dice::Dice;
use crate::support::prometheus::{Prometheus, Sees, free_port};
use crate::support::world::{Wants, World};

#[test]
fn half_of_the_pods_or_another_cluster_behind_the_same_address_opens_nothing() {
    let port = free_port(1);
    let world = World::new("lying", Wants { prometheus: Some(format!("http://127.0.0.1:{port}")), ..Wants::default() });
    let told = |words: &str| {
        world.until(90, words, || world.status("sale")["message"].as_str().is_some_and(|told| told.contains(words)));
        world.always(5, "nothing goes", || world.received().is_empty());
    };
    // Two of about five pods are lost to it, and with them two fifths of the demand that it tells.
    let part = Prometheus::start(port, &Sees::AllBut("web-.+-bbbb[bc]"));
    world.apply_campaign("sale", &json!({}));
    told(" ready replicas ");
    told(" have fresh samples in it (90 % are needed). They are told by the label \"pod\".");
    part.forget();

    // The same shop, and no Headroom: as the Prometheus of another cluster answers, whose shop has the same names.
    let other = Prometheus::start(port, &Sees::TheShop);
    told("Headroom does not find its own heartbeat in that Prometheus");
    let pool = world.pool();
    let conditions = pool["status"]["conditions"].as_array().unwrap();
    assert!(
        conditions.iter().any(|it| it["message"].as_str().is_some_and(|message| message.contains("heartbeat"))),
        "{conditions:?}"
    );
    other.forget();

    let _seeing = Prometheus::start(port, &Sees::Everything);
    world.until_phase("sale", "Completed", 120);
    assert_eq!(world.waves_received(), ["canary", "rest"]);
    world.check_safety();
}

/// What is wrong with a Prometheus for a while.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It is not there.
    Killed,
    /// It is not there, and then again, having forgotten everything.
    Forgetful,
    /// It remembers, and scrapes nothing.
    Blind,
    /// It scrapes Headroom alone.
    HalfBlind,
    /// It has lost four pods, of 24 at the most.
    SomePods,
    /// It is that of another cluster.
    Stranger,
}

const FAULTS: [Fault; 6] =
    [Fault::Killed, Fault::Forgetful, Fault::Blind, Fault::HalfBlind, Fault::SomePods, Fault::Stranger];

impl Fault {
    /// What is there in place of one that saw everything.
    fn befalls(self, port: u16, seeing: Prometheus) -> Option<Prometheus> {
        match self {
            Fault::Forgetful | Fault::Stranger => seeing.forget(),
            _ => drop(seeing),
        }
        let sees = match self {
            Fault::Killed | Fault::Forgetful => return None,
            Fault::Blind => Sees::Nothing,
            Fault::HalfBlind => Sees::Headroom,
            Fault::SomePods => Sees::AllBut("web-.+-bbbb[bcdf]"),
            Fault::Stranger => Sees::TheShop,
        };
        Some(Prometheus::start(port, &sees))
    }
}

/// Plays so many sends, one after the other, in a world of its own; in each something is wrong for a while, from some moment
/// on, and then demand rises so high that no wave fits. What it came to: how many had to wait.
fn runs(name: &str, port_of: u16, count: u64) -> usize {
    let port = free_port(port_of);
    let world = World::new(name, Wants { prometheus: Some(format!("http://127.0.0.1:{port}")), ..Wants::default() });
    let pause = |milliseconds: u64| std::thread::sleep(std::time::Duration::from_millis(milliseconds));
    let mut seeing = Prometheus::start(port, &Sees::Everything);
    let mut waited = 0;
    for run in 0..count {
        let mut dice = Dice(u64::from(port_of) * 10_000 + run);
        let fault = FAULTS[usize::try_from(dice.next(6)).unwrap()];
        let campaign = format!("run-{run}");
        world.apply_campaign(&campaign, &json!({"audience": {"size": 10_000 + dice.next(10_000)}}));
        pause(dice.next(9_000));
        eprintln!("{name}: run {run}, {fault:?}");
        let mut wrong = fault.befalls(port, seeing);
        // What was measured before counts for as long as the pool lets it: 10 s.
        pause(12_000);
        world.change_shop(json!({"demand": {"web": 1_750.0}}));
        pause(1_000);
        let before = world.received().len();
        if matches!(fault, Fault::Forgetful) {
            // From its first samples on it sees what is so now: a rate of two of them must not open anything.
            wrong = Some(Prometheus::start(port, &Sees::Everything));
            pause(5_000);
        }
        pause(3_000 + dice.next(4_000));
        let status = world.status(&campaign);
        assert_eq!(world.received().len(), before, "{name} run {run}, {fault:?}: a wave went: {status}");
        let has_all_gone = status["display"]["waves"] == "2/2";
        if !has_all_gone {
            waited += 1;
            let (reason, message) = (status["reason"].as_str().unwrap(), status["message"].as_str().unwrap());
            let is_told = ["SensorUntrusted", "SampleTooOld"].contains(&reason);
            // One that has forgotten measures again soon, and then there is no room.
            let is_well = matches!(fault, Fault::Forgetful) && reason == "WaitingForRoom";
            assert!(is_told || is_well, "{name} run {run}, {fault:?}: {reason}: {message}");
        }
        world.change_shop(json!({"demand": {"web": 300.0}}));
        match (fault, wrong) {
            (Fault::Stranger, Some(wrong)) => wrong.forget(),
            (_, wrong) => drop(wrong),
        }
        seeing = Prometheus::start(port, &Sees::Everything);
        world.until(180, &format!("{name} run {run}, {fault:?}, is sent"), || {
            world.status(&campaign)["display"]["waves"] == "2/2"
        });
        world.check_safety();
    }
    waited
}

/// `HEADROOM_SENSOR_RUNS=200 cargo test --test it sensor::random -- --nocapture` plays more of them, six worlds at a time.
#[test]
fn random_faults_of_a_real_prometheus_never_lead_to_a_release_without_room() {
    let count: u64 = std::env::var("HEADROOM_SENSOR_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let worlds = if count < 12 { 1 } else { 6 };
    let waited: usize = std::thread::scope(|scope| {
        let all: Vec<_> = (0..worlds)
            .map(|world| {
                let count = count / worlds + u64::from(world < count % worlds);
                let of = u16::try_from(world).unwrap();
                scope.spawn(move || runs(&format!("unsure{world}"), 2 + of, count))
            })
            .collect();
        all.into_iter().map(|world| world.join().unwrap()).sum()
    });
    assert!(count < 12 || waited * 4 >= usize::try_from(count).unwrap(), "{waited} of {count} runs had to wait");
    eprintln!("real Prometheus: {count} runs, {waited} of which had to wait; 0 releases without room");
}

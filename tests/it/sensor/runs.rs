//! Sends on a real Prometheus that something befalls: at every moment of a send, and at random ones. Then demand rises so high that no
//! wave fits, and whatever the sensor says meanwhile, none may go.

use serde_json::json;

use super::fault::{FAULTS, Fault};
use crate::support::dice::Dice;
use crate::support::operator::Operator;
use crate::support::prometheus::{Prometheus, Sees, free_port};
use crate::support::skew::Skew;
use crate::support::world::{Wants, World};

/// When it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// Before there is a send.
    Before,
    /// When some, but not all, samples have confirmed it.
    Confirming,
    /// As soon as its first wave is in the ledger.
    Armed,
    /// When its first wave has gone.
    Sending,
    /// So many milliseconds after the send was written.
    After(u64),
}

const MOMENTS: [Moment; 4] = [Moment::Before, Moment::Confirming, Moment::Armed, Moment::Sending];

/// One send.
#[derive(Clone, Copy, Debug)]
struct Run {
    number: u64,
    fault: Fault,
    moment: Moment,
}

fn pause(milliseconds: u64) {
    std::thread::sleep(std::time::Duration::from_millis(milliseconds));
}

/// A world of its own, with a Prometheus and a clock of its own.
struct Stage {
    world: World,
    skew: Skew,
    port: u16,
}

impl Stage {
    fn new(name: &str, of: u16) -> Stage {
        let port = free_port(of);
        let server = format!("http://127.0.0.1:{port}");
        let mut world =
            World::without_operator(crate::support::bed::bed(), name, &Wants::default(), &["crds.install=false"]);
        let skew = Skew::new(name);
        world.operator = Some(Operator::start_by(&skew, &world.operator_namespace(), "headroom", Some(&server)));
        Stage { world, skew, port }
    }

    /// Waits for the moment, or until the send is past it.
    fn until(&self, moment: Moment, campaign: &str) {
        let (world, what) = (&self.world, format!("{campaign} {moment:?}"));
        let before = world.received().len();
        let has_gone = || world.received().len() > before;
        match moment {
            Moment::Before => {}
            Moment::Confirming => {
                let is_confirmed_once = || world.status(campaign)["headroom"]["confirmations"] == "1/2";
                world.until(120, &what, || is_confirmed_once() || has_gone());
            }
            Moment::Armed => world.until(120, &what, || {
                let is_its = |entry: &serde_json::Value| entry["spec"]["campaign"]["name"] == campaign;
                world.entries().iter().any(is_its)
            }),
            Moment::Sending => world.until(120, &what, has_gone),
            Moment::After(milliseconds) => pause(milliseconds),
        }
    }

    /// Plays a send. Whether it had to wait, and the Prometheus that sees everything again.
    fn play(&self, run: Run, seeing: Prometheus) -> (bool, Prometheus) {
        let (world, what) = (&self.world, format!("{} {run:?}", self.world.name));
        let (campaign, fault) = (format!("run-{}", run.number), run.fault);
        let mut dice = Dice(run.number);
        world.apply_pool(&json!({"workloads": fault.workloads(&world.name)}));
        let send = json!({"audience": {"size": 10_000 + dice.next(10_000)}});
        let mut seeing = Some(seeing);
        let mut wrong = None;
        if matches!(run.moment, Moment::Before) {
            wrong = seeing.take().map(|seeing| fault.befalls(self.port, seeing, &self.skew));
        }
        world.apply_campaign(&campaign, &send);
        self.until(run.moment, &campaign);
        wrong = wrong.or_else(|| seeing.map(|seeing| fault.befalls(self.port, seeing, &self.skew)));
        let mut wrong = wrong.unwrap();
        // What was measured before counts for as long as the pool lets it, 10 s, and what was armed then leaves within 5 s.
        pause(16_000);
        world.change_shop(json!({"demand": {"web": 1_750.0}}));
        pause(1_000);
        let before = world.received().len();
        if fault.forgets() {
            // From its first samples on it sees what is so now: a rate of two of them must not open anything.
            wrong.prometheus = Some(Prometheus::start(self.port, &Sees::Everything));
            pause(5_000);
        }
        pause(3_000 + dice.next(4_000));
        let status = world.status(&campaign);
        assert_eq!(world.received().len(), before, "{what}: a wave went: {status}");
        let waits = status["display"]["waves"] != "2/2";
        assert!(waits || run.moment != Moment::Before, "{what}: it was sent as if nothing were wrong");
        if waits {
            let (reason, message) = (status["reason"].as_str().unwrap(), status["message"].as_str().unwrap());
            // One that has forgotten measures again soon, and then there is no room.
            let is_well = fault.forgets() && reason == "WaitingForRoom";
            assert!(fault.is_told_by(reason, message) || is_well, "{what}: {reason}: {message}");
        }
        world.change_shop(json!({"demand": {"web": 300.0}}));
        let seeing = wrong.ends(self.port, &self.skew);
        world.until(180, &format!("{what} is sent"), || world.status(&campaign)["display"]["waves"] == "2/2");
        world.check_safety();
        (waits, seeing)
    }
}

/// Plays runs, in so many worlds side by side; how many had to wait.
fn play_all(name: &str, ports: u16, worlds: u16, runs: &[Run]) -> usize {
    let waited: usize = std::thread::scope(|scope| {
        let stages: Vec<_> = (0..worlds)
            .map(|of| {
                let own = runs.iter().skip(usize::from(of)).step_by(usize::from(worlds));
                scope.spawn(move || {
                    let stage = Stage::new(&format!("{name}{of}"), ports + of);
                    let mut seeing = Prometheus::start(stage.port, &Sees::Everything);
                    let mut waited = 0;
                    for run in own {
                        eprintln!("{name}{of}: {run:?}");
                        let (waits, again) = stage.play(*run, seeing);
                        (waited, seeing) = (waited + usize::from(waits), again);
                    }
                    waited
                })
            })
            .collect();
        stages.into_iter().map(|stage| stage.join().unwrap()).sum()
    });
    let count = runs.len();
    assert!(count < 12 || waited * 4 >= count, "{waited} of {count} runs had to wait");
    eprintln!("real Prometheus, {name}: {count} runs, {waited} of which had to wait; 0 releases without room");
    waited
}

fn worlds(runs: &[Run]) -> u16 {
    match runs.len() {
        0..3 => 1,
        3..12 => 2,
        _ => 9,
    }
}

/// `HEADROOM_SENSOR_RUNS=200 cargo test --test it sensor::runs::random -- --nocapture` plays more of them, nine worlds at a time;
/// `HEADROOM_SENSOR_FIRST` is the number of the first.
#[test]
fn random_faults_of_a_real_prometheus_never_lead_to_a_release_without_room() {
    let count: u64 = std::env::var("HEADROOM_SENSOR_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let run = |number| {
        let mut dice = Dice(20_000 + number);
        let fault = FAULTS[usize::try_from(dice.next(12)).unwrap()];
        Run { number, fault, moment: Moment::After(dice.next(9_000)) }
    };
    let first: u64 = std::env::var("HEADROOM_SENSOR_FIRST").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let runs: Vec<Run> = (first..first + count).map(run).collect();
    play_all("unsure", 2, worlds(&runs), &runs);
}

/// `HEADROOM_SENSOR_CASES=all cargo test --test it sensor::runs::every -- --nocapture` plays each fault at each moment, and
/// `HEADROOM_SENSOR_CASES=RulesIdle` one fault.
#[test]
fn every_fault_at_every_moment_of_a_send_is_told_and_lets_nothing_go_without_room() {
    let asked = std::env::var("HEADROOM_SENSOR_CASES").ok();
    // What no other test does to a real Prometheus.
    let slice = [
        (Fault::RemoteSilent, Moment::Before),
        (Fault::RulesIdle, Moment::Confirming),
        (Fault::ClockAhead, Moment::Sending),
    ];
    let is_asked = |fault: Fault, moment: Moment| match asked.as_deref() {
        Some("all") => true,
        Some(one) => format!("{fault:?}") == one,
        None => slice.contains(&(fault, moment)),
    };
    let all = FAULTS.iter().flat_map(|fault| MOMENTS.iter().map(move |moment| (*fault, *moment))).zip(1_000..);
    let runs: Vec<Run> = all
        .filter(|((fault, moment), _)| is_asked(*fault, *moment))
        .map(|((fault, moment), number)| Run { number, fault, moment })
        .collect();
    assert!(!runs.is_empty(), "no fault has the name {asked:?}");
    let waited = play_all("wronged", 11, worlds(&runs), &runs);
    assert!(waited * 2 >= runs.len(), "{waited} of {} runs had to wait", runs.len());
}

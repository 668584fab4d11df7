//! Every call of a run, cut in every way. A scenario is played undisturbed first, to learn what the operator asks of the API server; then
//! once for each of these calls and each fault, at exactly this call. And every pair of receivers' manners, with each contract. Each run
//! is held against all that is promised.
//!
//! `HEADROOM_CUTS=all cargo test --test it simulation::cuts -- --nocapture` plays all of them; without it a slice, spread over all.
//! `HEADROOM_CUTS=job,asked` plays all of some scenarios, `HEADROOM_CUTS='keyed: 57 DieAfter'` one, as a failure names it, and tells what happened.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headroom::sim::apiserver::{Call, Interceptor, Interference, Refusal, Then, Verb};
use headroom::sim::deed::{Deed, Thing};
use headroom::sim::moment::Played;
use headroom::sim::receiver::Manner;
use headroom::sim::story::Story;
use headroom::sim::tape::Tape;
use headroom::sim::world;
use serde_json::json;

use super::mix::Mix;
use super::run::{self, WATCH};
use super::told::{self, MANNERS, demo, seconds};

/// So many plans of each harness are played where nobody asks for all.
const SLICE: usize = 150;
/// After so many broken promises it is enough.
const ENOUGH: usize = 5;
/// Lines of a world that are told of a plan that was asked for by name.
const LINES: usize = 100_000;

/// What happens at one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The process ends before the call is applied.
    DieBefore,
    /// It is applied, and the process ends before the answer.
    DieAfter,
    /// It is answered, and the process ends before it can call again.
    DieAnswered,
    /// Refused, and not applied.
    Refused(u16),
    /// Applied, and answered with 504.
    AppliedAndRefused,
    /// The connection breaks before it is applied.
    BreakBefore,
    /// It is applied, and the connection breaks.
    BreakAfter,
    /// It comes so late that nobody waits for it any more, and is applied then.
    Late,
    /// No answer comes for longer than any call is waited for, then the connection breaks, and it is not applied. (A first list is waited
    /// for by the client's own time-out, which is longer still.)
    Hang,
}

const FAULTS: [Fault; 11] = [
    Fault::DieBefore,
    Fault::DieAfter,
    Fault::DieAnswered,
    Fault::Refused(429),
    Fault::Refused(500),
    Fault::Refused(503),
    Fault::AppliedAndRefused,
    Fault::BreakBefore,
    Fault::BreakAfter,
    Fault::Late,
    Fault::Hang,
];

fn goes(then: Then) -> Interference {
    Interference { delay: Duration::ZERO, then }
}

impl Fault {
    fn before(self) -> Interference {
        match self {
            Fault::DieBefore => goes(Then::Die),
            Fault::Refused(code) => goes(Then::Refuse(Refusal::new(code, "Trouble", "not now"))),
            Fault::BreakBefore => goes(Then::Break),
            Fault::Hang => Interference { delay: Duration::from_secs(200), then: Then::Break },
            Fault::Late => Interference { delay: Duration::from_secs(17), then: Then::Go },
            _ => Interference::default(),
        }
    }

    fn after(self) -> Interference {
        match self {
            Fault::DieAfter => goes(Then::Die),
            Fault::DieAnswered => goes(Then::LastWords),
            Fault::AppliedAndRefused => goes(Then::Refuse(Refusal::new(504, "Timeout", "it did not end in time"))),
            Fault::BreakAfter => goes(Then::Break),
            _ => Interference::default(),
        }
    }
}

/// Calls of the operator, in the order in which they come; at one of them something happens.
struct Cut {
    seen: usize,
    at: Option<(usize, Fault)>,
    /// The number of the call that was hit.
    hit: Option<u64>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Interceptor for Cut {
    fn before(&mut self, call: &Call) -> Interference {
        if !call.ask.agent.starts_with("headroom") || call.ask.verb == Verb::Watch {
            return Interference::default();
        }
        let place = self.seen;
        self.seen += 1;
        self.told.lock().unwrap().push(format!("{} {}", call.ask.verb.word(), call.ask.place));
        match self.at {
            Some((at, fault)) if at == place => {
                self.hit = Some(call.number);
                fault.before()
            }
            _ => Interference::default(),
        }
    }

    fn after(&mut self, call: &Call, _: u16) -> Interference {
        match self.at {
            Some((_, fault)) if self.hit == Some(call.number) => fault.after(),
            _ => Interference::default(),
        }
    }
}

/// A scenario: its name, and its story.
type Scenario = (&'static str, Story);

fn base() -> Story {
    let mut story = demo(0.94);
    story.troubles.calm = seconds(told::CALM);
    story.troubles.manners_end = seconds(told::CALM - 30);
    story.troubles.downtime = seconds(4);
    story
}

fn keyed(mut story: Story) -> Story {
    told::guarantees(&mut story, json!({"keyed": {"retention": "48h"}}));
    story
}

fn job(mut story: Story) -> Story {
    told::by_job(&mut story);
    story
}

fn asked(mut story: Story) -> Story {
    told::guarantees(&mut story, json!({"queryable": {"url": "http://receiver/sends/{{ key }}"}}));
    story
}

fn scenarios() -> Vec<Scenario> {
    let name = base().campaigns[0]["metadata"]["name"].as_str().unwrap().to_owned();
    let of = || ("marketing".to_owned(), name.clone());
    let with = |at: u64, deed: Deed| Story { deeds: vec![(seconds(at), deed)], ..base() };
    let mut busy = keyed(base());
    busy.troubles.manners = vec![Some(Manner::Answers(409, false)), Some(Manner::Hangs(true))];
    let mut doubtful = asked(base());
    doubtful.troubles.manners = vec![Some(Manner::Cuts(true)), Some(Manner::Answers(503, false))];
    let mut by_job = job(base());
    by_job.troubles.manners = vec![Some(Manner::Stalls(std::time::Duration::from_secs(1)))];
    let mut two = base();
    let mut other = two.campaigns[0].clone();
    other["metadata"]["name"] = json!("other");
    two.campaigns.push(other);
    let mut twin = base();
    twin.troubles.twin = Some((seconds(1), seconds(200)));
    let mut twin_keyed = keyed(base());
    twin_keyed.troubles.twin = Some((seconds(1), seconds(200)));
    twin_keyed.troubles.manners = vec![Some(Manner::Cuts(true))];
    let campaign = Thing::new("campaigns.headroom.dev", "marketing", &name);
    vec![
        ("once", base()),
        ("keyed", busy),
        ("asked", doubtful),
        ("job", by_job),
        ("aborted", with(45, Deed::Edit { campaign: of(), spec: json!({"abort": true}) })),
        ("deleted", with(45, Deed::Delete { by: "kubectl", what: campaign })),
        ("reapplied", with(45, Deed::Reapply { campaign: of() })),
        ("two", two),
        ("twin", twin),
        ("twin-keyed", twin_keyed),
    ]
}

/// Plays a story onto a tape; the calls that were counted.
fn play(story: &Story, tape: &Tape, at: Option<(usize, Fault)>) -> (Played, Vec<String>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let cut = Cut { seen: 0, at, hit: None, told: Arc::clone(&told) };
    let played = world::play_onto(tape, story, WATCH, Some(Box::new(cut)), &mut |_| {}).unwrap();
    let told = std::mem::take(&mut *told.lock().unwrap());
    (played, told)
}

/// One run: its name, its story, and where it is cut.
struct Plan<'a> {
    name: String,
    story: &'a Story,
    cut: Option<(usize, Fault)>,
}

impl Plan<'_> {
    /// Plays it and checks it; how many requests came, or what is broken.
    fn judge(&self) -> Result<usize, String> {
        let (played, calls) = play(self.story, &Tape::keeping(0), self.cut);
        let mut broken = run::broken(self.story, &Mix::default(), &played);
        if self.cut.is_some_and(|(at, _)| at >= calls.len()) {
            broken.push("the call that was learnt did not come again".to_owned());
        }
        if broken.is_empty() {
            return Ok(played.heard.len());
        }
        let call = self.cut.and_then(|(at, _)| calls.get(at).cloned()).unwrap_or_default();
        Err(format!("{} {call}: {}", self.name, broken.join("\n  and ")))
    }
}

/// Plays plans on every core: all of them, a slice, or the one that is asked for.
fn play_all(harness: &str, plans: &[Plan<'_>]) {
    let asked = std::env::var("HEADROOM_CUTS").unwrap_or_default();
    let is_of = |plan: &&Plan<'_>| {
        let scenario = plan.name.split([' ', ':']).next().unwrap_or_default();
        asked.split(',').any(|one| one == scenario)
    };
    if asked.contains(": ") {
        let Some(plan) = plans.iter().find(|plan| plan.name == asked) else { return };
        let tape = Tape::keeping(LINES);
        play(plan.story, &tape, plan.cut);
        tape.lines().iter().for_each(|line| println!("  {line}"));
        plan.judge().unwrap_or_else(|why| panic!("{why}"));
        return;
    }
    // A step that has no factor in common with the number of faults, so that a slice has all of them.
    let step = if asked.is_empty() { (plans.len() / SLICE).max(1) | 1 } else { 1 };
    let is_chosen = |plan: &&Plan<'_>| asked.is_empty() || asked == "all" || is_of(plan);
    let chosen: Vec<&Plan<'_>> = plans.iter().step_by(step).filter(is_chosen).collect();
    // Of a scenario that this harness does not have there is nothing to play.
    if chosen.is_empty() {
        return;
    }
    let (next, heard, broken) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(plan) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if broken.lock().unwrap().len() >= ENOUGH {
                        return;
                    }
                    let came = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| plan.judge()));
                    match came.unwrap_or_else(|_| Err(format!("{}: it panicked", plan.name))) {
                        Ok(count) => {
                            heard.fetch_add(count, Ordering::Relaxed);
                        }
                        Err(why) => {
                            eprintln!("{why}");
                            broken.lock().unwrap().push(why);
                        }
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    let heard = heard.into_inner();
    eprintln!("{harness}: {} of {} plans, {heard} requests, {} broken", chosen.len(), plans.len(), broken.len());
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
    assert!(heard >= chosen.len() / 2, "plans in which hardly anything is sent show nothing: {heard} requests");
}

#[test]
fn every_call_of_a_run_may_be_cut() {
    let scenarios = scenarios();
    let mut plans = Vec::new();
    let mut counts = BTreeMap::new();
    for (name, story) in &scenarios {
        let (_, calls) = play(story, &Tape::keeping(0), None);
        counts.insert(*name, calls.len());
        plans.push(Plan { name: format!("{name}: undisturbed"), story, cut: None });
        for at in 0..calls.len() {
            plans.extend(FAULTS.map(|fault| Plan {
                name: format!("{name}: {at} {fault:?}"),
                story,
                cut: Some((at, fault)),
            }));
        }
    }
    eprintln!("cuts: calls by scenario {counts:?}");
    play_all("cuts", &plans);
}

#[test]
fn whatever_two_receivers_do_one_after_the_other() {
    // At the first wave and at once again, and at the second.
    let mut stories = Vec::new();
    for (contract, story) in
        [("once", base()), ("keyed", keyed(base())), ("asked", asked(base())), ("job", job(base()))]
    {
        for (offset, wave) in ["canary", "rest"].into_iter().enumerate() {
            for one in MANNERS {
                for other in MANNERS {
                    let mut story = story.clone();
                    story.troubles.manners = vec![None; offset];
                    story.troubles.manners.extend([Some(one), Some(other)]);
                    stories.push((format!("{contract} {wave}: {one:?}, {other:?}"), story));
                }
            }
        }
    }
    let plans: Vec<Plan<'_>> =
        stories.iter().map(|(name, story)| Plan { name: name.clone(), story, cut: None }).collect();
    play_all("receivers", &plans);
}

//! The release protocol, exhausted: two operators that look and act as they like, two Campaigns of two waves that compete
//! for one pool, people, faults and time; every order of their steps. The decision is the real `plan`; the steps between
//! it and the world are `steps.rs`, written after `src/controller/release.rs`. Nothing here touches the network.
//!
//! Neither operator needs a lease in here: one that lost it and goes on is simply the other of the two.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model, Path, Property};

mod cluster;
mod decide;
mod hand;
mod mutants;
mod people;
mod properties;
mod steps;
mod witness;

use cluster::{Campaign, Entry, Pool, Received, SLOTS, Sensor, State, Tried};
use hand::Operator;
use mutants::Mutant;
use people::{Deed, Trouble};
use properties::Sight;

/// Seconds: too old for evidence, not for a promise; too old for a promise; over the time in which an attempt may still be
/// answered; after the end of both Campaigns.
const COARSE: &[i64] = &[0, 40, 100, 500, 700];
/// Close enough for samples in a row.
const CLOSE: &[i64] = &[0, 40, 80, 120, 160, 200];

/// What may befall a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The API server did it, and nobody heard.
    AnswerLost,
    /// It never came to the API server.
    RequestLost,
    /// It comes when nobody waits for it any more.
    RequestLate,
    /// A read failed.
    ReadLost,
    /// The receiver cannot be reached.
    Refused,
    /// It took the send, and nobody heard.
    NoAnswer,
    /// It did not, and nobody heard.
    Vanished,
    /// It says no.
    Rejected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Tick,
    Step(usize, Option<Fault>),
    Deed(Deed),
    Trouble(Trouble),
}

/// Which kinds of faults and deeds there are.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // Each is a switch of its own.
pub struct Mix {
    pub crash: bool,
    pub api: bool,
    pub receiver: bool,
    pub lag: bool,
    pub sensor: bool,
    pub stops: bool,
    pub deletes: bool,
    pub edits: bool,
}

/// One model: what may happen in it, and how often.
#[derive(Clone, Debug)]
pub struct Protocol {
    pub clock: &'static [i64],
    /// The last moment of it that comes.
    pub last: u8,
    pub mix: Mix,
    pub faults: u8,
    pub deeds: u8,
    /// Samples that confirm.
    pub samples: u8,
    pub mutant: Option<Mutant>,
    /// States that were gone on from.
    expanded: Arc<AtomicUsize>,
    /// What was seen on the way, as bits.
    sights: Arc<AtomicU32>,
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let campaign = Campaign { is_there: true, audience: 8, generation: 1, ..Campaign::default() };
        vec![State {
            now: 0,
            campaigns: [campaign; 2],
            entries: [None; SLOTS],
            pool: Pool::default(),
            sensor: Sensor::Room,
            is_scaled: true,
            received: [Received::default(); SLOTS],
            late: None,
            operators: [Operator::default(), Operator::default()],
            faults: self.faults,
            deeds: self.deeds,
            breaches: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.expanded.fetch_add(1, Ordering::Relaxed);
        self.choices(state, actions);
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Tick => state.now += 1,
            Action::Step(me, fault) => {
                state.faults -= u8::from(fault.is_some());
                self.step(&mut state, me, fault)?;
            }
            Action::Deed(deed) => self.done(&mut state, deed),
            Action::Trouble(trouble) => self.befell(&mut state, trouble)?,
        }
        self.settle(&mut state);
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Protocol>> {
        properties::all()
    }
}

impl Protocol {
    pub fn new(mix: Mix, faults: u8, deeds: u8) -> Protocol {
        Protocol {
            clock: COARSE,
            last: 4,
            mix,
            faults,
            deeds,
            samples: 1,
            mutant: None,
            expanded: Arc::default(),
            sights: Arc::default(),
        }
    }

    /// Two samples confirm, and each operator counts for itself.
    pub fn confirming(self) -> Protocol {
        Protocol { clock: CLOSE, last: 5, samples: 2, ..self }
    }

    /// With less of the clock.
    pub fn until(self, last: u8) -> Protocol {
        Protocol { last, ..self }
    }

    /// States that differ in nothing that matters are made one: the operators are alike, and a promise that is over or kept
    /// is none.
    fn settle(&self, state: &mut State) {
        self.forget(state);
        self.empty_hands(state);
        let kept = state.operators.iter_mut().filter_map(|operator| operator.kept_entries.as_mut());
        let copies = kept.flat_map(|kept| &mut kept.entries);
        state.entries.iter_mut().chain(copies).flatten().for_each(Entry::normalise);
        let lags = state.operators.iter().any(|operator| operator.kept_entries.is_some());
        let relies = |operator: &Operator| {
            let order = operator.hand.as_ref().and_then(|hand| hand.order);
            order.is_some_and(|order| order.reserved.is_some())
        };
        if let Some((slot, made)) = state.pool.reservation
            && !state.operators.iter().any(relies)
        {
            let is_over = self.clock[usize::from(state.now)] - self.clock[usize::from(made)] > 60;
            // A wave that stayed away has an entry too, and its room may be promised anew.
            let entry = state.entries[usize::from(slot)];
            let stayed_away = |entry: Entry| entry.outcome.is_none() && entry.result.is_some_and(Tried::stayed_away);
            let is_kept = !lags && entry.is_some_and(|entry| !stayed_away(entry));
            if is_over || is_kept {
                state.pool.reservation = None;
            }
        }
        if state.operators[1] < state.operators[0] {
            state.operators.swap(0, 1);
            for entry in state.entries.iter_mut().flatten() {
                entry.maker = entry.maker.map(|maker| 1 - maker);
            }
        }
    }

    pub fn witnessed(&self, sight: Sight) {
        self.sights.fetch_or(sight as u32, Ordering::Relaxed);
    }

    pub fn has_witnessed(&self, sight: Sight) -> bool {
        self.sights.load(Ordering::Relaxed) & sight as u32 != 0
    }

    fn trace(path: Path<State, Action>) -> String {
        let last = path.last_state().clone();
        let steps: Vec<String> = path.into_actions().iter().map(|action| format!("{action:?}")).collect();
        format!("{}\n{last:#?}", steps.join("\n"))
    }

    /// Every state there is, and every property in each.
    fn holds(self, name: &str) {
        let begun = Instant::now();
        let expanded = Arc::clone(&self.expanded);
        let checker = self.checker().threads(2).spawn_bfs().join();
        let (expanded, unique) = (expanded.load(Ordering::Relaxed), checker.unique_state_count());
        println!(
            "model {name}: {} states generated, {unique} different, depth {}, {} decisions known, {:.1} s",
            checker.state_count(),
            checker.max_depth(),
            decide::asked(),
            begun.elapsed().as_secs_f64()
        );
        let found = checker.discoveries();
        for property in checker.model().properties() {
            let path = found.get(property.name).cloned();
            match property.expectation {
                stateright::Expectation::Always => {
                    if let Some(path) = path {
                        panic!("{name} breaks \"{}\":\n{}", property.name, Protocol::trace(path));
                    }
                }
                _ => assert!(
                    path.is_some() || !properties::is_shown(property.name, checker.model()),
                    "{name} never shows \"{}\"",
                    property.name
                ),
            }
        }
        assert_eq!(expanded, unique, "{name}: the search ended before every state was gone on from");
    }

    /// A model that must break a property.
    pub fn finds(self, property: &'static str) {
        let begun = Instant::now();
        let mutant = self.mutant;
        let wanted = HasDiscoveries::AnyOf(std::iter::once(property).collect());
        let checker = self.checker().threads(2).finish_when(wanted).spawn_bfs().join();
        println!("model {mutant:?}: {} states, {:.1} s", checker.unique_state_count(), begun.elapsed().as_secs_f64());
        let found = checker.discoveries();
        assert!(found.contains_key(property), "{mutant:?} does not break \"{property}\"; it breaks {:?}", found.keys());
    }
}

/// No fault at all: only slowness, which needs none, and the clock to its end.
#[test]
fn two_slow_operators() {
    Protocol::new(Mix::default(), 0, 0).holds("two slow operators");
}

#[test]
fn processes_end() {
    Protocol::new(Mix { crash: true, ..Mix::default() }, 1, 0).until(3).holds("processes end");
}

#[test]
fn answers_of_the_api_server_are_lost() {
    Protocol::new(Mix { api: true, ..Mix::default() }, 1, 0).until(3).holds("answers of the API server are lost");
}

#[test]
fn receivers_fail() {
    Protocol::new(Mix { receiver: true, ..Mix::default() }, 1, 0).until(3).holds("receivers fail");
}

#[test]
fn watches_lag() {
    Protocol::new(Mix { lag: true, ..Mix::default() }, 1, 0).until(2).holds("watches lag");
}

#[test]
fn people_stop_and_delete() {
    Protocol::new(Mix { stops: true, deletes: true, ..Mix::default() }, 0, 2).until(1).holds("people stop and delete");
}

#[test]
fn people_edit() {
    Protocol::new(Mix { edits: true, ..Mix::default() }, 0, 1).until(2).holds("people edit");
}

#[test]
fn sensors_fail() {
    Protocol::new(Mix { sensor: true, crash: true, ..Mix::default() }, 1, 0)
        .confirming()
        .until(4)
        .holds("sensors fail");
}

#[test]
fn any_two_faults() {
    Protocol::new(ANY, 2, 0).until(1).holds("any two faults");
}

/// Every kind of fault.
const ANY: Mix =
    Mix { crash: true, api: true, receiver: true, lag: true, sensor: true, stops: false, deletes: false, edits: false };

/// Larger ones, for a machine that has nothing else to do: `HEADROOM_MODEL=large`, or one of their names. Each is exhausted as well.
#[test]
fn larger_ones_when_asked_for() {
    let asked = std::env::var("HEADROOM_MODEL").unwrap_or_default();
    let deeds = Mix { stops: true, deletes: true, edits: true, ..Mix::default() };
    let calls = Mix { crash: true, api: true, receiver: true, ..Mix::default() };
    let all = [
        ("three faults of processes, API server and receiver", Protocol::new(calls, 3, 0).until(3)),
        ("the same to the end", Protocol::new(calls, 3, 0)),
        ("any two faults, for longer", Protocol::new(ANY, 2, 0).until(3)),
        ("any three faults", Protocol::new(ANY, 3, 0).until(1)),
        ("two deeds and a fault", Protocol::new(Mix { crash: true, lag: true, ..deeds }, 1, 2).until(2)),
        (
            "three faults of a sensor",
            Protocol::new(Mix { sensor: true, crash: true, ..Mix::default() }, 3, 0).confirming(),
        ),
    ];
    for (name, protocol) in all {
        if asked == "large" || asked == name {
            protocol.holds(name);
        }
    }
}

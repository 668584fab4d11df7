//! What may go wrong in a world, class by class. A seed picks some of them, each with an intensity of its own: a world in
//! which everything goes wrong at once shows less than one in which a few things do.

use std::collections::BTreeMap;
use std::fmt;

use super::dice::Dice;

/// A class of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The API server refuses: 429, 500, 503.
    Refusals,
    /// It does what is asked and answers 504.
    AppliedAndRefused,
    /// Connections to it break before a call.
    BrokenBefore,
    /// Connections to it break after a call.
    BrokenAfter,
    /// Calls take long, some longer than anybody waits.
    Delays,
    /// Watches tell late, so that what is known is stale.
    LateWatches,
    /// Watches end without having told.
    CutWatches,
    /// The API server forgets its history.
    Compaction,
    /// The operator's process ends: at any call, or at the receiver.
    Crashes,
    /// Two operators run at once.
    Twin,
    /// Prometheus does not answer, or with something that is no measurement.
    Sensors,
    /// Prometheus tells less or more than the truth, and nothing shows it.
    Lies,
    /// The operator's wall clock is set, or that of Prometheus is off.
    Clocks,
    /// Receivers refuse, fail, hang, cut.
    Receivers,
    /// Somebody else writes the least replicas, or undoes a rollout and with it the note.
    Rivals,
    /// Deployments and autoscalers are deleted or replaced.
    Targets,
    /// People suspend, resume, abort, delete, apply again.
    People,
    /// People edit size, waves and schedule.
    Edits,
    /// The pool is suspended, edited, replaced.
    Pools,
    /// A namespace is deleted.
    Namespaces,
    /// The Sender is changed or replaced.
    Senders,
    /// Demand jumps.
    Demand,
    /// Requests fail for reasons of their own.
    Errors,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 23] = [
        Class::Refusals,
        Class::AppliedAndRefused,
        Class::BrokenBefore,
        Class::BrokenAfter,
        Class::Delays,
        Class::LateWatches,
        Class::CutWatches,
        Class::Compaction,
        Class::Crashes,
        Class::Twin,
        Class::Sensors,
        Class::Lies,
        Class::Clocks,
        Class::Receivers,
        Class::Rivals,
        Class::Targets,
        Class::People,
        Class::Edits,
        Class::Pools,
        Class::Namespaces,
        Class::Senders,
        Class::Demand,
        Class::Errors,
    ];
}

/// The classes of one world, with their intensity from 1 to 10.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mix(BTreeMap<Class, u64>);

impl Mix {
    /// What a seed picks: on average a quarter of all; one in thirty picks nothing.
    pub fn of(seed: u64) -> Mix {
        let mut dice = Dice::of(seed, 1);
        if dice.one_in(30) {
            return Mix::default();
        }
        let share = dice.between(1, 9);
        let picked = Class::ALL.into_iter().filter(|_| dice.below(20) < share).collect::<Vec<_>>();
        Mix(picked.into_iter().map(|class| (class, dice.between(1, 10))).collect())
    }

    /// How strong a class is; 0: not there.
    pub fn strength(&self, class: Class) -> u64 {
        self.0.get(&class).copied().unwrap_or(0)
    }

    /// Whether a class is there.
    pub fn has(&self, class: Class) -> bool {
        self.0.contains_key(&class)
    }

    /// Every class that is there.
    pub fn classes(&self) -> impl Iterator<Item = Class> {
        self.0.keys().copied()
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing goes wrong");
        }
        let all: Vec<String> = self.0.iter().map(|(class, strength)| format!("{class:?} {strength}")).collect();
        f.write_str(&all.join(", "))
    }
}

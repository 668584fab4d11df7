//! What runs came to together. Counts only: what was broken is kept by whoever plays.

use std::fmt;

use super::door::{Fault, OF_WRITES};
use super::watches::{Ill, SILENCE};
use super::{Came, Plan};

#[derive(Default)]
pub struct Tally {
    pub played: usize,
    effects: usize,
    deaths: usize,
    of_writes: usize,
    /// Runs in which the call that was learnt did not come.
    pub missed: usize,
    watches: usize,
    silent: usize,
    late: usize,
}

impl Tally {
    pub fn add(&mut self, plan: &Plan, came: &Came) {
        let fault = plan.cut.as_ref().map(|(_, fault)| *fault);
        let is_silent = matches!(fault, Some(Fault::Watch(Ill::Silent, _)));
        self.played += 1;
        self.effects += came.requests;
        self.deaths += came.deaths;
        self.of_writes += usize::from(fault.is_some_and(|fault| OF_WRITES.contains(&fault)));
        self.missed += usize::from(!came.was_hit);
        self.watches += usize::from(matches!(fault, Some(Fault::Watch(..))));
        self.silent += usize::from(is_silent);
        self.late += usize::from(came.was_late);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { effects, deaths, of_writes, missed, watches, silent, late, .. } = self;
        write!(
            text,
            "{effects} effects, {deaths} deaths of the operator, {of_writes} faults of a write, in {missed} the call did not come again; \
             {watches} with a watch that went wrong, {silent} of them silent, of which {late} waited until it was closed after {} s",
            SILENCE.as_secs()
        )
    }
}

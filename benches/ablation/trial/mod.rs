//! One fortnight under one controller, minute by minute, and what came of it by the truth. `fortnight` is what a seed
//! decides, `controller` who may say that a wave goes, `dice` where the numbers come from.

mod controller;
mod dice;
mod fortnight;

use headroom::plan::ledger::Committed;
use headroom::plan::number;

pub use controller::Controller;
pub use fortnight::Size;

use controller::Sight;
use fortnight::{CAPACITY, DAY, Due, HISTORY, at, fortnight};

/// A send touches an overload while more than this share of its own peak arrives.
const TOUCHES: f64 = 0.05;
/// What is left of a send after three days is nothing.
const FADED: usize = 3 * DAY;

impl Due {
    fn recipients_f64(&self) -> f64 {
        number::of_count(self.recipients)
    }

    /// What it truly brings, by the minute from a minute on.
    fn brings(&self, minute: usize) -> Vec<f64> {
        Committed::new(vec![self.burst(minute, self.truth)]).by_the_minute(at(minute), FADED)
    }
}

/// What came of it, of one fortnight or of many.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Minutes in which more was asked for than there was.
    pub overloaded: usize,
    /// The most that was asked for, as a multiple of what there was.
    pub worst: f64,
    /// Campaigns whose load was arriving in such a minute, of how many.
    pub touching: usize,
    pub campaigns: usize,
    /// Minutes from falling due to the last message, for each campaign; infinite for one that never went.
    pub completions: Vec<f64>,
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.overloaded += other.overloaded;
        self.worst = self.worst.max(other.worst);
        self.touching += other.touching;
        self.campaigns += other.campaigns;
        self.completions.extend(other.completions);
    }

    /// The completion time that so many of a hundred do not exceed.
    pub fn completion(&self, percent: usize) -> f64 {
        let mut sorted = self.completions.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
    }
}

/// Plays a fortnight.
pub fn play(seed: u64, size: Size, controller: Controller) -> Tally {
    let fortnight = fortnight(seed, size);
    let mut demand = fortnight.baseline.clone();
    let mut queue: Vec<(Due, u32)> = Vec::new();
    let mut ledger: Vec<(Due, usize)> = Vec::new();
    let (mut history, mut coming) = (None, fortnight.dues.into_iter().peekable());
    for minute in HISTORY * DAY..demand.len() - DAY {
        while let Some(due) = coming.next_if(|due| due.minute <= minute) {
            queue.push((due, 0));
        }
        let mut goes = Vec::new();
        for (place, (due, seen)) in queue.iter_mut().enumerate().take(controller.looks_at()) {
            let mut sight = Sight { demand: &demand, ledger: &ledger, history: &mut history };
            *seen = if sight.may_go(controller, due, minute) { *seen + 1 } else { 0 };
            if *seen >= controller.confirmations() {
                goes.push(place);
                // A pool releases one wave at a time; those who know nothing of one another do not wait for anybody.
                if controller != Controller::Instant {
                    break;
                }
            }
        }
        for place in goes.into_iter().rev() {
            let (due, _) = queue.remove(place);
            for (demand, brings) in demand[minute..].iter_mut().zip(due.brings(minute)) {
                *demand += brings;
            }
            ledger.push((due, minute));
        }
    }
    tell(&demand, &ledger, queue.len() + coming.count())
}

fn tell(demand: &[f64], ledger: &[(Due, usize)], unsent: usize) -> Tally {
    let is_over = |minute: &usize| demand[*minute] > CAPACITY;
    let over: Vec<usize> = (HISTORY * DAY..demand.len()).filter(is_over).collect();
    let touches = |(due, start): &&(Due, usize)| {
        let (brings, peak) = (due.brings(*start), due.burst(*start, due.truth).peak());
        over.iter().any(|minute| {
            let arriving = minute.checked_sub(*start).and_then(|after| brings.get(after)).copied().unwrap_or(0.0);
            arriving > TOUCHES * peak
        })
    };
    let waited = ledger.iter().map(|(due, start)| {
        let length = due.recipients_f64() / (60.0 * due.rate);
        f64::from(u32::try_from(start - due.minute).unwrap()) + length
    });
    Tally {
        overloaded: over.len(),
        worst: demand[HISTORY * DAY..].iter().fold(0.0, |worst: f64, demand| worst.max(demand / CAPACITY)),
        touching: ledger.iter().filter(touches).count(),
        campaigns: ledger.len() + unsent,
        completions: waited.chain(std::iter::repeat_n(f64::INFINITY, unsent)).collect(),
    }
}

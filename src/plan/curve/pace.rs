//! When the messages of a send could go, minute by minute: as soon as there is room for them, or spread into the valleys.
//! Proposes; a wave that was planned so still passes the gate.

use crate::plan::number;

use super::most::{in_a_minute, run_fits};
use super::{Headroom, Response};

/// What is less than a message is nothing.
const NOTHING: f64 = 1.0;
/// What fits exactly must not turn into too much by rounding: below 0 headroom lets nothing go.
const JUST_BELOW: f64 = 1.0 - 1e-12;
/// The utilisation line is found by so many halvings.
const HALVINGS: usize = 24;

/// A send that is to be planned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ask {
    /// The first minute in which messages may leave, and the one in which none may any more.
    pub window: (usize, usize),
    /// Messages per second, at most.
    pub rate: f64,
    /// How many.
    pub recipients: u64,
}

/// Messages that leave evenly over whole minutes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    /// The minute in which the first leaves.
    pub start: usize,
    /// For how many minutes.
    pub minutes: usize,
    /// Messages per second.
    pub per_second: f64,
}

/// When the messages of a send go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sending {
    /// In the order they go.
    pub runs: Vec<Run>,
    /// Messages for which there was no room in the window.
    pub left: f64,
}

impl Run {
    /// How many messages it is.
    pub fn messages(&self) -> f64 {
        60.0 * self.per_second * count(self.minutes)
    }
}

impl Sending {
    /// The minute after the last message; None if nothing goes.
    pub fn end(&self) -> Option<usize> {
        self.runs.last().map(|run| run.start + run.minutes)
    }

    /// How many messages go.
    pub fn messages(&self) -> f64 {
        self.runs.iter().map(Run::messages).sum()
    }
}

fn count(count: usize) -> f64 {
    number::of_count(u64::try_from(count).unwrap_or(u64::MAX))
}

/// The look-ahead greedy, x(t) = min(rate, remaining, M(t)): takes what goes out of the headroom, so that the next send
/// finds what is left.
pub fn asap(headroom: &mut Headroom, response: &Response, ask: &Ask) -> Sending {
    let mut sending = Sending { runs: Vec::new(), left: number::of_count(ask.recipients) };
    if !(ask.rate.is_finite() && ask.rate > 0.0) {
        return sending;
    }
    let (mut at, end) = (ask.window.0, ask.window.1.min(headroom.minutes().len()));
    let each = 60.0 * ask.rate;
    while at < end && sending.left > 0.0 {
        let longest = number::place(sending.left / each).min(end - at);
        let minutes = at_full_rate(headroom, response, ask.rate, at, longest);
        let run = if minutes > 0 {
            Run { start: at, minutes, per_second: ask.rate }
        } else {
            let most = (in_a_minute(headroom, response, at) * JUST_BELOW).min(each).min(sending.left);
            if most < NOTHING.min(sending.left) {
                at += 1;
                continue;
            }
            Run { start: at, minutes: 1, per_second: most / 60.0 }
        };
        headroom.take(response, &run);
        sending.left -= run.messages();
        // What rounding leaves of the last message is no message.
        if sending.left < 1e-6 {
            sending.left = 0.0;
        }
        at += run.minutes;
        sending.runs.push(run);
    }
    sending
}

/// For how many whole minutes, at most so many, messages can leave at the full rate. While they can, greedy does.
fn at_full_rate(headroom: &Headroom, response: &Response, rate: f64, at: usize, most: usize) -> usize {
    if most == 0 || headroom.least_from(at) < 0.0 {
        return 0;
    }
    let fits = |minutes: usize| run_fits(headroom, response, &Run { start: at, minutes, per_second: rate });
    if fits(most) {
        return most;
    }
    let (mut open, mut closed) = (0, most);
    while closed - open > 1 {
        let middle = open + (closed - open) / 2;
        if fits(middle) { open = middle } else { closed = middle }
    }
    open
}

/// Many sends, in the order of their turn.
pub fn replan(headroom: &mut Headroom, asks: &[(&Response, Ask)]) -> Vec<Sending> {
    asks.iter().map(|(response, ask)| asap(headroom, response, ask)).collect()
}

/// Fills the valleys: the same under the lowest line of utilisation that still lets everything go, found by bisection.
/// `capacity` is what is borne at each minute, of which `headroom` is what is left. Never busier than `asap` at its busiest.
pub fn smooth(headroom: &mut Headroom, capacity: &[f64], response: &Response, ask: &Ask) -> Sending {
    let before = headroom.clone();
    let mut best = asap(headroom, response, ask);
    let (mut high, mut low) = (busiest(headroom, capacity), busiest(&before, capacity));
    for _ in 0..HALVINGS {
        let line = f64::midpoint(low, high);
        if line <= low || line >= high {
            break;
        }
        let mut under = below(&before, capacity, line);
        let tried = asap(&mut under, response, ask);
        if tried.left <= best.left {
            best = tried;
            high = line;
        } else {
            low = line;
        }
    }
    *headroom = before;
    for run in &best.runs {
        headroom.take(response, run);
    }
    best
}

/// What is left below a line of utilisation.
fn below(headroom: &Headroom, capacity: &[f64], line: f64) -> Headroom {
    let bears = capacity.iter().copied().chain(std::iter::repeat(0.0));
    Headroom::new(
        headroom.minutes().iter().zip(bears).map(|(left, bears)| left - (1.0 - line).max(0.0) * bears).collect(),
    )
}

/// The highest utilisation there is.
pub fn busiest(headroom: &Headroom, capacity: &[f64]) -> f64 {
    let used = |(left, bears): (&f64, &f64)| if *bears > 0.0 { (bears - left) / bears } else { 0.0 };
    headroom.minutes().iter().zip(capacity).map(used).fold(0.0, f64::max)
}

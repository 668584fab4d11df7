//! M(t): how many messages could begin to go at a minute without ever exceeding the headroom from then on. At a rate, or
//! spread over one minute. Nothing where headroom is below 0 at any time that follows; no limit where even a send without
//! an end fits.

use crate::plan::number;

use super::{Headroom, LARGE, Response, Run, SMALL};

/// A length is found to this share of itself: far closer than the crest that it rests on.
const CLOSE: f64 = 1e-4;
/// How far M(t) is looked for around the one of the minute beside it, at first.
const NEAR: f64 = 0.01;

fn of(count: usize) -> f64 {
    number::of_count(u64::try_from(count).unwrap_or(u64::MAX))
}

/// Walks over the minutes from the one after `start` on, by blocks where the whole block is well. `is_well` is asked for
/// the places of its first and last minute and its least headroom, `fades` for a place behind which everything is well.
fn walk(
    headroom: &Headroom,
    start: usize,
    is_well: &mut dyn FnMut(usize, usize, f64) -> bool,
    fades: &mut dyn FnMut(usize, f64) -> bool,
) -> bool {
    let mut at = start + 1;
    while let Some(minute) = headroom.minutes.get(at) {
        let after = at - start;
        if at.is_multiple_of(LARGE) {
            if headroom.from.get(at / LARGE).is_some_and(|least| fades(after, *least)) {
                return true;
            }
            if headroom.large.get(at / LARGE).is_some_and(|least| is_well(after, after + LARGE - 1, *least)) {
                at += LARGE;
                continue;
            }
        }
        if at.is_multiple_of(SMALL)
            && headroom.small.get(at / SMALL).is_some_and(|least| is_well(after, after + SMALL - 1, *least))
        {
            at += SMALL;
            continue;
        }
        if !is_well(after, after, *minute) {
            return false;
        }
        at += 1;
    }
    true
}

/// Whether a send that begins at a minute and leaves for so long never exceeds the headroom.
fn fits(headroom: &Headroom, response: &Response, rate: f64, start: usize, length: f64) -> bool {
    let come = response.by_the_minute();
    // Its crest, between whole minutes.
    let (end, crest) = (start + number::place(length), rate * response.crest(length));
    let around = headroom.minutes.get(end..(end + 3).min(headroom.len())).unwrap_or_default();
    if around.iter().any(|minute| crest > *minute) {
        return false;
    }
    let until = |place: usize| come.get(place).or(come.last()).copied().unwrap_or(0.0);
    let falls = length + response.fades() + 1.0;
    walk(
        headroom,
        start,
        &mut |first, last, least| rate * (until(last) - response.come(of(first) - length)) <= least,
        &mut |place, least| of(place) > falls && rate * (until(place) - response.come(of(place) - length)) <= least,
    )
}

/// The longest send that fits, in minutes: looked for around a first guess, by bisection.
fn longest(headroom: &Headroom, response: &Response, rate: f64, start: usize, guess: Option<f64>, close: f64) -> f64 {
    let most = of(headroom.len() - start);
    let fits = |length: f64| fits(headroom, response, rate, start, length);
    let (mut open, mut closed) = (0.0, most);
    if let Some(guess) = guess.filter(|guess| *guess > 0.0 && *guess < most) {
        let mut step = NEAR;
        if fits(guess) {
            open = guess;
            while open * (1.0 + step) < most {
                if !fits(open * (1.0 + step)) {
                    closed = open * (1.0 + step);
                    break;
                }
                open *= 1.0 + step;
                step *= 4.0;
            }
        } else {
            closed = guess;
            while step < 1.0 {
                if fits(closed * (1.0 - step)) {
                    open = closed * (1.0 - step);
                    break;
                }
                closed *= 1.0 - step;
                step *= 4.0;
            }
        }
    }
    if closed >= most && fits(most) {
        return most;
    }
    // A halving each; sixty of them are the whole of an f64.
    for _ in 0..60 {
        if closed - open <= close * closed {
            break;
        }
        let middle = f64::midpoint(open, closed);
        if fits(middle) { open = middle } else { closed = middle }
    }
    open
}

/// M(t; r): the most messages that could begin to go at a minute, at a rate in messages per second. Infinite where no
/// number of them is too many; at most what can leave before the headroom's last minute where that is all that is known.
pub fn largest(headroom: &Headroom, response: &Response, rate: f64, start: usize) -> f64 {
    let least = headroom.least_from(start);
    match bound(response, rate, least) {
        Some(bound) => bound,
        None if start >= headroom.len() => 0.0,
        None => 60.0 * rate * longest(headroom, response, rate, start, None, 1e-12),
    }
}

/// What is known by the least headroom of all alone.
fn bound(response: &Response, rate: f64, least: f64) -> Option<f64> {
    if least < 0.0 || rate <= 0.0 || !rate.is_finite() {
        return Some(0.0);
    }
    (rate * response.whole() <= least).then_some(f64::INFINITY)
}

/// M(t; r) at every minute.
pub fn largest_each_minute(headroom: &Headroom, response: &Response, rate: f64) -> Vec<f64> {
    let mut curve = vec![0.0; headroom.len()];
    let (mut least, mut guess) = (f64::INFINITY, None);
    for ((start, minute), most) in headroom.minutes.iter().enumerate().zip(&mut curve).rev() {
        least = least.min(*minute);
        *most = bound(response, rate, least).unwrap_or_else(|| {
            let length = longest(headroom, response, rate, start, guess, CLOSE);
            guess = Some(length);
            60.0 * rate * length
        });
    }
    curve
}

/// M(t): the most messages that could go within the minute that begins then, evenly: the least of H(t + τ)/k(τ).
pub fn in_a_minute(headroom: &Headroom, response: &Response, start: usize) -> f64 {
    if headroom.least_from(start) < 0.0 {
        return 0.0;
    }
    unhindered(headroom, response, start)
}

/// The same, where headroom is known never to be below 0 from then on.
fn unhindered(headroom: &Headroom, response: &Response, start: usize) -> f64 {
    let come = response.by_the_minute();
    let per_message = |place: usize| match (come.get(place - 1), come.get(place)) {
        (Some(before), Some(now)) => (now - before) / 60.0,
        _ => 0.0,
    };
    let falls = response.fades() + 1.0;
    let most = std::cell::Cell::new(f64::INFINITY);
    walk(
        headroom,
        start,
        &mut |first, last, least| {
            if first == last {
                let each = per_message(first);
                if most.get() * each > least {
                    most.set(least / each);
                }
                return true;
            }
            of(first) > falls && most.get() * per_message(first) <= least
        },
        &mut |place, least| of(place) > falls && most.get() * per_message(place) <= least,
    );
    most.get()
}

/// M(t) at every minute.
pub fn in_each_minute(headroom: &Headroom, response: &Response) -> Vec<f64> {
    let mut curve = vec![0.0; headroom.len()];
    let mut least = f64::INFINITY;
    for ((start, minute), most) in headroom.minutes.iter().enumerate().zip(&mut curve).rev() {
        least = least.min(*minute);
        if least >= 0.0 {
            *most = unhindered(headroom, response, start);
        }
    }
    curve
}

/// Whether messages that leave evenly over whole minutes never exceed the headroom at any whole minute.
pub(super) fn run_fits(headroom: &Headroom, response: &Response, run: &Run) -> bool {
    let come = response.by_the_minute();
    let until = |place: usize| come.get(place).or(come.last()).copied().unwrap_or(0.0);
    let since = |place: usize| place.checked_sub(run.minutes).map_or(0.0, until);
    let falls = of(run.minutes) + response.fades() + 1.0;
    walk(
        headroom,
        run.start,
        &mut |first, last, least| run.per_second * (until(last) - since(first)) <= least,
        &mut |place, least| of(place) > falls && run.per_second * (until(place) - since(place)) <= least,
    )
}

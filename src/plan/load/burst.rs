//! The load of one wave over time.

use std::sync::{Arc, OnceLock};

use jiff::{SignedDuration, Timestamp};

use crate::plan::number;

/// The tail of a wave ends when this share of its peak is left.
const TAIL: f64 = 0.05;
/// But never later than this after its last message.
const LONGEST_TAIL: SignedDuration = SignedDuration::from_hours(24);
/// The crest comes at most a mode of the response after the end; no mode of a sensible response is longer.
const LONGEST_MODE: f64 = 240.0;
/// Around the most likely delay a crest is looked for at these multiples of it: steps of a sixth, between which a
/// log-normal density loses at most 1 % of its height.
const NEAR_MODE: [f64; 13] = [0.25, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.35, 1.6, 2.0, 3.0];

/// Crests of many are told to one of these, in milliseconds, which is no more than a sixteenth of the most likely delay: of its height
/// there a log-normal density loses at most 0.4 % by it.
const STEPS: [i64; 6] = [1_000, 500, 250, 125, 25, 5];
const OF_MODE: f64 = 1.0 / 16.0;

/// One log-normal response to one message.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Requests that one message causes.
    pub per_message: f64,
    /// Median of the delay, in minutes.
    pub median: f64,
    /// Standard deviation of its logarithm.
    pub sigma: f64,
}

impl Component {
    /// How far a delay is from the median: what the error function is asked for.
    fn distance(&self, delay: &Delay) -> f64 {
        (libm::log(self.median) - delay.log) / (self.sigma * std::f64::consts::SQRT_2)
    }

    /// Share that has come after a delay.
    fn come_by(&self, delay: &Delay) -> f64 {
        if delay.minutes <= 0.0 { 0.0 } else { libm::erfc(self.distance(delay)) / 2.0 }
    }

    /// Share that is still to come after a delay.
    fn to_come_after(&self, delay: &Delay) -> f64 {
        if delay.minutes <= 0.0 { 1.0 } else { libm::erfc(-self.distance(delay)) / 2.0 }
    }

    /// Share that has come after `x` minutes.
    pub(crate) fn come(&self, x: f64) -> f64 {
        self.come_by(&Delay::of(x))
    }

    /// Share that is still to come after `x` minutes.
    #[cfg(test)]
    pub(super) fn still_to_come(&self, x: f64) -> f64 {
        self.to_come_after(&Delay::of(x))
    }

    /// F(later) − F(earlier), by the complements where both are past the median: the difference of two numbers near 1
    /// would lose the digits of a long tail.
    fn between(&self, earlier: &Delay, later: &Delay) -> f64 {
        let difference = if earlier.minutes > self.median {
            self.to_come_after(earlier) - self.to_come_after(later)
        } else {
            self.come_by(later) - self.come_by(earlier)
        };
        difference.max(0.0)
    }

    /// The most likely delay, in minutes.
    pub(crate) fn mode(&self) -> f64 {
        self.median * libm::exp(-self.sigma * self.sigma)
    }
}

/// One wave: who it goes to, how fast, and what each message brings.
#[derive(Clone, Debug, PartialEq)]
pub struct Send {
    /// Its name; with the start, the order in which sums are taken.
    pub name: String,
    /// When its first message leaves.
    pub start: Timestamp,
    /// Messages per second.
    pub rate: f64,
    /// How many messages.
    pub recipients: u64,
    /// What each brings.
    pub components: Vec<Component>,
    /// Factor by which that may be exceeded; in every value of the burst.
    pub margin: f64,
}

/// Minutes, and their logarithm, which all components ask for.
struct Delay {
    minutes: f64,
    log: f64,
}

impl Delay {
    fn of(minutes: f64) -> Delay {
        Delay { minutes, log: if minutes > 0.0 { libm::log(minutes) } else { 0.0 } }
    }
}

/// What is worked out once of a burst and asked for often; no part of what it is.
#[derive(Clone, Debug, Default)]
struct Known {
    peak: OnceLock<f64>,
    tail: OnceLock<Timestamp>,
    crests: OnceLock<Vec<Timestamp>>,
}

impl PartialEq for Known {
    fn eq(&self, _: &Known) -> bool {
        true
    }
}

/// The load of one wave, margin included, in requests per second.
#[derive(Clone, Debug, PartialEq)]
pub struct Burst {
    send: Arc<Send>,
    /// How long its messages take to leave, in minutes.
    minutes: f64,
    /// Share that reaches the workload it is held against.
    share: f64,
    known: Arc<Known>,
}

impl Burst {
    /// The load of a wave.
    pub fn new(send: Send) -> Burst {
        let minutes = number::of_count(send.recipients) / (60.0 * send.rate);
        Burst {
            send: Arc::new(send),
            minutes: if minutes.is_finite() { minutes } else { 0.0 },
            share: 1.0,
            known: Arc::default(),
        }
    }

    /// The wave.
    pub fn send(&self) -> &Send {
        &self.send
    }

    /// The part that reaches a workload.
    #[must_use]
    pub fn scaled(&self, share: f64) -> Burst {
        Burst { send: Arc::clone(&self.send), minutes: self.minutes, share: self.share * share, known: Arc::default() }
    }

    /// The same wave at another time.
    #[must_use]
    pub fn moved(&self, start: Timestamp) -> Burst {
        if start == self.send.start {
            return self.clone();
        }
        let known = Arc::new(Known { peak: self.known.peak.clone(), ..Known::default() });
        let send = Arc::new(Send { start, ..Send::clone(&self.send) });
        Burst { send, minutes: self.minutes, share: self.share, known }
    }

    /// The same wave to so many recipients at most.
    #[must_use]
    pub fn to_fewer(&self, recipients: u64) -> Burst {
        let recipients = recipients.min(self.send.recipients);
        Burst { share: self.share, ..Burst::new(Send { recipients, ..Send::clone(&self.send) }) }
    }

    /// The same wave at so many messages per second at least.
    #[must_use]
    pub fn no_slower_than(&self, rate: f64) -> Burst {
        if self.send.rate >= rate {
            return self.clone();
        }
        Burst { share: self.share, ..Burst::new(Send { rate, ..Send::clone(&self.send) }) }
    }

    /// Its load at an instant: r · Σ K [F(t − a) − F(t − b)] with its margin.
    pub fn at(&self, instant: Timestamp) -> f64 {
        self.after(minutes_between(self.send.start, instant))
    }

    /// Its load so many minutes after its start.
    pub fn after(&self, minutes: f64) -> f64 {
        if minutes <= 0.0 {
            return 0.0;
        }
        let (since_end, since_start) = (Delay::of(minutes - self.minutes), Delay::of(minutes));
        let sum: f64 = self.send.components.iter().map(|c| c.per_message * c.between(&since_end, &since_start)).sum();
        self.share * self.send.margin * self.send.rate * sum
    }

    /// How long its messages take to leave, in minutes.
    pub(crate) fn minutes(&self) -> f64 {
        self.minutes
    }

    /// What every request of a message counts for each second: rate, margin, and the share that reaches the workload.
    pub(crate) fn weight(&self) -> f64 {
        self.share * self.send.margin * self.send.rate
    }

    /// When its last message leaves.
    pub fn end(&self) -> Timestamp {
        later(self.send.start, self.minutes)
    }

    /// How long its messages take to leave.
    pub fn takes(&self) -> SignedDuration {
        self.end().duration_since(self.send.start)
    }

    /// Where its crest can be, in minutes after its start: it rises while messages leave, and for at most one mode more.
    fn crest_minutes(&self) -> Vec<f64> {
        let mode = self.send.components.iter().map(Component::mode).fold(0.0, f64::max).min(LONGEST_MODE);
        let mut minutes: Vec<f64> = (0..=12).map(|step| self.minutes + f64::from(step) / 12.0).collect();
        let mut next = 2.0;
        while next <= mode + 1.0 {
            minutes.push(self.minutes + next);
            next += 1.0;
        }
        // A wave that leaves faster than people answer has its crest near the most likely delay, which may be far
        // shorter than the steps above.
        for component in &self.send.components {
            let likely = component.mode();
            minutes.extend(NEAR_MODE.iter().flat_map(|part| [likely * part, self.minutes + likely * part]));
        }
        minutes.retain(|minutes| minutes.is_finite());
        minutes
    }

    /// The instants at which its crest can be; none after its latest tail.
    pub fn crests(&self) -> &[Timestamp] {
        let at = |minutes| later(self.send.start, minutes);
        self.known.crests.get_or_init(|| self.crest_minutes().into_iter().map(at).collect())
    }

    /// The same, to one of `STEPS` above. Waves of a thousand sizes have them in common, so that a sum of all of them is looked
    /// at where one of them has its crest, and not at a thousand times as many instants.
    pub fn crests_in_common(&self) -> Vec<Timestamp> {
        let finest = self.send.components.iter().map(Component::mode).fold(f64::INFINITY, f64::min);
        let is_fine = |step: &&i64| number::of_count(step.unsigned_abs()) <= finest * 60_000.0 * OF_MODE;
        let step = STEPS.iter().find(is_fine).copied().unwrap_or(1);
        self.crests().iter().map(|crest| above(*crest, step)).collect()
    }

    /// Its height, margin included; at most 1.5 % low.
    pub fn peak(&self) -> f64 {
        *self
            .known
            .peak
            .get_or_init(|| self.crest_minutes().into_iter().map(|minutes| self.after(minutes)).fold(0.0, f64::max))
    }

    /// Its height without its margin.
    pub fn expected_peak(&self) -> f64 {
        self.peak() / self.send.margin
    }

    /// When a twentieth of its peak is left; at most a day after its end.
    pub fn tail(&self) -> Timestamp {
        *self.known.tail.get_or_init(|| self.find_tail())
    }

    /// No tail is longer: told without looking for it.
    pub fn latest_tail(&self) -> Timestamp {
        // A second for rounding, and the farthest place at which a crest is looked for.
        let mode = self.send.components.iter().map(Component::mode).fold(0.0, f64::max);
        let crest = later(self.send.start, self.minutes + 1.0 + 3.0 * mode);
        self.longest_tail().max(crest).checked_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX)
    }

    fn longest_tail(&self) -> Timestamp {
        self.end().checked_add(LONGEST_TAIL).unwrap_or(Timestamp::MAX)
    }

    fn find_tail(&self) -> Timestamp {
        let last = self.longest_tail();
        let enough = self.peak() * TAIL;
        if self.at(last) > enough {
            return last;
        }
        // It only falls behind its crest.
        let crest = self.crest_minutes().into_iter().fold((0.0, 0.0), |best, minutes| {
            let load = self.after(minutes);
            if load > best.1 { (minutes, load) } else { best }
        });
        let (mut above, mut below) = (crest.0, minutes_between(self.send.start, last).max(crest.0));
        while below - above > 1.0 / 60.0 {
            let middle = f64::midpoint(above, below);
            if self.after(middle) > enough { above = middle } else { below = middle }
        }
        later(self.send.start, below)
    }
}

/// Minutes from one instant to another.
pub fn minutes_between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() / 60.0
}

/// The next whole multiple of so many milliseconds.
fn above(instant: Timestamp, step: i64) -> Timestamp {
    let is_between = instant.subsec_nanosecond() % 1_000_000 != 0;
    let millis = instant.as_millisecond().saturating_add(i64::from(is_between));
    let over = millis.rem_euclid(step);
    let further = if over == 0 { 0 } else { step - over };
    Timestamp::from_millisecond(millis.saturating_add(further)).unwrap_or(instant)
}

/// So many minutes later, to the millisecond above.
fn later(from: Timestamp, minutes: f64) -> Timestamp {
    let span = SignedDuration::try_from_secs_f64((minutes * 60_000.0).ceil() / 1000.0).unwrap_or(SignedDuration::MAX);
    from.checked_add(span).unwrap_or(Timestamp::MAX)
}

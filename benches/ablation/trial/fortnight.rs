//! What a seed decides: demand by the minute without any send, and the campaigns that fall due, each with the truth of how
//! many respond. No controller may read the truth but the one that knows the future.

use headroom::plan::load::{Burst, Component, Profile, Send};
use headroom::plan::load::{KNOWN_MARGIN, UNKNOWN_MARGIN};
use jiff::{SignedDuration, Timestamp};

use super::dice::Dice;

/// What the replicas of the pool bear, in requests per second: 20 of 100 each, of which 70 % are used.
pub const REPLICAS: u32 = 20;
pub const PER_REPLICA: f64 = 100.0;
pub const UTILIZATION: f64 = 0.7;
pub const CAPACITY: f64 = 1_400.0;
/// Days of history before the first campaign.
pub const HISTORY: usize = 8;
pub const DAY: usize = 1_440;
/// A Monday.
const BEGINS: i64 = 1_799_020_800;

/// How much is played.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub days: usize,
    pub campaigns_a_day: usize,
}

/// A campaign that falls due: one wave, which goes whole or waits.
#[derive(Clone, Debug)]
pub struct Due {
    pub name: String,
    pub minute: usize,
    pub rate: f64,
    pub recipients: u64,
    pub components: Vec<Component>,
    /// Factor by which it may exceed what is expected, by what is known of its kind.
    pub margin: f64,
    /// Factor by which it does.
    pub truth: f64,
}

impl Due {
    /// Its load from a minute on, times a factor.
    pub fn burst(&self, minute: usize, factor: f64) -> Burst {
        Burst::new(Send {
            name: self.name.clone(),
            start: at(minute),
            rate: self.rate,
            recipients: self.recipients,
            components: self.components.clone(),
            margin: factor,
        })
    }
}

/// The instant of a minute.
pub fn at(minute: usize) -> Timestamp {
    Timestamp::from_second(BEGINS).unwrap() + SignedDuration::from_mins(i64::try_from(minute).unwrap())
}

/// What a seed decides.
pub struct Fortnight {
    /// Demand without any send: history, the days that are played, and two days in which the last sends fade.
    pub baseline: Vec<f64>,
    pub dues: Vec<Due>,
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// The shape of a day: quiet at four, a shoulder at noon, the peak at half past seven in the evening.
fn shape(minute: usize) -> f64 {
    let hour = number(minute % DAY) / 60.0;
    let hump = |at: f64, width: f64| {
        let away = (hour - at).abs().min(24.0 - (hour - at).abs()) / width;
        libm::exp(-away * away / 2.0)
    };
    0.25 + 0.45 * hump(12.5, 3.0) + 0.75 * hump(19.5, 2.6)
}

pub fn fortnight(seed: u64, size: Size) -> Fortnight {
    let mut dice = Dice::new(seed);
    let minutes = (HISTORY + size.days + 2) * DAY;
    let growth = dice.between(-0.002, 0.012);
    let (mut slow, mut baseline) = (0.0, Vec::with_capacity(minutes));
    for minute in 0..minutes {
        // Weather lasts for hours; what a minute adds is gone with it.
        slow = 0.997 * slow + 0.0045 * dice.normal();
        let weekend = if (minute / DAY) % 7 >= 5 { 0.85 } else { 1.0 };
        let level = 0.50 * CAPACITY * libm::exp(growth * number(minute) / number(DAY));
        let noise = libm::exp(slow + 0.02 * dice.normal());
        baseline.push(level * weekend * shape(minute) * noise);
    }
    let mut dues = Vec::new();
    for index in 0..size.days * size.campaigns_a_day {
        let day = HISTORY + index / size.campaigns_a_day;
        // Most people choose the same few hours.
        let (choice, any) = (dice.even(), dice.between(8.0, 21.0));
        let hour = match choice {
            ..0.25 => 9.0,
            ..0.45 => 12.0,
            ..0.75 => 18.0,
            _ => any,
        };
        let minute = day * DAY + headroom::plan::number::place(hour * 60.0);
        let channel = if dice.even() < 0.6 { "email" } else { "push" };
        let is_known = dice.even() < 0.5;
        let rate = dice.of_scale(500.0, 10_000.0);
        let components = Profile::builtin(channel, "consumer").unwrap().components();
        // So large that its peak is expected between three hundredths and a fifth of what there is.
        let peak = dice.of_scale(0.03, 0.2) * CAPACITY;
        let mut due = Due {
            name: format!("{channel}-{index}"),
            minute,
            rate,
            recipients: 1_000,
            components,
            margin: if is_known { KNOWN_MARGIN } else { UNKNOWN_MARGIN },
            truth: dice.factor(if is_known { 0.4 } else { 0.8 }),
        };
        while due.recipients < 2_000_000 && due.burst(0, 1.0).peak() < peak {
            due.recipients += due.recipients / 4;
        }
        dues.push(due);
    }
    dues.sort_by_key(|due| due.minute);
    Fortnight { baseline, dues }
}

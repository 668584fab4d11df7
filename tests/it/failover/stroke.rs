//! What befalls the leading replica in a run, and when: drawn from the run's number, so that a run can be played again.

use std::time::Duration;

use crate::support::dice::Dice;
use crate::support::proxy::{Blow, Cut, Match, Part, When, last_reading_of};

/// What is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Asked,
    Killed,
    /// It reaches the API server no more.
    CutOff,
    /// It stands still.
    Stopped,
    /// It reaches the API server, and the Lease alone no more.
    LeaseCutOff,
}

pub const KINDS: [Kind; 5] = [Kind::Asked, Kind::Killed, Kind::CutOff, Kind::Stopped, Kind::LeaseCutOff];

/// In the midst of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    BeforeTheFirstWave,
    /// At the last reading before the first byte.
    InTheFireWindow,
    BetweenTheWaves,
    AsAFloorIsWritten,
    AsAnOutcomeIsWritten,
}

pub const MOMENTS: [Moment; 5] = [
    Moment::BeforeTheFirstWave,
    Moment::InTheFireWindow,
    Moment::BetweenTheWaves,
    Moment::AsAFloorIsWritten,
    Moment::AsAnOutcomeIsWritten,
];

#[derive(Clone, Copy, Debug)]
pub struct Stroke {
    pub kind: Kind,
    pub moment: Moment,
    /// Of the two waves, or of the writes of a floor.
    number: usize,
    when: When,
    /// Whether what is cut off is refused, or has no answer.
    is_silent: bool,
    /// From when the moment has begun, where no call is waited for.
    pub after: Duration,
    /// So long it lasts, where it ends.
    pub span: Duration,
}

fn choose<T: Copy>(dice: &mut Dice, of: &[T]) -> T {
    of[usize::try_from(dice.next(of.len() as u64)).unwrap()]
}

impl Stroke {
    /// Every kind at every moment in 25 runs that follow one another; the rest is by chance.
    pub fn of(run: u64) -> Stroke {
        let place = |number: u64| usize::try_from(number % 5).unwrap();
        let mut dice = Dice(run.wrapping_mul(7_919) + 1);
        // The first numbers of seeds that lie side by side are much alike.
        dice.next(2);
        dice.next(2);
        let (kind, moment) = (KINDS[place(run)], MOMENTS[place(2 * run + run / 5)]);
        // Shorter than the lease, longer than the lease and shorter than the fire window, and longer than both.
        let (least, most) = match (kind, dice.next(3)) {
            (Kind::Stopped, 0) => (300, 2_900),
            (Kind::Stopped, 1) => (3_500, 4_800),
            (Kind::Stopped, _) => (5_500, 9_000),
            (_, 0) => (300, 1_900),
            (_, _) => (3_500, 9_000),
        };
        let latest = if moment == Moment::BeforeTheFirstWave { 6_000 } else { 3_500 };
        Stroke {
            kind,
            moment,
            number: choose(&mut dice, &[1, 2]),
            when: choose(&mut dice, &[When::Before, When::After]),
            is_silent: choose(&mut dice, &[false, true]),
            after: Duration::from_millis(dice.next(latest)),
            span: Duration::from_millis(least + dice.next(most - least)),
        }
    }

    pub fn blow(&self) -> Blow {
        let cut = |part| Blow::Cut(Cut { part, is_silent: self.is_silent });
        match self.kind {
            Kind::Asked => Blow::Ask,
            Kind::Killed => Blow::Kill,
            Kind::CutOff => cut(Part::Everything),
            Kind::Stopped => Blow::Stop,
            Kind::LeaseCutOff => cut(Part::Leases),
        }
    }

    /// The call at which it comes, and whether right before or right after it; None: it comes by the time.
    pub fn call(&self) -> Option<(When, Match)> {
        let (number, count) = (self.number, std::sync::Mutex::new(0));
        let counted = move |is_one: bool| {
            let mut count = count.lock().unwrap();
            *count += usize::from(is_one);
            is_one && *count == number
        };
        let matches: Match = match self.moment {
            Moment::BeforeTheFirstWave | Moment::BetweenTheWaves => return None,
            Moment::InTheFireWindow => last_reading_of(number),
            Moment::AsAFloorIsWritten => Box::new(move |method, path, _| {
                counted(method == "PATCH" && path.contains("/horizontalpodautoscalers/"))
            }),
            Moment::AsAnOutcomeIsWritten => {
                Box::new(move |method, path, _| counted(method == "PUT" && path.contains("/wavereleases/")))
            }
        };
        Some((self.when, matches))
    }
}

//! The four that are compared: each says whether a wave may go at a minute. The two with a ledger ask the gate that the
//! operator asks, `Site`, with the operator's own baseline and ledger; they differ by the margin alone.

use headroom::plan::baseline::{Baseline, History, Unproven};
use headroom::plan::capacity::Capacity;
use headroom::plan::gate::Site;
use headroom::plan::ledger::Committed;
use headroom::plan::load::Burst;
use jiff::SignedDuration;

use super::fortnight::{CAPACITY, DAY, Due, HISTORY, PER_REPLICA, REPLICAS, UTILIZATION, at};

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// Demand now and the wave's expected peak, by each campaign for itself.
    Instant,
    /// The gate and the ledger, as if everything came as expected.
    Means,
    /// The gate and the ledger, with margins.
    Margins,
    /// Knows what will come.
    Oracle,
}

impl Controller {
    pub const ALL: [Controller; 4] = [Controller::Instant, Controller::Means, Controller::Margins, Controller::Oracle];

    pub fn name(self) -> &'static str {
        match self {
            Controller::Instant => "instant check, no ledger",
            Controller::Means => "ledger of means",
            Controller::Margins => "ledger with margins 1.66 / 2.3",
            Controller::Oracle => "oracle",
        }
    }

    /// Headroom must be seen at so many minutes in a row.
    pub fn confirmations(self) -> u32 {
        if matches!(self, Controller::Means | Controller::Margins) { 2 } else { 1 }
    }

    /// So many of the queue are looked at in one minute; those behind wait for their turn.
    pub fn looks_at(self) -> usize {
        if self == Controller::Instant { usize::MAX } else { 2 }
    }

    fn margin(self, due: &Due) -> f64 {
        if self == Controller::Margins { due.margin } else { 1.0 }
    }
}

/// What a controller knows, and what is true.
pub struct Sight<'a> {
    /// Everything that was and will be asked for by what went so far, by the minute.
    pub demand: &'a [f64],
    /// What went, by its name in the fortnight and its minute.
    pub ledger: &'a [(Due, usize)],
    /// History, as it was last read.
    pub history: &'a mut Option<(usize, History)>,
}

/// How long history is kept, in minutes.
const KEPT: usize = 15;
/// Load that ended so long ago is in the history, and no longer in the ledger.
const WATCHED: usize = DAY;

impl Sight<'_> {
    fn history(&mut self, minute: usize) -> History {
        match self.history {
            Some((read, history)) if minute < *read + KEPT => history.clone(),
            _ => {
                let points = (minute - HISTORY * DAY..minute).step_by(5);
                let fresh = History::new(&points.map(|past| (at(past), self.demand[past])).collect::<Vec<_>>());
                *self.history = Some((minute, fresh.clone()));
                fresh
            }
        }
    }

    /// The newest measurement: the mean of the two minutes before.
    fn measured(&self, minute: usize) -> f64 {
        f64::midpoint(self.demand[minute - 1], self.demand[minute - 2])
    }

    /// In front of the gate that the operator uses.
    fn site(&mut self, controller: Controller, minute: usize) -> Site {
        let demand = self.measured(minute);
        let history = self.history(minute);
        let bursts = self.ledger.iter().filter(|(due, start)| {
            let length = headroom::plan::number::place(due.recipients_f64() / (60.0 * due.rate));
            start + length + WATCHED > minute
        });
        let bursts: Vec<Burst> = bursts.map(|(due, start)| due.burst(*start, controller.margin(due))).collect();
        let committed = Committed::new(bursts);
        let measured = committed.measured(at(minute), SignedDuration::from_secs(120));
        Site {
            reserve: 0.0,
            name: "web".to_owned(),
            capacity: Capacity::new(PER_REPLICA, UTILIZATION),
            ready: REPLICAS,
            held: REPLICAS,
            most: REPLICAS,
            demand,
            baseline: Baseline::new(Some(&history), None, demand, Unproven::Closed).unwrap(),
            committed,
            measured,
            lead: SignedDuration::from_mins(3),
            span: SignedDuration::from_secs(60),
        }
    }

    /// Whether a wave may go now.
    pub fn may_go(&mut self, controller: Controller, due: &Due, minute: usize) -> bool {
        match controller {
            Controller::Instant => self.measured(minute) + due.burst(minute, 1.0).peak() <= CAPACITY,
            Controller::Means | Controller::Margins => {
                let wave = due.burst(minute, controller.margin(due));
                // Spares the long way round where it cannot end well: the gate asks for at least this.
                if self.measured(minute) + wave.peak() > CAPACITY {
                    return false;
                }
                let site = self.site(controller, minute);
                site.room(Some(&wave), at(minute)).is_enough() && site.later(&wave, at(minute)).is_none()
            }
            Controller::Oracle => {
                let brings = due.brings(minute);
                self.demand[minute..].iter().zip(&brings).all(|(demand, brings)| demand + brings <= CAPACITY)
            }
        }
    }
}

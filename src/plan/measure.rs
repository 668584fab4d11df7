//! Each workload of a pool, measured: its target, its demand, what an ordinary day brings and what sends still bring; or
//! why it cannot be relied on. Decides nothing about any wave.

use jiff::{SignedDuration, Timestamp};

use super::baseline::{Baseline, History, Unproven};
use super::believe;
use super::bursts;
use super::capacity::Capacity;
use super::claim::{self, Trouble, Wish};

use super::gate::Site;
use super::lead;
use super::ledger::Committed;
use super::newcomers::Newcomers;
use super::reading::Reading;
use super::rules::{Rules, WorkloadRules};
use super::snapshot::{Entry, Found, Snapshot};
use super::why::{CappedBy, Measured, Why};

/// What of a campaign decides how the gate looks at a workload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Asker {
    /// What stands for an ordinary day where nothing is known of one.
    pub(super) unproven: Unproven,
    /// Share of what replicas bear that it may not use.
    pub(super) reserve: f64,
    /// The place among the entries of the wave that it lets go on: what is left of that is weighed, and not counted besides.
    pub(super) at_rest: Option<usize>,
}

/// One workload, measured.
pub struct Measure<'a> {
    /// Its rules.
    pub rules: &'a WorkloadRules,
    /// Its target.
    pub found: &'a Found,
    /// Its demand.
    pub demand: &'a Reading,
    /// What an ordinary day brings.
    history: Option<History>,
    /// What recorded waves still bring.
    pub committed: Committed,
    /// The part of it that may be in a measurement already.
    pub timed: Committed,
    /// Replicas nobody else can take away.
    pub held: u32,
    /// The most there may be.
    pub most: u32,
    /// Why its scale cannot be relied on.
    pub trouble: Option<Why>,
    /// How long headroom must be seen before it counts.
    span: SignedDuration,
    /// From a rise of the floor until its replicas are ready.
    lead: SignedDuration,
    /// Share of what replicas bear that is kept for urgent campaigns.
    reserve: f64,
}

impl Measure<'_> {
    /// By how much demand moves from one ten minutes to the next, requests per second.
    pub(super) fn noise(&self) -> Option<f64> {
        self.history.as_ref()?.noise()
    }

    /// What sets the most replicas.
    pub(super) fn capped_by(&self) -> CappedBy {
        let beyond = self.found.autoscaler_max.unwrap_or(i32::MAX).min(self.rules.most);
        if self.found.placeable.is_some_and(|placeable| placeable < beyond) {
            CappedBy::Nodes
        } else if beyond < self.rules.most {
            CappedBy::Autoscaler
        } else {
            CappedBy::Pool
        }
    }

    /// In front of the gate; None where nothing is known of an ordinary day.
    pub(super) fn site(&self, committed: Committed, asker: Asker) -> Option<Site> {
        let baseline = Baseline::new(self.history.as_ref(), self.rules.peak, self.demand.value, asker.unproven)?;
        Some(Site {
            name: self.rules.name.clone(),
            capacity: Capacity::new(self.rules.per_replica, self.rules.utilization),
            ready: u32::try_from(self.found.ready).unwrap_or(0),
            held: self.held,
            most: self.most,
            reserve: asker.reserve,
            demand: self.demand.value,
            baseline,
            committed,
            measured: self.timed.measured(self.demand.sample_at, self.demand.range),
            lead: self.lead,
            span: self.span,
        })
    }

    /// What recorded waves bring while one that was paused is asked to go on: of that one only what it has sent.
    pub(super) fn committed_beside(&self, entry: &Entry, snapshot: &Snapshot, now: Timestamp) -> Committed {
        let pool = snapshot.pool.key();
        let entries = snapshot.entries.iter().filter(|entry| entry.pool == pool);
        bursts::committed_beside(entry, entries, self.rules, now)
    }

    /// In front of the gate, for the floor alone.
    pub fn at_rest(&self) -> Option<Site> {
        self.site(self.committed.clone(), Asker { unproven: Unproven::Assumed, reserve: self.reserve, at_rest: None })
    }
}

/// Measures every workload, or says why not.
pub fn measure<'a>(
    snapshot: &'a Snapshot,
    rules: &'a Rules,
    newcomers: &mut Newcomers,
    now: Timestamp,
) -> Vec<Option<Result<Measure<'a>, Why>>> {
    let pool = snapshot.pool.key();
    newcomers.look(snapshot, rules, now);
    rules
        .workloads
        .iter()
        .zip(&snapshot.workloads)
        .map(|(workload, seen)| {
            let found = match &seen.target {
                Ok(found) => found,
                Err(fault) => {
                    let name = workload.target.1.clone();
                    return Some(Err(Why::Target { workload: workload.name.clone(), name, fault: fault.clone() }));
                }
            };
            let claim = claim::on(&snapshot.pool.status.claims, &found.target);
            let answer = seen.demand.as_ref()?;
            let of = format!("{}/{}", snapshot.pool.namespace, workload.target.1);
            let demand = match believe::demand(answer, workload, &of, rules.max_sample_age, now) {
                Ok(demand) => demand,
                Err(why) => return Some(Err(why)),
            };
            let fewest = newcomers.fewest(&workload.name).unwrap_or(found.ready);
            if let Err(why) = believe::covered(demand, workload, rules.min_coverage, found, fewest) {
                return Some(Err(why));
            }
            let history = match &seen.history {
                Some(Ok(points)) => Some(History::new(&points.points)),
                Some(Err(fault)) => {
                    let (measured, name) = (Measured::Demand, workload.name.clone());
                    return Some(Err(Why::Sensor { measured, name, fault: fault.clone() }));
                }
                None => None,
            };
            let most = found.most(workload.most);
            let entries = || snapshot.entries.iter().filter(|entry| entry.pool == pool);
            let committed = bursts::committed(entries(), workload, now);
            let is_any_followed = entries().any(|entry| entry.contract.is_followed());
            let timed = if is_any_followed { bursts::timed(entries(), workload, now) } else { committed.clone() };
            Some(Ok(Measure {
                rules: workload,
                found,
                demand,
                history,
                committed,
                timed,
                held: u32::try_from(held(rules, found, claim)).unwrap_or(0),
                most: u32::try_from(most).unwrap_or(0),
                trouble: trouble(&pool, workload, found, claim, now),
                span: rules.confirm_span,
                lead: lead::of(&snapshot.pool.status, &workload.name),
                reserve: rules.reserve,
            }))
        })
        .collect()
}

/// Replicas nobody else can take away. A pool that only observes writes no floor: it weighs as if one stood.
fn held(rules: &Rules, found: &Found, claim: Option<&crate::api::pool_status::Claim>) -> i32 {
    if rules.observes { found.ready } else { claim::held(&found.target, claim) }
}

/// Why each workload keeps the gate closed, if it does.
pub fn troubles(measured: &[Option<Result<Measure<'_>, Why>>]) -> Vec<Option<Why>> {
    let trouble = |measure: &Option<Result<Measure<'_>, Why>>| match measure.as_ref()? {
        Ok(measure) => measure.trouble.clone(),
        Err(why) => Some(why.clone()),
    };
    measured.iter().map(trouble).collect()
}

fn trouble(
    pool: &str,
    workload: &WorkloadRules,
    found: &Found,
    claim: Option<&crate::api::pool_status::Claim>,
    now: Timestamp,
) -> Option<Why> {
    let pace = claim::Pace { hold: SignedDuration::ZERO, step: 1.0 };
    let most = Some(workload.most);
    let told =
        claim::next(pool, &workload.name, &found.target, claim, Wish::Keep, most, pace, &|_| true, "", now).trouble?;
    let workload = workload.name.clone();
    Some(match told {
        Trouble::Claimed { by } => Why::Claimed { workload, by },
        Trouble::Contested { manager, value } => {
            Why::Contested { workload, manager, value, floor: claim.map_or(0, |claim| claim.floor) }
        }
    })
}

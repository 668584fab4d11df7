//! Every decision. `plan(&Snapshot, now)` is a pure function: no async, no client, no clock, no randomness.
//!
//! From the outside in: `snapshot` is all that a decision knows; `stand` says where each campaign stands, from its `past`
//! in the ledger, with `doubt` and `deadline` for what cannot go on; `measure` and `weigh` hold those that want to send
//! against the pool's room; `floors` decides scale; `report` and `pool_report` say it in words. Below them is the
//! mathematics (`load`, `ledger`, `baseline`, `capacity`, `gate`, `floor`, `curve` for the days to come, `suggest` for numbers
//! that nobody knows yet) and what people write (`units`, `schedule`, `waves`, `template`, `job`, `rules`).

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use crate::api::campaign_status::Phase;
use crate::api::pool_status::{CapacityPoolStatus, Queued};
use crate::api::release::{Disposition, Outcome};

pub mod abilities;
pub mod admit;
pub mod after;
mod again;
pub mod approval;
pub mod baseline;
mod believe;
pub mod bursts;
pub mod canary;
pub mod capacity;
mod checks;
pub mod claim;
pub mod contract;
pub mod curve;
pub mod deadline;
mod doubt;
pub mod explain;
pub mod floor;
pub mod floors;
pub mod freezes;
pub mod gate;
mod guard;
pub mod halt;
pub mod hold;
mod holds;
pub mod identity;
pub mod inquiry;
pub mod intent;
pub mod job;
mod lead;
pub mod ledger;
pub mod listmonk;
pub mod load;
pub mod measure;
pub mod memory;
pub mod newcomers;
pub mod number;
pub mod order;
mod past;
mod place;
pub mod placement;
pub mod pods;
pub mod pool_report;
mod profiles;
pub mod reading;
pub mod reason;
pub mod report;
pub mod resolve;
pub mod resume;
pub mod rules;
pub mod schedule;
pub mod scope;
pub mod sender_report;
pub mod snapshot;
pub mod stand;
pub mod stop;
pub mod suggest;
pub mod template;
pub mod units;
pub mod waves;
pub mod weigh;
pub mod why;

use contract::QUIESCENCE;
use floors::FloorWrite;
use halt::Halt;
use memory::Memory;
use order::{Release, Skip};
use past::BySend;
use report::{Details, Report};
use resolve::Resolve;
use resume::CameToRest;
use snapshot::Snapshot;
use stand::{Stand, Want};
use weigh::Waiting;
use why::Why;

/// While a wave is due, the pool is looked at this often.
const TICK: SignedDuration = SignedDuration::from_secs(5);
/// While nothing is due, but scale is borrowed or a send is between its parts.
const WATCHED: SignedDuration = SignedDuration::from_secs(15);
/// While nothing is due.
const IDLE: SignedDuration = SignedDuration::from_secs(60);

/// What is over after this is not told of: what follows is.
const MOMENT: SignedDuration = SignedDuration::from_secs(1);

/// What shall be done.
#[derive(Debug)]
pub struct Plan {
    /// The pool's status; its claims must be written before any target is.
    pub pool: CapacityPoolStatus,
    /// Floors to write, once the claims are in place.
    pub floors: Vec<FloorWrite>,
    /// Facts for the ledger.
    pub skips: Vec<Skip>,
    /// Outcomes of entries that have none, by entry: what nobody can know any more, and what will not be tried again.
    pub outcomes: Vec<(String, Outcome, String)>,
    /// Waves that are leaving and must not go on.
    pub halts: Vec<Halt>,
    /// Waves that Headroom has paused, and that were seen to have come to rest.
    pub rests: Vec<CameToRest>,
    /// What people say became of waves, to be taken down.
    pub resolves: Vec<Resolve>,
    /// Statuses of campaigns that have changed.
    pub reports: Vec<Report>,
    /// The wave to release now.
    pub release: Option<Release>,
    /// What to remember.
    pub memory: Memory,
    /// When to look again.
    pub again: SignedDuration,
}

/// Whether the pool must be measured for this look: something is due, under way or borrowed, or the pool is new.
pub fn must_measure(snapshot: &Snapshot, now: Timestamp) -> bool {
    let status = &snapshot.pool.status;
    if snapshot.pool.missing || snapshot.pool.rules.is_err() {
        return false;
    }
    if !status.claims.is_empty()
        || !status.breaches.is_empty()
        || status.observed_generation != Some(snapshot.pool.generation)
    {
        return true;
    }
    let guard = guard::Guard::default();
    let ledger = BySend::of(snapshot);
    snapshot.campaigns.iter().filter(|campaign| !campaign.deleting).any(|campaign| {
        match stand::stand(snapshot, &ledger, campaign, &guard, now) {
            Stand::Wants(_) => true,
            Stand::Rests { why, .. } => matches!(why.place().0, Phase::Sending | Phase::Soaking | Phase::Observing),
            Stand::Ended => false,
        }
    })
}

/// Decides everything for one pool.
pub fn plan(snapshot: &Snapshot, now: Timestamp) -> Plan {
    let mut memory = snapshot.memory.clone();
    let rules = snapshot.pool.rules.as_ref().ok();
    let key = snapshot.pool.key();
    let arriving = bursts::minutes_left(snapshot.entries.iter().filter(|entry| entry.pool == key), now);
    let guard = match rules {
        Some(rules) => guard::weigh(snapshot, rules, &mut memory, arriving, now),
        None => guard::Guard { breaches: snapshot.pool.status.breaches.clone(), ..guard::Guard::default() },
    };

    let ledger = BySend::of(snapshot);
    let Standing { wants, busy, mut reports, skips, queue, ends, mut again } =
        standing(snapshot, &ledger, &guard, &mut memory, now);
    let live: HashSet<&str> = snapshot.campaigns.iter().map(|campaign| campaign.uid.as_str()).collect();
    memory.said.retain(|uid, _| live.contains(uid.as_str()));

    // Those that want to go, against the room there is.
    let newcomers = &mut memory.newcomers;
    let measured = rules.map_or_else(Vec::new, |rules| measure::measure(snapshot, rules, newcomers, now));
    let asked = measured.iter().any(std::option::Option::is_some);
    let troubles = measure::troubles(&measured);
    let fault = troubles.iter().flatten().next();
    let waiting = !wants.is_empty();
    let is_sending = !busy.is_empty();
    // A query that is wrong stays wrong until somebody changes the pool, which is an event.
    let hopeless = matches!(fault, Some(Why::Sensor { fault, .. }) if fault.class() == reading::Class::Permanent);
    let (verdict, measures) = if let Some(rules) = rules {
        weigh::weigh(snapshot, rules, &guard, measured, Waiting { wants, busy }, &mut memory, now)
    } else {
        // Nothing can be weighed, so nothing is confirmed meanwhile.
        memory.streaks.clear();
        (weigh::Verdict { weighed: Vec::new(), needed: Vec::new(), release: None }, Vec::new())
    };
    let mut line = Vec::new();
    for weighed in &verdict.weighed {
        let campaign = weighed.want.campaign;
        line.push(campaign.key());
        // The campaign whose wave goes now is armed by compare-and-swap on the version that was weighed.
        let goes = verdict
            .release
            .as_ref()
            .is_some_and(|release| release.campaign == (campaign.namespace.clone(), campaign.name.clone()));
        if !goes {
            let rooms =
                measures.iter().map(|measure| measure.rules.name.clone()).zip(weighed.rooms.iter().cloned()).collect();
            let confirmations = weighed.confirmations;
            let part =
                weighed.want.cutting.as_ref().map(|_| (weighed.want.wave.name.as_str(), weighed.want.recipients));
            let mut also = weighed.also.clone();
            also.extend(weighed.want.retry.and_then(|entry| again::asking_again(entry, None)));
            also.extend(weighed.want.stands_still());
            let details = Details { why: &weighed.why, also: &also, rooms, confirmations, part };
            reports.extend(report::tell(snapshot, &ledger, campaign, &details, &mut memory, now));
        }
    }
    line.extend(queue);

    let silent = fault.is_some() || verdict.weighed.iter().any(|weighed| weighed.why.is_silence());
    let waits = floors::Waits { any: waiting, silent: waiting && silent };
    // A pool that only observes asks for no floor; what it borrowed before goes back in its own time.
    let asks = |needed: &&Option<i32>| needed.filter(|_| rules.is_some_and(|rules| !rules.observes));
    let needed: Vec<Option<i32>> = verdict.needed.iter().map(|needed| asks(&needed)).collect();
    let decided = floors::decide(snapshot, rules, &measures, &needed, waits, now);
    memory.quiet = floors::quiet(&decided.claims);
    if waiting && !hopeless {
        let tick = rules.map_or(TICK, rules::Rules::tick);
        // Only what is far away is looked at more seldom, and only if there is nothing else.
        let before = rules.map_or(lead::USUAL, |rules| lead::prescale(snapshot, rules));
        let rests = verdict
            .weighed
            .iter()
            .map(|weighed| weighed.rests(before, now))
            .try_fold(IDLE, |all, one| Some(all.min(one?)));
        again = again.min(rests.filter(|_| !verdict.weighed.is_empty()).unwrap_or(tick));
    }
    if !decided.claims.is_empty() {
        again = again.min(if is_sending { TICK } else { WATCHED });
    }
    let halts = halt::halts(snapshot, &guard, now);
    if !guard.breaches.is_empty() || !halts.is_empty() {
        again = again.min(TICK);
    }
    again = again.min(resume::looks_again(snapshot, now));
    let queue = line.into_iter().map(|campaign| Queued { campaign }).collect();
    let seen = pool_report::Seen {
        fault,
        asked,
        measures: &measures,
        troubles: &troubles,
        claims: floors::lasting(snapshot, rules, decided.claims, now),
        leads: &decided.leads,
        breaches: guard.breaches,
        queue,
    };
    let pool = pool_report::tell(snapshot, rules, seen, &mut memory, now);
    let resolves = resolve::taken(snapshot, &ledger, now);
    let outcomes = known(snapshot, &ends, &resolves, now);
    Plan {
        pool,
        floors: decided.writes,
        skips,
        outcomes,
        halts,
        rests: resume::rests(snapshot),
        resolves,
        reports,
        release: verdict.release,
        memory,
        again: again.max(SignedDuration::ZERO),
    }
}

/// Outcomes that are to be written, by entry; not of what a person has just said something.
fn known(snapshot: &Snapshot, ends: &[End], resolves: &[Resolve], now: Timestamp) -> Vec<(String, Outcome, String)> {
    let mut outcomes = outcomes(snapshot, ends, now);
    // What its receiver says is more than that nobody knows.
    let told = inquiry::outcomes(snapshot);
    outcomes.retain(|(name, ..)| told.iter().all(|(other, ..)| other != name));
    outcomes.extend(told);
    outcomes.retain(|(name, ..)| resolves.iter().all(|resolve| resolve.entry != *name));
    outcomes
}

/// Where every campaign stands before room is asked for.
struct Standing<'a> {
    wants: Vec<Want<'a>>,
    /// Campaigns in the middle of their send.
    busy: Vec<String>,
    reports: Vec<Report>,
    skips: Vec<Skip>,
    queue: Vec<String>,
    ends: Vec<End>,
    again: SignedDuration,
}

fn standing<'a>(
    snapshot: &'a Snapshot,
    ledger: &BySend<'a>,
    guard: &guard::Guard,
    memory: &mut Memory,
    now: Timestamp,
) -> Standing<'a> {
    let mut all = Standing {
        wants: Vec::new(),
        busy: Vec::new(),
        reports: Vec::new(),
        skips: Vec::new(),
        queue: Vec::new(),
        ends: Vec::new(),
        again: IDLE,
    };
    for campaign in snapshot.campaigns.iter().filter(|campaign| !campaign.deleting) {
        match stand::stand(snapshot, ledger, campaign, guard, now) {
            Stand::Ended => {
                all.ends.extend(campaign.status.phase.map(|phase| End::of(campaign, phase)));
                all.reports.extend(report::ended(campaign));
            }
            Stand::Wants(want) => {
                all.busy.extend(want.begun.then(|| want.key()));
                all.wants.push(*want);
            }
            Stand::Rests { why, also, skips: facts, until } => {
                if let Some(until) = until {
                    all.again = all.again.min(until.duration_since(now));
                }
                let phase = why.place().0;
                if matches!(phase, Phase::Sending | Phase::Soaking) {
                    all.busy.push(campaign.key());
                }
                // What refers to a Secret is not told of when that is mended.
                if matches!(why, Why::SenderUnable { .. }) {
                    all.again = all.again.min(TICK);
                }
                if phase.is_finished() {
                    all.ends.push(End::of(campaign, phase));
                } else {
                    all.queue.push(campaign.key());
                }
                // An end is said only when the ledger holds it: until then the next look writes and tells.
                if leaves_at_once(&why, campaign, now) {
                    // What comes of it is told in a moment, and both at once.
                } else if facts.is_empty() {
                    let details =
                        Details { why: &why, also: &also, rooms: Vec::new(), confirmations: (0, 0), part: None };
                    all.reports.extend(report::tell(snapshot, ledger, campaign, &details, memory, now));
                } else {
                    all.again = SignedDuration::ZERO;
                    all.skips.extend(facts);
                }
            }
        }
    }
    all
}

/// A wave that has left before anybody could read that it leaves; something else is told meanwhile.
fn leaves_at_once(why: &Why, campaign: &snapshot::Campaign, now: Timestamp) -> bool {
    let tells_of_more = campaign.status.phase.is_some_and(|phase| phase != Phase::Sending);
    matches!(why, Why::Sending { until, .. } if until.duration_since(now) <= MOMENT) && tells_of_more
}

/// A send that has ended: what is open of it will not be tried again.
struct End {
    send_id: String,
    campaign_uid: String,
    outcome: Outcome,
    by: &'static str,
}

impl End {
    fn of(campaign: &snapshot::Campaign, phase: Phase) -> End {
        let (outcome, by) = match phase {
            Phase::Skipped => (Outcome::Missed, "its time had passed"),
            Phase::Aborted => (Outcome::Skipped, "the campaign was aborted"),
            _ => (Outcome::Skipped, "the campaign has ended"),
        };
        End { send_id: campaign.send_id(), campaign_uid: campaign.uid.clone(), outcome, by }
    }
}

/// Entries whose outcome can be written although nothing was heard: an attempt that is long over and was never
/// answered, and one that will not be repeated because its send has ended.
fn outcomes(snapshot: &Snapshot, ended: &[End], now: Timestamp) -> Vec<(String, Outcome, String)> {
    let key = snapshot.pool.key();
    let open = snapshot
        .entries
        .iter()
        .filter(|entry| entry.pool == key && entry.disposition == Disposition::Fire && entry.outcome.is_none());
    open.filter_map(|entry| {
        if entry.may_be_tried_again() {
            let ends = |other: &&snapshot::Entry| {
                other.send_id == entry.send_id
                    && other.skip.is_some_and(|reason| reason != crate::api::release::SkipReason::Empty)
            };
            let told = |by: &str| format!("it had not gone when the send ended: {by}");
            if let Some(end) = snapshot.entries.iter().find(ends) {
                let by = end.skipped_by.clone().unwrap_or_default();
                return Some((entry.name.clone(), Outcome::Skipped, told(&by)));
            }
            // Where every wave has an entry already, no further fact tells of the end.
            let is_its = |end: &&End| end.send_id == entry.send_id && end.campaign_uid == entry.campaign_uid;
            if let Some(end) = ended.iter().find(is_its) {
                return Some((entry.name.clone(), end.outcome, told(end.by)));
            }
            entry.lost_at().filter(|lost| now >= *lost)?;
            let told = "its receiver put it off and keeps its key no longer, so that whether it got through cannot be asked any more.";
            return Some((entry.name.clone(), Outcome::Unknown, told.to_owned()));
        }
        // What was started tells.
        if entry.is_under_way() {
            return None;
        }
        let quiet = now.duration_since(entry.newest_attempt) >= QUIESCENCE;
        quiet.then(|| {
            let told =
                "Headroom was stopped while it was being sent, and whether it arrived was never written.".to_owned();
            (entry.name.clone(), Outcome::Unknown, told)
        })
    })
    .collect()
}

#[cfg(test)]
mod tests;

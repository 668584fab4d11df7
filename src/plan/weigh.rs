//! The gate: every wave that wants to go is weighed against every workload, in the order of their turn. What is
//! promised to one is committed for those behind it; one pool releases one wave at a time.

use std::collections::HashSet;
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};

use super::baseline::Unproven;
use super::gate::{Ask, Room, Site};
use super::guard::Guard;
use super::lead;
use super::ledger::Committed;
use super::load::Burst;
use super::measure::{Asker, Measure};
use super::memory::{Basis, Memory, Streak};
use super::order::Release;
use super::rules::Rules;
use super::snapshot::Snapshot;
use super::stand::Want;
use super::why::{Numbers, Why};
use super::{IDLE, WATCHED};

mod lacks;
mod order;
mod part;

/// A likely time is looked for no further ahead.
const HORIZON: SignedDuration = SignedDuration::from_hours(24);
/// A likely time is worked out for so many waves; it is a courtesy, and costs time.
const MOST_ESTIMATES: usize = 4;

/// A wave that was weighed.
pub struct Weighed<'a> {
    /// The wave.
    pub want: Want<'a>,
    /// Where it stands.
    pub why: Why,
    /// What else would keep it back.
    pub also: Vec<Why>,
    /// Each workload's room, where it could be weighed.
    pub rooms: Vec<Room>,
    /// Confirmations so far, of those asked for.
    pub confirmations: (u32, u32),
}

impl Weighed<'_> {
    /// How long it need not be looked at, if its time is chosen and far away: nothing is confirmed till then.
    pub fn rests(&self, lead: SignedDuration, now: Timestamp) -> Option<SignedDuration> {
        let Why::Paced { at, .. } = &self.why else { return None };
        let rests = at.duration_since(now) - lead;
        let most = if self.want.begun { WATCHED } else { IDLE };
        rests.is_positive().then(|| rests.min(most))
    }
}

/// Those that stand in front of the gate.
pub struct Waiting<'a> {
    /// The waves that want to go.
    pub wants: Vec<Want<'a>>,
    /// Campaigns in the middle of their send.
    pub busy: Vec<String>,
}

/// What the gate decided.
pub struct Verdict<'a> {
    /// Every wave that wanted to go, in the order of their turn.
    pub weighed: Vec<Weighed<'a>>,
    /// Replicas that waves wait for, by workload.
    pub needed: Vec<Option<i32>>,
    /// The wave to release now.
    pub release: Option<Release>,
}

/// What all waves of one look have in common.
struct Scales<'s, 'a> {
    snapshot: &'s Snapshot,
    rules: &'s Rules,
    guard: &'s Guard,
    measures: &'s [Measure<'a>],
    busy: &'s [String],
    /// How long before its time a wave is weighed.
    lead: SignedDuration,
    now: Timestamp,
}

/// Weighs every wave.
pub fn weigh<'a>(
    snapshot: &'a Snapshot,
    rules: &'a Rules,
    guard: &Guard,
    measured: Vec<Option<Result<Measure<'a>, Why>>>,
    waiting: Waiting<'a>,
    memory: &mut Memory,
    now: Timestamp,
) -> (Verdict<'a>, Vec<Measure<'a>>) {
    let Waiting { mut wants, busy } = waiting;
    wants.sort_by_cached_key(|want| want.turn(rules.highest_priority(&want.campaign.labels)));
    let mut closed = Vec::new();
    let mut measures = Vec::new();
    for measure in measured {
        match measure {
            Some(Ok(measure)) => {
                closed.extend(measure.trouble.clone());
                measures.push(measure);
            }
            Some(Err(why)) => closed.push(why),
            None => {}
        }
    }
    let keys: HashSet<(String, String)> =
        wants.iter().map(|want| (want.intent.send_id.as_str().to_owned(), want.wave.name.clone())).collect();
    memory.streaks.retain(|key, _| keys.contains(key));
    memory.parts.retain(|key, _| keys.contains(key));
    let mut verdict = Verdict { weighed: Vec::new(), needed: vec![None; rules.workloads.len()], release: None };
    let lead = lead::prescale(snapshot, rules);
    let scales = Scales { snapshot, rules, guard, measures: &measures, busy: &busy, lead, now };
    let mut line = Line {
        promised: Vec::new(),
        heads: Vec::new(),
        estimates: 0,
        ahead: None,
        starting: Vec::new(),
        sites: Vec::new(),
    };
    // What a person answers for waits for nothing that could be measured.
    if let Some(index) = wants.iter().position(|want| scales.is_permitted(want)) {
        let mut want = wants.remove(index);
        scales.cut_unweighed(&mut want, memory);
        scales.permit(want, &closed, &mut line, &mut verdict);
    }
    if closed.is_empty() && measures.len() != rules.workloads.len() {
        // Nothing was asked this time: every wave stands where it stood.
        return (verdict, measures);
    }
    if !closed.is_empty() {
        memory.streaks.clear();
        closed.extend(guard.shut.iter().cloned());
        let confirmations = (0, rules.confirmations);
        for want in wants {
            let (why, also) = (closed.first().cloned(), closed.iter().skip(1).cloned().collect());
            let Some(why) = why else { continue };
            verdict.weighed.push(Weighed { want, why, also, rooms: Vec::new(), confirmations });
        }
        return (verdict, measures);
    }
    for want in wants {
        scales.weigh_one(want, &mut line, &mut verdict, memory);
    }
    (verdict, measures)
}

/// What those ahead have been promised, and what those that do not fit wait for.
struct Line {
    promised: Vec<Shared>,
    heads: Vec<Head>,
    /// How often a likely time was looked for.
    estimates: usize,
    ahead: Option<(String, String)>,
    /// Campaigns that have been promised room for their first wave.
    starting: Vec<String>,
    /// What is in front of the gate, by how many were promised room; the waves of one look share the sums in it. For each
    /// asker two at most: with all that were promised room, and with none.
    sites: Vec<(usize, Asker, Rc<Vec<Site>>)>,
}

/// The load of one wave at each workload.
type Shared = Vec<Burst>;

/// What a wave asks of each workload: its load there, the room for it, and the replicas that open the gate.
struct Asked {
    shared: Shared,
    rooms: Vec<Room>,
    needs: Vec<Option<u32>>,
}

struct Head {
    campaign: String,
    wave: String,
    shared: Shared,
    likely: Timestamp,
    asker: Asker,
}

impl<'a> Scales<'_, 'a> {
    /// What is committed to one workload, before any promise.
    fn committed(&self, measure: &Measure<'_>, asker: Asker) -> Committed {
        match asker.at_rest.and_then(|place| self.snapshot.entries.get(place)) {
            None => measure.committed.clone(),
            Some(entry) => measure.committed_beside(entry, self.snapshot, self.now),
        }
    }

    /// The load of a wave at each workload.
    fn shared(&self, burst: &Burst) -> Shared {
        self.measures.iter().map(|measure| burst.scaled(measure.rules.share)).collect()
    }

    /// How the gate looks at workloads for this campaign.
    fn asker(&self, want: &Want<'_>) -> Asker {
        let is_urgent = want.campaign.spec.urgent == Some(true);
        let unproven = Unproven::of_channel(&want.campaign.spec.channel);
        let at_rest = want.rest.as_ref().and(want.retry);
        let at_rest = at_rest.and_then(|entry| self.snapshot.entries.iter().position(|other| other.name == entry.name));
        Asker { unproven, reserve: if is_urgent { 0.0 } else { self.rules.reserve }, at_rest }
    }

    /// What is in front of the gate, with some more than there was before.
    fn sites(&self, before: Option<&[Site]>, more: &[Shared], asker: Asker) -> Result<Vec<Site>, Why> {
        self.measures
            .iter()
            .enumerate()
            .map(|(index, measure)| {
                let before = before.and_then(|sites| sites.get(index)).map(|site| site.committed.clone());
                let mut committed = before.unwrap_or_else(|| self.committed(measure, asker));
                if !more.is_empty() {
                    let more: Vec<Burst> = more.iter().filter_map(|shared| shared.get(index).cloned()).collect();
                    committed = committed.with_all(&more);
                }
                measure.site(committed, asker).ok_or_else(|| Why::NoHistory { workload: measure.rules.name.clone() })
            })
            .collect()
    }

    /// The same for those ahead in the line, or for nobody: made once until somebody is promised room.
    fn sites_in_line(&self, line: &mut Line, alone: bool, asker: Asker) -> Result<Rc<Vec<Site>>, Why> {
        let count = if alone { 0 } else { line.promised.len() };
        let of_asker = line.sites.iter().filter(|(of, with, _)| *of <= count && *with == asker);
        let before = of_asker.max_by_key(|(of, ..)| *of).map(|(of, _, sites)| (*of, Rc::clone(sites)));
        let (of, before) = match before {
            Some((of, sites)) if of == count => return Ok(sites),
            Some((of, sites)) => (of, Some(sites)),
            None => (0, None),
        };
        let more = line.promised.get(of..count).unwrap_or_default();
        let sites = Rc::new(self.sites(before.as_ref().map(|sites| sites.as_slice()), more, asker)?);
        line.sites.retain(|(of, with, _)| *with != asker || (*of == 0) != (count == 0));
        line.sites.push((count, asker, Rc::clone(&sites)));
        Ok(sites)
    }

    /// When a wave would probably fit everywhere.
    fn likely(&self, shared: &Shared, sites: &[Site]) -> Option<Timestamp> {
        sites
            .iter()
            .zip(shared)
            .try_fold(self.now, |latest, (site, burst)| Some(latest.max(site.earliest(burst, self.now, HORIZON)?)))
    }

    fn weigh_one(&self, mut want: Want<'a>, line: &mut Line, verdict: &mut Verdict<'a>, memory: &mut Memory) {
        let key = (want.intent.send_id.as_str().to_owned(), want.wave.name.clone());
        let confirmations = (0, self.rules.confirmations);
        let shut = |want, why, also, rooms| Weighed { want, why, also, rooms, confirmations };
        let asker = self.asker(&want);
        let sites = match self.sites_in_line(line, false, asker) {
            Ok(sites) => sites,
            Err(why) => {
                memory.streaks.remove(&key);
                verdict.weighed.push(shut(want, why, self.guard.shut.clone(), Vec::new()));
                return;
            }
        };
        if let Some(why) = self.cut(&mut want, &sites, line, memory) {
            memory.streaks.remove(&key);
            verdict.weighed.push(shut(want, why, self.guard.shut.clone(), Vec::new()));
            return;
        }
        let start = want.not_before.as_ref().map_or(self.now, |(at, _)| (*at).max(self.now));
        let burst = want.burst(start);
        let Asked { shared, rooms, needs } = self.asked(&burst, &sites);

        let mut lacks = self.lacks(&want, line, &sites, &shared, &rooms, &needs);
        if !lacks.is_empty() {
            memory.streaks.remove(&key);
            let likely = if line.estimates < MOST_ESTIMATES {
                line.estimates += 1;
                self.likely(&shared, &sites)
            } else {
                None
            };
            if let Some(likely) = likely {
                let (campaign, wave) = (want.key(), want.wave.name.clone());
                line.heads.push(Head { campaign, wave, shared: shared.clone(), likely, asker });
            }
            let also = lacks.split_off(1);
            let why = match lacks.remove(0) {
                // One that would fit were nothing promised to those ahead waits for its turn.
                Why::Room { wave, numbers, .. } if line.ahead.is_some() && self.fits_alone(line, &shared, asker) => {
                    let (ahead, ahead_wave) = line.ahead.clone().unwrap_or_default();
                    Why::Turn { wave, ahead, ahead_wave, numbers: Some(numbers) }
                }
                Why::Room { wave, numbers, lack, .. } => Why::Room { wave, numbers, lack, likely },
                other => other,
            };
            verdict.weighed.push(shut(want, why, also, rooms));
            return;
        }
        if let Some(why) = self.delays_a_head(&want, &shared, line) {
            memory.streaks.remove(&key);
            verdict.weighed.push(shut(want, why, Vec::new(), rooms));
            return;
        }
        // It fits: its room is promised, and the floor is raised for it and everything ahead of it.
        for (all, need) in verdict.needed.iter_mut().zip(&needs) {
            let need = need.and_then(|need| i32::try_from(need).ok());
            *all = (*all).max(need);
        }
        line.promised.push(shared);
        line.ahead.get_or_insert((want.key(), want.wave.name.clone()));
        if !want.begun {
            line.starting.push(want.key());
        }
        let weighed = self.confirm(want, rooms, &needs, memory, verdict.release.is_none());
        let (weighed, release) = weighed;
        if release.is_some() {
            verdict.release = release;
        }
        verdict.weighed.push(weighed);
    }

    /// What a wave asks of each workload.
    fn asked(&self, burst: &Burst, sites: &[Site]) -> Asked {
        let shared = self.shared(burst);
        let asks: Vec<Ask> = sites.iter().zip(&shared).map(|(site, wave)| site.asked(Some(wave), self.now)).collect();
        let rooms = sites.iter().zip(&asks).map(|(site, ask)| site.room_now(ask)).collect();
        let needs = sites.iter().zip(&asks).map(|(site, ask)| site.needed_for(ask)).collect();
        Asked { shared, rooms, needs }
    }

    /// What keeps a wave back that a person answers for, had nobody: only told, never acted on.
    fn would_wait_for(&self, want: &Want<'_>, line: &mut Line) -> Option<Why> {
        if self.measures.len() != self.rules.workloads.len() {
            return self.guard.shut.first().cloned();
        }
        let sites = match self.sites_in_line(line, false, self.asker(want)) {
            Ok(sites) => sites,
            Err(why) => return Some(why),
        };
        let Asked { shared, rooms, needs } = self.asked(&want.burst(self.now), &sites);
        let lacks = self.lacks(want, line, &sites, &shared, &rooms, &needs);
        lacks.into_iter().next().or_else(|| self.lacks_replicas(want, &rooms, &needs))
    }

    /// Room that there will be, once replicas are ready and held.
    fn lacks_replicas(&self, want: &Want<'_>, rooms: &[Room], needs: &[Option<u32>]) -> Option<Why> {
        let narrowest = Site::narrowest(rooms);
        let (measure, room) = (self.measures.get(narrowest)?, rooms.get(narrowest)?);
        let needed = needs.get(narrowest).copied().flatten().and_then(|need| i32::try_from(need).ok()).unwrap_or(0);
        (!rooms.iter().all(Room::is_enough)).then(|| Why::Scaling {
            wave: want.wave.name.clone(),
            needed,
            have: measure.found.ready,
            held: i32::try_from(measure.held).unwrap_or(i32::MAX),
            most: i32::try_from(measure.most).unwrap_or(i32::MAX),
            numbers: Self::numbers(measure, room, want),
        })
    }

    /// Whether a wave would fit were nothing promised to those ahead of it.
    fn fits_alone(&self, line: &mut Line, shared: &Shared, asker: Asker) -> bool {
        let Ok(alone) = self.sites_in_line(line, true, asker) else { return false };
        alone.iter().zip(shared).zip(self.measures).all(|((site, burst), measure)| {
            let ask = site.asked(Some(burst), self.now);
            site.later_than(&site.room_now(&ask), burst, self.now).is_none()
                && site.needed_for(&ask).is_some_and(|need| need <= measure.most)
        })
    }

    /// It fits with enough replicas: are they there, and was that seen often enough?
    fn confirm(
        &self,
        want: Want<'a>,
        rooms: Vec<Room>,
        needs: &[Option<u32>],
        memory: &mut Memory,
        may_release: bool,
    ) -> (Weighed<'a>, Option<Release>) {
        let key = (want.intent.send_id.as_str().to_owned(), want.wave.name.clone());
        let asked = self.rules.confirmations;
        let narrowest = Site::narrowest(&rooms);
        let (Some(measure), Some(room)) = (self.measures.get(narrowest), rooms.get(narrowest)) else {
            let why = Why::NoHistory { workload: String::new() };
            return (Weighed { want, why, also: Vec::new(), rooms, confirmations: (0, asked) }, None);
        };
        let numbers = Self::numbers(measure, room, &want);
        if let Some(why) = self.lacks_replicas(&want, &rooms, needs) {
            memory.streaks.remove(&key);
            return (Weighed { want, why, also: Vec::new(), rooms, confirmations: (0, asked) }, None);
        }
        // Distinct samples: the oldest of the newest, so that every workload has brought a new one.
        let sample = self.measures.iter().map(|measure| measure.demand.sample_at).min().unwrap_or(self.now);
        let generations = (want.campaign.generation, want.sender.generation, self.snapshot.pool.generation);
        let basis = Basis::new(&want.campaign.uid, generations.0, generations.1, generations.2, want.recipients);
        let streak = Streak::extend(memory.streaks.get(&key).copied(), sample, basis, self.rules.max_sample_age);
        memory.streaks.insert(key, streak);
        let seen = streak.count.min(asked);
        let confirmed = streak.confirms(asked, self.rules.confirm_span);
        if let Some((at, why)) = want.not_before.clone().filter(|(at, _)| self.now < *at) {
            let told = if confirmed { (asked, asked) } else { (seen.min(asked.saturating_sub(1)), asked) };
            let why = match why {
                Why::BeforeStart { wave, .. } => Why::BeforeStart { wave, at, confirmed: Some(told) },
                other => other,
            };
            return (Weighed { want, why, also: Vec::new(), rooms, confirmations: (seen, asked) }, None);
        }
        if confirmed && self.rules.observes {
            let why = Why::WouldGo { wave: want.wave.name.clone(), numbers };
            return (Weighed { want, why, also: Vec::new(), rooms, confirmations: (seen, asked) }, None);
        }
        let release = if confirmed && may_release && !self.is_promised_elsewhere(&want) {
            self.order(&want, self.evidence(measure, room, streak.count)).map(Some)
        } else {
            Ok(None)
        };
        let why = Why::Confirming {
            wave: want.wave.name.clone(),
            seen,
            of: asked,
            span: self.rules.confirm_span.as_secs(),
            numbers,
        };
        match release {
            Ok(release) => (Weighed { want, why, also: Vec::new(), rooms, confirmations: (seen, asked) }, release),
            Err(why) => (Weighed { want, why, also: Vec::new(), rooms, confirmations: (seen, asked) }, None),
        }
    }

    fn numbers(measure: &Measure<'_>, room: &Room, want: &Want<'_>) -> Numbers {
        Numbers {
            workload: measure.rules.name.clone(),
            needed: room.needed,
            margin: want.intent.margin,
            free: room.free,
            replicas: i32::try_from(room.replicas).unwrap_or(i32::MAX),
            raw_capacity: room.raw_capacity,
            utilization: measure.rules.utilization,
            capacity: room.capacity,
            baseline: room.baseline,
            reserve: room.reserve,
            committed: room.committed,
        }
    }
}

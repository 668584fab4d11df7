//! The gate: every wave that wants to go is weighed against every workload, in the order of their turn. What is
//! promised to one is committed for those behind it; one pool releases one wave at a time.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::release::{EntryComponent, EntryLoad, EntryShare, Evidence};

use super::baseline::Unproven;
use super::believe;
use super::gate::{Room, Site};
use super::guard::Guard;
use super::identity;
use super::ledger::Committed;
use super::load::Burst;
use super::measure::Measure;
use super::memory::{Basis, Memory, Streak};
use super::order::Release;
use super::reading::SensorFault;
use super::rules::Rules;
use super::snapshot::Snapshot;
use super::stand::Want;
use super::why::{Lack, Measured, Numbers, Why};

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
    /// Each workload's room, where it could be weighed.
    pub rooms: Vec<Room>,
    /// Confirmations so far, of those asked for.
    pub confirmations: (u32, u32),
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
    now: Timestamp,
}

/// Weighs every wave.
pub fn weigh<'a>(
    snapshot: &'a Snapshot,
    rules: &'a Rules,
    guard: &Guard,
    measured: Vec<Option<Result<Measure<'a>, Why>>>,
    mut wants: Vec<Want<'a>>,
    memory: &mut Memory,
    now: Timestamp,
) -> (Verdict<'a>, Vec<Measure<'a>>) {
    wants.sort_by_cached_key(Want::turn);
    let mut closed = None;
    let mut measures = Vec::new();
    for measure in measured {
        match measure {
            Some(Ok(measure)) => {
                if let Some(why) = &measure.trouble {
                    closed.get_or_insert_with(|| why.clone());
                }
                measures.push(measure);
            }
            Some(Err(why)) => {
                closed.get_or_insert(why);
            }
            None => {}
        }
    }
    let keys: Vec<(String, String)> =
        wants.iter().map(|want| (want.intent.send_id.as_str().to_owned(), want.wave.name.clone())).collect();
    memory.streaks.retain(|key, _| keys.contains(key));
    let mut verdict = Verdict { weighed: Vec::new(), needed: vec![None; rules.workloads.len()], release: None };
    if closed.is_none() && measures.len() != rules.workloads.len() {
        // Nothing was asked this time: every wave stands where it stood.
        return (verdict, measures);
    }
    if let Some(why) = closed {
        memory.streaks.clear();
        let confirmations = (0, rules.confirmations);
        let shut = |want| Weighed { want, why: why.clone(), rooms: Vec::new(), confirmations };
        verdict.weighed = wants.into_iter().map(shut).collect();
        return (verdict, measures);
    }
    let scales = Scales { snapshot, rules, guard, measures: &measures, now };
    let mut line = Line { promised: Vec::new(), heads: Vec::new(), estimates: 0, ahead: None };
    for want in wants {
        scales.weigh_one(want, &mut line, &mut verdict, memory);
    }
    (verdict, measures)
}

/// What those ahead have been promised, and what those that do not fit wait for.
struct Line {
    promised: Vec<Burst>,
    heads: Vec<Head>,
    /// How often a likely time was looked for.
    estimates: usize,
    ahead: Option<(String, String)>,
}

struct Head {
    campaign: String,
    wave: String,
    burst: Burst,
    likely: Timestamp,
    unproven: Unproven,
}

impl<'a> Scales<'_, 'a> {
    /// What is committed to one workload, promises included.
    fn committed(&self, index: usize, promised: &[Burst]) -> Committed {
        let Some(measure) = self.measures.get(index) else { return Committed::new(Vec::new()) };
        promised.iter().fold(measure.committed.clone(), |all, burst| all.with(&burst.scaled(measure.rules.share)))
    }

    fn sites(&self, promised: &[Burst], unproven: Unproven) -> Result<Vec<Site>, Why> {
        self.measures
            .iter()
            .enumerate()
            .map(|(index, measure)| {
                measure
                    .site(&self.committed(index, promised), unproven)
                    .ok_or_else(|| Why::NoHistory { workload: measure.rules.name.clone() })
            })
            .collect()
    }

    /// When a wave would probably fit everywhere.
    fn likely(&self, burst: &Burst, promised: &[Burst], unproven: Unproven) -> Option<Timestamp> {
        let sites = self.sites(promised, unproven).ok()?;
        sites.iter().zip(self.measures).try_fold(self.now, |latest, (site, measure)| {
            Some(latest.max(site.earliest(&burst.scaled(measure.rules.share), self.now, HORIZON)?))
        })
    }

    fn weigh_one(&self, want: Want<'a>, line: &mut Line, verdict: &mut Verdict<'a>, memory: &mut Memory) {
        let key = (want.intent.send_id.as_str().to_owned(), want.wave.name.clone());
        let confirmations = (0, self.rules.confirmations);
        let shut = |want, why, rooms| Weighed { want, why, rooms, confirmations };
        let unproven = Unproven::of_channel(&want.campaign.spec.channel);
        let sites = match self.sites(&line.promised, unproven) {
            Ok(sites) => sites,
            Err(why) => {
                memory.streaks.remove(&key);
                verdict.weighed.push(shut(want, why, Vec::new()));
                return;
            }
        };
        let start = want.not_before.as_ref().map_or(self.now, |(at, _)| (*at).max(self.now));
        let burst = want.burst(start);
        let shared: Vec<Burst> = self.measures.iter().map(|measure| burst.scaled(measure.rules.share)).collect();
        let rooms: Vec<Room> =
            sites.iter().zip(&shared).map(|(site, burst)| site.room(Some(burst), self.now)).collect();
        let needs: Vec<Option<u32>> =
            sites.iter().zip(&shared).map(|(site, burst)| site.needed_replicas(Some(burst), self.now)).collect();

        if let Some(why) = self.lacks(&want, &sites, &shared, &rooms, &needs) {
            memory.streaks.remove(&key);
            let likely = if line.estimates < MOST_ESTIMATES {
                line.estimates += 1;
                self.likely(&burst, &line.promised, unproven)
            } else {
                None
            };
            if let Some(likely) = likely {
                let (campaign, wave) = (want.key(), want.wave.name.clone());
                line.heads.push(Head { campaign, wave, burst, likely, unproven });
            }
            let why = match why {
                // One that would fit were nothing promised to those ahead waits for its turn.
                Why::Room { wave, numbers, .. } if line.ahead.is_some() && self.fits_alone(&sites, &want, start) => {
                    let (ahead, ahead_wave) = line.ahead.clone().unwrap_or_default();
                    Why::Turn { wave, ahead, ahead_wave, numbers: Some(numbers) }
                }
                Why::Room { wave, numbers, lack, .. } => Why::Room { wave, numbers, lack, likely },
                other => other,
            };
            verdict.weighed.push(shut(want, why, rooms));
            return;
        }
        if let Some(why) = self.delays_a_head(&want, &burst, line) {
            memory.streaks.remove(&key);
            verdict.weighed.push(shut(want, why, rooms));
            return;
        }
        // It fits: its room is promised, and the floor is raised for it and everything ahead of it.
        for (all, need) in verdict.needed.iter_mut().zip(&needs) {
            let need = need.and_then(|need| i32::try_from(need).ok());
            *all = (*all).max(need);
        }
        line.promised.push(burst);
        line.ahead.get_or_insert((want.key(), want.wave.name.clone()));
        let weighed = self.confirm(want, &sites, rooms, &needs, memory, verdict.release.is_none());
        let (weighed, release) = weighed;
        if release.is_some() {
            verdict.release = release;
        }
        verdict.weighed.push(weighed);
    }

    fn fits_alone(&self, sites: &[Site], want: &Want<'_>, start: Timestamp) -> bool {
        let unproven = Unproven::of_channel(&want.campaign.spec.channel);
        let Ok(alone) = self.sites(&[], unproven) else { return false };
        let burst = want.burst(start);
        alone.len() == sites.len()
            && alone.iter().zip(self.measures).all(|(site, measure)| {
                let burst = burst.scaled(measure.rules.share);
                site.later(&burst, self.now).is_none()
                    && site.needed_replicas(Some(&burst), self.now).is_some_and(|need| need <= measure.most)
            })
    }

    /// Why a wave does not fit, however far the workloads are scaled.
    fn lacks(
        &self,
        want: &Want<'_>,
        sites: &[Site],
        shared: &[Burst],
        rooms: &[Room],
        needs: &[Option<u32>],
    ) -> Option<Why> {
        if let Some(why) = &self.guard.shut {
            return Some(why.clone());
        }
        let wave = want.wave.name.clone();
        for (index, measure) in self.measures.iter().enumerate() {
            let (Some(site), Some(burst), Some(room)) = (sites.get(index), shared.get(index), rooms.get(index)) else {
                continue;
            };
            let need = needs.get(index).copied().flatten();
            let numbers = Self::numbers(measure, room, want);
            if need.is_none_or(|need| need > measure.most) {
                let lack = Lack::Now {
                    needed: need.and_then(|need| i32::try_from(need).ok()),
                    most: i32::try_from(measure.most).unwrap_or(i32::MAX),
                    by_autoscaler: measure.is_capped_by_autoscaler(),
                };
                // What is free is said for the most replicas there may be: that is what does not suffice.
                let at_most = site.room_with(measure.most, Some(burst), self.now);
                let numbers = Self::numbers(measure, &at_most, want);
                return Some(Why::Room { wave, numbers, lack, likely: None });
            }
            if let Some(short) = site.later(burst, self.now) {
                let after = short.at.duration_since(self.now).as_secs_f64() / 60.0;
                let lack = Lack::Later { after, needed: short.needed, most: short.most };
                return Some(Why::Room { wave, numbers, lack, likely: None });
            }
        }
        self.limited(rooms)
    }

    /// Whether something that cannot be scaled would be exceeded.
    fn limited(&self, rooms: &[Room]) -> Option<Why> {
        for (index, limit) in self.rules.limits.iter().enumerate() {
            let unasked = Err(SensorFault::Unreachable { why: "it was not asked for".to_owned() });
            let answer = self.snapshot.limits.get(index).and_then(Option::as_ref).unwrap_or(&unasked);
            let reading =
                match believe::reading(answer, Measured::Limit, &limit.name, "", self.rules.max_sample_age, self.now) {
                    Ok(reading) => reading,
                    Err(why) => return Some(why),
                };
            let show = |value: f64| limit.max.show_against(value);
            let told = |predicted| Why::Limit {
                name: limit.name.clone(),
                value: show(reading.value),
                max: show(limit.max.value()),
                predicted,
            };
            // A reading and a threshold are finite, so that one of the two is true.
            if reading.value >= limit.max.value() {
                return Some(told(None));
            }
            let mut growth: f64 = 0.0;
            for (room, measure) in rooms.iter().zip(self.measures) {
                // It was measured at today's demand, and follows it.
                let demand = measure.demand.value;
                if room.baseline.is_nan() || demand.is_nan() || demand < 1.0 {
                    return Some(Why::LimitUnpredictable {
                        name: limit.name.clone(),
                        workload: measure.rules.name.clone(),
                    });
                }
                growth = growth.max((room.baseline + room.needed + room.committed) / demand);
            }
            let predicted = reading.value * growth;
            if predicted.is_nan() || predicted >= limit.max.value() {
                return Some(told(Some(show(predicted))));
            }
        }
        None
    }

    /// Whether it would make somebody ahead of it wait longer than he does already.
    fn delays_a_head(&self, want: &Want<'_>, burst: &Burst, line: &Line) -> Option<Why> {
        let mut with = line.promised.clone();
        with.push(burst.clone());
        line.heads.iter().find_map(|head| {
            // More load never makes anything earlier, so that one instant tells.
            let still = self.sites(&with, head.unproven).is_ok_and(|sites| {
                sites.iter().zip(self.measures).all(|(site, measure)| {
                    site.would_fit(&head.burst.scaled(measure.rules.share), self.now, head.likely)
                })
            });
            (!still).then(|| Why::Turn {
                wave: want.wave.name.clone(),
                ahead: head.campaign.clone(),
                ahead_wave: head.wave.clone(),
                numbers: None,
            })
        })
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
            committed: room.committed,
        }
    }

    /// It fits with enough replicas: are they there, and was that seen often enough?
    fn confirm(
        &self,
        want: Want<'a>,
        sites: &[Site],
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
            return (Weighed { want, why, rooms, confirmations: (0, asked) }, None);
        };
        let numbers = Self::numbers(measure, room, &want);
        if !rooms.iter().all(Room::is_enough) || sites.len() != rooms.len() {
            memory.streaks.remove(&key);
            let needed = needs.get(narrowest).copied().flatten().and_then(|need| i32::try_from(need).ok()).unwrap_or(0);
            let why = Why::Scaling {
                wave: want.wave.name.clone(),
                needed,
                have: measure.found.ready,
                held: i32::try_from(measure.held).unwrap_or(i32::MAX),
                most: i32::try_from(measure.most).unwrap_or(i32::MAX),
                numbers,
            };
            return (Weighed { want, why, rooms, confirmations: (0, asked) }, None);
        }
        // Distinct samples: the oldest of the newest, so that every workload has brought a new one.
        let sample = self.measures.iter().map(|measure| measure.demand.sample_at).min().unwrap_or(self.now);
        let basis = Basis {
            campaign: want.campaign.generation,
            sender: want.sender.generation,
            pool: self.snapshot.pool.generation,
            recipients: want.recipients,
        };
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
            return (Weighed { want, why, rooms, confirmations: (seen, asked) }, None);
        }
        let release = if confirmed && may_release && !self.is_promised_elsewhere(&want) {
            self.order(&want, measure, room, streak.count)
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
            Ok(release) => (Weighed { want, why, rooms, confirmations: (seen, asked) }, release),
            Err(why) => (Weighed { want, why, rooms, confirmations: (seen, asked) }, None),
        }
    }

    /// Whether another wave holds the pool's promise and may still become a ledger entry.
    fn is_promised_elsewhere(&self, want: &Want<'_>) -> bool {
        self.snapshot.pool.status.reservation.as_ref().is_some_and(|reservation| {
            let entry = want.intent.wave_id(&want.wave.name).ledger_name();
            // The entry of a wave that stayed away tells of a try that is over: the promise is for the next one.
            let is_kept =
                |there: &super::snapshot::Entry| there.name == reservation.entry && !there.may_be_tried_again();
            let recorded = self.snapshot.entries.iter().any(is_kept);
            reservation.entry != entry && !recorded && self.now <= reservation.valid_until.0
        })
    }

    fn order(
        &self,
        want: &Want<'_>,
        measure: &Measure<'_>,
        room: &Room,
        confirmations: u32,
    ) -> Result<Option<Release>, Why> {
        let id = want.intent.wave_id(&want.wave.name);
        let offset = u64::try_from(want.wave.offset).unwrap_or(0);
        let body = match want.retry.and_then(|entry| entry.body.clone()) {
            Some(frozen) => frozen,
            None => want.intent.body(want.campaign, want.index, offset, want.recipients)?,
        };
        let load = want.retry.and_then(|entry| entry.load.clone()).unwrap_or_else(|| self.load(want));
        let evaluated_at = self.evaluated_at();
        Ok(Some(Release {
            campaign: (want.campaign.namespace.clone(), want.campaign.name.clone()),
            campaign_version: want.campaign.version.clone(),
            sender: (want.sender.namespace.clone(), want.sender.name.clone()),
            sender_uid: want.sender.uid.clone(),
            sender_generation: want.sender.generation,
            pool: self.snapshot.pool.key(),
            send_id: want.intent.send_id.as_str().to_owned(),
            send_label: want.intent.send_id.label(),
            pool_label: identity::pool_label(&self.snapshot.pool.namespace, &self.snapshot.pool.name),
            entry: id.ledger_name(),
            key: id.key().to_string(),
            nonce: self.snapshot.nonce.clone(),
            wave: want.wave.clone(),
            body,
            load,
            evidence: Evidence {
                bottleneck: measure.rules.name.clone(),
                needed: room.needed,
                free: room.free,
                demand: measure.demand.value,
                replicas: i32::try_from(room.replicas).unwrap_or(i32::MAX),
                confirmations: i32::try_from(confirmations).unwrap_or(i32::MAX),
                evaluated_at: Time(evaluated_at),
            },
            evidence_at: evaluated_at,
            latest_start: want.not_after,
        }))
    }

    fn load(&self, want: &Want<'_>) -> EntryLoad {
        let components = want.intent.components.iter().map(|component| EntryComponent {
            requests_per_message: component.per_message,
            median: component.median,
            sigma: component.sigma,
        });
        let shares = self.measures.iter().map(|measure| EntryShare {
            workload: measure.rules.name.clone(),
            requests_per_request: measure.rules.share,
        });
        EntryLoad {
            send_rate: want.intent.rate.per_second(),
            margin: want.intent.margin,
            components: components.collect(),
            shares: shares.collect(),
        }
    }

    /// When the oldest part of the evidence was evaluated.
    fn evaluated_at(&self) -> Timestamp {
        let demands = self.measures.iter().map(|measure| measure.demand.evaluated_at);
        let others = self.snapshot.limits.iter().chain(&self.snapshot.guardrails);
        let others = others.filter_map(|answer| answer.as_ref()?.as_ref().ok().map(|reading| reading.evaluated_at));
        demands.chain(others).min().unwrap_or(Timestamp::MIN)
    }
}

//! What a wave lacks, however far the workloads are scaled: quiet, a slot, room at each workload, room in what cannot be
//! scaled; and whether it would delay somebody ahead of it.

use super::{Line, Scales, Shared};
use crate::plan::believe;
use crate::plan::gate::{Room, Site};
use crate::plan::reading::SensorFault;
use crate::plan::rules::LimitRules;
use crate::plan::stand::Want;
use crate::plan::why::{Lack, Measured, Why};

/// Free for needed: the less, the more decisive. What is no matter of room decides before any room.
fn tightness(why: &Why) -> f64 {
    match why {
        Why::Room { numbers, .. } => {
            let share = numbers.free / numbers.needed.max(f64::MIN_POSITIVE);
            if share.is_finite() { share } else { f64::MIN }
        }
        _ => f64::NEG_INFINITY,
    }
}

impl Scales<'_, '_> {
    /// Why a wave does not fit, however far the workloads are scaled: all of it, the decisive first.
    pub(super) fn lacks(
        &self,
        want: &Want<'_>,
        line: &Line,
        sites: &[Site],
        shared: &Shared,
        rooms: &[Room],
        needs: &[Option<u32>],
    ) -> Vec<Why> {
        let mut lacks = self.guard.shut.clone();
        lacks.extend(self.without_a_slot(want, line));
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
                    by: measure.capped_by(),
                };
                // What is free is said for the most replicas there may be: that is what does not suffice.
                let at_most = site.room_with(measure.most, Some(burst), self.now);
                let numbers = Self::numbers(measure, &at_most, want);
                lacks.push(Why::Room { wave: wave.clone(), numbers, lack, likely: None });
                continue;
            }
            if let Some(short) = site.later_than(room, burst, self.now) {
                let after = short.at.duration_since(self.now).as_secs_f64() / 60.0;
                let lack = Lack::Later { after, needed: short.needed, most: short.most };
                lacks.push(Why::Room { wave: wave.clone(), numbers, lack, likely: None });
            }
        }
        // Of several workloads the one with the least room for what it needs decides.
        lacks.sort_by(|a, b| tightness(a).total_cmp(&tightness(b)));
        lacks.extend(self.limited(rooms));
        lacks
    }

    /// Whether the pool lets another campaign begin beside those in the middle of their send.
    fn without_a_slot(&self, want: &Want<'_>, line: &Line) -> Option<Why> {
        let most = self.rules.max_concurrent?;
        let running: Vec<String> = self.busy.iter().chain(&line.starting).cloned().collect();
        let has_none = !want.begun && running.len() >= most;
        has_none.then(|| Why::Slots { wave: want.wave.name.clone(), running, most })
    }

    /// Whether something that cannot be scaled would be exceeded.
    fn limited(&self, rooms: &[Room]) -> Vec<Why> {
        let limits = self.rules.limits.iter().enumerate();
        limits.filter_map(|(index, limit)| self.limit(index, limit, rooms)).collect()
    }

    fn limit(&self, index: usize, limit: &LimitRules, rooms: &[Room]) -> Option<Why> {
        let unasked = Err(SensorFault::Unreachable { why: "it was not asked for".to_owned() });
        let answer = self.snapshot.limits.get(index).and_then(Option::as_ref).unwrap_or(&unasked);
        let of = (Measured::Limit, limit.name.as_str());
        let reading = match believe::plausible(answer, of, &limit.plausible, self.rules.max_sample_age, self.now) {
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
        if let Some(each) = limit.per_request {
            let predicted = reading.value + each * self.further_requests(rooms);
            let exceeds = predicted.is_nan() || predicted >= limit.max.value();
            return exceeds.then(|| told(Some(show(predicted))));
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
        (predicted.is_nan() || predicted >= limit.max.value()).then(|| told(Some(show(predicted))))
    }

    /// Requests per second that will come on top of today's: of all workloads the most, as a visit counts them.
    fn further_requests(&self, rooms: &[Room]) -> f64 {
        let further = rooms.iter().zip(self.measures).map(|(room, measure)| {
            (room.baseline + room.needed + room.committed - measure.demand.value) / measure.rules.share
        });
        // f64::max takes a NaN for the other number; here it must stay what it is.
        further.fold(0.0, |most: f64, next| if most.is_nan() || next.is_nan() { f64::NAN } else { most.max(next) })
    }

    /// Whether it would make somebody ahead of it wait longer than he does already.
    pub(super) fn delays_a_head(&self, want: &Want<'_>, shared: &Shared, line: &mut Line) -> Option<Why> {
        (0..line.heads.len()).find_map(|place| {
            let (asker, likely) = line.heads.get(place).map(|head| (head.asker, head.likely))?;
            let ahead = self.sites_in_line(line, false, asker);
            let with = ahead.and_then(|ahead| self.sites(Some(&ahead), std::slice::from_ref(shared), asker));
            let head = line.heads.get(place)?;
            // More load never makes anything earlier, so that one instant tells.
            let still = with.is_ok_and(|sites| {
                sites.iter().zip(&head.shared).all(|(site, burst)| site.would_fit(burst, self.now, likely))
            });
            (!still).then(|| Why::Turn {
                wave: want.wave.name.clone(),
                ahead: head.campaign.clone(),
                ahead_wave: head.wave.clone(),
                numbers: None,
            })
        })
    }
}

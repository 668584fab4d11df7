//! The order to release one wave: what is frozen about it, and what opened the gate for it; or who answers for its going
//! without.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Line, Scales, Verdict, Weighed};
use crate::api::release::{EntryComponent, EntryLoad, EntryShare, Evidence, WithoutHeadroom};
use crate::plan::approval;
use crate::plan::contract::Contract;
use crate::plan::explain::{self, Voice};
use crate::plan::gate::Room;
use crate::plan::identity;
use crate::plan::measure::Measure;
use crate::plan::order::Release;
use crate::plan::snapshot::Entry;
use crate::plan::stand::Want;
use crate::plan::why::Why;

impl<'a> Scales<'_, 'a> {
    /// Whether another wave holds the pool's promise and may still become a ledger entry.
    pub(super) fn is_promised_elsewhere(&self, want: &Want<'_>) -> bool {
        self.snapshot.pool.status.reservation.as_ref().is_some_and(|reservation| {
            let entry = want.intent.wave_id(&want.wave.name).ledger_name();
            // The entry of a wave that stayed away tells of a try that is over: the promise is for the next one.
            let is_kept = |there: &Entry| there.name == reservation.entry && !there.may_be_tried_again();
            let recorded = self.snapshot.entries.iter().any(is_kept);
            reservation.entry != entry && !recorded && self.now <= reservation.valid_until.0
        })
    }

    /// Whether a person answers for this wave going now without confirmed headroom.
    pub(super) fn is_permitted(&self, want: &Want<'_>) -> bool {
        want.not_before.is_none()
            // What was paused is let go on without room by a person alone.
            && want.rest.is_none()
            && !self.rules.observes
            && !self.is_promised_elsewhere(want)
            && approval::without_headroom(want.campaign, self.now).is_some()
    }

    /// Lets a wave go that a person answers for. What would have held it back is written down with it.
    pub(super) fn permit(&self, want: Want<'a>, closed: &[Why], line: &mut Line, verdict: &mut Verdict<'a>) {
        let Some(permission) = approval::without_headroom(want.campaign, self.now) else { return };
        let voice = Voice { zone: &TimeZone::UTC, now: self.now };
        let instead_of = self
            .guard
            .stops
            .as_ref()
            .or(closed.first())
            .cloned()
            .or_else(|| self.would_wait_for(&want, line))
            .map_or_else(|| "Headroom was not waited for.".to_owned(), |why| explain::sentence(&why, &voice));
        let nothing = Evidence {
            bottleneck: self.rules.workloads.first().map_or_else(String::new, |first| first.name.clone()),
            needed: 0.0,
            free: 0.0,
            demand: 0.0,
            replicas: 0,
            confirmations: 0,
            evaluated_at: Time(self.now),
            without_headroom: Some(WithoutHeadroom { by: permission.by, reason: permission.reason, instead_of }),
        };
        let confirmations = (0, self.rules.confirmations);
        let wave = want.wave.name.clone();
        line.promised.push(self.shared(&want.burst(self.now)));
        let (why, release) = match self.order(&want, nothing) {
            Ok(release) => (Why::Soaking { wave, until: self.now, unseen: None }, Some(release)),
            Err(why) => (why, None),
        };
        verdict.release = release;
        verdict.weighed.push(Weighed { want, why, also: Vec::new(), rooms: Vec::new(), confirmations });
    }

    /// What opened the gate.
    pub(super) fn evidence(&self, measure: &Measure<'_>, room: &Room, confirmations: u32) -> Evidence {
        Evidence {
            bottleneck: measure.rules.name.clone(),
            needed: room.needed,
            free: room.free,
            demand: measure.demand.value,
            replicas: i32::try_from(room.replicas).unwrap_or(i32::MAX),
            confirmations: i32::try_from(confirmations).unwrap_or(i32::MAX),
            evaluated_at: Time(self.evaluated_at()),
            without_headroom: None,
        }
    }

    /// The release of a wave, with everything that is frozen about it.
    pub(super) fn order(&self, want: &Want<'_>, evidence: Evidence) -> Result<Release, Why> {
        let id = want.intent.wave_id(&want.wave.name);
        let offset = u64::try_from(want.wave.offset).unwrap_or(0);
        let body = match want.retry.and_then(|entry| entry.body.clone()) {
            Some(frozen) => frozen,
            None => want.intent.body(want.campaign, want.index, offset, want.recipients)?,
        };
        let load = match want.retry.and_then(|entry| entry.load.clone()) {
            Some(recorded) if want.rest.is_some() => recorded,
            Some(recorded) => EntryLoad { send_rate: want.intent.rate.per_second(), ..recorded },
            None => self.load(want),
        };
        // What was recorded counts, also where the Sender promises more by now.
        let contract = match want.retry {
            Some(entry) => entry.contract.clone(),
            None => Contract::of_sender(&want.sender.spec).unwrap_or_default(),
        };
        let evidence_at = evidence.evaluated_at.0;
        Ok(Release {
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
            contract,
            load,
            evidence,
            evidence_at,
            latest_start: want.not_after,
            rest: want.rest.clone(),
        })
    }

    fn load(&self, want: &Want<'_>) -> EntryLoad {
        let components = want.intent.components.iter().map(|component| EntryComponent {
            requests_per_message: component.per_message,
            median: component.median,
            sigma: component.sigma,
        });
        let shares = self
            .rules
            .workloads
            .iter()
            .map(|workload| EntryShare { workload: workload.name.clone(), requests_per_request: workload.share });
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

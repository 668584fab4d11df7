//! Where a campaign stands before room is asked for: what ended it, what holds it, what it is in the middle of; or the
//! one wave it wants to send next.
//!
//! Reads specs and the ledger. Of a campaign's status it reads only what makes it more careful: that it has ended, and
//! which waves it once said had gone.

use jiff::{SignedDuration, Timestamp};

use crate::api::campaign_status::Phase;
use crate::api::release::{EntryWave, SkipReason};

use super::admit::understood;
use super::again::{not_again_yet, rests_unknown};
use super::approval;
use super::bursts;
use super::contract::Way;
use super::deadline::{self, missed, never, too_long};
use super::doubt::{foreign, lost, uncertain};
use super::freezes;
use super::guard::Guard;
use super::holds;
use super::intent::{self, Intent};
use super::lead;
use super::load::Burst;
use super::order::Skip;
use super::past::{BySend, Past, names, skip, skip_rest};
use super::resume::{self, AtRest};
use super::rules::Rules;
use super::schedule::Fit;
use super::snapshot::{Campaign, Entry, Sender, Snapshot};
use super::waves::Gone;
use super::why::Why;

/// The longest text the ledger takes for who ended a send.
const LONGEST_BY: usize = 256;
/// What others do, and what a check says, is asked again after this: nothing tells of it.
const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(10);

/// Where a campaign stands.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // One per campaign and look, and most of them rest.
pub enum Stand<'a> {
    /// It asks for nothing now.
    Rests {
        /// Why.
        why: Why,
        /// What else would keep it back.
        also: Vec<Why>,
        /// Facts to be written to the ledger.
        skips: Vec<Skip>,
        /// When that may change by the clock alone.
        until: Option<Timestamp>,
    },
    /// It ended earlier; the status stays as it is.
    Ended,
    /// It wants to send a wave.
    Wants(Box<Want<'a>>),
}

/// A wave that wants to go.
#[derive(Debug)]
pub struct Want<'a> {
    /// Its campaign.
    pub campaign: &'a Campaign,
    /// Its sender.
    pub sender: &'a Sender,
    /// Its campaign, understood.
    pub intent: Intent,
    /// Its place in the plan.
    pub index: usize,
    /// The wave, as it is sized now, or was when it was first tried.
    pub wave: EntryWave,
    /// Its recipients.
    pub recipients: u64,
    /// Its entry, if it was tried before and is known not to have gone.
    pub retry: Option<&'a Entry>,
    /// Whether a wave of its send has gone before.
    pub begun: bool,
    /// It may not start before this, and how it is said.
    pub not_before: Option<(Timestamp, Why)>,
    /// It may not start after this: its last message would not leave in time.
    pub not_after: Option<Timestamp>,
    /// Set while its recipients are all that are left, of which the next part is cut.
    pub cutting: Option<Cutting>,
    /// Set where it is a wave that Headroom has paused, and of which the rest wants to go on.
    pub rest: Option<AtRest>,
}

/// How a send is cut into parts.
#[derive(Clone, Debug)]
pub struct Cutting {
    /// No part is smaller, but for the last.
    pub least: u64,
    /// How long each is watched before the next.
    pub soak: SignedDuration,
    /// When the first wave of the send was tried.
    pub since: Option<Timestamp>,
}

impl Want<'_> {
    /// The load of the wave: as it would be now, or as it was recorded when it was first tried. It leaves as fast as it would now, or
    /// as its request said then: it needs room for the faster.
    pub fn burst(&self, start: Timestamp) -> Burst {
        match self.retry.and_then(bursts::of) {
            Some(burst) if self.rest.is_some() => burst.to_fewer(self.recipients).moved(start),
            Some(burst) => burst.no_slower_than(self.intent.rate.per_second()).moved(start),
            None => self.intent.burst(&self.wave.name, self.recipients, start),
        }
    }

    /// `<namespace>/<name>` of its campaign.
    pub fn key(&self) -> String {
        self.campaign.key()
    }

    /// Who goes first, priorities above `most` counting as that: higher priority, earlier deadline, older, and the name so that the order is the same for all.
    pub fn turn(&self, most: i32) -> (std::cmp::Reverse<i32>, Timestamp, Timestamp, String) {
        let priority = self.campaign.spec.priority.unwrap_or(intent::PRIORITY).min(most);
        let deadline = self.intent.schedule.end().unwrap_or(Timestamp::MAX);
        (std::cmp::Reverse(priority), deadline, self.campaign.created, self.key())
    }
}

/// Who ends the campaign, if somebody does.
pub(super) fn aborts(campaign: &Campaign) -> Option<String> {
    if campaign.spec.abort == Some(true) {
        return Some("spec.abort".to_owned());
    }
    campaign.asks.abort.as_ref().map(|by| by.trim().chars().take(LONGEST_BY).collect())
}

pub(super) fn rests<'a>(why: Why) -> Stand<'a> {
    Stand::Rests { why, also: Vec::new(), skips: Vec::new(), until: None }
}

/// It rests for several reasons; the first is the decisive one.
fn rests_for<'a>(mut holds: Vec<Why>, until: Option<Timestamp>) -> Option<Stand<'a>> {
    if holds.is_empty() {
        return None;
    }
    let why = holds.remove(0);
    Some(Stand::Rests { why, also: holds, skips: Vec::new(), until })
}

/// Where a campaign stands.
pub fn stand<'a>(
    snapshot: &'a Snapshot,
    ledger: &BySend<'a>,
    campaign: &'a Campaign,
    guard: &Guard,
    now: Timestamp,
) -> Stand<'a> {
    if campaign.has_finished() {
        return Stand::Ended;
    }
    let send = match intent::send_id(campaign) {
        Ok(send) => send,
        Err(why) => return rests(why),
    };
    let past = Past::of(ledger, send.as_str());
    let rules = snapshot.pool.rules.as_ref().ok();
    let gone = past.gone();
    let names = names(campaign, rules, &gone);

    // What has ended stays ended, and what is to end is written to the ledger first.
    if let Some((_, reason)) = past.ending().filter(|(entry, _)| entry.campaign_uid == campaign.uid) {
        let skips = skip_rest(snapshot, campaign, &send, &names, &past, reason, "the rest of an ended send");
        return Stand::Rests { why: ended(campaign, &past, &names, reason), also: Vec::new(), skips, until: None };
    }
    if let Some(by) = aborts(campaign) {
        let skips = skip_rest(snapshot, campaign, &send, &names, &past, SkipReason::Aborted, &by);
        let why = ended(campaign, &past, &names, SkipReason::Aborted);
        return Stand::Rests { why, also: Vec::new(), skips, until: None };
    }

    if let Some(why) = foreign(campaign, &send, &past) {
        return rests(why);
    }
    if let Some(why) = lost(campaign, &past) {
        return rests(why);
    }
    if let Some(why) = uncertain(campaign, &past, now) {
        let until = [why.resolves_at(), why.asks_at(), why.next_start()].into_iter().flatten().min();
        return Stand::Rests { why, also: Vec::new(), skips: Vec::new(), until };
    }
    if let Some(stand) = all_gone(snapshot, &past, &names, now) {
        return stand;
    }
    let pool = snapshot.pool.key();
    if let Some(entry) = past.fired().find(|entry| entry.pool != pool) {
        let why = format!(
            "wave \"{}\" went through the CapacityPool {}, and its traffic arrives there; the pool cannot be changed any more: put it back",
            entry.wave, entry.pool
        );
        return rests(Why::Invalid { field: "spec.poolRef".to_owned(), why });
    }
    let (rules, sender, intent) = match understood(snapshot, campaign, &gone) {
        Ok(understood) => understood,
        Err(why) => return rests(why),
    };
    if let Err(error) = intent.waves.check_against(&gone) {
        return rests(Why::WaveChanged { why: error.to_string() });
    }
    going(Ahead { snapshot, campaign, rules, sender, intent, past, gone }, guard, now)
}

/// The waves that are under way when their send is ended.
fn under_way(past: &Past<'_>) -> Vec<(String, Way)> {
    let leaving = past.fired().filter(|entry| entry.is_under_way());
    leaving.map(|entry| (entry.wave.clone(), entry.contract.way())).collect()
}

/// How an ended send is told.
fn ended(campaign: &Campaign, past: &Past<'_>, names: &[String], reason: SkipReason) -> Why {
    let waves = past.released().count();
    let recipients = past.messages();
    let by = past.ending().and_then(|(entry, _)| entry.skipped_by.clone());
    let under_way = under_way(past);
    match reason {
        SkipReason::Aborted | SkipReason::Empty => {
            let by = by.or_else(|| aborts(campaign)).unwrap_or_else(|| "spec.abort".to_owned());
            Why::Aborted { waves, planned: names.len(), recipients, by, by_guardrail: false, under_way }
        }
        SkipReason::Breached => {
            let by = by.unwrap_or_default();
            Why::Aborted { waves, planned: names.len(), recipients, by, by_guardrail: true, under_way }
        }
        SkipReason::Missed => {
            let went = |name: &&String| past.released().all(|entry| entry.wave != **name);
            Why::DeadlineSkipped {
                waves: names.iter().filter(went).cloned().collect(),
                recipients,
                planned: u64::try_from(campaign.spec.audience.size).unwrap_or(0),
            }
        }
    }
}

/// A campaign that can be carried out, with its past.
pub(super) struct Ahead<'a> {
    snapshot: &'a Snapshot,
    pub(super) campaign: &'a Campaign,
    pub(super) rules: &'a Rules,
    pub(super) sender: &'a Sender,
    pub(super) intent: Intent,
    pub(super) past: Past<'a>,
    gone: Vec<Gone>,
}

/// When the last message of a fired wave leaves, and when it has been watched for long enough.
fn leaving(intent: &Intent, entry: &Entry) -> (Timestamp, Timestamp) {
    let end = bursts::end_of(entry);
    let soak =
        intent.waves.waves.iter().find(|wave| wave.name == entry.wave).map_or(SignedDuration::ZERO, |wave| wave.soak);
    (end, end.checked_add(soak).unwrap_or(Timestamp::MAX))
}

/// Watched until then; and that nothing can be told from its traffic, where that is so.
fn soaking(snapshot: &Snapshot, intent: &Intent, entry: &Entry, until: Timestamp) -> Why {
    let wave = intent.waves.waves.iter().find(|wave| wave.name == entry.wave);
    let unseen = wave.and_then(|wave| bursts::unseen(entry, snapshot, wave.soak));
    Why::Soaking { wave: entry.wave.clone(), until, unseen }
}

fn going<'a>(ahead: Ahead<'a>, guard: &Guard, now: Timestamp) -> Stand<'a> {
    let Ahead { snapshot, campaign, past, intent, .. } = &ahead;
    let is_open = |name: &str| past.of_wave(name).is_none_or(Entry::is_open);
    let next = intent.waves.waves.iter().position(|wave| is_open(&wave.name));
    let begun = past.fired().any(|entry| !entry.may_be_tried_again());
    let newest = past.released().max_by_key(|entry| entry.newest_attempt);
    let (released, planned) = (past.released().count(), intent.waves.waves.len());
    let beforehand = holds::beforehand(snapshot, campaign, ahead.rules, now);
    let mut by_people = holds::by_people(snapshot, campaign, ahead.rules, (released, planned), now);
    if !by_people.is_empty() {
        by_people.extend(guard.stops.clone().filter(|_| begun));
        by_people.extend(beforehand);
        return rests_for(by_people, None).unwrap_or(Stand::Ended);
    }
    // Somebody who may has said that it goes, whatever a guardrail that holds sends back says.
    let is_answered_for = approval::without_headroom(campaign, now).is_some();
    if begun {
        if let Some(guardrail) = &guard.ends {
            let names: Vec<String> = intent.waves.waves.iter().map(|wave| wave.name.clone()).collect();
            let skips = skip_rest(snapshot, campaign, &intent.send_id, &names, past, SkipReason::Breached, guardrail);
            let why = Why::Aborted {
                waves: past.released().count(),
                planned: names.len(),
                recipients: past.messages(),
                by: guardrail.clone(),
                by_guardrail: true,
                under_way: under_way(past),
            };
            return Stand::Rests { why, also: Vec::new(), skips, until: None };
        }
        if let Some(why) = guard.stops.as_ref().filter(|_| !is_answered_for) {
            let holds = std::iter::once(why.clone()).chain(beforehand).collect();
            return rests_for(holds, None).unwrap_or(Stand::Ended);
        }
    }
    let under_way = past.fired().find(|entry| entry.is_under_way());
    if let Some(entry) = under_way {
        return match resume::under_way(ahead, entry, guard, now) {
            next @ Stand::Wants(_) if !beforehand.is_empty() => waits(next, beforehand, now),
            next => next,
        };
    }
    let Some(index) = next else {
        return rests(Why::Invalid { field: "spec.waves".into(), why: "no wave is left".into() });
    };
    if let Some(entry) = newest {
        let (end, soaked) = past
            .released()
            .map(|entry| leaving(intent, entry))
            .fold(leaving(intent, entry), |a, b| (a.0.max(b.0), a.1.max(b.1)));
        if now < end {
            let why = Why::Sending { wave: entry.wave.clone(), recipients: entry.recipients, until: end };
            return Stand::Rests { why, also: Vec::new(), skips: Vec::new(), until: Some(end) };
        }
        if now < soaked {
            return Stand::Rests {
                why: soaking(snapshot, intent, entry, soaked),
                also: Vec::new(),
                skips: Vec::new(),
                until: Some(soaked),
            };
        }
    }
    let next = wants(ahead, index, guard, now);
    if beforehand.is_empty() { next } else { waits(next, beforehand, now) }
}

/// A campaign for which something must be so beforehand. Its time runs meanwhile: what ends it, or cannot be carried out,
/// is more than a wait.
fn waits(next: Stand<'_>, mut beforehand: Vec<Why>, now: Timestamp) -> Stand<'_> {
    let soon = Some(now.checked_add(ASK_AGAIN).unwrap_or(Timestamp::MAX));
    match next {
        Stand::Rests { why, also, skips, until }
            if !matches!(why.place().0, Phase::Scheduled | Phase::Confirming | Phase::Soaking) =>
        {
            let also = also.into_iter().chain(beforehand).collect();
            Stand::Rests { why, also, skips, until }
        }
        Stand::Rests { why, also, until, .. } => {
            beforehand.push(why);
            beforehand.extend(also);
            let until = until.into_iter().chain(soon).min();
            rests_for(beforehand, until).unwrap_or(Stand::Ended)
        }
        Stand::Wants(want) => {
            beforehand.extend(want.stands_still());
            beforehand.extend(want.not_before.map(|(_, why)| why));
            rests_for(beforehand, soon).unwrap_or(Stand::Ended)
        }
        Stand::Ended => Stand::Ended,
    }
}

/// Every wave has gone or was passed over: told from the ledger alone, so that a pool or Sender that was changed or taken
/// away since keeps no campaign from its end. Their load may still be arriving.
fn all_gone<'a>(snapshot: &Snapshot, past: &Past<'_>, names: &[String], now: Timestamp) -> Option<Stand<'a>> {
    let is_closed = |name: &String| past.of_wave(name).is_some_and(|entry| !entry.is_open() && !entry.is_under_way());
    if names.is_empty() || !names.iter().all(is_closed) {
        return None;
    }
    let rests_until = |why, until| Stand::Rests { why, also: Vec::new(), skips: Vec::new(), until: Some(until) };
    if let Some(entry) = past.released().max_by_key(|entry| bursts::end_of(entry)) {
        let end = bursts::end_of(entry);
        if now < end {
            let why = Why::Sending { wave: entry.wave.clone(), recipients: entry.recipients, until: end };
            return Some(rests_until(why, end));
        }
    }
    let (recipients, waves) = (past.messages(), past.released().count());
    let arriving =
        snapshot.pool.rules.as_ref().ok().and_then(|rules| bursts::still_arriving(&past.fired(), rules, now));
    Some(match arriving {
        Some((load, workload, until)) => rests_until(Why::Arriving { recipients, waves, load, workload }, until),
        None => rests(Why::Completed { recipients, waves, edited: false }),
    })
}

fn wants<'a>(ahead: Ahead<'a>, index: usize, guard: &Guard, now: Timestamp) -> Stand<'a> {
    let Ahead { snapshot, campaign, rules: ahead_rules, sender, intent, past, gone } = ahead;
    let (Some(wave), Some(times)) = (intent.waves.waves.get(index), intent.times.get(index)) else {
        return rests(Why::Invalid { field: "spec.waves".into(), why: "a wave is gone".into() });
    };
    let name = wave.name.clone();
    let retry = past.of_wave(&name);
    let (offset, recipients, share) = if let Some(entry) = retry {
        (entry.offset, entry.recipients, entry.share.clone())
    } else {
        let sized = intent.waves.size(index, intent.audience, &gone);
        (sized.offset, sized.recipients, wave.size.as_written())
    };
    if let Some(stand) = retry.and_then(|entry| not_again_yet(campaign, &past, entry, sender, now)) {
        return stand;
    }
    // One that is cut needs time for no more than the least of its parts.
    let cut = intent.waves.cut.filter(|_| retry.is_none() && index + 1 == intent.waves.waves.len());
    let cutting = cut.map(|cut| Cutting {
        least: cut.least(intent.audience),
        soak: wave.soak,
        since: past.entries.first().map(|entry| entry.first_attempt),
    });
    let least = cutting.as_ref().map_or(recipients, |cutting| recipients.min(cutting.least));
    let takes = retry.and_then(bursts::takes).into_iter().fold(intent.rate.time_for(least), SignedDuration::max);
    let names: Vec<String> = intent.waves.waves.iter().map(|wave| wave.name.clone()).collect();
    if gone.is_empty()
        && times.start().is_none_or(|start| now < start)
        && let Some((_, why)) = never(&intent, &ahead_rules.freezes)
    {
        return rests(why);
    }
    // Of one that may have gone nobody says that its time has passed: whether it went is still to be found out.
    let forgotten = retry.and_then(Entry::lost_at);
    let mut not_after = forgotten;
    let (fit, freeze) = freezes::fit(times, &ahead_rules.freezes, now, takes);
    let not_before = match fit {
        Fit::Now { until } => {
            not_after = until.and_then(|until| until.checked_sub(takes).ok()).into_iter().chain(forgotten).min();
            None
        }
        Fit::Later { at, .. } if forgotten.is_some_and(|forgotten| at >= forgotten) => {
            return rests_unknown(campaign, &past, retry, now);
        }
        Fit::Later { at, window_was_open } => {
            let why = if times.start().is_some_and(|start| now < start) {
                Why::BeforeStart { wave: name.clone(), at, confirmed: None }
            } else {
                deadline::later(&name, at, (takes, window_was_open), freeze, now)
            };
            let lead = lead::prescale(snapshot, ahead_rules);
            if at.duration_since(now) > lead {
                return Stand::Rests { why, also: Vec::new(), skips: Vec::new(), until: Some(at - lead) };
            }
            Some((at, why))
        }
        Fit::Never if forgotten.is_some() => return rests_unknown(campaign, &past, retry, now),
        Fit::Never => {
            // Too long for every window is not the same as too late: the plan can still be changed.
            let is_over = times.end().is_some_and(|end| now >= end);
            // A freeze can be taken back and an end be moved, and a skip is for good: it waits until the end leaves no time.
            if let Some(freeze) = freeze.filter(|_| times.fit(now, takes) != Fit::Never) {
                return rests(too_long(&name, recipients, &intent, &deadline::no_time_beside(freeze, takes)));
            }
            return match times.fits_at_all(takes) {
                Err(why) if !is_over => rests(too_long(&name, recipients, &intent, &why)),
                _ => missed(snapshot, campaign, &intent, &names, &past),
            };
        }
    };
    let is_answered_for = approval::without_headroom(campaign, now).is_some();
    if let Some(why) = guard.stops.as_ref().filter(|_| !is_answered_for) {
        return rests(why.clone());
    }
    if recipients == 0 && retry.is_none() {
        // A fact for good, so it is written only when the wave could go: until then an edit may give it recipients.
        if let Some((at, why)) = not_before {
            return Stand::Rests { why, also: Vec::new(), skips: Vec::new(), until: Some(at) };
        }
        let told = "no recipients are left for it";
        let skips = vec![skip(snapshot, campaign, &intent.send_id, (&name, offset), SkipReason::Empty, told)];
        let why = Why::Soaking { wave: name, until: now, unseen: None };
        return Stand::Rests { why, also: Vec::new(), skips, until: Some(now) };
    }
    let begun = past.released().next().is_some();
    let wave = EntryWave {
        name,
        offset: i64::try_from(offset).unwrap_or(i64::MAX),
        recipients: i64::try_from(recipients).unwrap_or(i64::MAX),
        share,
    };
    Stand::Wants(Box::new(Want {
        campaign,
        sender,
        intent,
        index,
        wave,
        recipients,
        retry,
        begun,
        not_before,
        not_after,
        cutting,
        rest: None,
    }))
}

//! What is said of a campaign: its status, built from why it stands where it stands. A number that moved is
//! told within five minutes; a change of what is awaited is said at once.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::campaign_status::{CampaignStatus, Display, Headroom, NextStart, Phase, WaveStatus};
use crate::api::condition::{self, Wanted};
use crate::api::release::{Disposition, Outcome, SkipReason};

use super::approval;
use super::bursts;
use super::checks;
use super::explain::{self, Voice};
use super::gate::Room;
use super::hold;
use super::intent::{self, Known};
use super::memory::{Memory, Said};
use super::past::BySend;
use super::schedule::Schedule;
use super::snapshot::{Campaign, Entry, Snapshot};
use super::units::people;
use super::waves::Gone;
use super::why::Why;

/// What is said is looked at again after this: nobody reads numbers that are older, where they have moved.
const REFRESH: SignedDuration = SignedDuration::from_mins(5);
/// By how much what is needed or free must have moved: who waits for room may wait for days, and demand never stands still.
const MOVED: f64 = 0.05;

/// What one look says of one campaign.
#[derive(Clone, Debug)]
pub struct Report {
    /// Namespace and name of the Campaign.
    pub campaign: (String, String),
    /// The resource version that was read.
    pub version: String,
    /// Its new status.
    pub status: CampaignStatus,
    /// Whether phase or reason changed, so that an event tells of it.
    pub is_transition: bool,
    /// Whether a person should look.
    pub is_warning: bool,
    /// The wave it speaks of.
    pub wave: Option<String>,
}

/// What was weighed for a campaign, beside why it stands.
pub struct Details<'a> {
    /// Why it stands where it stands.
    pub why: &'a Why,
    /// What else would keep it back.
    pub also: &'a [Why],
    /// Each workload's room, by name.
    pub rooms: Vec<(String, Room)>,
    /// Confirmations so far, of those asked for.
    pub confirmations: (u32, u32),
    /// The next part of a send that is cut, and how many recipients it takes.
    pub part: Option<(&'a str, u64)>,
}

/// Its time zone; UTC where none can be understood.
fn zone(campaign: &Campaign) -> TimeZone {
    let schedule = campaign.spec.schedule.clone().unwrap_or_default();
    Schedule::parse(&schedule).map_or(TimeZone::UTC, |schedule| schedule.campaign_zone().clone())
}

/// A campaign that ended earlier: nothing changes, and an edit is answered.
pub fn ended(campaign: &Campaign) -> Option<Report> {
    const EDITED: &str =
        " It was edited after its end; that changes nothing. Create a new Campaign for a further send.";
    if campaign.status.observed_generation == Some(campaign.generation) {
        return None;
    }
    let mut status = campaign.status.clone();
    status.observed_generation = Some(campaign.generation);
    if let Some(message) = &mut status.message
        && !message.ends_with(EDITED)
    {
        let room = explain::LONGEST.saturating_sub(EDITED.len());
        *message = message.chars().take(room).chain(EDITED.chars()).collect();
    }
    Some(report(campaign, status, false, false, None))
}

fn report(
    campaign: &Campaign,
    status: CampaignStatus,
    is_transition: bool,
    is_warning: bool,
    wave: Option<&str>,
) -> Report {
    let key = (campaign.namespace.clone(), campaign.name.clone());
    Report {
        campaign: key,
        version: campaign.version.clone(),
        status,
        is_transition,
        is_warning,
        wave: wave.map(ToOwned::to_owned),
    }
}

/// What is to be said; None if what stands there is still right.
pub fn tell(
    snapshot: &Snapshot,
    ledger: &BySend<'_>,
    campaign: &Campaign,
    details: &Details<'_>,
    memory: &mut Memory,
    now: Timestamp,
) -> Option<Report> {
    let (why, old) = (details.why, &campaign.status);
    let rules = snapshot.pool.rules.as_ref().ok();
    let (phase, reason) = why.place();
    let reason = reason.to_string();
    let same_place = old.phase == Some(phase) && old.reason.as_deref() == Some(&reason);

    let observes = rules.is_some_and(|rules| rules.observes) && !phase.is_finished();
    let matters = std::iter::once(why).chain(details.also).map(Why::matter);
    let matter = matters.chain(observes.then(|| "observes".to_owned())).collect::<Vec<_>>().join("; ");
    let numbers = why.numbers().map(|numbers| (numbers.needed, numbers.free));
    // A process that has just started takes what is written for what was said.
    let before = memory.said.get(&campaign.uid);
    let is_other = before.is_some_and(|before| before.matter != matter) || !same_place || old.message.is_none();
    let is_old = before
        .is_some_and(|before| now.duration_since(before.at) >= REFRESH && may_have_moved(before.numbers, numbers));
    let is_first = before.is_none();
    let speaks = is_other || is_old;
    // Where nothing is said anew no time is told, and the schedule need not be read for its zone.
    let zone = if speaks || old.display.is_none() { zone(campaign) } else { TimeZone::UTC };
    let voice = Voice { zone: &zone, now };
    let mut status = old.clone();
    status.observed_generation = Some(campaign.generation);
    status.phase = Some(phase);
    status.reason = Some(reason.clone());
    status.install = Some(snapshot.settings.install.clone());
    status.send_id = Some(campaign.send_id());
    let most = rules.map_or(i32::MAX, |rules| rules.highest_priority(&campaign.labels));
    status.priority = Some(campaign.spec.priority.unwrap_or(intent::PRIORITY).min(most));
    status.hold = hold::standing(campaign, now);
    status.approval = approval::status(campaign, rules);
    if speaks {
        let message = Some(explain::all(why, details.also, observes, &voice));
        // Said again word for word, it is no news, and when its numbers were worked out is none either.
        if is_other || message != old.message {
            status.message = message;
            status.next_start = why.next_start().map(|at| NextStart { at: Time(at), reason: reason.clone() });
            status.headroom =
                headroom(snapshot, details, now).or_else(|| old.headroom.clone().filter(|_| phase.is_finished()));
        }
    }
    if speaks || is_first {
        memory.said.insert(campaign.uid.clone(), Said { matter, at: now, numbers });
    }
    let further = waves(snapshot, ledger, campaign, details.part, &mut status);
    let kept = old.display.as_ref().filter(|_| !speaks);
    status.display = Some(display(campaign, why, &status, further, kept, &voice));
    let message = status.message.clone().unwrap_or_default();
    let wanted = conditions(why, &status, &reason, &message);
    status.conditions = condition::merge(&wanted, &old.conditions, Some(campaign.generation), now);
    (status != *old).then(|| report(campaign, status, !same_place, why.is_stalled(), why.wave()))
}

/// Whether what was said may read otherwise by now. What has no such numbers is held against its text.
fn may_have_moved(before: Option<(f64, f64)>, now: Option<(f64, f64)>) -> bool {
    let far = |old: f64, new: f64| (new - old).abs() > MOVED * old.abs().max(1.0);
    match (before, now) {
        (Some(old), Some(new)) => far(old.0, new.0) || far(old.1, new.1),
        _ => true,
    }
}

/// The nearest whole number a status can hold.
fn whole(value: f64, up: bool) -> i64 {
    let rounded = if up { value.ceil() } else { value.floor() };
    // Checked: what does not fit is shown as the bound.
    format!("{rounded:.0}").parse().unwrap_or(if rounded > 0.0 { i64::MAX } else { 0 })
}

fn headroom(snapshot: &Snapshot, details: &Details<'_>, now: Timestamp) -> Option<Headroom> {
    let numbers = details.why.numbers()?;
    let rules = snapshot.pool.rules.as_ref().ok()?;
    Some(Headroom {
        needed: whole(numbers.needed, true),
        free: whole(numbers.free.max(0.0), false),
        bottleneck: numbers.workload.clone(),
        confirmations: format!("{}/{}", details.confirmations.0, details.confirmations.1),
        checks: checks::all(snapshot, rules, &details.rooms, numbers, now),
        evaluated_at: Some(Time(now)),
    })
}

/// The whole second at, or after, an instant. A status holds no fractions: with one in it, it would never equal what is
/// stored, and be written again at every look.
fn whole_second(at: Timestamp) -> Timestamp {
    let below = Timestamp::from_second(at.as_second()).unwrap_or(at);
    if below < at { below.checked_add(SignedDuration::from_secs(1)).unwrap_or(at) } else { at }
}

/// The state of a wave, in one word.
fn state(entry: Option<&Entry>) -> &'static str {
    let Some(entry) = entry else { return "Pending" };
    match (entry.disposition, entry.outcome, entry.skip) {
        (Disposition::Skip, _, Some(SkipReason::Missed)) | (_, Some(Outcome::Missed), _) => "Missed",
        (Disposition::Skip, ..) | (_, Some(Outcome::Skipped), _) => "Skipped",
        (_, Some(Outcome::Released), _) => "Released",
        (_, Some(Outcome::Rejected), _) => "Rejected",
        (_, None, _) if entry.may_be_tried_again() => "Pending",
        _ if entry.is_under_way() => "Firing",
        (_, None | Some(Outcome::Unknown), _) => "Unknown",
    }
}

/// Each wave; and whether there will be more than those.
fn waves(
    snapshot: &Snapshot,
    ledger: &BySend<'_>,
    campaign: &Campaign,
    part: Option<(&str, u64)>,
    status: &mut CampaignStatus,
) -> bool {
    let rules = snapshot.pool.rules.as_ref().ok();
    let send_id = campaign.send_id();
    let ours = ledger.entries(&send_id).iter().copied();
    let mut entries: Vec<&Entry> = ours.filter(|entry| entry.campaign_uid == campaign.uid).collect();
    entries.sort_by(|a, b| (a.first_attempt, &a.name).cmp(&(b.first_attempt, &b.name)));
    let mut gone: Vec<Gone> = Vec::new();
    for entry in &entries {
        let (name, share) = (entry.wave.clone(), entry.share.clone());
        gone.push(Gone { name, offset: entry.offset, recipients: entry.recipients, share });
    }
    let noises = rules.map_or_else(Vec::new, |rules| bursts::noises(snapshot, rules));
    let known = Known { gone: &gone, noises: &noises };
    let Ok(plan) = intent::waves_as_told(campaign, rules, &known) else { return false };
    let audience = u64::try_from(campaign.spec.audience.size).unwrap_or(0);
    let (mut told, mut further) = (Vec::new(), false);
    for (index, wave) in plan.waves.iter().enumerate() {
        let entry = entries.iter().copied().find(|entry| entry.wave == wave.name);
        let recipients = if let Some(entry) = entry {
            entry.recipients
        } else {
            let mut sized = plan.size(index, audience, &gone);
            if plan.cut.is_some() && index + 1 == plan.waves.len() {
                let all = sized.recipients;
                let chosen = part.filter(|(name, _)| *name == wave.name);
                sized.recipients = chosen.map_or(all, |(_, recipients)| recipients.min(all));
                further = chosen.is_none() || sized.recipients < all;
            }
            gone.push(Gone {
                name: wave.name.clone(),
                offset: sized.offset,
                recipients: sized.recipients,
                share: wave.size.as_written(),
            });
            sized.recipients
        };
        let fired = entry.filter(|entry| entry.disposition == Disposition::Fire && !entry.may_be_tried_again());
        // Of one that is under way nobody knows when it ends.
        let end = fired.filter(|entry| !entry.is_under_way() && entry.load.is_some()).map(bursts::end_of);
        told.push(WaveStatus {
            name: wave.name.clone(),
            state: state(entry).to_owned(),
            recipients: i64::try_from(recipients).unwrap_or(i64::MAX),
            sent: entry.and_then(Entry::sent_so_far).map(|sent| i64::try_from(sent).unwrap_or(i64::MAX)),
            fired_at: fired.map(|entry| Time(entry.newest_attempt)),
            soaked_at: end.map(|end| Time(whole_second(end.checked_add(wave.soak).unwrap_or(Timestamp::MAX)))),
            release: entry.map(|entry| entry.name.clone()),
        });
    }
    status.waves = told;
    further
}

fn display(
    campaign: &Campaign,
    why: &Why,
    status: &CampaignStatus,
    further: bool,
    kept: Option<&Display>,
    voice: &Voice<'_>,
) -> Display {
    let released = status.waves.iter().filter(|wave| wave.state == "Released");
    let so_far: Vec<i64> = status.waves.iter().filter_map(|wave| wave.sent).collect();
    let messages: i64 = released.clone().map(|wave| wave.recipients).chain(so_far.iter().copied()).sum();
    let leaving = if matches!(why, Why::Sending { .. }) || !so_far.is_empty() { "~" } else { "" };
    let short = |count: i64| people::short(u64::try_from(count).unwrap_or(0));
    let room = match (why.numbers(), kept) {
        (_, Some(kept)) => kept.room.clone(),
        (Some(numbers), None) => format!("{}/{}", whole(numbers.free.max(0.0), false), whole(numbers.needed, true)),
        (None, None) => String::new(),
    };
    Display {
        waves: format!("{}/{}{}", released.count(), status.waves.len(), if further { "+" } else { "" }),
        sent: format!("{leaving}{}/{}", short(messages), short(campaign.spec.audience.size)),
        room,
        next: match kept {
            Some(kept) => kept.next.clone(),
            None => why.next_start().map_or_else(String::new, |at| people::instant(at, voice.now, voice.zone)),
        },
    }
}

fn conditions(why: &Why, told: &CampaignStatus, reason: &str, message: &str) -> Vec<Wanted> {
    use Phase::{Completed, Confirming, Queued, Scaling, Scheduled, Sending};
    let phase = why.place().0;
    let approved = told.approval.as_ref().map(|approval| approval.by.is_some());
    let wanted = |kind, status| Wanted { kind, status, reason: reason.to_owned(), message: message.to_owned() };
    let window = match phase {
        Queued | Scaling | Confirming | Sending => Some(true),
        Scheduled => Some(false),
        _ => None,
    };
    let scale = match phase {
        Confirming | Sending => Some(true),
        Scaling | Queued => Some(false),
        _ => None,
    };
    let confirmed = match phase {
        Sending => Some(true),
        Confirming | Scaling | Queued => Some(false),
        _ => None,
    };
    let approved = approved.map(|is| wanted("Approved", Some(is)));
    let others = [
        wanted("Accepted", why.is_accepted()),
        wanted("WindowOpen", window),
        wanted("ScaleReady", scale),
        wanted("HeadroomConfirmed", confirmed),
        wanted("Finished", Some(phase.is_finished())),
        wanted("Completed", Some(phase == Completed)),
        wanted("Stalled", Some(why.is_stalled())),
    ];
    others.into_iter().chain(approved).collect()
}

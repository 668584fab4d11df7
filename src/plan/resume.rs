//! A wave that Headroom itself has paused while it was leaving: how that is told from anybody else's pause, when it has come to rest,
//! and whether the rest of it may ask to go on. Whatever is in doubt stands still, and a person lets it go on.

use jiff::{SignedDuration, Timestamp};

use crate::api::release::{Disposition, EntryWave, Pause, Resume};
use crate::api::sender::ListmonkWaves;

use super::IDLE;
use super::bursts;
use super::contract::{QUIESCENCE, stayed_away};
use super::deadline;
use super::freezes;
use super::guard::Guard;
use super::inquiry::{self, Said};
use super::schedule::Fit;
use super::snapshot::{Entry, Snapshot};
use super::stand::{Ahead, Stand, Want};
use super::units::people::grouped;
use super::why::Why;

/// One that was paused is looked at so often until it has come to rest.
pub const CLOSELY: SignedDuration = SignedDuration::from_secs(1);
/// It is seen to within this, or nobody knows what happened meanwhile.
const COMES_TO_REST: SignedDuration = SignedDuration::from_secs(30);
/// So often the ledger keeps that a wave was paused.
const MOST_PAUSES: usize = 16;
/// So often the end of one pause is tried, and that of all together.
const MOST_TRIES: usize = 5;
const MOST_RESUMES: usize = 60;
/// A rate that was written down is the same within this share of it.
const SAME_RATE: f64 = 0.01;
/// After a try that left nothing in listmonk.
const BACK_OFF: SignedDuration = SignedDuration::from_secs(15);

/// What the ledger has of a wave that was paused and let go on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runs {
    /// How many messages were counted before it was started at all; None: nobody looked.
    pub sent_before: Option<i64>,
    /// Its pauses, in their order.
    pub pauses: Vec<Pause>,
    /// What was tried to end them.
    pub resumes: Vec<Resume>,
}

/// A run of a wave, from its start until it was seen at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedRun {
    /// No message of it left earlier.
    pub began: Timestamp,
    /// And none later.
    pub ended: Timestamp,
    /// So many messages of it are counted.
    pub sent: u64,
}

/// A pause that is to be written down before it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Tells it from any other.
    pub nonce: String,
    /// Why, as it is told later.
    pub reason: String,
    /// How many messages were counted when the wave was last started.
    pub sent_before: i64,
}

/// A wave that was seen to have come to rest after our pause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameToRest {
    /// Its entry in the ledger.
    pub entry: String,
    /// The pause.
    pub pause: String,
    /// When that was seen.
    pub at: Timestamp,
    /// The instant of the last change there.
    pub changed: String,
    /// How many messages are counted.
    pub sent: i64,
}

/// A wave that stands as Headroom left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtRest {
    /// The pause that is ended.
    pub pause: String,
    /// Why it was paused.
    pub reason: String,
    /// The instant of the last change there.
    pub changed: String,
    /// How many messages are counted.
    pub sent: u64,
    /// How many of its recipients are left at most.
    pub left: u64,
}

/// How a wave under way stands, as far as letting it go on is concerned.
#[derive(Debug, PartialEq, Eq)]
enum Standing<'a> {
    /// It goes, or nobody knows that it is paused.
    Goes,
    /// Headroom has paused it, and messages may still be on their way.
    ComesToRest(&'a Pause),
    /// It stands as Headroom left it, and may be let go on from then on.
    AtRest(AtRest, Option<Timestamp>),
    /// A person decides; why, as the end of a sentence.
    Kept(&'static str),
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

impl Runs {
    /// Those that ended with a pause of ours; the first began then.
    pub fn ended(&self, first: Timestamp) -> impl Iterator<Item = EndedRun> + '_ {
        self.pauses.iter().enumerate().filter_map(move |(place, pause)| {
            let rest = pause.rest.as_ref()?;
            let before = place.checked_sub(1).and_then(|place| self.pauses.get(place));
            let began = before.map_or(first, |before| {
                let ours = self.resumes.iter().find(|resume| resume.pause == before.nonce);
                // Somebody else let it go on.
                let others = || before.rest.as_ref().map_or(before.at.0, |rest| rest.at.0);
                ours.map_or_else(others, |resume| resume.at.0)
            });
            Some(EndedRun { began, ended: rest.at.0, sent: count(rest.sent.saturating_sub(pause.sent_before)) })
        })
    }
}

impl Resume {
    /// Whether the wave may have gone on by it.
    fn may_have_worked(&self) -> bool {
        let result = self.result.as_deref();
        !stayed_away(result) && result != Some("Rejected")
    }
}

impl Entry {
    /// From when on messages may have left since it last stood still: as we let it go on, or, where somebody else did, from then.
    pub(super) fn went_on_at(&self) -> Option<Timestamp> {
        let pauses = &self.runs.pauses;
        let place = pauses.iter().rposition(|pause| pause.rest.is_some())?;
        let pause = pauses.get(place)?;
        let ours = self.runs.resumes.iter().find(|resume| resume.pause == pause.nonce && resume.may_have_worked());
        let is_running = matches!(self.heard.as_ref().map(|heard| &heard.said), Some(Said::Running(_)));
        let others = pause.rest.as_ref().filter(|_| is_running || place + 1 < pauses.len());
        ours.map(|resume| resume.at.0).or(others.map(|rest| rest.at.0))
    }

    /// Whether it was paused by us, and what was on its way then may not have ended.
    pub(super) fn comes_to_rest(&self, at: Timestamp) -> bool {
        let is_paused = self.heard.as_ref().is_some_and(|heard| heard.still.is_some());
        self.unsettled(at).is_some() && is_paused && self.is_under_way()
    }

    /// The pause that listmonk has confirmed, while it is not seen how the wave came to rest.
    fn unsettled(&self, at: Timestamp) -> Option<&Pause> {
        let newest = self.runs.pauses.last().filter(|pause| pause.changed.is_some() && pause.rest.is_none())?;
        (at.duration_since(newest.at.0) <= COMES_TO_REST).then_some(newest)
    }
}

/// How a pause of this wave is written down; None: it is asked for all the same, and counts as anybody's.
pub(super) fn written(entry: &Entry, reason: String, nonce: &str) -> Option<Written> {
    let newest = entry.runs.pauses.last();
    // One that was never confirmed gives way.
    let has_room = entry.runs.pauses.len() < MOST_PAUSES || newest.is_some_and(|pause| pause.changed.is_none());
    let sent_before = match newest {
        Some(pause) => pause.rest.as_ref().map_or(pause.sent_before, |rest| rest.sent),
        None => entry.runs.sent_before?,
    };
    has_room.then(|| Written { nonce: nonce.to_owned(), reason, sent_before })
}

/// When to look again, for what is to come to rest.
pub(super) fn looks_again(snapshot: &Snapshot, now: Timestamp) -> SignedDuration {
    let is_any = snapshot.entries.iter().any(|entry| entry.comes_to_rest(now));
    if is_any { CLOSELY } else { IDLE }
}

/// Those that have come to rest.
pub(super) fn rests(snapshot: &Snapshot) -> Vec<CameToRest> {
    let pool = snapshot.pool.key();
    let ours = snapshot.entries.iter().filter(|entry| entry.pool == pool && entry.disposition == Disposition::Fire);
    let rests = ours.filter(|entry| entry.is_under_way()).filter_map(|entry| {
        let heard = entry.heard.as_ref()?;
        let (still, pause) = (heard.still.as_ref()?, entry.unsettled(heard.at)?);
        // The pause itself was one change, and the end of what was on its way is the next.
        let has_changed = pause.changed.as_ref() != Some(&still.changed) && heard.at >= pause.at.0;
        // Of one that was let go on meanwhile it is not.
        let is_ours = heard.ran.is_none_or(|ran| ran <= pause.at.0);
        (has_changed && is_ours).then(|| CameToRest {
            entry: entry.name.clone(),
            pause: pause.nonce.clone(),
            at: heard.at,
            changed: still.changed.clone(),
            sent: i64::try_from(still.sent).unwrap_or(i64::MAX),
        })
    });
    rests.collect()
}

fn standing(entry: &Entry, now: Timestamp) -> Standing<'_> {
    let Some(still) = entry.heard.as_ref().and_then(|heard| heard.still.as_ref()) else { return Standing::Goes };
    let Some(pause) = entry.runs.pauses.last() else {
        return Standing::Kept("it was not Headroom that paused it");
    };
    let Some(changed) = &pause.changed else {
        return Standing::Kept("whether it was Headroom's own pause is not known");
    };
    let Some(rest) = &pause.rest else {
        // One that is settled by the next look has changed already.
        if entry.unsettled(now).is_some() {
            return Standing::ComesToRest(pause);
        }
        return Standing::Kept(if *changed == still.changed {
            "it was not seen to come to rest after Headroom had paused it"
        } else {
            "what became of it after Headroom had paused it was not seen"
        });
    };
    if rest.changed != still.changed || count(rest.sent) != still.sent {
        return Standing::Kept("somebody has let it go on or changed it since Headroom paused it");
    }
    if rest.sent <= pause.sent_before || pause.taken <= 0 {
        return Standing::Kept(
            "nothing of it was seen to be taken since it was last started, and listmonk would leave people out",
        );
    }
    let tries: Vec<&Resume> = entry.runs.resumes.iter().filter(|resume| resume.pause == pause.nonce).collect();
    // What never left costs none of them.
    let left_here = |resume: &&&Resume| resume.result.as_deref() != Some("NotFired");
    if tries.iter().filter(left_here).count() >= MOST_TRIES || entry.runs.resumes.len() >= MOST_RESUMES {
        return Standing::Kept("it did not go on, as often as that was tried");
    }
    let again = tries.last().and_then(|newest| {
        // What may still be under way could arrive when nothing is confirmed any more.
        let is_away = stayed_away(newest.result.as_deref());
        newest.at.0.checked_add(if is_away { BACK_OFF } else { QUIESCENCE }).ok()
    });
    let left = entry.recipients.saturating_sub(still.sent).max(1);
    let (pause, reason) = (pause.nonce.clone(), pause.reason.clone());
    let (changed, sent) = (still.changed.clone(), still.sent);
    Standing::AtRest(AtRest { pause, reason, changed, sent, left }, again.filter(|again| now < *again))
}

/// How one is told that Headroom has paused: nobody has to do anything.
fn told(entry: &Entry, how: String) -> Why {
    Why::UnderWay {
        wave: entry.wave.clone(),
        recipients: entry.recipients,
        at: entry.newest_attempt,
        told: Some(how),
        resolve: None,
    }
}

fn stands_still(entry: &Entry, rest: &AtRest) -> Why {
    let AtRest { reason, sent, left, .. } = rest;
    let how = format!(
        "Headroom paused it in listmonk after {}, since {reason}, and lets it go on when headroom for the other {} is confirmed",
        grouped(*sent),
        grouped(*left)
    );
    told(entry, how)
}

impl Want<'_> {
    /// How a wave is told that stands still, beside what it waits for.
    pub(super) fn stands_still(&self) -> Option<Why> {
        Some(stands_still(self.retry?, self.rest.as_ref()?))
    }
}

/// Where a send stands one of whose waves is under way: it waits for its end, or wants the rest of it to go on.
pub(super) fn under_way<'a>(ahead: Ahead<'a>, entry: &'a Entry, guard: &Guard, now: Timestamp) -> Stand<'a> {
    let rests = |why, also, until| Stand::Rests { why, also, skips: Vec::new(), until };
    let usual = inquiry::asks_on(entry, None, now);
    let as_seen =
        |further: &str| rests(inquiry::under_way(ahead.campaign, &ahead.past, entry, further, now), Vec::new(), usual);
    let kept = |why: &str| as_seen(&format!(". Headroom does not let it go on by itself: {why}"));
    let (mut rest, again) = match standing(entry, now) {
        Standing::Goes => return as_seen(""),
        Standing::Kept(why) => return kept(why),
        Standing::ComesToRest(pause) => {
            let how = format!(
                "Headroom paused it in listmonk, since {}, and waits for what is still on its way",
                pause.reason
            );
            return rests(told(entry, how), Vec::new(), usual);
        }
        Standing::AtRest(rest, again) => (rest, again),
    };
    let still = stands_still(entry, &rest);
    if let Some(again) = again {
        return rests(still, Vec::new(), Some(again));
    }
    // A person who answers for the send answers for no wave that stands still.
    if let Some(why) = &guard.stops {
        return rests(why.clone(), vec![still], None);
    }
    if !entry.is_under(ahead.sender) {
        return kept("its Sender says another listmonk than when the wave went");
    }
    let index = ahead.intent.waves.waves.iter().position(|wave| wave.name == entry.wave);
    let (Some(whole), Some(index)) = (bursts::of(entry), index) else {
        return kept("the ledger does not tell what it brings");
    };
    let Some(times) = ahead.intent.times.get(index) else { return kept("its wave is not in the plan") };
    let (then, now_is) = (whole.send().rate, ahead.intent.rate.per_second());
    if (then - now_is).abs() > SAME_RATE * then {
        return kept("its Sender has another sendRate than when the wave went, by which nobody has weighed it");
    }
    if ahead.sender.spec.listmonk.as_ref().and_then(|there| there.waves) == Some(ListmonkWaves::Whole) {
        // Whoever has joined its lists since is sent to as well.
        rest.left = entry.recipients;
    }
    let takes = whole.to_fewer(rest.left).takes();
    let (fit, freeze) = freezes::fit(times, &ahead.rules.freezes, now, takes);
    let not_after = match fit {
        Fit::Now { until } => until.and_then(|until| until.checked_sub(takes).ok()),
        Fit::Later { at, window_was_open } => {
            let why = deadline::later(&entry.wave, at, (takes, window_was_open), freeze, now);
            return rests(why, vec![still], Some(at));
        }
        Fit::Never => return kept("no time is left in which the rest of it could leave"),
    };
    let recipients = rest.left;
    let wave = EntryWave {
        name: entry.wave.clone(),
        offset: i64::try_from(entry.offset).unwrap_or(i64::MAX),
        recipients: i64::try_from(entry.recipients).unwrap_or(i64::MAX),
        share: entry.share.clone(),
    };
    let Ahead { campaign, sender, intent, .. } = ahead;
    Stand::Wants(Box::new(Want {
        campaign,
        sender,
        intent,
        index,
        wave,
        recipients,
        retry: Some(entry),
        begun: true,
        not_before: None,
        not_after,
        cutting: None,
        rest: Some(rest),
    }))
}

//! The lease on one target's scale: written ahead in the pool, carried on the target, given back when it is not needed.
//!
//! Pure. Decides from what was read (the claim in the pool, the value and the note on the target) what both shall
//! be next. It never guesses a baseline: what it gives back is what it took, or what somebody else has set since.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{Deserialize, Serialize};

use crate::api::MANAGER;
use crate::api::pool_status::{Claim, Rival};

/// After so many times of writing the floor again, whoever keeps lowering it has the last word.
pub const MOST_REASSERTIONS: i32 = 3;
/// A floor is given back by one step in this time.
const STEP_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// What is scaled, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What carries the floor.
    pub kind: TargetKind,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// `minReplicas` of an autoscaler, else `replicas`; None: not set, which counts as 1.
    pub value: Option<i32>,
    /// The annotation, if there is one that can be read.
    pub note: Option<Note>,
    /// Whether the pool named in the note still holds the claim named in it.
    pub note_is_alive: bool,
    /// The field manager that last wrote the value, where `managedFields` tells.
    pub writer: Option<String>,
}

/// What carries the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// An autoscaler's `minReplicas`: decided before metrics, so that it works at once and without them.
    Hpa,
    /// The workload's own `replicas`.
    Deployment,
}

impl TargetKind {
    /// The kind as Kubernetes spells it.
    pub fn name(self) -> &'static str {
        match self {
            TargetKind::Hpa => "HorizontalPodAutoscaler",
            TargetKind::Deployment => "Deployment",
        }
    }
}

/// What the annotation on a target says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// `<namespace>/<name>` of the pool.
    pub pool: String,
    /// The claim in that pool's status.
    pub claim: String,
    /// The value to give back; absent: the field was not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<i32>,
    /// The value that was written together with this note.
    pub last_written: i32,
    /// How often the floor had been written again by then; tells a value that was lowered anew from one that we have not
    /// come round to yet.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reassertions: i32,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference.
fn is_zero(count: &i32) -> bool {
    *count == 0
}

/// What the plan wants of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// At least so many replicas. While `rising`, a wave is waiting for them and the floor never falls.
    Hold {
        /// How many.
        replicas: i32,
        /// Whether a wave is waiting.
        rising: bool,
    },
    /// Nothing can be said now: leave it as it is.
    Keep,
    /// Nothing needs it any more: give it back, in steps.
    Release,
    /// Give it back now: the pool is going, or its owner asked.
    ReleaseNow,
}

/// How borrowed scale is given back.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long to keep it after it was last needed.
    pub hold: SignedDuration,
    /// Share of the floor that goes with each step.
    pub step: f64,
}

/// What shall be next: the claim in the pool first, then the target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Move {
    /// The claim as the pool's status shall hold it; None: none.
    pub claim: Option<Claim>,
    /// What to write to the target once the claim is in place.
    pub write: Option<Write>,
    /// Why the target cannot be relied on.
    pub trouble: Option<Trouble>,
    /// Somebody else's value that was found and is respected.
    pub adopted: Option<Rival>,
}

/// One update of a target: value and note together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The value; None: the field is removed.
    pub value: Option<i32>,
    /// The note; None: it is removed.
    pub note: Option<Note>,
}

/// Why a target cannot be relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Another pool holds it.
    Claimed {
        /// `<namespace>/<name>` of that pool.
        by: String,
    },
    /// Somebody keeps writing another value.
    Contested {
        /// The field manager.
        manager: String,
        /// What it wrote.
        value: i32,
    },
}

/// The claim on a target: by what was claimed, whatever the workload is called by now.
pub fn on<'a>(claims: &'a [Claim], target: &Target) -> Option<&'a Claim> {
    claims.iter().find(|claim| claim.uid == target.uid && claim.kind == target.kind.name())
}

/// How many replicas nobody but us can take away: the value as read back under our claim, else none.
pub fn held(target: &Target, claim: Option<&Claim>) -> i32 {
    let (Some(claim), Some(note)) = (claim, &target.note) else { return 0 };
    let ours = note.claim == claim.id && claim.uid == target.uid;
    match target.value {
        Some(value) if ours && value == note.last_written => value,
        _ => 0,
    }
}

/// What is read from the target, held against the claim.
enum Seen {
    /// As we left it, or not touched by us yet.
    Undisturbed,
    /// Somebody else wrote this value.
    Foreign(i32),
}

fn seen(target: &Target, claim: &Claim) -> Seen {
    let live = target.value.unwrap_or(1);
    let written = target.note.as_ref().filter(|note| note.claim == claim.id).map(|note| note.last_written);
    let is_anothers = target.writer.as_deref().is_some_and(|writer| writer != MANAGER);
    match written {
        // Unless somebody else has set the very same value since, which is his then.
        Some(written) if live == written && !is_anothers => Seen::Undisturbed,
        // Written, and the note taken away by a rollout's undo; unless, again, it is somebody else's value by now.
        None if live == claim.floor && !is_anothers => Seen::Undisturbed,
        // The same, and the floor was raised meanwhile: what stands there is what we wrote last.
        None if claim.observed && target.writer.as_deref() == Some(MANAGER) => Seen::Undisturbed,
        // Claimed and not written yet; once our floor was seen there, somebody has put the old value back.
        None if target.value == claim.baseline && !claim.observed => Seen::Undisturbed,
        _ => Seen::Foreign(live),
    }
}

/// Whether our floor stands there, and somebody has taken the note away.
fn is_bare_floor(target: &Target, claim: &Claim) -> bool {
    let is_floor = target.value == Some(claim.floor) && target.value != claim.baseline;
    is_floor && target.note.is_none() && target.writer.as_deref() == Some(MANAGER)
}

/// The next move for one target.
///
/// `bears` tells whether the workload can go down to so many replicas now; with an autoscaler it always can,
/// since the autoscaler's own wish stays. `most` is the most that may be asked for, where that is known. `fresh_id` names a claim that is yet to be made.
#[allow(clippy::too_many_arguments)] // Everything that one pure step knows; a struct of them would be built in one place.
pub fn next(
    pool: &str,
    workload: &str,
    target: &Target,
    claim: Option<&Claim>,
    wish: Wish,
    most: Option<i32>,
    pace: Pace,
    bears: &dyn Fn(i32) -> bool,
    fresh_id: &str,
    now: Timestamp,
) -> Move {
    match claim {
        None => unclaimed(pool, workload, target, wish, fresh_id),
        // Replaced by another object of the same name: what was borrowed went with the old one.
        Some(claim) if claim.uid != target.uid => Move::default(),
        Some(claim) => claimed(pool, target, claim, (wish, most), pace, bears, now),
    }
}

fn unclaimed(pool: &str, workload: &str, target: &Target, wish: Wish, fresh_id: &str) -> Move {
    if let Some(note) = &target.note {
        if target.note_is_alive {
            let trouble = Some(Trouble::Claimed { by: note.pool.clone() });
            return Move { trouble, ..Move::default() };
        }
        // A copy, a clone or a restored backup: the note speaks of a claim that nobody holds.
        let value = if target.value == Some(note.last_written) { note.baseline } else { target.value };
        return Move { write: Some(Write { value, note: None }), ..Move::default() };
    }
    let Wish::Hold { replicas, .. } = wish else { return Move::default() };
    let floor = replicas.max(target.value.unwrap_or(1));
    let claim = Claim {
        id: fresh_id.to_owned(),
        workload: workload.to_owned(),
        kind: target.kind.name().to_owned(),
        name: target.name.clone(),
        uid: target.uid.clone(),
        baseline: target.value,
        floor,
        quiet_since: None,
        silent_since: None,
        stepped_at: None,
        raised_at: None,
        observed: false,
        reassertions: 0,
        rival: None,
    };
    let write = Some(write_of(pool, &claim));
    Move { claim: Some(claim), write, ..Move::default() }
}

fn write_of(pool: &str, claim: &Claim) -> Write {
    Write {
        value: Some(claim.floor),
        note: Some(Note {
            pool: pool.to_owned(),
            claim: claim.id.clone(),
            baseline: claim.baseline,
            last_written: claim.floor,
            reassertions: claim.reassertions,
        }),
    }
}

fn claimed(
    pool: &str,
    target: &Target,
    claim: &Claim,
    (wish, most): (Wish, Option<i32>),
    pace: Pace,
    bears: &dyn Fn(i32) -> bool,
    now: Timestamp,
) -> Move {
    let mut next = claim.clone();
    let mut adopted = None;
    let foreign = match seen(target, claim) {
        Seen::Undisturbed => None,
        Seen::Foreign(value) => Some(value),
    };
    next.observed |= target.note.as_ref().is_some_and(|note| note.claim == claim.id) || is_bare_floor(target, claim);
    if let Some(value) = foreign {
        let rival = Rival {
            manager: target.writer.clone().unwrap_or_else(|| "somebody unnamed".to_owned()),
            value,
            seen_at: Time(now),
        };
        if claim.rival.as_ref().is_none_or(|old| old.value != value || old.manager != rival.manager) {
            adopted = Some(rival.clone());
        }
        // The time of the first sighting stays, so that looking again writes nothing.
        match &mut next.rival {
            Some(old) if old.value == rival.value && old.manager == rival.manager => {}
            other => *other = Some(rival),
        }
        next.baseline = Some(value);
    }
    let baseline = next.baseline.unwrap_or(1);
    // A floor that was no more than somebody's own value is that somebody's to lower: what is needed counts anew.
    let was_theirs = foreign.is_some() && claim.baseline.is_some_and(|baseline| baseline >= claim.floor);
    let (need, rising) = match wish {
        Wish::Hold { replicas, rising } => (replicas.max(baseline), rising),
        // Where no rules can be read, nothing is known of a need.
        Wish::Keep if was_theirs && most.is_none() => (baseline, true),
        // One that was to be lowered, and stands where it was, is not lowered later: nothing is known any more.
        Wish::Keep => (next.floor.max(baseline).max(held(target, Some(claim))), true),
        Wish::Release | Wish::ReleaseNow => (baseline, false),
    };
    let is_counted_anew = was_theirs && matches!(wish, Wish::Hold { .. } | Wish::Keep);
    if is_counted_anew || need >= next.floor {
        next.floor = need;
        next.quiet_since = None;
    } else if wish == Wish::ReleaseNow {
        next.floor = need;
    } else if rising {
        next.quiet_since = None;
    } else {
        lower(&mut next, need, pace, bears, now);
    }

    let gives_back = matches!(wish, Wish::Release | Wish::ReleaseNow) && (next.floor <= baseline || foreign.is_some());
    if gives_back {
        return give_back(target, next, foreign, adopted);
    }
    // What stands may stay above a cap that was lowered since, until it goes down in its steps; nothing is raised above it.
    let live = target.value.unwrap_or(1);
    if next.floor > live {
        next.floor = most.map_or(next.floor, |most| next.floor.min(most)).max(live);
    }
    if let Some(value) = foreign.or_else(|| given_back(target, claim)).filter(|value| *value < next.floor) {
        // Counted and not written yet, because somebody else was quicker with another field: it is the same time still.
        let is_written =
            target.note.as_ref().is_none_or(|note| note.claim != claim.id || note.reassertions == claim.reassertions);
        if is_written && claim.reassertions >= MOST_REASSERTIONS {
            let manager = next.rival.as_ref().map_or_else(String::new, |rival| rival.manager.clone());
            let trouble = Some(Trouble::Contested { manager, value });
            return Move { claim: Some(next), write: None, trouble, adopted };
        }
        if is_written {
            next.reassertions += 1;
        }
    }
    let wanted = write_of(pool, &next);
    let stands = target.value == wanted.value && target.note == wanted.note;
    Move { write: (!stands).then_some(wanted), claim: Some(next), trouble: None, adopted }
}

/// The value of somebody else that was given back to him, and stands: to raise it again is to write over it once more.
fn given_back(target: &Target, claim: &Claim) -> Option<i32> {
    let rival = claim.rival.as_ref()?.value;
    (target.note.is_none() && target.value == Some(rival) && claim.floor <= rival).then_some(rival)
}

/// One step down, when the floor has been more than is needed for long enough.
fn lower(claim: &mut Claim, need: i32, pace: Pace, bears: &dyn Fn(i32) -> bool, now: Timestamp) {
    let quiet_since = claim.quiet_since.get_or_insert(Time(now)).0;
    if now.duration_since(quiet_since) < pace.hold {
        return;
    }
    if claim.stepped_at.as_ref().is_some_and(|at| now.duration_since(at.0) < STEP_EVERY) {
        return;
    }
    let next = need.max(claim.floor - step_of(claim.floor, pace.step));
    if bears(next) {
        claim.floor = next;
        claim.stepped_at = Some(Time(now));
    }
}

/// At least one replica, and never more than all of them.
fn step_of(floor: i32, share: f64) -> i32 {
    (1..=floor).find(|step| f64::from(*step) >= f64::from(floor) * share).unwrap_or(1)
}

/// Restored means that the floor is no longer ours, observed: the claim goes only when the target has been read without it.
fn give_back(target: &Target, mut claim: Claim, foreign: Option<i32>, adopted: Option<Rival>) -> Move {
    claim.floor = claim.baseline.unwrap_or(1);
    let carries = target.note.as_ref().is_some_and(|note| note.claim == claim.id);
    let value = match foreign {
        Some(_) => target.value,
        None => claim.baseline,
    };
    if !carries && target.value == value {
        return Move { adopted, ..Move::default() };
    }
    Move { claim: Some(claim), write: Some(Write { value, note: None }), trouble: None, adopted }
}

#[cfg(test)]
pub(super) mod tests;

//! The sentence for every situation: what is awaited, the numbers, until when, and what a person could do. Status,
//! events and the log share these words. They name only commands and fields that this release has.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::rules::Bound;
use super::snapshot::TargetFault;
use super::units::Span;
use super::units::people::{self, Rounding};
use super::why::{CappedBy, Lack, Numbers, Why};

mod beforehand;
mod leaving;
mod measuring;
mod resolving;

use beforehand::{awaiting_approval, not_yet};
use measuring::{implausible, newcomers, uncovered};
use resolving::{asking_again, asking_receiver, resolve_with, resolved, unknown};

/// The longest sentence the API server takes.
pub const LONGEST: usize = 1024;

/// In whose time, and seen from when.
#[derive(Clone, Debug)]
pub struct Voice<'a> {
    /// The campaign's zone.
    pub zone: &'a TimeZone,
    /// Now.
    pub now: Timestamp,
}

impl Voice<'_> {
    fn at(&self, instant: Timestamp) -> String {
        people::instant(instant, self.now, self.zone)
    }
}

fn minutes(after: f64) -> String {
    // Shown rounded up to whole minutes; the span type takes care of ranges.
    let seconds = if after.is_finite() && after > 0.0 { after * 60.0 } else { 0.0 };
    format!("{:.0} min", (seconds / 60.0).ceil())
}

fn factor(margin: f64) -> String {
    let text = format!("{margin:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn waves(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    match quoted.as_slice() {
        [one] => format!("wave {one}"),
        many => format!("waves {}", many.join(", ")),
    }
}

fn brings(numbers: &Numbers) -> String {
    let needed = people::needed(numbers.needed);
    if numbers.margin > 1.0 {
        let expected = people::per_second(numbers.needed / numbers.margin, Rounding::Up);
        format!("{needed} ({expected} expected, margin {})", factor(numbers.margin))
    } else {
        needed
    }
}

/// `20 replicas: 2,400 × 75 % = 1,800; demand 1,440; 210 still to come from other sends`
fn sum(numbers: &Numbers) -> String {
    let plain = |value: f64| people::per_second(value, Rounding::Up);
    let kept = if numbers.reserve > 0.0 {
        format!("; {} kept for urgent campaigns", people::per_second(numbers.reserve, Rounding::Up))
    } else {
        String::new()
    };
    format!(
        "{} × {:.0} % = {}{kept}; demand {}; {} still to come from other sends",
        plain(numbers.raw_capacity),
        numbers.utilization * 100.0,
        plain(numbers.capacity),
        plain(numbers.baseline),
        plain(numbers.committed),
    )
}

/// All that keeps a campaign back, the decisive first. What would make it too long is counted instead.
pub fn all(why: &Why, also: &[Why], observes: bool, voice: &Voice<'_>) -> String {
    let mut text = if observes { OBSERVES.to_owned() } else { String::new() };
    text.push_str(&told(why, voice));
    for (index, other) in also.iter().enumerate() {
        let further = lowered(&told(other, voice));
        let rest = also.len() - index;
        let more = format!(" Also {further}");
        if text.chars().count() + more.chars().count() + ROOM_TO_COUNT > LONGEST {
            text = format!("{text} And {rest} more.");
            break;
        }
        text.push_str(&more);
    }
    text.chars().take(LONGEST).collect()
}

/// Said first where a pool does not act.
const OBSERVES: &str = "(The pool only observes: nothing is scaled or sent.) ";
/// Characters kept free for saying how many reasons are left out.
const ROOM_TO_COUNT: usize = 16;

fn lowered(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

/// The sentence.
pub fn sentence(why: &Why, voice: &Voice<'_>) -> String {
    told(why, voice).chars().take(LONGEST).collect()
}

/// An object of a namespace at which this install does not look: whether it is there nobody can tell.
fn out_of_sight(what: &str, object: &str, field: &str) -> String {
    let namespace = object.split_once('/').map_or(object, |(namespace, _)| namespace);
    format!(
        "Waiting: the {what} {object} cannot be seen, since this Headroom does not look at namespace {namespace}. Check {field}, or ask the platform team to add the namespace to watchNamespaces of the chart."
    )
}

#[allow(clippy::too_many_lines)] // One arm per situation: a table that reads better whole.
fn told(why: &Why, voice: &Voice<'_>) -> String {
    match why {
        Why::PoolNotFound { pool, is_in_sight: false } => out_of_sight("CapacityPool", pool, "spec.poolRef"),
        Why::SenderNotFound { sender, is_in_sight: false } => out_of_sight("Sender", sender, "spec.senderRef"),
        Why::PoolNotFound { pool, is_in_sight: true } => format!(
            "Waiting: there is no CapacityPool {pool}. Check spec.poolRef, or ask the service's owner to create the pool."
        ),
        Why::SenderNotFound { sender, is_in_sight: true } => format!(
            "Waiting: there is no Sender {sender}. Check spec.senderRef, or ask the platform team to create the sender."
        ),
        Why::PoolInvalid { pool, why } => format!("Waiting: the CapacityPool {pool} cannot be used: {why}."),
        Why::Invalid { field, why } => match why.strip_prefix(&format!("{field}: ")).unwrap_or(why) {
            why if field.is_empty() => format!("Refused: {why}."),
            why => format!("Refused: {field}: {why}."),
        },
        Why::NotAdmitted { what, object, namespace } => format!(
            "Refused: the {what} {object} does not admit campaigns of namespace {namespace}. Ask its owner to choose the namespace by its labels."
        ),
        Why::SenderUnable { sender, why } => format!("Refused: the Sender {sender} cannot carry this out: {why}."),
        Why::SendIdTaken { send_id, by } => format!(
            "Refused: the sendId {send_id} belongs to the older Campaign {by}. Give this one a spec.sendId of its own in a new Campaign, or delete one of the two."
        ),
        Why::NeverFits { why } => format!("Refused: {why}. Choose a longer window, a later end, or smaller waves."),
        Why::WaveChanged { why } => format!("Refused: {why}."),
        Why::AwaitingApproval { needed, pool, name, namespace, edited } => {
            awaiting_approval(*needed, pool, name, namespace, *edited)
        }
        Why::After { pending } => {
            let all: Vec<String> = pending.iter().map(not_yet).collect();
            let all = all.join("; ");
            // A fault may end with a question.
            format!("Waiting: {all}{}", if all.ends_with('?') { "" } else { "." })
        }
        Why::Frozen { wave, reason, from, at } => format!(
            "Scheduled: wave \"{wave}\" may start {}; the pool is frozen from {} on ({reason}), and nothing leaves meanwhile.",
            voice.at(*at),
            voice.at(*from)
        ),
        Why::Slots { wave, running, most } => {
            let verb = if *most == 1 { "Campaign" } else { "Campaigns" };
            format!(
                "Waiting for its turn: the pool lets {most} {verb} be in the middle of a send, and {} {} before wave \"{wave}\" may go.",
                running.join(", "),
                if running.len() == 1 { "must come to its end" } else { "are; one must come to its end" }
            )
        }
        Why::Incident { count } => format!(
            "Waiting: {} open according to the pool's admission.incidents; nothing goes before there is none.",
            if (*count - 1.0).abs() < f64::EPSILON {
                "1 incident is".to_owned()
            } else {
                format!("{} incidents are", people::per_second(*count, Rounding::Up))
            }
        ),
        Why::WouldGo { wave, numbers } => format!(
            "Wave \"{wave}\" would go now: it needs {} on {}, {} are free, seen often enough. Set spec.mode of the pool to Enforce to let it.",
            brings(numbers),
            numbers.workload,
            people::free(numbers.free)
        ),
        Why::BeforeStart { wave, at, confirmed } => {
            let ready = match confirmed {
                Some((seen, of)) if seen >= of => " Headroom is confirmed already.",
                _ => "",
            };
            format!("Scheduled: wave \"{wave}\" may start {}.{ready}", voice.at(*at))
        }
        Why::OutsideWindow { wave, at, takes, window_was_open } => {
            let reason = if *window_was_open {
                format!("it takes {takes} and would not end inside the window that is open now")
            } else {
                "no window is open now".to_owned()
            };
            format!("Scheduled: wave \"{wave}\" may start {}; {reason}.", voice.at(*at))
        }
        Why::Room { wave, numbers, lack, likely } => room(wave, numbers, lack, *likely, voice),
        Why::Turn { wave, ahead, ahead_wave, numbers } => {
            let more = numbers.as_ref().map_or_else(String::new, |numbers| {
                format!(
                    " Wave \"{wave}\" needs {} on {}; {} are free, {} committed to other sends.",
                    brings(numbers),
                    numbers.workload,
                    people::free(numbers.free.max(0.0)),
                    people::needed(numbers.committed)
                )
            });
            format!("Waiting for its turn: wave \"{ahead_wave}\" of {ahead} goes first.{more}")
        }
        Why::Sensor { measured, name, fault } => {
            format!("Waiting: the {} \"{name}\" cannot be believed: {fault}", measured.name())
        }
        Why::TooOld { measured, name, age, limit, workload } => {
            let of = if workload.is_empty() { String::new() } else { format!(" Is the scrape of {workload} working?") };
            format!(
                "Waiting: the newest sample of the {} \"{name}\" is {age} s old (limit {limit} s).{of}",
                measured.name()
            )
        }
        Why::Negative { workload, value } => format!(
            "Waiting: the demand of \"{workload}\" reads {value}, and demand cannot be below 0. Check its query."
        ),
        Why::Implausible { measured, name, value, plausible } => implausible(*measured, name, *value, plausible),
        Why::Uncovered { workload, seen, ready, are_new: true, .. } => newcomers(workload, *seen, *ready),
        Why::Uncovered { workload, seen, ready, there, least, seen_by, are_new: false } => {
            uncovered(workload, *seen, (*ready, *there), *least, seen_by)
        }
        Why::NoHistory { workload } => format!(
            "Waiting: nothing is known of an ordinary day's demand of \"{workload}\". Declare demand.peak in the pool, or wait for a day of history in Prometheus."
        ),
        Why::Limit { name, value, max, predicted } => match predicted {
            Some(predicted) => format!(
                "Waiting for room: \"{name}\" is {value} and would reach {predicted} with this wave (limit {max})."
            ),
            None => format!("Waiting for room: \"{name}\" is {value} (limit {max})."),
        },
        Why::LimitUnpredictable { name, workload } => {
            format!("Waiting: \"{name}\" cannot be foretold while \"{workload}\" has less than 1 req/s of demand.")
        }
        Why::Target { workload, name, fault } => match fault {
            TargetFault::Missing => format!("Waiting: the Deployment {name} of workload \"{workload}\" is not there."),
            TargetFault::Unsupported(why) => {
                format!("Waiting: workload \"{workload}\" ({name}) cannot be scaled: {why}.")
            }
            TargetFault::Unreadable(why) => {
                format!("Waiting: workload \"{workload}\" ({name}) could not be read: {why}.")
            }
        },
        Why::Claimed { workload, by } => format!(
            "Waiting: workload \"{workload}\" is held by the CapacityPool {by}. Two pools cannot both give away its room; take the workload out of one of them."
        ),
        Why::Contested { workload, manager, value, floor } => format!(
            "Waiting: {manager} keeps setting the floor of \"{workload}\" to {value}, and {floor} are needed. Headroom has written it again three times and stops. Raise the value there, or take the field out of what {manager} applies."
        ),
        Why::Scaling { wave, numbers, needed, have, held, most } => format!(
            "Scaling {} for wave \"{wave}\": {needed} ready replicas needed, {have} are{} (max {most}). It brings {} on top of {} and {} still to come from other sends.",
            numbers.workload,
            if have >= needed && held < needed { ", and must be held first" } else { "" },
            brings(numbers),
            people::per_second(numbers.baseline, Rounding::Up),
            people::per_second(numbers.committed, Rounding::Up),
        ),
        Why::Confirming { wave, numbers, seen, of, span } => format!(
            "Confirming headroom for wave \"{wave}\": {seen} of {of} samples over at least {span} s. It needs {} on {}, {} are free.",
            brings(numbers),
            numbers.workload,
            people::free(numbers.free)
        ),
        Why::NotYetTried { wave, what, again } => {
            let again = again.map_or_else(String::new, |at| format!(" It is tried again {}.", voice.at(at)));
            format!("Wave \"{wave}\" has not gone: {what}{again}")
        }
        Why::AskingAgain { wave, what, at, again, tries, until } => {
            asking_again((wave, what), *at, *again, *tries, *until, voice)
        }
        Why::AskingReceiver { wave, what, way, at, told, until, .. } => {
            asking_receiver((wave, what, *at), *way, told.as_deref(), *until, voice)
        }
        Why::UnderWay { wave, recipients, at, told, resolve } => {
            leaving::under_way((wave, *recipients, *at), told.as_deref(), resolve.as_ref(), voice)
        }
        Why::Sending { wave, recipients, until } => leaving::sending(wave, *recipients, *until, voice),
        Why::Soaking { wave, until, unseen } => leaving::soaking(wave, *until, unseen.as_ref(), voice),
        Why::Paced { wave, recipients, left, at, busiest } => format!(
            "Scheduled: wave \"{wave}\" may start {}; pace Smooth gives it {} of the {} recipients that are left, so that the send as a whole takes the workloads to at most {:.0} % of what they bear.",
            voice.at(*at),
            people::grouped(*recipients),
            people::grouped(*left),
            (busiest * 100.0).ceil()
        ),
        Why::Suspended { released, planned } => {
            format!("Held: spec.suspend is true; {released} of {planned} waves have gone. Set it to false to go on.")
        }
        Why::PoolSuspended { pool } => format!("Held: the CapacityPool {pool} is suspended by its owner."),
        Why::OnHold { reason, since, name, namespace } => {
            let reason = if reason.is_empty() { "no reason was given" } else { reason };
            format!(
                "Held by a person since {}: {reason}. \"kubectl headroom resume {name} -n {namespace}\" lifts it.",
                voice.at(*since)
            )
        }
        Why::Stopped { reason, only: None } => {
            format!("Held: every release is stopped: {reason}. \"kubectl headroom go\" lifts it.")
        }
        Why::Stopped { reason, only: Some(pool) } => format!(
            "Held: every release on the CapacityPool {pool} is stopped: {reason}. \"kubectl headroom go --pool {pool}\" lifts it."
        ),
        Why::OutOfBounds { guardrail, value, bound, since, lasting } => {
            let threshold = bound.threshold();
            format!(
                "Waiting: guardrail \"{guardrail}\" is {} ({}) since {}; if that lasts for {} it counts as broken, and until it is fine nothing goes.",
                threshold.show_against(*value),
                held_against(bound),
                voice.at(*since),
                Span::between(*since, since.checked_add(*lasting).unwrap_or(*since)).for_people(Rounding::Up)
            )
        }
        Why::Breached { guardrail, value, bound, since, fine_since, until, arriving, held } => {
            let stays = arriving.map(|minutes| (minutes, *held));
            breached(guardrail, *value, bound, *since, *fine_since, *until, stays, voice)
        }
        Why::SentBefore { send_id, campaign, waves } => {
            let gone: Vec<String> = waves
                .iter()
                .map(|(name, recipients, at)| {
                    format!(
                        "\"{name}\" to {} recipients {}",
                        people::grouped(*recipients),
                        people::day(*at, voice.zone)
                    )
                })
                .collect();
            format!(
                "Held: waves of {send_id} went already for an earlier Campaign {campaign}: {}. Nothing more goes. To send something new, create a Campaign with a spec.sendId of its own; to end this one, set spec.abort.",
                gone.join(", ")
            )
        }
        Why::LedgerLost { waves: names } => format!(
            "Held: the status tells of {} and the ledger does not know it. Was the ledger's namespace restored or emptied? Nothing more goes. Find out what was sent, then create a new Campaign with a spec.sendId of its own for what is left; to end this one, set spec.abort.",
            waves(names)
        ),
        Why::LedgerUnreadable { entry } => format!(
            "Held: the ledger entry {entry} of this send cannot be read by this release of Headroom, so that nobody knows what has gone. Was the operator set back to an older release? Put the newer one back."
        ),
        Why::DeadlineHeld { waves: names, end } => {
            let end = end.map_or_else(String::new, |end| format!(" (end {})", voice.at(end)));
            format!(
                "Held: the time for {} has passed{end}, and spec.schedule.onDeadline is Hold. Move spec.schedule.end to go on, or set spec.abort to end it.",
                waves(names)
            )
        }
        Why::OutcomeUnknown { wave, what, way, at, told, resolve, .. } => {
            unknown((wave, what, *at), *way, told.as_deref(), resolve, voice)
        }
        Why::Rejected { wave, what, resolve } => format!(
            "Needs attention: the receiver refused wave \"{wave}\": {what} Nothing of it went. Mend the Sender, then have it tried again or passed over: {}{}",
            resolve_with(wave, "not-sent|skip", resolve),
            resolved(resolve, voice)
        ),
        Why::Unreachable { wave, what, tries, resolve } => format!(
            "Needs attention: wave \"{wave}\" was tried {tries} times and nothing of it went: {what} Check the Sender's address and its receiver, then have it tried again or passed over: {}{}",
            resolve_with(wave, "not-sent|skip", resolve),
            resolved(resolve, voice)
        ),
        Why::Arriving { recipients, waves, load, workload } => format!(
            "All {waves} waves have left ({} messages). About {} on {workload} still come from them, so scale stays up.",
            people::grouped(*recipients),
            people::needed(*load)
        ),
        Why::Completed { recipients, waves, edited } => {
            let edited = if *edited {
                " It was edited after its end; that changes nothing. Create a new Campaign for a further send."
            } else {
                ""
            };
            format!(
                "{} messages went in {waves} {}.{edited}",
                people::grouped(*recipients),
                if *waves == 1 { "wave" } else { "waves" }
            )
        }
        Why::DeadlineSkipped { waves: names, recipients, planned } => format!(
            "Skipped: the time for {} has passed; {} of {} messages went. What was skipped is not sent later.",
            waves(names),
            people::grouped(*recipients),
            people::grouped(*planned)
        ),
        Why::Aborted { waves: gone, planned, recipients, by, by_guardrail, under_way } => {
            let by = if *by_guardrail { format!("because guardrail \"{by}\" was broken") } else { format!("by {by}") };
            format!(
                "Aborted {by}: {gone} of {planned} waves had gone ({} messages). {}",
                people::grouped(*recipients),
                leaving::nothing_more(under_way)
            )
        }
    }
}

fn room(wave: &str, numbers: &Numbers, lack: &Lack, likely: Option<Timestamp>, voice: &Voice<'_>) -> String {
    let likely = likely.map_or_else(String::new, |at| format!(" Likely {}.", voice.at(at)));
    let workload = &numbers.workload;
    match lack {
        Lack::Now { needed, most, by } => {
            let (by, allow) = match by {
                CappedBy::Pool => ("the pool", "allows"),
                CappedBy::Autoscaler => ("its HPA", "allows"),
                CappedBy::Nodes => ("the nodes", "hold"),
            };
            let replicas = needed.map_or_else(String::new, |needed| format!(" It would take {needed} replicas."));
            let have = if numbers.replicas >= *most {
                format!("{} replicas, the most {by} {allow}: ", numbers.replicas)
            } else {
                format!("{} replicas are ready and held, {by} {allow} {most}: ", numbers.replicas)
            };
            format!(
                "Waiting for room: wave \"{wave}\" needs {} on {workload}, {} are free ({have}{}).{replicas}{likely}",
                brings(numbers),
                people::free(numbers.free.max(0.0)),
                sum(numbers)
            )
        }
        Lack::Later { after, needed, most } => format!(
            "Waiting for room: wave \"{wave}\" needs {} on {workload}. In {} {workload} would need {} in all, and the most it may grow to bears {}.{likely}",
            brings(numbers),
            minutes(*after),
            people::needed(*needed),
            people::per_second(*most, Rounding::Down)
        ),
    }
}

#[allow(clippy::too_many_arguments)]
fn breached(
    guardrail: &str,
    value: Option<f64>,
    bound: &Bound,
    since: Timestamp,
    fine_since: Option<Timestamp>,
    until: Option<Timestamp>,
    arriving: Option<(f64, bool)>,
    voice: &Voice<'_>,
) -> String {
    let limit = held_against(bound);
    let tail = match arriving {
        Some((minutes_left, held)) => {
            let stays = if held { "; scale stays up" } else { "" };
            format!(" Traffic already caused keeps arriving for about {}{stays}.", minutes(minutes_left))
        }
        None => String::new(),
    };
    match (value, fine_since, until) {
        (Some(value), Some(fine), Some(until)) => format!(
            "Held: guardrail \"{guardrail}\" is {} ({limit}) again since {}; it must stay so until {} before the next wave is weighed anew.{tail}",
            bound.threshold().show_against(value),
            voice.at(fine),
            voice.at(until)
        ),
        (Some(value), ..) => format!(
            "Held: guardrail \"{guardrail}\" is {} ({limit}) since {}.{tail}",
            bound.threshold().show_against(value),
            voice.at(since)
        ),
        (None, ..) => format!(
            "Held: guardrail \"{guardrail}\" ({limit}) was broken at {} and cannot be measured now; it must be seen to be fine for long enough.{tail}",
            voice.at(since)
        ),
    }
}

/// A guardrail's bound, as it stands in a sentence.
fn held_against(bound: &Bound) -> String {
    let threshold = bound.threshold();
    let least = if matches!(bound, Bound::Min(_)) { "at least" } else { "limit" };
    format!("{least} {}", threshold.show(threshold.value()))
}

//! The sentences of a wave of which nobody knows: that its receiver is asked again, or that it waits for a person's word, how it is said, and why what was said does not count, or not yet.

use jiff::Timestamp;

use super::Voice;
use crate::plan::contract::MOST_TRIES;
use crate::plan::contract::Way;
use crate::plan::why::Resolving;

/// The command with which a person says what became of a wave.
pub(super) fn resolve_with(wave: &str, choices: &str, resolve: &Resolving) -> String {
    let Resolving { namespace, name, .. } = resolve;
    format!("kubectl headroom resolve {name} -n {namespace} --wave {wave} --as {choices} --reason TEXT.")
}

/// What became of what a person has said already.
pub(super) fn resolved(resolve: &Resolving, voice: &Voice<'_>) -> String {
    match (resolve.waits, &resolve.refused) {
        (Some(until), _) => {
            format!(" What was said counts from {} on: until then the request may still be under way.", voice.at(until))
        }
        (None, Some(why)) => format!(" What was said cannot be taken: {why}."),
        (None, None) => String::new(),
    }
}

/// That a receiver which keeps keys is asked again: what is known, until when, and how often yet.
pub(super) fn asking_again(
    (wave, what): (&str, &str),
    at: Timestamp,
    again: Option<Timestamp>,
    tries: usize,
    until: Timestamp,
    voice: &Voice<'_>,
) -> String {
    let again = again.map_or_else(|| "once headroom is confirmed".to_owned(), |again| voice.at(again));
    format!(
        "Wave \"{wave}\" may or may not have gone ({}): {what} Its receiver keeps keys, so that it is asked again under the same key {again}: what it has seen has no second effect. {tries} of {MOST_TRIES} tries are made, and the key is kept until {}.",
        voice.at(at),
        voice.at(until)
    )
}

/// What was said when somebody was asked.
fn heard(told: Option<&str>) -> String {
    told.map_or_else(String::new, |told| format!(" Heard last: {told}."))
}

/// That a receiver which can tell is asked, and until when that may be enough.
pub(super) fn asking_receiver(
    (wave, what, at): (&str, &str, Timestamp),
    way: Way,
    told: Option<&str>,
    until: Timestamp,
    voice: &Voice<'_>,
) -> String {
    let asked = match way {
        Way::Request => "Its receiver is asked what became of it.",
        Way::Job => "Headroom looks for its Job.",
        Way::Listmonk => "Headroom asks listmonk what became of it.",
    };
    format!(
        "Wave \"{wave}\" may or may not have gone ({}): {what} {asked}{} Nobody has to do anything before {}.",
        voice.at(at),
        heard(told),
        voice.at(until)
    )
}

/// That only a person can say what became of it.
pub(super) fn unknown(
    (wave, what, at): (&str, &str, Timestamp),
    way: Way,
    told: Option<&str>,
    resolve: &Resolving,
    voice: &Voice<'_>,
) -> String {
    format!(
        "Needs attention: wave \"{wave}\" may or may not have gone ({}): {what}{} {}, then say which: {} Nothing more of this send goes before.{}",
        voice.at(at),
        heard(told),
        match way {
            Way::Request => "Ask the receiver",
            Way::Job => "Find out what its program has sent",
            Way::Listmonk => "Find out in listmonk what it has sent",
        },
        resolve_with(wave, "sent|not-sent|skip", resolve),
        resolved(resolve, voice)
    )
}

//! The sentences of a wave that waits for a person's word: how it is said, and why what was said does not count, or not yet.

use super::Voice;
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

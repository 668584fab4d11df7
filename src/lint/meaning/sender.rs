//! A Sender: its rate, its body, and what only the adapter to receivers can find wrong.

use crate::api::SenderSpec;
use crate::plan::sender_report;

use super::super::Options;
use super::super::finding::Rule;
use super::super::object::Held;
use super::{read, tell};

/// Looks at a Sender.
pub fn look(object: &mut Held, options: &Options) {
    let Some(spec) = read::<SenderSpec>(object) else { return };
    for fault in [sender_report::fault(&spec), (options.trouble)(&spec)].into_iter().flatten() {
        tell(object, Rule::Invalid, &fault, "spec");
    }
}

//! What an object means, by the operator's own parsers: whatever it would refuse is refused here, in the same words and
//! at the line of the field.

use super::Options;
use serde::de::DeserializeOwned;

use super::definitions::Kind;
use super::finding::{Rule, Severity};
use super::object::Held;

mod campaign;
mod pool;
mod sender;
mod stand_in;

/// Pools and Senders first: a Campaign is not told of what is wrong with them.
pub fn look(held: &mut [Held], options: &Options) {
    for object in held.iter_mut() {
        match object.kind {
            Kind::Pool => pool::look(object),
            Kind::Sender => sender::look(object, options),
            Kind::Campaign => {}
        }
    }
    for index in 0..held.len() {
        campaign::look(held, index);
    }
}

/// The object of that kind and key, if it is among the files. Of two the last is the one that counts.
pub fn named<'a>(held: &'a [Held], kind: Kind, key: &str) -> Option<&'a Held> {
    held.iter().rev().find(|object| object.kind == kind && object.key() == key)
}

/// `spec.waves[rest].soak: why` as the field and the sentence; a sentence of no field is of `otherwise`.
fn split<'a>(text: &'a str, otherwise: &'a str) -> (&'a str, &'a str) {
    match text.split_once(": ") {
        Some((field, why)) if field.starts_with("spec.") && !field.contains(' ') => (field, why),
        _ => (otherwise, text),
    }
}

/// Tells what one of the operator's parsers says.
fn tell(object: &mut Held, rule: Rule, text: &str, otherwise: &str) {
    let (field, why) = split(text, otherwise);
    object.tell(Severity::Error, rule, field, why);
}

/// The spec as the operator reads it.
fn read<T: DeserializeOwned>(object: &mut Held) -> Option<T> {
    match serde_json::from_value(object.spec.clone()) {
        Ok(spec) => Some(spec),
        Err(error) => {
            // Where something in it is known to be wrong, that is the cause, and this is not told.
            object.tell(Severity::Error, Rule::Invalid, "spec", format!("the operator cannot read it: {error}"));
            None
        }
    }
}

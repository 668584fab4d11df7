//! What stands in `metadata`: reading it, the names that are allowed, and what the server itself writes there.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::refusal::Problem;

/// A text of `metadata`; empty if it is not there.
pub fn text<'object>(object: &'object Value, field: &str) -> &'object str {
    object.get("metadata").and_then(|meta| meta.get(field)).and_then(Value::as_str).unwrap_or_default()
}

/// The names in `metadata.finalizers`.
pub fn finalizers(object: &Value) -> Vec<&str> {
    let list = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether it is being deleted.
pub fn is_leaving(object: &Value) -> bool {
    !text(object, "deletionTimestamp").is_empty()
}

/// Its generation; 0 where there is none.
pub fn generation(object: &Value) -> i64 {
    object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0)
}

/// Its resource version as a number; 0 where there is none.
pub fn revision(object: &Value) -> u64 {
    text(object, "resourceVersion").parse().unwrap_or(0)
}

/// A point in time as Kubernetes writes it: whole seconds.
pub fn stamp(now: Timestamp) -> String {
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

/// Sets or removes a field of `metadata`.
pub fn set(object: &mut Value, field: &str, value: Option<Value>) {
    let Some(object) = object.as_object_mut() else { return };
    let meta = object.entry("metadata").or_insert_with(|| json!({}));
    let Some(meta) = meta.as_object_mut() else { return };
    match value {
        Some(value) => {
            meta.insert(field.to_owned(), value);
        }
        None => {
            meta.remove(field);
        }
    }
}

/// What is the server's own and stays as it was, whatever is written.
const KEPT: [&str; 5] = ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"];

/// Takes over what a write cannot change.
pub fn keep(object: &mut Value, old: &Value) {
    for field in KEPT {
        set(object, field, old.pointer(&format!("/metadata/{field}")).cloned());
    }
    set(object, "selfLink", None);
}

/// Removes lists and maps in `metadata` that hold nothing; the real server's types cannot tell them from none.
pub fn tidy(object: &mut Value) {
    let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    meta.retain(|_, value| match value {
        Value::Null => false,
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    });
}

/// What is wrong with a name.
pub fn name_problems(name: &str, label: bool) -> Vec<Problem> {
    let most = if label { 63 } else { 253 };
    let ends = |part: &str, at: Option<char>| !part.is_empty() && at.is_some_and(|it| it.is_ascii_alphanumeric());
    let part_is_right = |part: &str| {
        ends(part, part.chars().next())
            && ends(part, part.chars().last())
            && part.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-')
    };
    let is_right = if label { part_is_right(name) } else { name.split('.').all(part_is_right) };
    let mut problems = Vec::new();
    if name.len() > most {
        let message = format!("must be no more than {most} characters");
        problems.push(Problem::invalid("metadata.name", &json!(name), message));
    }
    if !is_right {
        let detail = if label {
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end \
             with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
        } else {
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
             start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        };
        problems.push(Problem::invalid("metadata.name", &json!(name), detail));
    }
    problems
}

/// The part of a name that `generateName` leaves to the server: five of the letters the real one draws from, counted up.
pub fn suffix(mut number: u64) -> String {
    const LETTERS: [char; 27] = [
        'b', 'c', 'd', 'f', 'g', 'h', 'j', 'k', 'l', 'm', 'n', 'p', 'q', 'r', 's', 't', 'v', 'w', 'x', 'z', '2', '4',
        '5', '6', '7', '8', '9',
    ];
    let mut text = String::new();
    for _ in 0..5 {
        let place = usize::try_from(number % 27).unwrap_or(0);
        text.insert(0, LETTERS[place]);
        number /= 27;
    }
    text
}

//! The API server's own record of who asked it for what, and how it answered: the witness of rights and of the order of writes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::bed::Bed;

/// A verb, an API group, and a resource with its part.
pub type Right = (String, String, String);

/// Every event of a user.
pub fn events(bed: &Bed, user: &str) -> Vec<Value> {
    read(bed, user, |name| name == user)
}

/// Every event of the users that are meant, whose names all begin so.
fn read(bed: &Bed, beginning: &str, is_meant: impl Fn(&str) -> bool) -> Vec<Value> {
    let log = std::fs::read_to_string(bed.dir.join("logs/audit.log")).unwrap();
    let lines = log.lines().filter(|line| line.contains(beginning));
    let events = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter(|event| event["user"]["username"].as_str().is_some_and(&is_meant)).collect()
}

/// How the API server answered.
pub fn code(event: &Value) -> i64 {
    event["responseStatus"]["code"].as_i64().unwrap_or(0)
}

/// What an event asked for; None where it was about no object.
pub fn right(event: &Value) -> Option<Right> {
    let object = &event["objectRef"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let resource = match object["subresource"].as_str() {
        Some(part) => format!("{}/{part}", text(&object["resource"])),
        None => text(&object["resource"]),
    };
    (!object.is_null()).then(|| (text(&event["verb"]), text(&object["apiGroup"]), resource))
}

/// What was refused to the accounts of a namespace for want of a right, with the namespace it was asked in. Other answers that are no success, such as 404, 409
/// or 422, are answers like any other.
pub fn refused(bed: &Bed, namespace: &str) -> BTreeSet<(Right, String)> {
    let accounts = format!("system:serviceaccount:{namespace}:");
    let events = read(bed, &accounts, |name| name.starts_with(&accounts));
    let refused = events.iter().filter(|event| code(event) == 403 && !is_policy(event));
    let namespace = |event: &Value| event["objectRef"]["namespace"].as_str().unwrap_or_default().to_owned();
    refused.filter_map(|event| Some((right(event)?, namespace(event)))).collect()
}

/// Whether it was a namespace on its way out, or an admission, that refused, and not the want of a right.
fn is_policy(event: &Value) -> bool {
    let said = event["responseStatus"]["message"].as_str().unwrap_or_default();
    said.contains("because it is being terminated")
        || said.contains("denied the request")
        || said.contains("denied request")
}

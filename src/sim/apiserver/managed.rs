//! `metadata.managedFields`: which manager last changed which field, and when. Updates only; a list is one field, and
//! there is no server-side apply. Enough to tell who wrote a floor or a scale, which is what the operator asks it.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::meta;

/// Who writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Manager {
    /// `fieldManager`, else what the client calls itself.
    pub name: String,
    /// Written through a subresource.
    pub subresource: Option<String>,
}

/// Metadata that nobody manages.
const UNMANAGED: [&str; 9] = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "resourceVersion",
];

/// Writes into `new` who manages what, now that `manager` has made it of `old`.
pub fn record(old: Option<&Value>, new: &mut Value, manager: &Manager, now: Timestamp) {
    let (mut changed, mut gone) = (Map::new(), Map::new());
    compare(old.unwrap_or(&Value::Null), new, &mut changed, &mut gone, Depth::Root);
    let before = old.and_then(|old| old.pointer("/metadata/managedFields")).and_then(Value::as_array);
    let api_version = new["apiVersion"].clone();
    let is_own = |entry: &Value| {
        entry["manager"] == manager.name.as_str()
            && entry["apiVersion"] == api_version
            && entry.get("subresource").and_then(Value::as_str) == manager.subresource.as_deref()
    };
    let mut entries: Vec<Value> = Vec::new();
    let mut own = Map::new();
    let mut own_time = Value::Null;
    for entry in before.into_iter().flatten() {
        let mut fields = entry["fieldsV1"].as_object().cloned().unwrap_or_default();
        subtract(&mut fields, &gone);
        if is_own(entry) {
            own = fields;
            own_time = entry["time"].clone();
            continue;
        }
        subtract(&mut fields, &changed);
        if !fields.is_empty() {
            let mut entry = entry.clone();
            entry["fieldsV1"] = Value::Object(fields);
            entries.push(entry);
        }
    }
    if !changed.is_empty() {
        join(&mut own, changed);
        own_time = json!(meta::stamp(now));
    }
    if !own.is_empty() {
        let mut entry = json!({
            "manager": manager.name, "operation": "Update", "apiVersion": api_version, "time": own_time,
            "fieldsType": "FieldsV1", "fieldsV1": own,
        });
        if let Some(subresource) = &manager.subresource {
            entry["subresource"] = json!(subresource);
        }
        entries.push(entry);
    }
    entries.sort_by_cached_key(|entry| {
        let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
        (text("time"), text("manager"), text("subresource"))
    });
    meta::set(new, "managedFields", (!entries.is_empty()).then_some(Value::Array(entries)));
}

#[derive(Clone, Copy, PartialEq)]
enum Depth {
    Root,
    Metadata,
    Below,
}

/// The fields of `new` that are not as in `old`, and those of `old` that are gone.
fn compare(old: &Value, new: &Value, changed: &mut Map<String, Value>, gone: &mut Map<String, Value>, depth: Depth) {
    let none = Map::new();
    let (before, after) = (old.as_object().unwrap_or(&none), new.as_object().unwrap_or(&none));
    let is_managed = |field: &str| match depth {
        Depth::Root => !matches!(field, "apiVersion" | "kind"),
        Depth::Metadata => !UNMANAGED.contains(&field),
        Depth::Below => true,
    };
    for (field, value) in after.iter().filter(|(field, _)| is_managed(field)) {
        let there = before.get(field).unwrap_or(&Value::Null);
        if there == value {
            continue;
        }
        let key = format!("f:{field}");
        if value.as_object().is_some_and(|map| !map.is_empty()) {
            let (mut inner, mut lost) = (Map::new(), Map::new());
            let below = if depth == Depth::Root && field == "metadata" { Depth::Metadata } else { Depth::Below };
            compare(there, value, &mut inner, &mut lost, below);
            if !inner.is_empty() {
                changed.insert(key.clone(), Value::Object(inner));
            }
            if !lost.is_empty() {
                gone.insert(key, Value::Object(lost));
            }
        } else {
            changed.insert(key, json!({}));
        }
    }
    for (field, _) in before.iter().filter(|(field, _)| is_managed(field) && !after.contains_key(*field)) {
        gone.insert(format!("f:{field}"), json!({}));
    }
}

fn subtract(from: &mut Map<String, Value>, fields: &Map<String, Value>) {
    for (field, below) in fields {
        let Some(below) = below.as_object() else { continue };
        let is_empty = match from.get_mut(field) {
            Some(Value::Object(there)) if !below.is_empty() && !there.is_empty() => {
                subtract(there, below);
                there.is_empty()
            }
            _ => true,
        };
        if is_empty {
            from.remove(field);
        }
    }
}

fn join(into: &mut Map<String, Value>, fields: Map<String, Value>) {
    for (field, below) in fields {
        match (into.get_mut(&field), below) {
            (Some(Value::Object(there)), Value::Object(below)) => join(there, below),
            (_, below) => {
                into.insert(field, below);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::needless_pass_by_value)]
mod tests {
    use super::*;

    fn write(old: Option<&Value>, spec: Value, manager: &str, second: i64) -> Value {
        let mut new = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec});
        let manager = Manager { name: manager.to_owned(), subresource: None };
        record(old, &mut new, &manager, Timestamp::from_second(second).unwrap());
        new
    }

    #[test]
    fn a_field_belongs_to_whoever_changed_it_last() {
        let made = write(None, json!({"replicas": 2, "paused": false}), "kubectl", 10);
        assert_eq!(
            made["metadata"]["managedFields"],
            json!([{
                "manager": "kubectl", "operation": "Update", "apiVersion": "apps/v1", "time": "1970-01-01T00:00:10Z",
                "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:paused": {}, "f:replicas": {}}},
            }])
        );
        let raised = write(Some(&made), json!({"replicas": 5, "paused": false}), "headroom", 20);
        let fields = |object: &Value, index: usize| object["metadata"]["managedFields"][index]["fieldsV1"].clone();
        assert_eq!(fields(&raised, 0), json!({"f:spec": {"f:paused": {}}}));
        assert_eq!(fields(&raised, 1), json!({"f:spec": {"f:replicas": {}}}));
        let dropped = write(Some(&raised), json!({"paused": false}), "kubectl", 30);
        assert_eq!(dropped["metadata"]["managedFields"].as_array().unwrap().len(), 1, "nobody manages what is gone");
        assert_eq!(dropped["metadata"]["managedFields"][0]["time"], "1970-01-01T00:00:10Z", "nothing was set");
    }
}

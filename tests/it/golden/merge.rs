//! A case says only what matters to it; the rest comes from the base. Objects are joined key by key, null takes a key
//! away, and anything else, lists too, replaces what was there.

use serde_json::Value;

/// `over`, laid upon `base`.
pub fn merge(base: &Value, over: &Value) -> Value {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            let mut all = base.clone();
            for (key, value) in over {
                let joined = base.get(key).map_or_else(|| stripped(value), |old| merge(old, value));
                if joined.is_null() {
                    all.remove(key);
                } else {
                    all.insert(key.clone(), joined);
                }
            }
            Value::Object(all)
        }
        (_, over) => stripped(over),
    }
}

fn stripped(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key.clone(), stripped(value))).collect())
        }
        other => other.clone(),
    }
}

/// An API object in its own form, and none of its keys unknown: what is written must come back when it is written out.
pub fn strict<T: serde::Serialize + serde::de::DeserializeOwned>(what: &str, written: &Value) -> Result<T, String> {
    let understood: T = serde_json::from_value(written.clone()).map_err(|error| format!("{what}: {error}"))?;
    let back = serde_json::to_value(&understood).map_err(|error| format!("{what}: {error}"))?;
    match lost(written, &back, what) {
        Some(path) => Err(format!("{path}: there is no such field")),
        None => Ok(understood),
    }
}

fn lost(written: &Value, back: &Value, path: &str) -> Option<String> {
    match (written, back) {
        (Value::Object(written), Value::Object(back)) => written.iter().find_map(|(key, value)| {
            let path = format!("{path}.{key}");
            match back.get(key) {
                Some(other) => lost(value, other, &path),
                None => Some(path),
            }
        }),
        (Value::Array(written), Value::Array(back)) => written
            .iter()
            .zip(back)
            .enumerate()
            .find_map(|(index, (one, two))| lost(one, two, &format!("{path}[{index}]"))),
        _ => None,
    }
}

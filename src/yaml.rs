//! The only place that knows YAML.
//!
//! Everything goes through `serde_json::Value`: read directly, `serde_yaml` expects an enum in a form that no Kubernetes
//! object has, and printed directly it leaves strings such as `no` unquoted, which kubectl reads as false.

use serde::Serialize;
use serde_json::Value;

/// Prints an object as YAML that a YAML 1.1 reader, such as kubectl, reads back unchanged.
pub fn print<T: Serialize>(object: &T) -> Result<String, serde_yaml::Error> {
    let value = serde_json::to_value(object).map_err(<serde_yaml::Error as serde::ser::Error>::custom)?;
    let text = serde_yaml::to_string(&value)?;
    debug_assert!(!has_ambiguous(&value), "a string that YAML 1.1 reads otherwise is not quoted by serde_yaml");
    Ok(text)
}

/// Words that a YAML 1.1 reader takes for a truth value and `serde_yaml` prints bare.
const AMBIGUOUS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "Yes", "No"];

fn has_ambiguous(value: &Value) -> bool {
    match value {
        Value::String(text) => AMBIGUOUS.contains(&text.as_str()),
        Value::Array(items) => items.iter().any(has_ambiguous),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| AMBIGUOUS.contains(&name.as_str()) || has_ambiguous(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Reads every document of a file.
pub fn read_all(text: &str) -> Result<Vec<Value>, serde_yaml::Error> {
    serde_yaml::Deserializer::from_str(text)
        .map(<Value as serde::Deserialize>::deserialize)
        .filter(|document| !matches!(document, Ok(Value::Null)))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::api::sender::Contract;

    #[test]
    fn a_kubernetes_union_survives_the_way_there_and_back() {
        let documents = read_all("contract:\n  atMostOnce: {}\n---\n---\nsecond: 2\n").unwrap();
        assert_eq!(documents.len(), 2);
        let contract: Contract = serde_json::from_value(documents[0]["contract"].clone()).unwrap();
        assert!(contract.at_most_once.is_some());
        let printed = print(&contract).unwrap();
        assert_eq!(printed, "atMostOnce: {}\n");
    }
}

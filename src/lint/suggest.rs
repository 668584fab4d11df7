//! What was probably meant: a name that is written almost so, or one that belongs elsewhere.

use serde_json::Value;

/// The name that is written almost like `word`, if there is one that is close.
pub fn close<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let told = |name: &'a str| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name);
    // A third of the letters may be wrong; more than that is another word.
    let near = names.into_iter().map(told).filter(|(distance, name)| distance * 3 <= name.chars().count().max(3));
    near.min().map(|(_, name)| name)
}

/// Paths at which a definition has a field of that name.
pub fn elsewhere(schema: &Value, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    look(schema, name, "", &mut found);
    found
}

fn look(schema: &Value, name: &str, path: &str, found: &mut Vec<String>) {
    for (property, below) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = super::path::join(path, property);
        // What the operator writes is nobody's to write.
        if path == "status" {
            continue;
        }
        if property == name {
            found.push(path.clone());
        }
        look(below, name, &path, found);
    }
    if let Some(items) = schema.get("items") {
        look(items, name, &format!("{path}[]"), found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_words_are_suggested_and_others_are_not() {
        let names = ["audience", "channel", "schedule", "waves", "for"];
        assert_eq!(close("audiense", names), Some("audience"));
        assert_eq!(close("Channel", names), Some("channel"));
        assert_eq!(close("wave", names), Some("waves"));
        assert_eq!(close("shedule", names), Some("schedule"));
        assert_eq!(close("template", names), None);
        assert_eq!(close("x", names), None);
    }
}

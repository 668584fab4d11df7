//! Label and field selectors: which objects of a collection are meant.

use serde_json::Value;

use super::meta;
use super::refusal::Refusal;

/// What an object must have.
#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    There(String),
    NotThere(String),
}

/// Which objects are meant; everything where nothing is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    labels: Vec<Wanted>,
    fields: Vec<Wanted>,
}

impl Selector {
    /// Reads both selectors as they stand in a query.
    pub fn read(labels: &str, fields: &str) -> Result<Selector, Refusal> {
        let wanted = |text: &str| -> Result<Vec<Wanted>, Refusal> {
            split(text).into_iter().filter(|part| !part.is_empty()).map(|part| one(&part)).collect()
        };
        let fields = wanted(fields)?;
        for field in &fields {
            let (Wanted::In(name, _) | Wanted::NotIn(name, _) | Wanted::There(name) | Wanted::NotThere(name)) = field;
            if !matches!(name.as_str(), "metadata.name" | "metadata.namespace") {
                return Err(Refusal::bad_request(format!("field label not supported: {name}")));
            }
        }
        Ok(Selector { labels: wanted(labels)?, fields })
    }

    /// Whether everything is meant.
    pub fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object is meant.
    pub fn matches(&self, object: &Value) -> bool {
        let label = |name: &str| object.get("metadata")?.get("labels")?.get(name)?.as_str();
        let field = |name: &str| Some(meta::text(object, name.trim_start_matches("metadata.")));
        self.labels.iter().all(|wanted| wanted.holds(label)) && self.fields.iter().all(|wanted| wanted.holds(field))
    }
}

impl Wanted {
    fn holds<'object>(&self, there: impl Fn(&str) -> Option<&'object str>) -> bool {
        match self {
            Wanted::In(name, values) => there(name).is_some_and(|it| values.iter().any(|value| value == it)),
            Wanted::NotIn(name, values) => there(name).is_none_or(|it| values.iter().all(|value| value != it)),
            Wanted::There(name) => there(name).is_some(),
            Wanted::NotThere(name) => there(name).is_none(),
        }
    }
}

/// At commas that are not inside parentheses.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for letter in text.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).collect()
}

fn one(text: &str) -> Result<Wanted, Refusal> {
    let values = |list: &str| -> Vec<String> {
        list.trim().trim_start_matches('(').trim_end_matches(')').split(',').map(|it| it.trim().to_owned()).collect()
    };
    let named = |name: &str| name.trim().to_owned();
    if let Some((name, list)) = text.split_once(" notin ") {
        return Ok(Wanted::NotIn(named(name), values(list)));
    }
    if let Some((name, list)) = text.split_once(" in ") {
        return Ok(Wanted::In(named(name), values(list)));
    }
    if let Some((name, value)) = text.split_once("!=") {
        return Ok(Wanted::NotIn(named(name), vec![named(value)]));
    }
    if let Some((name, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Ok(Wanted::In(named(name), vec![named(value)]));
    }
    match text.strip_prefix('!') {
        Some(name) if is_name(name.trim()) => Ok(Wanted::NotThere(named(name))),
        None if is_name(text) => Ok(Wanted::There(named(text))),
        _ => Err(Refusal::bad_request(format!(
            "unable to parse requirement: found '{text}', expected: !, identifier, or 'end of string'"
        ))),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./".contains(letter))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_operator_selects() {
        let object = json!({"metadata": {"name": "a", "labels": {"team": "x", "tier": "web"}}});
        let matches = |labels: &str| Selector::read(labels, "").unwrap().matches(&object);
        for yes in [
            "",
            "team=x",
            "team==x",
            "team!=y",
            "team",
            "!gone",
            "team in (x, y)",
            "team notin (y)",
            "gone!=x",
            "team=x,tier=web",
        ] {
            assert!(matches(yes), "{yes}");
        }
        for no in ["team=y", "team!=x", "gone", "!team", "team in (y,z)", "team notin (x)", "team=x,tier=db"] {
            assert!(!matches(no), "{no}");
        }
        let by_field = |fields: &str| Selector::read("", fields).map(|selector| selector.matches(&object));
        assert_eq!(by_field("metadata.name=a"), Ok(true));
        assert_eq!(by_field("metadata.name=b"), Ok(false));
        assert_eq!(by_field("spec.x=b").unwrap_err().message, "field label not supported: spec.x");
        assert!(Selector::read("a b", "").is_err());
    }
}

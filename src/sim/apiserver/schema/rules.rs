//! The CEL rules of a schema, evaluated at the node they stand at. Those that compare with the past are apart from the
//! others, since only the others are let off where nothing changed.

use std::borrow::Cow;
use std::collections::BTreeSet;

use kube::core::cel::{CompiledSchema, Validator, compile_schema};
use serde_json::Value;

use super::Schema;
use super::fill::join;
use crate::sim::apiserver::refusal::Problem;

/// The rules of one node.
#[derive(Debug, Default)]
pub(super) struct Rules {
    steady: Option<Program>,
    transitions: Option<Program>,
}

/// Compiled rules, and what they look at.
#[derive(Debug)]
struct Program {
    compiled: CompiledSchema,
    /// The fields that they name, if they look at nothing else: to hand a rule all of a large object is dear.
    fields: Option<BTreeSet<String>>,
}

const RULES: &str = "x-kubernetes-validations";

thread_local! {
    // One per thread: it cannot be shared, and is dear to make.
    static VALIDATOR: Validator = Validator::new();
}

impl Rules {
    /// Compiles the rules of a node, without those below it.
    pub(super) fn read(schema: &Value) -> Result<Rules, String> {
        let Some(rules) = schema.get(RULES).and_then(Value::as_array) else { return Ok(Rules::default()) };
        let is_transition = |rule: &&Value| rule["rule"].as_str().is_some_and(|rule| rule.contains("oldSelf"));
        let compile = |rules: Vec<Value>| -> Result<Option<Program>, String> {
            if rules.is_empty() {
                return Ok(None);
            }
            let mut bare = without_rules(schema);
            let fields = named(&rules);
            bare[RULES] = Value::Array(rules);
            let compiled = compile_schema(&bare);
            match compiled.compilation_errors().first() {
                Some(error) => Err(error.to_string()),
                None => Ok(Some(Program { compiled, fields })),
            }
        };
        let (transitions, steady): (Vec<&Value>, Vec<&Value>) = rules.iter().partition(is_transition);
        let owned = |rules: Vec<&Value>| rules.into_iter().cloned().collect();
        Ok(Rules { steady: compile(owned(steady))?, transitions: compile(owned(transitions))? })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steady.is_none() && self.transitions.is_none()
    }

    pub(super) fn compare(&self) -> bool {
        self.transitions.is_some()
    }
}

/// The fields of `self` that rules name; None if one of them looks at `self` as a whole.
fn named(rules: &[Value]) -> Option<BTreeSet<String>> {
    let mut fields = BTreeSet::new();
    for rule in rules {
        for text in ["rule", "messageExpression"].into_iter().filter_map(|part| rule.get(part)?.as_str()) {
            // "oldSelf" ends in another "Self", so both are met here.
            let text = text.replace("oldSelf", "self");
            for after in text.split("self").skip(1) {
                let after = after.strip_prefix('.')?;
                let end = after.find(|it: char| !it.is_ascii_alphanumeric() && it != '_').unwrap_or(after.len());
                let (name, rest) = after.split_at(end);
                if name.is_empty() || rest.starts_with('(') {
                    return None;
                }
                fields.insert(name.to_owned());
            }
        }
    }
    Some(fields)
}

/// The types of a schema alone: rules need them to read dates as dates.
fn without_rules(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => {
            let kept = map.iter().filter(|(name, _)| !matches!(name.as_str(), RULES | "default" | "description"));
            Value::Object(kept.map(|(name, value)| (name.clone(), without_rules(value))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(without_rules).collect()),
        other => other.clone(),
    }
}

impl Schema {
    /// Evaluates every rule of the tree.
    pub(super) fn apply_rules(&self, value: &Value, old: Option<&Value>, path: &str, problems: &mut Vec<Problem>) {
        let unchanged = old == Some(value);
        if value.is_null() || !self.ruled || (unchanged && !self.compares) {
            return;
        }
        if let Some(rules) = self.rules.steady.as_ref().filter(|_| !unchanged) {
            rules.apply(value, None, path, problems);
        }
        if let (Some(rules), Some(old)) = (&self.rules.transitions, old.filter(|old| !old.is_null())) {
            rules.apply(value, Some(old), path, problems);
        }
        match value {
            Value::Object(map) => {
                for (name, value) in map {
                    if let Some(schema) = self.field(name) {
                        schema.apply_rules(value, old.and_then(|old| old.get(name)), &join(path, name), problems);
                    }
                }
            }
            Value::Array(list) => {
                if let Some(items) = &self.items {
                    for (index, item) in list.iter().enumerate() {
                        items.apply_rules(item, self.ancestor(item, old), &format!("{path}[{index}]"), problems);
                    }
                }
            }
            _ => {}
        }
    }
}

impl Program {
    fn apply(&self, value: &Value, old: Option<&Value>, path: &str, problems: &mut Vec<Problem>) {
        let (value, old) = (self.seen(value, path), old.map(|old| self.seen(old, path)));
        let checked = VALIDATOR.with(|it| it.validate_compiled(&self.compiled, &value, old.as_deref()));
        for error in checked.err().into_iter().flatten() {
            let below = error.field_path.trim_start_matches('.');
            let field = if below.is_empty() { path.to_owned() } else { join(path, below) };
            let field = if field.is_empty() { "<nil>".to_owned() } else { field };
            let message = format!("Invalid value: {}", error.message);
            problems.push(Problem { field, reason: "FieldValueInvalid", message });
        }
    }

    /// What the rules see of a value. Of metadata a rule at the root sees the name alone.
    fn seen<'value>(&self, value: &'value Value, path: &str) -> Cow<'value, Value> {
        let is_root = path.is_empty();
        let Some(map) = value.as_object().filter(|_| is_root || self.fields.is_some()) else {
            return Cow::Borrowed(value);
        };
        let is_named = |name: &str| self.fields.as_ref().is_none_or(|fields| fields.contains(name));
        let seen = map.iter().filter(|(name, _)| is_named(name)).map(|(name, value)| {
            let value = if is_root && name == "metadata" { names(value) } else { value.clone() };
            (name.clone(), value)
        });
        Cow::Owned(Value::Object(seen.collect()))
    }
}

fn names(meta: &Value) -> Value {
    let fields = meta.as_object().into_iter().flatten();
    let kept = fields.filter(|(name, _)| matches!(name.as_str(), "name" | "generateName"));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::named;

    #[test]
    fn the_fields_that_rules_name_are_known() {
        let fields = |rule: &str| named(&[json!({"rule": rule})]).map(|fields| fields.into_iter().collect::<Vec<_>>());
        let some = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(fields("has(self.b) == has(oldSelf.b) && self.a.c < 5"), some(&["a", "b"]));
        assert_eq!(fields("self.exists(w, has(w.percent))"), None, "a call looks at the whole");
        assert_eq!(fields("self == oldSelf"), None);
        assert_eq!(fields("self.a == 1 && size(self) > 2"), None);
        assert_eq!(fields("self['a'] == 1"), None);
    }
}

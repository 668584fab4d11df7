//! The CEL rules of a schema, evaluated at the node they stand at. Those that compare with the past are apart from the
//! others, since only the others are let off where nothing changed.

use kube::core::cel::{CompiledSchema, Validator, compile_schema};
use serde_json::{Map, Value};

use super::Schema;
use super::fill::join;
use crate::sim::apiserver::refusal::Problem;

/// The rules of one node.
#[derive(Debug, Default)]
pub(super) struct Rules {
    steady: Option<CompiledSchema>,
    transitions: Option<CompiledSchema>,
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
        let compile = |rules: Vec<Value>| -> Result<Option<CompiledSchema>, String> {
            if rules.is_empty() {
                return Ok(None);
            }
            let mut bare = without_rules(schema);
            bare[RULES] = Value::Array(rules);
            let compiled = compile_schema(&bare);
            match compiled.compilation_errors().first() {
                Some(error) => Err(error.to_string()),
                None => Ok(Some(compiled)),
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
        if !self.rules.is_empty() {
            let shown = path.is_empty().then(|| (seen_at_root(value), old.map(seen_at_root)));
            let (value, old) = match &shown {
                Some((value, old)) => (value, old.as_ref()),
                None => (value, old),
            };
            if let Some(rules) = self.rules.steady.as_ref().filter(|_| !unchanged) {
                self.apply(rules, value, None, path, problems);
            }
            if let (Some(rules), Some(old)) = (&self.rules.transitions, old.filter(|old| !old.is_null())) {
                self.apply(rules, value, Some(old), path, problems);
            }
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

    fn apply(
        &self,
        rules: &CompiledSchema,
        value: &Value,
        old: Option<&Value>,
        path: &str,
        problems: &mut Vec<Problem>,
    ) {
        let Err(errors) = VALIDATOR.with(|validator| validator.validate_compiled(rules, value, old)) else { return };
        for error in errors {
            let below = error.field_path.trim_start_matches('.');
            let field = if below.is_empty() { path.to_owned() } else { join(path, below) };
            let field = if field.is_empty() { "<nil>".to_owned() } else { field };
            let message = format!("Invalid value: \"{}\": {}", self.kind, error.message);
            problems.push(Problem { field, reason: "FieldValueInvalid", message });
        }
    }
}

/// Of metadata a rule at the root sees the name alone.
fn seen_at_root(object: &Value) -> Value {
    let Some(map) = object.as_object() else { return object.clone() };
    let mut seen: Map<String, Value> = map
        .iter()
        .filter(|(name, _)| name.as_str() != "metadata")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let name =
        |field: &str| object.pointer(&format!("/metadata/{field}")).map(|value| (field.to_owned(), value.clone()));
    let names = [name("name"), name("generateName")].into_iter().flatten().collect();
    seen.insert("metadata".to_owned(), Value::Object(names));
    Value::Object(seen)
}

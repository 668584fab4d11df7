//! An object against its own definition: types, names of fields, forms and ranges, as the API server judges them.
//!
//! Follows from the definition alone and knows no field by name.

use std::collections::BTreeMap;

use serde_json::Value;

use super::definitions::Definitions;
use super::finding::{Mark, Remark, Rule};
use super::node::{Fields, Node, Shape};
use super::path::join;
use super::scalar::{Means, Scalar};
use super::{quantity, suggest};

mod bounds;
mod types;

use types::Wanted;

/// One look at one object.
pub struct Look<'a> {
    definitions: &'a Definitions,
    /// The whole definition, to say where a field belongs.
    whole: &'a Value,
    /// Whether a field that holds nothing counts as left out, as in metadata.
    takes_nothing: bool,
    /// What was found.
    pub remarks: Vec<Remark>,
}

impl<'a> Look<'a> {
    /// At an object of that definition.
    pub fn new(definitions: &'a Definitions, whole: &'a Value, takes_nothing: bool) -> Look<'a> {
        Look { definitions, whole, takes_nothing, remarks: Vec::new() }
    }

    fn tell(&mut self, rule: Rule, at: Mark, field: &str, message: impl Into<String>) {
        self.remarks.push(Remark::error(rule, at, field, message));
    }

    /// Looks at a value. `at` is where findings about the whole of it belong.
    pub fn value(&mut self, node: &Node, at: Mark, schema: &Value, path: &str) {
        if node.is_null() {
            self.nothing(at, schema, path);
            return;
        }
        let wanted = Wanted::of(schema);
        if let Some(message) = wanted.and_then(|wanted| wanted.differs(node)) {
            self.tell(Rule::WrongType, at, path, message);
            return;
        }
        match &node.shape {
            Shape::Scalar(scalar) => self.scalar(scalar, at, schema, path),
            Shape::List(items) => self.list(items, at, schema, path),
            Shape::Map(fields) => self.map(fields, at, schema, path),
        }
        self.combined(node, at, schema, path);
    }

    fn nothing(&mut self, at: Mark, schema: &Value, path: &str) {
        let may_be = |name: &str| schema.get(name).and_then(Value::as_bool) == Some(true);
        if may_be("nullable") || may_be("x-kubernetes-preserve-unknown-fields") || self.takes_nothing {
            return;
        }
        let what = Wanted::of(schema).map_or("a value", Wanted::name);
        self.tell(Rule::WrongType, at, path, format!("nothing stands here; give it {what}, or take the field out"));
    }

    fn scalar(&mut self, scalar: &Scalar, at: Mark, schema: &Value, path: &str) {
        let value = scalar.to_json();
        if let Some(values) = schema.get("enum").and_then(Value::as_array)
            && !values.contains(&value)
        {
            let names: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            let meant = suggest::close(&scalar.text, names.iter().copied());
            let meant = meant.map_or_else(String::new, |name| format!("; did you mean {name}?"));
            let message = format!("\"{}\" is none of {}{meant}", scalar.text, names.join(", "));
            self.tell(Rule::WrongValue, at, path, message);
            return;
        }
        if let Some(message) = bounds::of_number(&value, schema).or_else(|| bounds::of_text(&value, schema)) {
            self.tell(Rule::OutOfRange, at, path, message);
            return;
        }
        let (Some(text), Some(form)) = (value.as_str(), schema.get("pattern").and_then(Value::as_str)) else { return };
        if !self.definitions.has_form(form, text) {
            let message = format!("\"{text}\" is not written as this field needs it ({form}){}", help(schema));
            self.tell(Rule::WrongForm, at, path, message);
        } else if let Some(message) = quantity::fault(form, text) {
            self.tell(Rule::Quantity, at, path, message);
        }
    }

    fn list(&mut self, items: &[Node], at: Mark, schema: &Value, path: &str) {
        if let Some(message) = bounds::of_list(items.len(), schema) {
            self.tell(Rule::OutOfRange, at, path, message);
        }
        let below = schema.get("items").unwrap_or(&Value::Null);
        for (index, item) in items.iter().enumerate() {
            self.value(item, item.at, below, &format!("{path}[{index}]"));
        }
        let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
        let keys: Vec<&str> = keys.into_iter().flatten().filter_map(Value::as_str).collect();
        let mut seen: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        for (index, item) in items.iter().enumerate().filter(|_| !keys.is_empty()) {
            let named = keys.iter().map(|key| item.get(key).map(|value| value.to_json().to_string()));
            let Some(named) = named.collect::<Option<Vec<_>>>() else { continue };
            match seen.get(&named) {
                Some(line) => {
                    let place = keys.first().and_then(|key| item.field(key)).map_or(item.at, super::node::Field::place);
                    let message = format!(
                        "{} stands in line {line} already; give each entry its own {}",
                        named.join(", "),
                        keys.join(" and ")
                    );
                    self.tell(Rule::RepeatedItem, place, &format!("{path}[{index}]"), message);
                }
                None => {
                    seen.insert(named, item.at.line);
                }
            }
        }
    }

    fn map(&mut self, fields: &Fields, at: Mark, schema: &Value, path: &str) {
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties").filter(|others| **others != Value::Bool(false));
        let keeps = schema.get("x-kubernetes-preserve-unknown-fields").and_then(Value::as_bool) == Some(true);
        if let Some(message) = bounds::of_fields(fields.all.len(), schema) {
            self.tell(Rule::OutOfRange, at, path, message);
        }
        let mut meant: Vec<&str> = Vec::new();
        for field in &fields.all {
            let below = join(path, &field.name);
            match properties.and_then(|properties| properties.get(&field.name)).or(others) {
                Some(schema) => self.value(&field.value, field.place(), schema, &below),
                None if keeps => {}
                None => {
                    let names = properties.into_iter().flat_map(|properties| properties.keys().map(String::as_str));
                    meant.extend(suggest::close(&field.name, names.clone()));
                    let message = self.unknown(&field.name, names, path);
                    self.tell(Rule::UnknownField, field.at, &below, message);
                }
            }
        }
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            // What is there under a name that is almost right is not missing.
            if !meant.contains(&name) && !fields.all.iter().any(|field| field.name == name) {
                let below = properties.and_then(|properties| properties.get(name)).unwrap_or(&Value::Null);
                let message = format!("it is missing, and must be there{}", help(below));
                self.tell(Rule::MissingField, at, &join(path, name), message);
            }
        }
    }

    /// What to say of a field that is not there.
    fn unknown<'n>(&self, name: &str, names: impl Iterator<Item = &'n str>, path: &str) -> String {
        let names: Vec<&str> = names.collect();
        let here = if path.is_empty() { "the object" } else { path };
        if let Some(meant) = suggest::close(name, names.iter().copied()) {
            return format!("{here} has no field \"{name}\"; did you mean {meant}?");
        }
        match suggest::elsewhere(self.whole, name).as_slice() {
            some @ ([_] | [_, _] | [_, _, _]) => {
                format!("{here} has no field \"{name}\"; it belongs at {}", some.join(" or "))
            }
            _ if names.is_empty() => format!("{here} has no field \"{name}\", and no others; take it out"),
            _ => format!("{here} has no field \"{name}\"; there are {}", names.join(", ")),
        }
    }

    /// Alternatives, of which a value must meet all, any, or one.
    fn combined(&mut self, node: &Node, at: Mark, schema: &Value, path: &str) {
        let branches = |name: &str| schema.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut meets = |branch: &Value| {
            let mut look = Look::new(self.definitions, self.whole, self.takes_nothing);
            look.value(node, at, &open(branch), path);
            look.remarks.is_empty()
        };
        let all = branches("allOf").iter().all(&mut meets);
        let any = branches("anyOf").is_empty() || branches("anyOf").iter().any(&mut meets);
        let one = branches("oneOf").is_empty() || branches("oneOf").iter().filter(|branch| meets(branch)).count() == 1;
        let not = schema.get("not").is_some_and(&mut meets);
        if all && any && one && !not {
            return;
        }
        let required = |branch: &Value| branch.pointer("/required/0").and_then(Value::as_str).map(str::to_owned);
        let names: Vec<String> = branches("oneOf").iter().chain(branches("anyOf")).filter_map(required).collect();
        let message = if names.is_empty() {
            format!("it is none of what may stand here{}", help(schema))
        } else {
            format!("give it one of {}", names.join(", "))
        };
        self.tell(Rule::WrongValue, at, path, message);
    }
}

/// A branch says nothing of the fields that it does not name.
fn open(branch: &Value) -> Value {
    let mut branch = branch.clone();
    if let Some(fields) = branch.as_object_mut() {
        fields.insert("x-kubernetes-preserve-unknown-fields".to_owned(), Value::Bool(true));
    }
    branch
}

/// What the definition says of a field, if that is short: its examples are the way out.
fn help(schema: &Value) -> String {
    const LONGEST: usize = 200;
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    if text.is_empty() || text.chars().count() > LONGEST {
        return String::new();
    }
    format!(": {}", text.trim_end_matches('.'))
}

/// Whether a scalar is text to kubectl.
fn is_text(scalar: &Scalar) -> bool {
    scalar.means == Means::Text
}

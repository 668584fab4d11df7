//! The schema of a definition, read once: what an object may hold. A keyword that is not understood is an error when it
//! is read, never a rule that is silently not applied.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use regex::Regex;
use serde_json::{Map, Value};

mod check;
mod fill;
mod rules;

use rules::Rules;

/// How the items of a list are told apart.
#[derive(Clone, Debug, PartialEq)]
pub enum Items {
    /// Not at all.
    Atomic,
    /// By themselves.
    Set,
    /// By these fields.
    Map(Vec<String>),
}

/// Bounds of a size.
#[derive(Clone, Copy, Debug, Default)]
pub struct Size {
    least: Option<usize>,
    most: Option<usize>,
}

/// One node of a schema.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // The keywords of a schema are flags.
pub struct Schema {
    kind: String,
    int_or_string: bool,
    nullable: bool,
    preserve: bool,
    format: Option<String>,
    options: Vec<Value>,
    pattern: Option<(String, Regex)>,
    minimum: Option<(f64, bool)>,
    maximum: Option<(f64, bool)>,
    length: Size,
    items_size: Size,
    properties_size: Size,
    required: Vec<String>,
    properties: BTreeMap<String, Schema>,
    additional: Option<Box<Schema>>,
    items: Option<Box<Schema>>,
    list: Items,
    default: Option<Value>,
    rules: Rules,
    /// There are rules here or below.
    ruled: bool,
    /// There are rules here or below that compare with the past.
    compares: bool,
}

/// Keywords that are read, or that say nothing about what is allowed.
const KNOWN: [&str; 30] = [
    "type",
    "nullable",
    "format",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
    "properties",
    "additionalProperties",
    "items",
    "default",
    "description",
    "title",
    "example",
    "externalDocs",
    "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-validations",
];

impl Schema {
    /// Reads a schema, or takes it from those that this process has read: rules are dear to compile, and every simulated
    /// world has the same ones.
    pub fn shared(schema: &Value) -> Result<Arc<Schema>, String> {
        static READ: Mutex<BTreeMap<String, Arc<Schema>>> = Mutex::new(BTreeMap::new());
        let text = schema.to_string();
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(schema) = read.get(&text) {
            return Ok(Arc::clone(schema));
        }
        let schema = Arc::new(Schema::read(schema, "")?);
        read.insert(text, Arc::clone(&schema));
        Ok(schema)
    }

    fn read(schema: &Value, path: &str) -> Result<Schema, String> {
        let place = if path.is_empty() { "the schema" } else { path };
        let map = schema.as_object().ok_or_else(|| format!("{place} is no object"))?;
        if let Some(unknown) = map.keys().find(|keyword| !KNOWN.contains(&keyword.as_str())) {
            return Err(format!("{place}: the keyword {unknown} is not simulated"));
        }
        let below = |field: &str, name: &str| -> Result<Option<Box<Schema>>, String> {
            let found = map.get(field).filter(|it| it.is_object());
            found.map(|it| Schema::read(it, &format!("{path}{name}")).map(Box::new)).transpose()
        };
        let mut properties = BTreeMap::new();
        for (name, property) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
            properties.insert(name.clone(), Schema::read(property, &format!("{path}.{name}"))?);
        }
        let pattern = match text(map, "pattern") {
            Some(pattern) => {
                let read = Regex::new(&pattern).map_err(|error| format!("{place}: {error}"))?;
                Some((pattern, read))
            }
            None => None,
        };
        let list = match map.get("x-kubernetes-list-type").and_then(Value::as_str) {
            Some("map") => Items::Map(texts(map, "x-kubernetes-list-map-keys")),
            Some("set") => Items::Set,
            _ => Items::Atomic,
        };
        let bound = |field: &str, exclusive: &str| {
            map.get(field).and_then(Value::as_f64).map(|bound| (bound, flag(map, exclusive)))
        };
        let (additional, items) = (below("additionalProperties", ".*")?, below("items", "[*]")?);
        let rules = Rules::read(schema).map_err(|error| format!("{place}: {error}"))?;
        let all = || properties.values().chain(additional.as_deref()).chain(items.as_deref());
        let (ruled, compares) = (all().any(|it: &Schema| it.ruled), all().any(|it: &Schema| it.compares));
        Ok(Schema {
            ruled: ruled || !rules.is_empty(),
            compares: compares || rules.compare(),
            kind: text(map, "type").unwrap_or_default(),
            int_or_string: flag(map, "x-kubernetes-int-or-string"),
            nullable: flag(map, "nullable"),
            preserve: flag(map, "x-kubernetes-preserve-unknown-fields")
                || map.get("additionalProperties") == Some(&Value::Bool(true)),
            format: text(map, "format"),
            options: map.get("enum").and_then(Value::as_array).cloned().unwrap_or_default(),
            pattern,
            minimum: bound("minimum", "exclusiveMinimum"),
            maximum: bound("maximum", "exclusiveMaximum"),
            length: size(map, "minLength", "maxLength"),
            items_size: size(map, "minItems", "maxItems"),
            properties_size: size(map, "minProperties", "maxProperties"),
            required: texts(map, "required"),
            properties,
            additional,
            items,
            list,
            default: map.get("default").cloned(),
            rules,
        })
    }

    /// The schema of a field of an object.
    fn field(&self, name: &str) -> Option<&Schema> {
        self.properties.get(name).or(self.additional.as_deref())
    }

    /// The old item that an item of a list goes back to, if the list tells its items apart.
    fn ancestor<'old>(&self, item: &Value, old: Option<&'old Value>) -> Option<&'old Value> {
        let old = old?.as_array()?;
        match &self.list {
            Items::Map(keys) => old.iter().find(|there| keys.iter().all(|key| there.get(key) == item.get(key))),
            Items::Set | Items::Atomic => None,
        }
    }
}

fn text(map: &Map<String, Value>, field: &str) -> Option<String> {
    map.get(field).and_then(Value::as_str).map(str::to_owned)
}

fn texts(map: &Map<String, Value>, field: &str) -> Vec<String> {
    let list = map.get(field).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn flag(map: &Map<String, Value>, field: &str) -> bool {
    map.get(field).and_then(Value::as_bool).unwrap_or(false)
}

fn size(map: &Map<String, Value>, least: &str, most: &str) -> Size {
    let bound = |field: &str| map.get(field).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok());
    Size { least: bound(least), most: bound(most) }
}

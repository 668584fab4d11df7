//! The generated definitions as a list of places, and the same places in an object. Knows nothing of what is tried there.

use serde_json::Value;

use crate::support::bed::root;

/// One place in a schema.
pub struct Place {
    pub kind: &'static str,
    /// `spec.waves[].name`, and `spec.parameters{}` for a value of a map; empty for the object itself.
    pub path: String,
    pub schema: Value,
}

impl Place {
    pub fn bound(&self, name: &str) -> Option<&Value> {
        self.schema.get(name)
    }

    /// A number of things, such as `maxItems`.
    pub fn count(&self, name: &str) -> Option<usize> {
        self.bound(name).map(|count| usize::try_from(count.as_u64().unwrap()).unwrap())
    }

    /// Messages of the rules that stand here, and whether each compares with the past.
    pub fn rules(&self) -> Vec<(String, bool)> {
        let rules = self.schema["x-kubernetes-validations"].as_array().cloned().unwrap_or_default();
        rules.iter().map(|rule| (text(&rule["message"]), rule["rule"].as_str().unwrap().contains("oldSelf"))).collect()
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Every place of a kind that people or the operator fill in: the object, its spec and all below.
pub fn places(kind: &'static str, file: &str) -> Vec<Place> {
    let file = std::fs::read_to_string(root().join(format!("crds/{file}.yaml"))).unwrap();
    let definition = headroom::yaml::read_all(&file).unwrap().remove(0);
    assert_eq!(definition["spec"]["names"]["kind"], kind);
    let mut schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
    schema["properties"].as_object_mut().unwrap().remove("status");
    let mut found = Vec::new();
    walk(kind, String::new(), &schema, &mut found);
    found
}

fn walk(kind: &'static str, path: String, schema: &Value, found: &mut Vec<Place>) {
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        walk(kind, below_of(&path, name), below, found);
    }
    if let Some(items) = schema.get("items") {
        walk(kind, format!("{path}[]"), items, found);
    }
    if let Some(values) = schema.get("additionalProperties") {
        walk(kind, format!("{path}{{}}"), values, found);
    }
    found.push(Place { kind, path, schema: schema.clone() });
}

fn below_of(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// One step into an object.
#[derive(Clone, Debug)]
pub enum Step {
    Field(String),
    Item(usize),
}

/// The first place in an object that a path of a schema leads to.
pub fn find(object: &Value, path: &str) -> Option<Vec<Step>> {
    if path.is_empty() {
        return Some(Vec::new());
    }
    if let Some(rest) = path.strip_prefix("[]") {
        return object
            .as_array()?
            .iter()
            .enumerate()
            .find_map(|(index, item)| Some([vec![Step::Item(index)], find(item, rest)?].concat()));
    }
    if let Some(rest) = path.strip_prefix("{}") {
        return object
            .as_object()?
            .iter()
            .find_map(|(name, value)| Some([vec![Step::Field(name.clone())], find(value, rest)?].concat()));
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let end = path.find(['.', '[', '{']).unwrap_or(path.len());
    let below = object.get(&path[..end])?;
    Some([vec![Step::Field(path[..end].to_owned())], find(below, &path[end..])?].concat())
}

/// The place as the API server names it in a refusal.
pub fn spelt(steps: &[Step]) -> String {
    steps.iter().fold(String::new(), |path, step| match step {
        Step::Field(name) => below_of(&path, name),
        Step::Item(index) => format!("{path}[{index}]"),
    })
}

fn at<'a>(object: &'a mut Value, steps: &[Step]) -> &'a mut Value {
    steps.iter().fold(object, |value, step| match step {
        Step::Field(name) => &mut value[name.as_str()],
        Step::Item(index) => &mut value[*index],
    })
}

/// The object with another value at a place.
pub fn with(object: &Value, steps: &[Step], value: Value) -> Value {
    let mut changed = object.clone();
    *at(&mut changed, steps) = value;
    changed
}

/// The object without one field of a place.
pub fn without(object: &Value, steps: &[Step], field: &str) -> Value {
    let mut changed = object.clone();
    at(&mut changed, steps).as_object_mut().unwrap().remove(field).unwrap();
    changed
}

/// The value at a place.
pub fn value_at(object: &Value, steps: &[Step]) -> Value {
    at(&mut object.clone(), steps).clone()
}

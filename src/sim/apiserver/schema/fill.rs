//! What the API server does to a custom object before it looks at it: unknown fields are pruned, nulls that a field does
//! not allow are dropped, defaults are filled in.

use serde_json::Value;

use super::Schema;

impl Schema {
    /// Prunes and fills in a whole object; returns the paths of what was pruned.
    pub fn prepare(&self, object: &mut Value) -> Vec<String> {
        let mut pruned = Vec::new();
        self.prune(object, "", true, &mut pruned);
        self.fill(object);
        pruned
    }

    fn prune(&self, value: &mut Value, path: &str, root: bool, pruned: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                let is_known = |name: &str| {
                    (root && matches!(name, "apiVersion" | "kind" | "metadata")) || self.field(name).is_some()
                };
                if !self.preserve {
                    map.retain(|name, _| {
                        let known = is_known(name);
                        if !known {
                            pruned.push(join(path, name));
                        }
                        known
                    });
                }
                for (name, value) in map.iter_mut() {
                    if let Some(schema) = self.field(name) {
                        schema.prune(value, &join(path, name), false, pruned);
                    }
                }
            }
            Value::Array(list) => {
                if let Some(items) = &self.items {
                    for (index, item) in list.iter_mut().enumerate() {
                        items.prune(item, &format!("{path}[{index}]"), false, pruned);
                    }
                }
            }
            _ => {}
        }
    }

    fn fill(&self, value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.retain(|name, value| !value.is_null() || self.field(name).is_none_or(|schema| schema.nullable));
                for (name, schema) in &self.properties {
                    if let Some(default) = &schema.default
                        && !map.contains_key(name)
                    {
                        map.insert(name.clone(), default.clone());
                    }
                }
                for (name, value) in map.iter_mut() {
                    if let Some(schema) = self.field(name) {
                        schema.fill(value);
                    }
                }
            }
            Value::Array(list) => {
                if let Some(items) = &self.items {
                    for item in list {
                        items.fill(item);
                    }
                }
            }
            _ => {}
        }
    }
}

pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

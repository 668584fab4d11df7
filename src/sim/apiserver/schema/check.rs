//! Holds an object against a schema, in the words of the real server. What an update leaves as it was is not looked at
//! again: a rule that came with an upgrade must not keep an older object from being changed elsewhere.

use serde_json::Value;

use super::fill::join;
use super::{Items, Schema, Size};
use crate::sim::apiserver::refusal::Problem;

impl Schema {
    /// Everything that is wrong with an object that replaces `old`.
    pub fn check(&self, object: &Value, old: Option<&Value>) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.look(object, old, "", &mut problems);
        let is_blocking = |problem: &Problem| {
            matches!(
                problem.reason,
                "FieldValueRequired" | "FieldValueTooLong" | "FieldValueTooMany" | "FieldValueTypeInvalid"
            )
        };
        if problems.iter().any(is_blocking) {
            if self.ruled {
                let detail = "some validation rules were not checked because the object was invalid; correct the \
                              existing errors to complete validation";
                problems.push(Problem::invalid("<nil>", &Value::Null, detail));
            }
        } else {
            self.apply_rules(object, old, "", &mut problems);
        }
        problems
    }

    fn look(&self, value: &Value, old: Option<&Value>, path: &str, problems: &mut Vec<Problem>) {
        if old == Some(value) || (value.is_null() && self.nullable) {
            return;
        }
        if !self.is_of_type(value) {
            let found = type_of(value);
            let detail = format!("{path} in body must be of type {}: \"{found}\"", self.kind);
            let message = format!("Invalid value: \"{found}\": {detail}");
            problems.push(Problem { field: path.to_owned(), reason: "FieldValueTypeInvalid", message });
            return;
        }
        if !self.options.is_empty() && !self.options.contains(value) {
            let options: Vec<String> = self.options.iter().map(Value::to_string).collect();
            let message = format!("Unsupported value: {value}: supported values: {}", options.join(", "));
            problems.push(Problem { field: path.to_owned(), reason: "FieldValueNotSupported", message });
        }
        match value {
            Value::Object(map) => {
                for name in self.required.iter().filter(|name| !map.contains_key(*name)) {
                    problems.push(Problem::required(&join(path, name), ""));
                }
                bound(self.properties_size, map.len(), "properties", value, path, problems);
                for (name, value) in map {
                    if let Some(schema) = self.field(name) {
                        schema.look(value, old.and_then(|old| old.get(name)), &join(path, name), problems);
                    }
                }
            }
            Value::Array(list) => {
                bound(self.items_size, list.len(), "items", value, path, problems);
                for (index, item) in list.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    if let Some(items) = &self.items {
                        items.look(item, self.ancestor(item, old), &path, problems);
                    }
                    self.look_for_twin(list, index, &path, problems);
                }
            }
            Value::String(text) => self.look_at_text(text, value, path, problems),
            Value::Number(number) => self.look_at_number(number.as_f64().unwrap_or(0.0), value, path, problems),
            Value::Bool(_) | Value::Null => {}
        }
    }

    fn is_of_type(&self, value: &Value) -> bool {
        let is_integer =
            |value: &Value| value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|it| it.fract() == 0.0);
        match self.kind.as_str() {
            _ if self.int_or_string => value.is_string() || is_integer(value),
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "number" => value.is_number(),
            "integer" => is_integer(value),
            _ => true,
        }
    }

    fn look_at_text(&self, text: &str, value: &Value, path: &str, problems: &mut Vec<Problem>) {
        let length = text.chars().count();
        if let Some(least) = self.length.least.filter(|least| length < *least) {
            let detail = format!("{path} in body should be at least {least} chars long");
            problems.push(Problem::invalid(path, value, detail));
        }
        if let Some(most) = self.length.most.filter(|most| length > *most) {
            let message = format!("Too long: may not be more than {most} bytes");
            problems.push(Problem { field: path.to_owned(), reason: "FieldValueTooLong", message });
        }
        if let Some((pattern, read)) = &self.pattern
            && !read.is_match(text)
        {
            problems.push(Problem::invalid(path, value, format!("{path} in body should match '{pattern}'")));
        }
        if self.format.as_deref() == Some("date-time") && text.parse::<jiff::Timestamp>().is_err() {
            problems.push(Problem::invalid(path, value, format!("{path} in body must be of type date-time: {value}")));
        }
    }

    fn look_at_number(&self, number: f64, value: &Value, path: &str, problems: &mut Vec<Problem>) {
        if let Some((least, exclusive)) = self.minimum
            && (number < least || (exclusive && number <= least))
        {
            let or_equal = if exclusive { "" } else { " or equal to" };
            let detail = format!("{path} in body should be greater than{or_equal} {least}");
            problems.push(Problem::invalid(path, value, detail));
        }
        if let Some((most, exclusive)) = self.maximum
            && (number > most || (exclusive && number >= most))
        {
            let or_equal = if exclusive { "" } else { " or equal to" };
            let detail = format!("{path} in body should be less than{or_equal} {most}");
            problems.push(Problem::invalid(path, value, detail));
        }
        let is_small = value.as_i64().is_some_and(|it| i32::try_from(it).is_ok());
        if self.format.as_deref() == Some("int32") && !is_small {
            let detail = format!("{path} in body must be of type int32: \"{value}\"");
            problems.push(Problem::invalid(path, value, detail));
        }
    }

    fn look_for_twin(&self, list: &[Value], index: usize, path: &str, problems: &mut Vec<Problem>) {
        let twin = match &self.list {
            Items::Atomic => return,
            Items::Set => list[..index].contains(&list[index]).then(|| list[index].clone()),
            Items::Map(keys) => {
                let is_same = |there: &Value| keys.iter().all(|key| there.get(key) == list[index].get(key));
                let key = || keys.iter().map(|key| (key.clone(), list[index][key].clone())).collect();
                list[..index].iter().any(is_same).then(|| Value::Object(key()))
            }
        };
        if let Some(twin) = twin {
            let message = format!("Duplicate value: {twin}");
            problems.push(Problem { field: path.to_owned(), reason: "FieldValueDuplicate", message });
        }
    }
}

fn bound(size: Size, there: usize, what: &str, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    if let Some(least) = size.least.filter(|least| there < *least) {
        let detail = format!("{path} in body should have at least {least} {what}");
        problems.push(Problem::invalid(path, value, detail));
    }
    if let Some(most) = size.most.filter(|most| there > *most) {
        let message = format!("Too many: {there}: must have at most {most} items");
        problems.push(Problem { field: path.to_owned(), reason: "FieldValueTooMany", message });
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(schema: &Value, object: &Value, old: Option<&Value>) -> Vec<String> {
        let schema = Schema::shared(schema).unwrap();
        schema.check(object, old).into_iter().map(|problem| format!("{}: {}", problem.field, problem.message)).collect()
    }

    #[test]
    fn each_keyword_refuses_in_the_servers_words() {
        let schema = json!({"type": "object", "required": ["a"], "properties": {
            "a": {"type": "integer", "minimum": 1, "maximum": 5},
            "b": {"type": "string", "pattern": "^x+$", "maxLength": 3, "enum": ["x", "xx"]},
            "c": {"type": "array", "maxItems": 1, "items": {"type": "object", "properties": {"name": {"type": "string"}}},
                  "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        }});
        assert_eq!(said(&schema, &json!({}), None), ["a: Required value"]);
        assert_eq!(
            said(&schema, &json!({"a": "1"}), None),
            [r#"a: Invalid value: "string": a in body must be of type integer: "string""#]
        );
        assert_eq!(
            said(&schema, &json!({"a": 0, "b": "y"}), None),
            [
                "a: Invalid value: 0: a in body should be greater than or equal to 1",
                r#"b: Unsupported value: "y": supported values: "x", "xx""#,
                r#"b: Invalid value: "y": b in body should match '^x+$'"#,
            ]
        );
        assert_eq!(
            said(&schema, &json!({"a": 1, "c": [{"name": "m"}, {"name": "m"}]}), None),
            ["c: Too many: 2: must have at most 1 items", r#"c[1]: Duplicate value: {"name":"m"}"#]
        );
        assert!(said(&schema, &json!({"a": 9, "b": "x"}), Some(&json!({"a": 9}))).is_empty(), "it was 9 before");
    }

    #[test]
    fn rules_see_the_past_and_what_is_unchanged_is_let_be() {
        let schema = json!({"type": "object", "properties": {"spec": {"type": "object",
        "properties": {"n": {"type": "integer"}, "id": {"type": "string"}},
        "x-kubernetes-validations": [
            {"rule": "self.n < 5", "message": "n is too large"},
            {"rule": "self.id == oldSelf.id", "message": "id never changes"},
        ]}}});
        let object = |n: i64, id: &str| json!({"spec": {"n": n, "id": id}});
        assert_eq!(said(&schema, &object(6, "a"), None), ["spec: Invalid value: n is too large"]);
        assert!(said(&schema, &object(4, "a"), None).is_empty(), "there is no past to compare with");
        assert_eq!(said(&schema, &object(4, "b"), Some(&object(4, "a"))), ["spec: Invalid value: id never changes"]);
        assert!(said(&schema, &object(6, "a"), Some(&object(6, "a"))).is_empty(), "it was 6 before");
    }
}

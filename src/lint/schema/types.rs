//! What kind of value a field takes, and what to say of another one.

use serde_json::Value;

use super::super::node::{Node, Shape};
use super::super::scalar::{Means, Scalar};
use super::is_text;

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Text,
    Integer,
    Number,
    Truth,
    List,
    Fields,
    IntegerOrText,
}

impl Wanted {
    /// As the definition has it; None: anything.
    pub fn of(schema: &Value) -> Option<Wanted> {
        if schema.get("x-kubernetes-int-or-string").and_then(Value::as_bool) == Some(true) {
            return Some(Wanted::IntegerOrText);
        }
        match schema.get("type").and_then(Value::as_str)? {
            "string" => Some(Wanted::Text),
            "integer" => Some(Wanted::Integer),
            "number" => Some(Wanted::Number),
            "boolean" => Some(Wanted::Truth),
            "array" => Some(Wanted::List),
            "object" => Some(Wanted::Fields),
            _ => None,
        }
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Wanted::Text => "text",
            Wanted::Integer => "a whole number",
            Wanted::Number => "a number",
            Wanted::Truth => "true or false",
            Wanted::List => "a list",
            Wanted::Fields => "fields with names",
            Wanted::IntegerOrText => "a whole number or text",
        }
    }

    /// What to say of a value that is of another kind.
    pub fn differs(self, node: &Node) -> Option<String> {
        let name = self.name();
        match (&node.shape, self) {
            (Shape::List(_), Wanted::List) | (Shape::Map(_), Wanted::Fields) => None,
            (Shape::Scalar(scalar), Wanted::List) => {
                Some(format!("{name} belongs here, even of one: write [{}]", scalar.text))
            }
            (_, Wanted::List) => Some(format!("{name} belongs here: begin each entry with \"- \"")),
            (Shape::Scalar(scalar), Wanted::Fields) => {
                Some(format!("{name} belong here, and \"{}\" is one value", scalar.text))
            }
            (Shape::List(_), Wanted::Fields) => Some(format!("{name} belong here, and not a list")),
            (Shape::List(_), _) => Some(format!("{name} belongs here, and not a list")),
            (Shape::Map(_), _) => Some(format!("{name} belongs here, and not fields with names")),
            (Shape::Scalar(scalar), wanted) => wanted.differs_from(scalar),
        }
    }

    fn differs_from(self, scalar: &Scalar) -> Option<String> {
        let text = &scalar.text;
        match (self, &scalar.means) {
            (Wanted::Text | Wanted::IntegerOrText, Means::Text)
            | (Wanted::Integer | Wanted::Number | Wanted::IntegerOrText, Means::Int(_))
            | (Wanted::Number, Means::Float(_))
            | (Wanted::Truth, Means::Bool(_)) => None,
            (Wanted::Integer | Wanted::IntegerOrText, Means::Float(value)) if value.fract() == 0.0 => None,
            (Wanted::Text, means) => {
                let is = match means {
                    Means::Bool(_) => "a truth value",
                    _ => "a number",
                };
                Some(format!("{text} is {is} without quotes, and this field takes text; write \"{text}\""))
            }
            (wanted, Means::Text) => Some(wanted.hint(scalar)),
            (wanted, _) => Some(format!("{} belongs here, and {text} is none", wanted.name())),
        }
    }

    /// What to write instead of a text.
    fn hint(self, scalar: &Scalar) -> String {
        let (name, text) = (self.name(), &scalar.text);
        let plain = Scalar::plain(text);
        if !scalar.plain && !is_text(&plain) && self.differs_from(&plain).is_none() {
            return format!("{name} belongs here, and \"{text}\" in quotes is text; write {text} without quotes");
        }
        let digits: String = text.chars().filter(|letter| !",_.' \u{a0}\u{202f}".contains(*letter)).collect();
        let is_grouped = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_grouped && self != Wanted::Truth {
            return format!("{name} belongs here, and \"{text}\" is text; write {digits}, digits only");
        }
        format!("{name} belongs here, and \"{text}\" is text")
    }
}

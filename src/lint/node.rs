//! A document with the place of everything in it.

use serde_json::{Map, Value};

use super::finding::Mark;
use super::scalar::{Means, Scalar};

/// A value, and where it begins.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins.
    pub at: Mark,
    /// What it is.
    pub shape: Shape,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Shape {
    /// One value.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// Fields by name.
    Map(Fields),
}

/// Fields by name, as they count, with what was odd about how they were written.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// Of two with one name the later, as kubectl has it.
    pub all: Vec<Field>,
    /// Whether it is written `{…}`.
    pub flow: bool,
    /// Names that stand there twice: the name, where again, and the line where first.
    pub repeated: Vec<(String, Mark, usize)>,
    /// Names that stand there before a `<<` which brings them too: the name, where, and the line of the `<<`.
    pub overridden: Vec<(String, Mark, usize)>,
}

/// One field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name, as kubectl reads it.
    pub name: String,
    /// Its name, as it is written.
    pub key: Scalar,
    /// Where its name begins.
    pub at: Mark,
    /// What it holds.
    pub value: Node,
}

impl Field {
    /// Where a finding about it belongs: at the value if it is one word, else at the name.
    pub fn place(&self) -> Mark {
        match &self.value.shape {
            Shape::Scalar(scalar) if !(scalar.plain && scalar.text.is_empty()) => self.value.at,
            _ => self.at,
        }
    }
}

impl Node {
    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        match &self.shape {
            Shape::Map(fields) => fields.all.iter().find(|field| field.name == name),
            _ => None,
        }
    }

    /// What the field of that name holds.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.field(name).map(|field| &field.value)
    }

    /// The text it is, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Scalar(scalar) if scalar.means == Means::Text => Some(&scalar.text),
            _ => None,
        }
    }

    /// Its entries; none if it is no list.
    pub fn items(&self) -> &[Node] {
        match &self.shape {
            Shape::List(items) => items,
            _ => &[],
        }
    }

    /// Whether it is nothing.
    pub fn is_null(&self) -> bool {
        matches!(&self.shape, Shape::Scalar(scalar) if scalar.means == Means::Null)
    }

    /// As the API server gets it, without fields that hold nothing.
    pub fn to_json(&self) -> Value {
        match &self.shape {
            Shape::Scalar(scalar) => scalar.to_json(),
            Shape::List(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Shape::Map(fields) => {
                let some = fields.all.iter().filter(|field| !field.value.is_null());
                Value::Object(some.map(|field| (field.name.clone(), field.value.to_json())).collect::<Map<_, _>>())
            }
        }
    }
}

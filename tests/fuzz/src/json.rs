//! JSON with everything that is written in it, in its order, the second of two values under one name included. Two readers
//! may take either; a rule that shall hold for every reader has to see both.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as the nearest f64.
    Number(f64),
    /// A text.
    Text(String),
    /// `[…]`
    List(Vec<Tree>),
    /// `{…}`
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// Of exactly one value.
    pub fn read(text: &[u8]) -> Option<Tree> {
        serde_json::from_slice(text).ok()
    }

    /// What stands under a name: None if it is no map, or if the name stands in it twice.
    pub fn get(&self, name: &str) -> Option<Option<&Tree>> {
        let Tree::Map(fields) = self else { return None };
        let mut under = fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value);
        let first = under.next();
        if under.next().is_some() { None } else { Some(first.filter(|value| **value != Tree::Null)) }
    }

    /// Whether no map in it has a name twice.
    pub fn is_plain(&self) -> bool {
        match self {
            Tree::List(items) => items.iter().all(Tree::is_plain),
            Tree::Map(fields) => {
                let names: std::collections::BTreeSet<&String> = fields.iter().map(|(name, _)| name).collect();
                names.len() == fields.len() && fields.iter().all(|(_, value)| value.is_plain())
            }
            _ => true,
        }
    }
}

struct Look;

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

impl<'de> Visitor<'de> for Look {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    #[allow(clippy::cast_precision_loss)]
    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Number(value as f64))
    }

    #[allow(clippy::cast_precision_loss)]
    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Tree, A::Error> {
        let mut map = Vec::new();
        while let Some(field) = fields.next_entry()? {
            map.push(field);
        }
        Ok(Tree::Map(map))
    }
}

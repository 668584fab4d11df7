//! Which documents are ours, which were meant to be, and which namespaces are among them.

use std::collections::BTreeMap;

use crate::api::{GROUP, VERSION};

use super::definitions::Kind;
use super::finding::{Mark, Remark, Rule};
use super::node::{Node, Shape};
use super::suggest;

/// Labels of the namespaces among the files.
pub type Namespaces = BTreeMap<String, BTreeMap<String, String>>;

/// What a document is.
#[derive(Debug)]
pub enum Sorted {
    /// Nothing of ours.
    Other,
    /// A namespace, whose labels decide who is admitted.
    Namespace { name: String, labels: BTreeMap<String, String> },
    /// Meant to be ours.
    Wrong(Remark),
    /// Ours.
    Ours { kind: Kind, node: Node },
}

/// The objects of a document: a List is all that is in it.
pub fn items(document: Node) -> Vec<Node> {
    let is_list = document.get("kind").and_then(Node::text).is_some_and(|kind| kind.ends_with("List"));
    if !is_list || document.get("items").is_none() {
        return vec![document];
    }
    match document.shape {
        Shape::Map(fields) => {
            let lists = fields.all.into_iter().filter(|field| field.name == "items");
            lists.flat_map(|field| entries(field.value)).flat_map(items).collect()
        }
        _ => Vec::new(),
    }
}

/// What each object of a document is.
pub fn sort(document: Node) -> Vec<Sorted> {
    items(document).into_iter().map(sort_one).collect()
}

fn sort_one(document: Node) -> Sorted {
    let text = |name: &str| document.get(name).and_then(Node::text).unwrap_or_default().to_owned();
    let (version, kind) = (text("apiVersion"), text("kind"));
    let at = |name: &str| document.field(name).map_or(document.at, super::node::Field::place);
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let ours = format!("{GROUP}/{VERSION}");
    let names = Kind::ALL.map(Kind::name);
    let is_kind = Kind::ALL.into_iter().find(|known| known.name() == kind);
    match is_kind {
        Some(kind) if version == ours => Sorted::Ours { kind, node: document },
        _ if group == GROUP && version != ours => Sorted::Wrong(wrong(
            at("apiVersion"),
            "apiVersion",
            format!("there is no version \"{version}\" in this release; write {ours}"),
        )),
        Some(kind) if version.is_empty() => {
            let message =
                format!("a {} needs apiVersion: {ours}; without it kubectl takes it for nothing", kind.name());
            Sorted::Wrong(wrong(at("kind"), "apiVersion", message))
        }
        Some(_) if suggest::close(&version, [ours.as_str()]).is_some() => Sorted::Wrong(wrong(
            at("apiVersion"),
            "apiVersion",
            format!("\"{version}\" is not Headroom's; did you mean {ours}?"),
        )),
        None if version == ours && kind.is_empty() => {
            let message = format!("the kind is missing; there are {}", names.join(", "));
            Sorted::Wrong(wrong(at("apiVersion"), "kind", message))
        }
        // Nobody writes ledger entries, but a backup may hold them.
        None if version == ours && kind != "WaveRelease" => {
            let message = match suggest::close(&kind, names) {
                Some(meant) => format!("there is no kind \"{kind}\"; did you mean {meant}?"),
                None => format!("there is no kind \"{kind}\"; there are {}", names.join(", ")),
            };
            Sorted::Wrong(wrong(at("kind"), "kind", message))
        }
        None if version == "v1" && kind == "Namespace" => namespace(&document),
        _ => Sorted::Other,
    }
}

fn entries(node: Node) -> Vec<Node> {
    match node.shape {
        Shape::List(items) => items,
        _ => Vec::new(),
    }
}

fn wrong(at: Mark, field: &str, message: String) -> Remark {
    Remark::error(Rule::ObjectKind, at, field, message)
}

fn namespace(document: &Node) -> Sorted {
    let meta = document.get("metadata");
    let Some(name) = meta.and_then(|meta| meta.get("name")).and_then(Node::text) else { return Sorted::Other };
    let written = meta.and_then(|meta| meta.get("labels")).map(Node::to_json).unwrap_or_default();
    let mut labels: BTreeMap<String, String> = serde_json::from_value(written).unwrap_or_default();
    // The API server writes this one itself.
    labels.insert("kubernetes.io/metadata.name".to_owned(), name.to_owned());
    Sorted::Namespace { name: name.to_owned(), labels }
}

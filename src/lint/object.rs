//! Which documents are ours, and what is held of each: where it stands, what it is called, and what was found.

use std::collections::BTreeMap;

use serde_json::Value;

use super::definitions::{Definitions, Kind};
use super::finding::{Mark, Remark, Rule, Severity};
use super::node::{Fields, Node, Shape};
use super::{Options, path, query, rules, schema, suggest, traps};
use crate::api::{GROUP, VERSION};

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

/// An object of ours.
#[derive(Debug)]
pub struct Held {
    /// The place of its file among the sources.
    pub file: usize,
    /// Its file's name.
    pub file_name: String,
    /// Its kind.
    pub kind: Kind,
    /// As it is written.
    pub node: Node,
    /// Its namespace, or the one that is assumed.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What was found.
    pub remarks: Vec<Remark>,
    /// Its spec, as the API server gets it.
    pub spec: Value,
}

impl Held {
    /// `<namespace>/<name>`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Whether anything in it is wrong.
    pub fn is_wrong(&self) -> bool {
        self.remarks.iter().any(|remark| remark.severity == Severity::Error)
    }

    /// Tells of a field, unless something is known to be wrong there already: one cause, one finding.
    pub fn tell(&mut self, severity: Severity, rule: Rule, field: &str, message: impl Into<String>) {
        let place = path::find(&self.node, field);
        self.add(Remark::error(rule, place.at, &place.field, message).as_bad_as(severity));
    }

    fn add(&mut self, remark: Remark) {
        let known = |there: &Remark| {
            there.severity == Severity::Error
                && (there.at == remark.at || (!there.field.is_empty() && path::is_within(&there.field, &remark.field)))
        };
        if !self.remarks.iter().any(known) {
            self.remarks.push(remark);
        }
    }
}

/// What a document is; a List is all that is in it.
pub fn sort(document: Node, definitions: &Definitions) -> Vec<Sorted> {
    let text = |name: &str| document.get(name).and_then(Node::text).unwrap_or_default().to_owned();
    let (version, kind) = (text("apiVersion"), text("kind"));
    let is_list = kind.ends_with("List") && document.get("items").is_some();
    if is_list {
        return match document.shape {
            Shape::Map(fields) => {
                let items = fields.all.into_iter().filter(|field| field.name == "items");
                items.flat_map(|field| entries(field.value)).flat_map(|item| sort(item, definitions)).collect()
            }
            _ => Vec::new(),
        };
    }
    let at = |name: &str| document.field(name).map_or(document.at, super::node::Field::place);
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let ours = format!("{GROUP}/{VERSION}");
    let names = Kind::ALL.map(Kind::name);
    let is_kind = Kind::ALL.into_iter().find(|known| known.name() == kind);
    let sorted = match is_kind {
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
    };
    vec![sorted]
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

/// Looks at an object by itself, as far as its definition goes.
pub fn hold(
    file: usize,
    file_name: &str,
    kind: Kind,
    node: Node,
    definitions: &Definitions,
    options: &Options,
) -> Held {
    let of_meta = |name: &str| node.get("metadata").and_then(|meta| meta.get(name)).and_then(Node::text);
    let assumed = options.namespace.as_deref().unwrap_or("default");
    let namespace = of_meta("namespace").unwrap_or(assumed).to_owned();
    let name = of_meta("name").unwrap_or_default().to_owned();
    let mut held = Held {
        file,
        file_name: file_name.to_owned(),
        kind,
        namespace,
        name,
        remarks: traps::look(&node),
        spec: node.get("spec").map(Node::to_json).unwrap_or_default(),
        node,
    };
    metadata(&mut held, definitions, options);
    let definition = definitions.of(kind);
    let mut look = schema::Look::new(definitions, &definition.schema, false);
    let at = held.node.field("kind").map_or(held.node.at, |field| field.at);
    look.value(&written(&held.node), at, &definition.schema, "");
    // A rule cannot be tried on what is not there.
    let mut fits = !held.name.is_empty();
    for remark in look.remarks {
        fits = false;
        // A trap is the cause of what is wrong at the same place.
        if !held.remarks.iter().any(|there| there.at == remark.at && is_trap(there.rule))
            && !split_off(&held.remarks, &remark)
        {
            held.remarks.push(remark);
        }
    }
    if fits {
        let object = held.node.to_json();
        for remark in rules::look(&held.node, &object, &definition.rules) {
            held.add(remark);
        }
    }
    for remark in query::look(&held.node) {
        held.add(remark);
    }
    held
}

/// What a comma split off a number is part of that finding: a field of digits, behind it in its line.
fn split_off(there: &[Remark], remark: &Remark) -> bool {
    let name = remark.field.rsplit('.').next().unwrap_or_default();
    remark.rule == Rule::UnknownField
        && name.starts_with(|first: char| first.is_ascii_digit())
        && there.iter().any(|comma| {
            comma.rule == Rule::YamlFlowComma && comma.at.line == remark.at.line && comma.at.column < remark.at.column
        })
}

fn is_trap(rule: Rule) -> bool {
    rule <= Rule::YamlWord
}

/// The part of an object that its definition speaks of: status is dropped by the API server.
fn written(node: &Node) -> Node {
    let fields = match &node.shape {
        Shape::Map(fields) => fields.all.iter(),
        _ => [].iter(),
    };
    let spoken_of = fields.filter(|field| !["apiVersion", "kind", "metadata", "status"].contains(&field.name.as_str()));
    let all = spoken_of.cloned().collect();
    Node { at: node.at, shape: Shape::Map(Fields { all, ..Fields::default() }) }
}

fn metadata(held: &mut Held, definitions: &Definitions, options: &Options) {
    if let Some(field) = held.node.field("metadata") {
        let mut look = schema::Look::new(definitions, &definitions.metadata, true);
        look.value(&field.value, field.place(), &definitions.metadata, "metadata");
        for remark in look.remarks {
            held.add(remark);
        }
    }
    if held.name.is_empty() {
        let message = "the object has no name; give it one, such as spring-sale-2027";
        held.tell(Severity::Error, Rule::ObjectName, "metadata.name", message);
    } else if let Some(message) = misnamed(&held.name, 253, true) {
        held.tell(Severity::Error, Rule::ObjectName, "metadata.name", message);
    }
    let has_namespace =
        held.node.get("metadata").and_then(|meta| meta.get("namespace")).is_some_and(|node| !node.is_null());
    if !has_namespace && options.namespace.is_none() {
        let message = "kubectl would take the namespace that is current when it is applied; write metadata.namespace, or give --namespace. Taken for \"default\" here";
        held.tell(Severity::Warning, Rule::NoNamespace, "metadata.namespace", message);
    } else if let Some(message) = misnamed(&held.namespace, 63, false) {
        held.tell(Severity::Error, Rule::ObjectName, "metadata.namespace", message);
    }
}

/// Names are lower-case letters, digits and hyphens, with an alphanumeric character at each end; in some also dots.
fn misnamed(name: &str, longest: usize, may_have_dots: bool) -> Option<String> {
    let is_inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let is_part =
        |part: &str| !part.is_empty() && part.chars().all(is_inner) && !part.starts_with('-') && !part.ends_with('-');
    let fits = name.len() <= longest && if may_have_dots { name.split('.').all(is_part) } else { is_part(name) };
    let more = if may_have_dots { ", hyphens and dots" } else { " and hyphens" };
    (!fits).then(|| {
        format!("\"{name}\" cannot be a name; use at most {longest} lower-case letters, digits{more}, with a letter or digit at each end")
    })
}

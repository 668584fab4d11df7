//! What is held of an object of ours: where it stands, what it is called, and what was found in it by itself.

use serde_json::Value;

use super::definitions::{Definitions, Kind};
use super::finding::{Remark, Rule, Severity};
use super::node::{Fields, Node, Shape};
use super::{Options, path, query, rules, schema, traps};

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

//! The place of a field by its path, as the operator and the rules of a definition write it: `spec.waves[rest].soak`,
//! `spec.workloads[0].demand.query`.

use super::finding::Mark;
use super::node::{Node, Shape};

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The place of the field, or of the nearest one around it that is there.
    pub at: Mark,
    /// The path, with places of lists counted from 0.
    pub field: String,
}

/// One step of a path.
enum Step<'a> {
    Field(&'a str),
    Entry(&'a str),
}

fn steps(path: &str) -> impl Iterator<Item = Step<'_>> {
    path.split('.').flat_map(|part| {
        let (name, entries) = part.split_once('[').map_or((part, None), |(name, rest)| (name, Some(rest)));
        let entries = entries.into_iter().flat_map(|rest| rest.split('[')).map(|entry| entry.trim_end_matches(']'));
        (!name.is_empty()).then_some(Step::Field(name)).into_iter().chain(entries.map(Step::Entry))
    })
}

/// Finds a field. Entries of a list are named by their `name`, or by their place.
pub fn find(root: &Node, path: &str) -> Place {
    let mut place = Place { at: root.at, field: String::new() };
    let mut node = Some(root);
    for step in steps(path) {
        match step {
            Step::Field(name) => {
                if !place.field.is_empty() {
                    place.field.push('.');
                }
                place.field.push_str(name);
                let field = node.and_then(|node| node.field(name));
                if let Some(field) = field {
                    place.at = field.place();
                }
                node = field.map(|field| &field.value);
            }
            Step::Entry(entry) => {
                let items = node.map(Node::items).unwrap_or_default();
                let named = items.iter().position(|item| item.get("name").and_then(Node::text) == Some(entry));
                let index = named.or_else(|| entry.parse().ok());
                let item = index.and_then(|index| items.get(index));
                if let Some(item) = item {
                    place.at = item.at;
                }
                let shown = index.map_or_else(|| entry.to_owned(), |index| index.to_string());
                place.field.extend(["[", &shown, "]"]);
                node = item;
            }
        }
    }
    place
}

/// Whether one of two paths leads through the other.
pub fn is_within(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Every field of that name, with its path.
pub fn every<'a>(root: &'a Node, name: &str) -> Vec<(Mark, String, &'a Node)> {
    let mut found = Vec::new();
    look(root, name, "", &mut found);
    found
}

fn look<'a>(node: &'a Node, name: &str, path: &str, found: &mut Vec<(Mark, String, &'a Node)>) {
    match &node.shape {
        Shape::Scalar(_) => {}
        Shape::List(items) => {
            for (index, item) in items.iter().enumerate() {
                look(item, name, &format!("{path}[{index}]"), found);
            }
        }
        Shape::Map(fields) => {
            for field in &fields.all {
                let path = join(path, &field.name);
                if field.name == name {
                    found.push((field.place(), path.clone(), &field.value));
                }
                look(&field.value, name, &path, found);
            }
        }
    }
}

/// The path of a field inside another.
pub fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::read::read;

    #[test]
    fn paths_lead_to_places() {
        let text = "spec:\n  waves:\n  - name: canary\n    windows: [{from: x}]\n  - {name: rest, soak: 5m}\n";
        let root = read(text, false).documents.remove(0);
        let at = |path: &str| {
            let place = find(&root, path);
            (place.at.line, place.at.column, place.field)
        };
        assert_eq!(at("spec.waves[rest].soak"), (5, 24, "spec.waves[1].soak".to_owned()));
        assert_eq!(at("spec.waves[canary].windows[0].from"), (4, 22, "spec.waves[0].windows[0].from".to_owned()));
        // What is missing is told at what is around it.
        assert_eq!(at("spec.waves[canary].soak"), (3, 5, "spec.waves[0].soak".to_owned()));
        assert_eq!(at("spec.schedule.end"), (1, 1, "spec.schedule.end".to_owned()));
        assert_eq!(at("spec.waves"), (2, 3, "spec.waves".to_owned()));
        assert!(is_within("spec.waves", "spec.waves[0].soak") && !is_within("spec.wave", "spec.waves"));
        assert_eq!(every(&root, "from").len(), 1);
    }
}

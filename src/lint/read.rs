//! Text into documents, as kubectl reads them, with the place of everything; and what keeps it from being read.
//!
//! The parser is bounded in depth, and aliases in number: a small file cannot become a large tree.

use std::collections::BTreeMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, StructureStyle, Tag};

use super::finding::{Mark, Remark, Rule};
use super::node::{Field, Node, Shape};
use super::scalar::{Means, Scalar, resolve};

mod fault;
mod merge;

pub use fault::not_text;

/// No file of ours has more values, aliases counted as often as they are used.
const MOST_NODES: usize = 200_000;
/// After so many errors in one file the rest is not worth reading.
const MOST_ERRORS: usize = 20;

/// What a file holds.
#[derive(Debug, Default)]
pub struct Reading {
    /// Those that could be read.
    pub documents: Vec<Node>,
    /// What was wrong with the others.
    pub remarks: Vec<Remark>,
}

/// A document that is being read.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
}

struct Open {
    at: Mark,
    anchor: usize,
    before: usize,
    what: Collection,
}

enum Collection {
    List(Vec<Node>),
    Map { flow: bool, fields: Vec<Field>, key: Option<(Scalar, Mark)> },
}

fn mark(marker: &Marker) -> Mark {
    Mark { line: marker.line(), column: marker.col() + 1 }
}

/// Reads a file.
pub fn read(text: &str, skip_templates: bool) -> Reading {
    let mut reading = Reading { documents: Vec::new(), remarks: fault::separators(text) };
    let mut options = granit_parser::options! {};
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder::default();
    let mut errors = 0;
    let mut nodes = 0;
    loop {
        let wrong = match parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => break,
            Some(Ok((Event::DocumentStart(..), _))) => {
                builder = Builder { nodes, ..Builder::default() };
                continue;
            }
            Some(Ok((Event::DocumentEnd, _))) => {
                nodes = builder.nodes;
                let document = std::mem::take(&mut builder).root;
                reading.documents.extend(document.filter(|document| !document.is_null()));
                continue;
            }
            Some(Ok((event, span))) => match builder.take(event, mark(&span.start), span.is_empty()) {
                Ok(()) => continue,
                Err(wrong) => wrong,
            },
            Some(Err(error)) => fault::syntax(text, mark(error.marker()), &error.info()),
        };
        reading.remarks.push(fault::template(text, wrong, skip_templates));
        nodes = builder.nodes;
        builder = Builder { nodes, ..Builder::default() };
        errors += 1;
        // What comes after the next `---` can still be read.
        if errors >= MOST_ERRORS || nodes > MOST_NODES || !parser.proceed_next_document().unwrap_or(false) {
            break;
        }
    }
    reading
}

impl Builder {
    fn take(&mut self, event: Event<'_>, at: Mark, is_empty: bool) -> Result<(), Remark> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                // Where nothing is written the parser says `~`.
                let text = if is_empty { "" } else { text.as_ref() };
                let node = Node { at, shape: Shape::Scalar(scalar(text, style, tag.as_deref())) };
                self.nodes += 1;
                self.close(node, anchor, 1)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(at, anchor, Collection::List(Vec::new())),
            Event::MappingStart(style, anchor, _) => {
                let flow = style == StructureStyle::Flow;
                self.begin(at, anchor, Collection::Map { flow, fields: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { at, anchor, before, what }) = self.open.pop() else { return Ok(()) };
                let shape = match what {
                    Collection::List(items) => Shape::List(items),
                    Collection::Map { flow, fields, .. } => Shape::Map(merge::merged(flow, fields)?),
                };
                let size = self.nodes.saturating_sub(before) + 1;
                self.close(Node { at, shape }, anchor, size)
            }
            Event::Alias(id) => {
                let Some((node, size)) = self.anchors.get(&id).cloned() else {
                    return Err(Remark::error(Rule::YamlSyntax, at, "", "an alias cannot stand inside what it names"));
                };
                self.nodes += size;
                self.close(node, 0, size)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, at: Mark, anchor: usize, what: Collection) -> Result<(), Remark> {
        self.open.push(Open { at, anchor, before: self.nodes, what });
        self.nodes += 1;
        self.bounded(at)
    }

    fn bounded(&self, at: Mark) -> Result<(), Remark> {
        if self.nodes <= MOST_NODES {
            return Ok(());
        }
        let message = format!("the file has more than {MOST_NODES} values, aliases counted as often as they are used");
        Err(Remark::error(Rule::YamlSyntax, at, "", message))
    }

    /// A value is whole: it goes where it belongs.
    fn close(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), Remark> {
        self.bounded(node.at)?;
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut().map(|open| &mut open.what) {
            None => self.root = Some(node),
            Some(Collection::List(items)) => items.push(node),
            Some(Collection::Map { fields, key, .. }) => match key.take() {
                Some((key, at)) => fields.push(Field { name: key.to_key(), key, at, value: node }),
                None => match node.shape {
                    Shape::Scalar(scalar) if scalar.means != Means::Null => *key = Some((scalar, node.at)),
                    _ => {
                        let message = "the name of a field must be one word; kubectl takes no other";
                        return Err(Remark::error(Rule::YamlSyntax, node.at, "", message));
                    }
                },
            },
        }
        Ok(())
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Scalar {
    match tag.and_then(Tag::core_suffix) {
        Some("str") => Scalar::quoted(text),
        Some("int" | "float" | "bool" | "null") => Scalar { means: resolve(text), ..Scalar::quoted(text) },
        _ if style == ScalarStyle::Plain && tag.is_none() => Scalar::plain(text),
        _ => Scalar::quoted(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn documents(text: &str) -> Vec<Value> {
        let reading = read(text, false);
        assert!(reading.remarks.is_empty(), "{:?}", reading.remarks);
        reading.documents.iter().map(Node::to_json).collect()
    }

    #[test]
    fn documents_read_as_kubectl_reads_them() {
        // As printed by kubectl: an own field before the << gives way, one behind it stays.
        let text = "c: &a {p: 1, q: 2}\nd: {q: 3, <<: *a}\ne: {<<: *a, q: 3}\n";
        assert_eq!(documents(text), [json!({"c": {"p": 1, "q": 2}, "d": {"p": 1, "q": 2}, "e": {"p": 1, "q": 3}})]);
        assert_eq!(documents("on: 5\n12: 3\n---\n\n---\n# nothing\n---\na: [1, no]\n").len(), 2);
        assert_eq!(documents("{\"a\": {\"b\": [1,\n\t2]}}"), [json!({"a": {"b": [1, 2]}})]);
        assert_eq!(documents("a: {size: 1,200,000}\n"), [json!({"a": {"size": 1}})]);
        assert_eq!(documents("a: !!str 7\nb: !!int \"7\"\nc: |\n  x\n"), [json!({"a": "7", "b": 7, "c": "x\n"})]);
    }

    #[test]
    fn what_cannot_be_read_is_told_where_it_stands_and_the_rest_is_read() {
        let reading = read("a: [1\n---\nb: 2\n", false);
        assert_eq!((reading.documents.len(), reading.remarks.len()), (1, 1));
        let wrong = |text: &str| {
            read(text, false).remarks.into_iter().next().map(|remark| (remark.rule, remark.at.line, remark.at.column))
        };
        assert_eq!(wrong("spec:\n\ta: 1\n"), Some((Rule::YamlTab, 2, 1)));
        assert_eq!(wrong("a: 1\nb: {{ .Values.b }}\n"), Some((Rule::YamlTemplate, 2, 4)));
        assert_eq!(wrong("{{- if .Values.x }}\na: 1\n{{- end }}\n"), Some((Rule::YamlTemplate, 1, 1)));
        assert_eq!(wrong("a: *b\n").map(|wrong| wrong.0), Some(Rule::YamlSyntax));
        assert_eq!(wrong("a: 1\n--- b\n"), Some((Rule::YamlSeparator, 2, 5)));
        // Nine levels of nine aliases would be 387 million values.
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let below = format!("*a{}", level - 1);
            bomb.push_str(
                &["a", &level.to_string(), ": &a", &level.to_string(), " [", &[below.as_str(); 9].join(", "), "]\n"]
                    .concat(),
            );
        }
        assert_eq!(wrong(&bomb).map(|wrong| wrong.0), Some(Rule::YamlSyntax));
    }
}

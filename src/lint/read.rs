//! Text into documents, as kubectl reads them, with the place of everything; and what keeps it from being read.
//!
//! The parser is bounded in depth, and aliases in number: a small file cannot become a large tree.

use std::collections::BTreeMap;
use std::str::Utf8Error;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StructureStyle, Tag};

use super::finding::{Mark, Remark, Rule, Severity};
use super::node::{Field, Fields, Node, Shape};
use super::scalar::{Means, Scalar, resolve};

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
    let mut reading = Reading { documents: Vec::new(), remarks: separators(text) };
    let mut options = granit_parser::options! {};
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder::default();
    let mut errors = 0;
    let mut nodes = 0;
    loop {
        let wrong = match parser.next_event() {
            None => break,
            Some(Ok((Event::StreamEnd, _))) => break,
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
            Some(Err(error)) => syntax(text, &error),
        };
        reading.remarks.push(template(text, wrong, skip_templates));
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
                    Collection::Map { flow, fields, .. } => Shape::Map(merged(flow, fields)?),
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

/// What counts of the fields as they were written. As kubectl has it, the later of two with one name counts, also where
/// one of them is brought by a `<<`.
fn merged(flow: bool, written: Vec<Field>) -> Result<Fields, Remark> {
    let mut fields = Fields { flow, ..Fields::default() };
    // Whether each name was written here, rather than brought.
    let mut own: BTreeMap<String, (usize, bool)> = BTreeMap::new();
    for field in written {
        let is_merge = field.name == "<<" && field.key.plain;
        if !is_merge {
            match own.get_mut(&field.name) {
                Some((place, was_own)) => {
                    let Some(first) = fields.all.get_mut(*place) else { continue };
                    if *was_own {
                        fields.repeated.push((field.name.clone(), field.at, first.at.line));
                    }
                    *was_own = true;
                    *first = field;
                }
                None => {
                    own.insert(field.name.clone(), (fields.all.len(), true));
                    fields.all.push(field);
                }
            }
            continue;
        }
        let brought = match field.value.shape {
            Shape::Map(brought) => vec![brought],
            Shape::List(items) if items.iter().all(|item| matches!(item.shape, Shape::Map(_))) => {
                // Of several the first counts.
                let maps = items.into_iter().rev().filter_map(|item| match item.shape {
                    Shape::Map(fields) => Some(fields),
                    _ => None,
                });
                maps.collect()
            }
            _ => {
                let message = "<< takes fields from elsewhere: an alias such as *defaults, or a list of them";
                return Err(Remark::error(Rule::YamlSyntax, field.at, "", message));
            }
        };
        for other in brought.into_iter().flat_map(|brought| brought.all) {
            match own.get(&other.name) {
                Some((place, was_own)) => {
                    let Some(first) = fields.all.get_mut(*place) else { continue };
                    if *was_own {
                        fields.overridden.push((other.name.clone(), first.at, field.at.line));
                    }
                    first.value = other.value;
                }
                None => {
                    own.insert(other.name.clone(), (fields.all.len(), false));
                    fields.all.push(other);
                }
            }
        }
    }
    Ok(fields)
}

/// What the parser says, and where a tab is to blame, that.
fn syntax(text: &str, error: &ScanError) -> Remark {
    let at = mark(error.marker());
    let line = |number: usize| number.checked_sub(1).and_then(|index| text.lines().nth(index)).unwrap_or_default();
    let indented_by_tab = |number: &usize| {
        let indent: String = line(*number).chars().take_while(|letter| letter.is_whitespace()).collect();
        indent.contains('\t')
    };
    // The parser often stops a line before or after the one that is wrong.
    if let Some(number) =
        [at.line, at.line.saturating_sub(1), at.line + 1].iter().find(|number| indented_by_tab(number))
    {
        let column = line(*number).chars().position(|letter| letter == '\t').unwrap_or(0) + 1;
        let at = Mark { line: *number, column };
        return Remark::error(
            Rule::YamlTab,
            at,
            "",
            "the line is indented by a tab, which YAML does not allow; use spaces",
        );
    }
    Remark::error(Rule::YamlSyntax, at, "", format!("this cannot be read as YAML: {}", error.info()))
}

/// What cannot be read because it is a template is told as one.
fn template(text: &str, wrong: Remark, skip: bool) -> Remark {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    let near = lines.filter(|(number, line)| *number <= wrong.at.line && line.contains("{{")).last();
    let Some((number, line)) = near else { return wrong };
    // A body with placeholders stands in quotes; a template does not.
    let told_there = number == wrong.at.line || line.trim_start().starts_with("{{");
    if !told_there || wrong.rule == Rule::YamlTab {
        return wrong;
    }
    let begin = line.find("{{").and_then(|begin| line.get(..begin)).unwrap_or_default();
    let column = begin.chars().count() + 1;
    let at = Mark { line: number, column };
    if skip {
        let message = "passed over: this is a template and not YAML; what it becomes was not looked at";
        return Remark::error(Rule::YamlTemplate, at, "", message).as_bad_as(Severity::Note);
    }
    let message = "this is a template and not YAML; render it first, as in `helm template … | headroom lint -`, or pass over templates with --skip-templates";
    Remark::error(Rule::YamlTemplate, at, "", message)
}

/// kubectl drops what stands behind `---` on its line.
fn separators(text: &str) -> Vec<Remark> {
    let lines = text.lines().enumerate().skip(1);
    let behind = lines.filter_map(|(index, line)| {
        let rest = line.strip_prefix("---")?;
        let word = rest.trim_start();
        if word.is_empty() || word.starts_with('#') {
            return None;
        }
        let column = line.chars().count() - word.chars().count() + 1;
        Some(Mark { line: index + 1, column })
    });
    let message = "kubectl drops what stands behind `---`; begin it on the next line";
    behind.map(|at| Remark::error(Rule::YamlSeparator, at, "", message)).collect()
}

/// A file that is no text.
pub fn not_text(content: &[u8], error: &Utf8Error) -> Remark {
    let before = content.get(..error.valid_up_to()).unwrap_or_default();
    let text = String::from_utf8_lossy(before);
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Remark::error(Rule::YamlSyntax, Mark { line, column }, "", "this is not text in UTF-8; save the file as UTF-8")
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
            let remark = read(text, false)
                .remarks
                .into_iter()
                .next()
                .map(|remark| (remark.rule, remark.at.line, remark.at.column));
            remark
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
            bomb += &format!("a{level}: &a{level} [{}]\n", [below.as_str(); 9].join(", "));
        }
        assert_eq!(wrong(&bomb).map(|wrong| wrong.0), Some(Rule::YamlSyntax));
    }
}

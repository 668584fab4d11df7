//! `headroom lint`'s judgement: what is wrong with Campaigns, `CapacityPools` and Senders as they lie in a repository.
//! Text goes in and findings come out; no cluster, no file, no clock.
//!
//! From the outside in: `read` turns text into located `node`s as kubectl reads it; `traps` finds what readers of YAML
//! disagree about; `schema` holds an object against its own definition, `rules` against the CEL in it; `meaning` asks the
//! operator's own parsers; `between` looks at what objects say of one another. A later look says nothing of a field
//! that an earlier one has found wrong: one cause, one finding.

use std::sync::LazyLock;

use crate::api::SenderSpec;

mod between;
mod definitions;
pub mod finding;
mod meaning;
mod node;
mod object;
mod path;
pub mod print;
mod quantity;
mod query;
mod read;
mod rules;
mod scalar;
mod schema;
mod sort;
mod suggest;
mod traps;

use definitions::Definitions;
use finding::{Finding, Remark, Rule, Severity};
use object::Held;
use sort::Sorted;

/// One file, as it was read.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name in findings.
    pub name: String,
    /// What is in it.
    pub content: Vec<u8>,
}

/// How strictly to look.
#[derive(Clone, Debug)]
pub struct Options {
    /// The files are all there is: a reference that leads out of them is an error.
    pub closed: bool,
    /// The namespace of objects that name none.
    pub namespace: Option<String>,
    /// Templates that are not YAML are noted and passed over.
    pub skip_templates: bool,
    /// What only an adapter can find wrong with a Sender.
    pub trouble: fn(&SenderSpec) -> Option<String>,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Files.
    pub files: usize,
    /// Campaigns.
    pub campaigns: usize,
    /// `CapacityPools`.
    pub pools: usize,
    /// Senders.
    pub senders: usize,
    /// Documents of other kinds.
    pub others: usize,
}

/// Everything that was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// By file and place.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub counts: Counts,
}

impl Report {
    /// How many findings are so severe.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// Looks through all files.
pub fn lint(sources: &[Source], options: &Options) -> Report {
    // The same each time, and slow to compile.
    static DEFINITIONS: LazyLock<Definitions> = LazyLock::new(Definitions::new);
    look(&DEFINITIONS, sources, options)
}

/// Every document of the files as the API server would get it, in their order. What cannot be read is left out: `lint` says
/// what is wrong with it.
pub fn objects(sources: &[Source]) -> Vec<serde_json::Value> {
    let texts = sources.iter().filter_map(|source| std::str::from_utf8(&source.content).ok());
    let documents = texts.flat_map(|text| read::read(text, true).documents);
    documents.flat_map(sort::items).map(|document| document.to_json()).collect()
}

fn look(definitions: &Definitions, sources: &[Source], options: &Options) -> Report {
    let mut findings = Vec::new();
    let mut counts = Counts { files: sources.len(), ..Counts::default() };
    let mut held: Vec<Held> = Vec::new();
    let mut namespaces = sort::Namespaces::default();
    // Whatever order they are given in, the same is said.
    let mut sources: Vec<&Source> = sources.iter().collect();
    sources.sort_by(|one, other| one.name.cmp(&other.name));
    for (index, source) in sources.iter().enumerate() {
        let mut tell = |remark: Remark| findings.push(remark.of_file(&source.name));
        let text = match std::str::from_utf8(&source.content) {
            Ok(text) => text,
            Err(error) => {
                tell(read::not_text(&source.content, &error));
                continue;
            }
        };
        let reading = read::read(text, options.skip_templates);
        let mut ours = false;
        for document in reading.documents {
            for sorted in sort::sort(document) {
                match sorted {
                    Sorted::Other => counts.others += 1,
                    Sorted::Namespace { name, labels } => {
                        counts.others += 1;
                        namespaces.insert(name, labels);
                    }
                    Sorted::Wrong(remark) => {
                        ours = true;
                        tell(remark);
                    }
                    Sorted::Ours { kind, node } => {
                        ours = true;
                        counts.add(kind);
                        held.push(object::hold(index, &source.name, kind, node, definitions, options));
                    }
                }
            }
        }
        let concerns = |remark: &Remark| ours || remark.rule != Rule::YamlSeparator;
        reading.remarks.into_iter().filter(concerns).for_each(tell);
    }
    meaning::look(&mut held, options);
    between::look(&mut held, &namespaces, options);
    for object in held {
        let source = sources.get(object.file).map_or("", |source| source.name.as_str());
        findings.extend(object.remarks.into_iter().map(|remark| remark.of_file(source)));
    }
    findings.sort();
    findings.dedup();
    Report { findings, counts }
}

impl Counts {
    fn add(&mut self, kind: definitions::Kind) {
        match kind {
            definitions::Kind::Campaign => self.campaigns += 1,
            definitions::Kind::Pool => self.pools += 1,
            definitions::Kind::Sender => self.senders += 1,
        }
    }
}

#[cfg(test)]
mod tests;

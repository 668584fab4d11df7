//! Whole files: each of `tests/lint/bad` with what is said of it beside it, and those of `tests/lint/good` and `examples`,
//! of which nothing is said.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::finding::{Rule, Severity};
use super::*;

thread_local! {
    /// Made once: they are what takes the time.
    static DEFINITIONS: Definitions = Definitions::new();
}

fn lint(sources: &[Source], options: &Options) -> Report {
    DEFINITIONS.with(|definitions| look(definitions, sources, options))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn options() -> Options {
    Options { closed: false, namespace: None, skip_templates: false, trouble: crate::controller::observe::trouble }
}

fn source(folder: &Path, name: &str) -> Source {
    Source { name: name.to_owned(), content: std::fs::read(folder.join(name)).unwrap() }
}

/// Names of the YAML files in a folder, with the folder in front.
fn files(folder: &Path, inside: &str) -> Vec<String> {
    let entries =
        std::fs::read_dir(folder.join(inside)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        entries.filter(|name| Path::new(name).extension().is_some_and(|end| end == "yaml")).collect();
    names.sort();
    names.into_iter().map(|name| format!("{inside}/{name}")).collect()
}

/// What is said of a file that stands beside the world's.
fn said(folder: &Path, name: &str) -> Report {
    let file = source(folder, name);
    let closed = file.content.starts_with(b"# headroom lint --closed");
    lint(&[file, source(folder, "world.yaml")], &Options { closed, ..options() })
}

#[test]
fn of_every_bad_file_is_said_what_stands_beside_it() {
    let folder = root().join("tests/lint");
    let names = files(&folder, "bad");
    assert!(names.len() >= 40);
    let mut wrong = String::new();
    for name in &names {
        let said = print::human(&said(&folder, name), false);
        let expected = std::fs::read_to_string(folder.join(name).with_extension("txt")).unwrap();
        if said != expected {
            wrong.extend(["--- ", name, "\nexpected\n", &expected, "said\n", &said]);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn of_good_files_nothing_is_said() {
    let folder = root().join("tests/lint");
    for name in files(&folder, "good") {
        let report = said(&folder, &name);
        assert!(report.findings.is_empty(), "{}", print::human(&report, false));
        assert!(
            report.counts.campaigns + report.counts.pools + report.counts.senders > 2,
            "{name} holds nothing of ours"
        );
    }
}

#[test]
fn of_the_examples_nothing_is_said() {
    for (folder, senders) in [("examples", 3), ("examples/demo", 1)] {
        let names = files(&root(), folder);
        let sources: Vec<Source> = names.iter().map(|name| source(&root(), name)).collect();
        let report = lint(&sources, &Options { closed: true, ..options() });
        assert!(report.findings.is_empty(), "{}", print::human(&report, false));
        assert_eq!((report.counts.campaigns, report.counts.pools, report.counts.senders), (1, 1, senders));
    }
}

#[test]
fn options_do_what_they_say() {
    let told = |text: &str, options: &Options| {
        let source = Source { name: "a.yaml".to_owned(), content: text.as_bytes().to_vec() };
        let report = lint(&[source], options);
        report.findings.iter().map(|finding| (finding.rule, finding.severity)).collect::<Vec<_>>()
    };
    let template = "a: {{ .Values.a }}\n---\n{{ include \"x\" . }}\n";
    assert_eq!(
        told(template, &options()),
        [(Rule::YamlTemplate, Severity::Error), (Rule::YamlTemplate, Severity::Error)]
    );
    let skip = Options { skip_templates: true, ..options() };
    assert!(told(template, &skip).iter().all(|(_, severity)| *severity == Severity::Note));
    let nowhere = "apiVersion: headroom.dev/v1alpha1\nkind: Sender\nmetadata: {name: x}\nspec: {sendRate: 1/s, webhook: {url: \"http://x\"}}\n";
    assert_eq!(told(nowhere, &options()), [(Rule::NoNamespace, Severity::Warning)]);
    assert_eq!(told(nowhere, &Options { namespace: Some("mail".to_owned()), ..options() }), []);
}

#[test]
fn machines_read_every_finding() {
    let folder = root().join("tests/lint");
    let report = said(&folder, "bad/yaml-octal.yaml");
    let read: serde_json::Value = serde_json::from_str(&print::machine(&report)).unwrap();
    assert_eq!(
        read["findings"],
        serde_json::json!([{
            "file": "bad/yaml-octal.yaml", "line": 9, "column": 11, "severity": "error", "field": "spec.audience.size",
            "rule": "yaml-number",
            "message": "kubectl reads 0777 as 511, other readers of YAML as 777; write 777 or 511, as it is meant.",
        }])
    );
    assert_eq!(read["summary"]["errors"], 1);
    let annotated = print::github(&report);
    assert!(
        annotated.starts_with("::error file=bad/yaml-octal.yaml,line=9,col=11,title=yaml-number::spec.audience.size: "),
        "{annotated}"
    );
}

#[test]
fn every_rule_is_documented_and_has_a_case() {
    let documented = std::fs::read_to_string(root().join("docs/lint.md")).unwrap();
    let folder = root().join("tests/lint");
    let cases: String = files(&folder, "bad")
        .iter()
        .map(|name| std::fs::read_to_string(folder.join(name).with_extension("txt")).unwrap())
        .collect();
    for rule in Rule::ALL {
        assert!(documented.contains(&format!("| `{}` |", rule.id())), "docs/lint.md does not tell of {}", rule.id());
        // The only fault that is always told where the Sender stands.
        assert!(
            *rule == Rule::SenderUnable || cases.contains(&format!("[{}]", rule.id())),
            "no case shows {}",
            rule.id()
        );
    }
}

/// All that is good, as one text.
fn whole() -> String {
    let folder = root().join("tests/lint");
    let names = files(&folder, "good").into_iter().chain(["world.yaml".to_owned()]);
    names.map(|name| String::from_utf8(source(&folder, &name).content).unwrap() + "\n---\n").collect()
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(content in prop::collection::vec(any::<u8>(), 0..400)) {
        lint(&[Source { name: "a".to_owned(), content }], &options());
    }

    #[test]
    fn no_text_makes_it_panic(text in "[ \n\t:{}\\[\\],&*#?|>'\"%@`!<a-z0-9-]{0,200}") {
        lint(&[Source { name: "a".to_owned(), content: text.into_bytes() }], &options());
    }

    #[test]
    fn no_change_of_a_good_file_makes_it_panic(
        from in any::<prop::sample::Index>(),
        length in 0_usize..40,
        instead in "[ \n\t:{}\\[\\],&*#?|>'\"a-z0-9%-]{0,12}",
    ) {
        let mut letters: Vec<char> = whole().chars().collect();
        let from = from.index(letters.len());
        let until = (from + length).min(letters.len());
        letters.splice(from..until, instead.chars());
        let text: String = letters.into_iter().collect();
        let report = lint(&[Source { name: "a".to_owned(), content: text.clone().into_bytes() }], &options());
        // What is found is found there: every place is in the file.
        let lines = text.lines().count();
        prop_assert!(report.findings.iter().all(|finding| (1..=lines + 1).contains(&finding.at.line)));
    }
}

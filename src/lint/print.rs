//! Findings as people, programs and GitHub read them.

use std::fmt::Write;

use serde_json::json;

use super::finding::{Finding, Severity};
use super::{Counts, Report};

/// For people: a line each, and one that sums up. Colour where a terminal shows it.
pub fn human(report: &Report, colour: bool) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let Finding { file, at, severity, rule, field, message } = finding;
        let word = if colour { painted(*severity) } else { severity.word().to_owned() };
        let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{file}:{}:{}: {word}: {field}{message} [{}]", at.line, at.column, rule.id());
    }
    let _ = writeln!(text, "{}", summary(report));
    text
}

fn painted(severity: Severity) -> String {
    let code = match severity {
        Severity::Error => 31,
        Severity::Warning => 33,
        Severity::Note => 36,
    };
    format!("\u{1b}[1;{code}m{}\u{1b}[0m", severity.word())
}

fn several(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// What was looked at, and what was found.
pub fn summary(report: &Report) -> String {
    let Counts { files, campaigns, pools, senders, others } = report.counts;
    let passed = if others == 0 {
        String::new()
    } else {
        format!("; {} passed over", several(others, "other document", "other documents"))
    };
    format!(
        "{}: {}, {}, {}{passed}. {}, {}, {}.",
        several(files, "file", "files"),
        several(campaigns, "Campaign", "Campaigns"),
        several(pools, "CapacityPool", "CapacityPools"),
        several(senders, "Sender", "Senders"),
        several(report.count(Severity::Error), "error", "errors"),
        several(report.count(Severity::Warning), "warning", "warnings"),
        several(report.count(Severity::Note), "note", "notes"),
    )
}

/// For programs: one object. Its names do not change.
pub fn machine(report: &Report) -> String {
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "file": finding.file, "line": finding.at.line, "column": finding.at.column,
                "severity": finding.severity, "field": finding.field, "rule": finding.rule.id(), "message": finding.message,
            })
        })
        .collect();
    let Counts { files, campaigns, pools, senders, others } = report.counts;
    let whole = json!({
        "findings": findings,
        "summary": {
            "files": files, "campaigns": campaigns, "pools": pools, "senders": senders, "others": others,
            "errors": report.count(Severity::Error), "warnings": report.count(Severity::Warning),
            "notes": report.count(Severity::Note),
        },
    });
    format!("{whole:#}\n")
}

/// For GitHub: a workflow command each, which it shows beside the line.
pub fn github(report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let Finding { file, at, severity, rule, field, message } = finding;
        let word = if *severity == Severity::Note { "notice" } else { severity.word() };
        let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
        let _ = writeln!(
            text,
            "::{word} file={},line={},col={},title={}::{}",
            escaped(file, true),
            at.line,
            at.column,
            rule.id(),
            escaped(&format!("{field}{message}"), false)
        );
    }
    let _ = writeln!(text, "{}", summary(report));
    text
}

fn escaped(text: &str, is_property: bool) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    if is_property { text.replace(':', "%3A").replace(',', "%2C") } else { text }
}

//! What keeps a file from being read, in words that lead on: the parser's own, a tab, a template, content that kubectl
//! drops, no text at all.

use std::str::Utf8Error;

use super::super::finding::{Mark, Remark, Rule, Severity};

/// What the parser says, and where a tab is to blame, that.
pub fn syntax(text: &str, at: Mark, why: &str) -> Remark {
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
    Remark::error(Rule::YamlSyntax, at, "", format!("this cannot be read as YAML: {why}"))
}

/// What cannot be read because it is a template is told as one.
pub fn template(text: &str, wrong: Remark, skip: bool) -> Remark {
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
pub fn separators(text: &str) -> Vec<Remark> {
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

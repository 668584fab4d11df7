//! What readers of YAML disagree about, or what kubectl takes for something else than it looks like: found in how an
//! object is written, whatever its fields mean.

use super::finding::{Mark, Remark, Rule};
use super::node::{Field, Fields, Node, Shape};
use super::path::join;
use super::scalar::{Means, Scalar};

/// Looks through an object.
pub fn look(root: &Node) -> Vec<Remark> {
    let mut remarks = Vec::new();
    walk(root, "", &mut remarks);
    remarks
}

fn walk(node: &Node, path: &str, remarks: &mut Vec<Remark>) {
    match &node.shape {
        Shape::Scalar(scalar) => {
            if let Some((rule, message)) = word(scalar) {
                remarks.push(Remark::error(rule, node.at, path, message));
            }
        }
        Shape::List(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{path}[{index}]"), remarks);
            }
        }
        Shape::Map(fields) => {
            let split = commas(fields, path, remarks);
            for (name, at, line) in &fields.repeated {
                if split.iter().all(|(piece, _)| piece != name) {
                    let message = format!(
                        "\"{name}\" stands in line {line} already, and kubectl drops that one without a word; keep one of the two"
                    );
                    remarks.push(Remark::error(Rule::YamlDuplicateKey, *at, &join(path, name), message));
                }
            }
            for (name, at, line) in &fields.overridden {
                let message = format!(
                    "the << in line {line} brings \"{name}\" too, and to kubectl that one counts, to other readers this one; put the << first"
                );
                remarks.push(Remark::error(Rule::YamlMergeOrder, *at, &join(path, name), message));
            }
            for field in &fields.all {
                if split.iter().any(|(_, at)| *at == field.at || *at == field.value.at) {
                    continue;
                }
                let path = join(path, &field.name);
                if let (true, Means::Bool(value)) = (field.key.plain, &field.key.means)
                    && is_word(&field.key.text)
                {
                    let text = &field.key.text;
                    let message = format!("kubectl reads the name {text} as {value}; write \"{text}\", in quotes");
                    remarks.push(Remark::error(Rule::YamlWord, field.at, &path, message));
                }
                walk(&field.value, &path, remarks);
            }
        }
    }
}

/// `{size: 1,200,000}`: kubectl takes it for `size: 1` and two fields without a value. Gives what the comma split off,
/// and the value before it.
fn commas(fields: &Fields, path: &str, remarks: &mut Vec<Remark>) -> Vec<(String, Mark)> {
    let mut split = Vec::new();
    let mut number: Option<(&Field, String)> = None;
    let is_piece = |field: &Field| {
        let digits: String = field.key.text.chars().take_while(char::is_ascii_digit).collect();
        let is_empty = matches!(&field.value.shape, Shape::Scalar(scalar) if scalar.plain && scalar.text.is_empty());
        fields.flow && is_empty && field.key.plain && digits.len() == 3
    };
    let mut tell = |number: Option<(&Field, String)>| {
        if let Some((field, whole)) = number.filter(|(_, whole)| whole.contains(',')) {
            let first = whole.split(',').next().unwrap_or_default();
            let message = format!(
                "kubectl reads {{{}: {whole}}} as {first}, and what follows the comma as names of further fields; write {}, without commas",
                field.name,
                whole.replace(',', "")
            );
            remarks.push(Remark::error(Rule::YamlFlowComma, field.value.at, &join(path, &field.name), message));
        }
    };
    for field in &fields.all {
        match &mut number {
            Some((first, whole)) if is_piece(field) => {
                split.push((field.name.clone(), field.at));
                split.push((first.name.clone(), first.value.at));
                whole.push(',');
                whole.push_str(&field.key.text);
                // Of two groups of digits that are the same the later is kept: 1,000,000 has them.
                let again = fields.repeated.iter().filter(|(name, ..)| *name == field.name).count();
                for _ in 0..again {
                    whole.push(',');
                    whole.push_str(&field.key.text);
                }
            }
            _ => {
                tell(number.take());
                if let Shape::Scalar(scalar) = &field.value.shape
                    && scalar.plain
                    && (1..=3).contains(&scalar.text.len())
                    && scalar.text.bytes().all(|byte| byte.is_ascii_digit())
                {
                    number = Some((field, scalar.text.clone()));
                }
            }
        }
    }
    tell(number.take());
    split
}

/// yes, no, on, off, y, n: truth values to kubectl, text to others.
fn is_word(text: &str) -> bool {
    ["y", "yes", "on", "n", "no", "off"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Hours and minutes without quotes: text to kubectl, a number in base 60 to others.
fn is_clock(text: &str) -> bool {
    let mut parts = text.strip_prefix(['+', '-']).unwrap_or(text).split(':');
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let first = parts.next().is_some_and(is_number);
    let rest: Vec<&str> = parts.collect();
    first && !rest.is_empty() && rest.iter().all(|part| part.len() <= 2 && is_number(part))
}

/// What is odd about one word.
fn word(scalar: &Scalar) -> Option<(Rule, String)> {
    if !scalar.plain {
        return None;
    }
    let text = &scalar.text;
    match &scalar.means {
        Means::Bool(value) if is_word(text) => {
            let message =
                format!("kubectl reads {text} as {value}; write {value}, or \"{text}\" in quotes if text is meant");
            Some((Rule::YamlWord, message))
        }
        Means::Text if is_clock(text) => {
            let message = format!(
                "{text} without quotes is text to kubectl and a number to other readers of YAML; write \"{text}\""
            );
            Some((Rule::YamlClock, message))
        }
        Means::Int(_) | Means::Float(_) => number(scalar).map(|message| (Rule::YamlNumber, message)),
        _ => None,
    }
}

fn number(scalar: &Scalar) -> Option<String> {
    let text = &scalar.text;
    if matches!(scalar.means, Means::Float(value) if !value.is_finite()) {
        return Some(format!("{text} is not a number that kubectl can hand on; write one with digits"));
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let value = scalar.to_json();
    if text.contains('_') {
        return Some(format!("kubectl reads {text} as {value}, other readers of YAML as text; write {value}"));
    }
    if digits.len() < 2 || !digits.starts_with('0') || digits.starts_with("0.") {
        return None;
    }
    let decimal = digits.trim_start_matches('0');
    let shown = value.to_string();
    if decimal.bytes().all(|byte| byte.is_ascii_digit())
        && !decimal.is_empty()
        && decimal != shown.trim_start_matches('-')
    {
        let decimal = format!("{}{decimal}", if text.starts_with('-') { "-" } else { "" });
        return Some(format!(
            "kubectl reads {text} as {value}, other readers of YAML as {decimal}; write {decimal} or {value}, as it is meant"
        ));
    }
    Some(format!(
        "kubectl reads {text} as {value}, other readers of YAML otherwise; write {value}, or \"{text}\" in quotes if text is meant"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::read::read;

    fn found(text: &str) -> Vec<(&'static str, usize, usize)> {
        let root = read(text, false).documents.remove(0);
        look(&root).into_iter().map(|remark| (remark.rule.id(), remark.at.line, remark.at.column)).collect()
    }

    #[test]
    fn traps_are_found_where_they_stand() {
        assert_eq!(found("a: {size: 1,200,000}"), [("yaml-flow-comma", 1, 11)]);
        assert_eq!(found("a: {size: 1,000,000, class: x}"), [("yaml-flow-comma", 1, 11)]);
        assert_eq!(found("a: {peak: 1,600/s}"), [("yaml-flow-comma", 1, 11)]);
        assert_eq!(
            found("a: 0777\nb: 1_000\nc: 0x10\nd: 08"),
            [("yaml-number", 1, 4), ("yaml-number", 2, 4), ("yaml-number", 3, 4), ("yaml-number", 4, 4)]
        );
        assert_eq!(found("from: 09:00\nto: 18:00"), [("yaml-clock", 1, 7), ("yaml-clock", 2, 5)]);
        assert_eq!(found("a: No\non: 1"), [("yaml-word", 1, 4), ("yaml-word", 2, 1)]);
        assert_eq!(found("a: 1\na: 2"), [("yaml-duplicate-key", 2, 1)]);
        assert_eq!(found("c: &c {a: 1}\nd: {a: 2, <<: *c}"), [("yaml-merge-order", 2, 5)]);
        let fine = "a: 0\nb: 0.5\nc: -0\nd: 1e3\ne: \"no\"\nf: true\ng: 2027-03-19T09:00\nh: {<<: &c {x: 1}, x: 2}\ni: '0777'\nj: 100/s\nk: [1,200]\nl: 2027-03-19T09:00:00Z\n";
        assert_eq!(found(fine), []);
    }

    #[test]
    fn the_way_out_is_told() {
        let told = |text: &str| look(&read(text, false).documents.remove(0)).remove(0).message;
        assert!(told("a: {size: 1,000,000}").contains("write 1000000,"), "{}", told("a: {size: 1,000,000}"));
        assert!(told("a: 0777").contains("as 511, other readers of YAML as 777; write 777 or 511"));
        assert!(told("a: 08").contains("as 8, other readers of YAML otherwise; write 8"), "{}", told("a: 08"));
        assert!(told("a: 1_200").contains("write 1200"));
    }
}

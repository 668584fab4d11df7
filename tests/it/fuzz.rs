//! Every seed of the fuzzer, and every input that it ever broke something with, held against the same rules as there. Of
//! the seeds some are taken and some are refused: rules that nothing reaches hold nothing.

use crate::support::bed::root;

#[path = "../fuzz/src/answers.rs"]
#[allow(clippy::float_cmp)] // The same to the last bit.
mod answers;
#[path = "../fuzz/src/bytes.rs"]
mod bytes;
#[path = "../fuzz/src/json.rs"]
#[allow(clippy::option_option)] // A name that is not there, one that holds nothing, and one that holds something.
mod json;
#[path = "../fuzz/src/query.rs"]
mod query;
#[path = "../fuzz/src/template.rs"]
mod template;
#[path = "../fuzz/src/units.rs"]
mod units;
#[path = "../fuzz/src/yaml.rs"]
mod yaml;

fn inputs(folder: &str, target: &str) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(root().join("tests/fuzz").join(folder).join(target)) else { return Vec::new() };
    entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}

fn all(target: &str, holds: fn(&[u8]) -> bool) {
    let seeds: Vec<bool> = inputs("seeds", target).iter().map(|input| holds(input)).collect();
    assert!(seeds.contains(&true) && seeds.contains(&false), "{target}: {seeds:?}");
    for input in inputs("found", target) {
        holds(&input);
    }
}

#[test]
fn answers_of_a_prometheus() {
    all("answers", answers::holds);
}

#[test]
fn queries() {
    all("query", query::holds);
}

#[test]
fn quantities() {
    all("units", units::holds);
}

#[test]
fn bodies() {
    all("template", template::holds);
}

#[test]
fn files() {
    all("yaml", yaml::holds);
}

//! The table of values in the chart's README: made from `values.yaml`, its comments and its defaults, so that nobody has to
//! write it, and the two never say different things.

use std::fmt::Write as _;

use crate::support::bed::root;

/// What is typed to have the table written.
const COMMAND: &str = "HEADROOM_WRITE_README=1 cargo test --test it chart::readme";
/// Between these two lines of the README stands the table, and nothing else.
const BEGIN: &str = "<!-- values: made from values.yaml, not by hand; CONTRIBUTING.md says how -->";
const END: &str = "<!-- /values -->";
/// A default with more characters than this, as JSON, is left to the file.
const LONGEST: usize = 40;

/// A row for each key with a `# --` comment, in the order of the file. What has none must lie in or above one that has, or
/// it is named as the error.
fn table(text: &str) -> Result<String, String> {
    let values = headroom::yaml::read_all(text).map_err(|error| error.to_string())?;
    let values = values.first().ok_or("there are no values")?;
    let mut table = "| Value | Default | Meaning |\n|---|---|---|\n".to_owned();
    // Where the line is, each key with whether it is told of; and the comment above the line.
    let (mut path, mut meaning): (Vec<(&str, bool)>, Vec<&str>) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let bare = line.trim_start();
        if let Some(first) = bare.strip_prefix("# -- ") {
            meaning = vec![first];
        } else if let Some(more) = bare.strip_prefix("# ") {
            if !meaning.is_empty() {
                meaning.push(more);
            }
        } else if let Some((key, _)) = bare.split_once(':') {
            path.truncate((line.len() - bare.len()) / 2);
            let is_inside = path.iter().any(|(_, is_told)| *is_told);
            path.push((key, !meaning.is_empty()));
            let keys: Vec<&str> = path.iter().map(|(key, _)| *key).collect();
            let name = keys.join(".");
            let default = values.pointer(&format!("/{}", keys.join("/")));
            let default = default.ok_or_else(|| format!("{name} cannot be found where its line stands"))?;
            let is_group = default.as_object().is_some_and(|inner| !inner.is_empty());
            if !meaning.is_empty() {
                let json = default.to_string();
                let short = json.chars().count() <= LONGEST;
                let shown = if short { format!("`{json}`") } else { "see `values.yaml`".to_owned() };
                let _ = writeln!(table, "| `{name}` | {shown} | {} |", meaning.join(" ").replace('|', "\\|"));
            } else if !is_inside && !is_group {
                return Err(format!("{name} has no comment that begins with \"# -- \""));
            }
            meaning.clear();
        }
    }
    Ok(table)
}

/// Rows of one table that are not in the other.
fn only<'a>(here: &'a str, there: &str) -> Vec<&'a str> {
    here.lines().filter(|row| !there.lines().any(|other| other == *row)).collect()
}

#[test]
fn the_table_of_values_is_that_of_the_file() {
    let folder = root().join("charts/headroom");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let (table, readme) = (table(&read("values.yaml")).unwrap(), read("README.md"));
    let (before, rest) = readme.split_once(BEGIN).expect("the README of the chart has the line before the table");
    let (stands, after) = rest.split_once(END).expect("the README of the chart has the line after the table");
    let wanted = format!("\n\n{table}\n");
    if stands == wanted {
        return;
    }
    if std::env::var("HEADROOM_WRITE_README").is_ok_and(|value| value == "1") {
        std::fs::write(folder.join("README.md"), format!("{before}{BEGIN}{wanted}{END}{after}")).unwrap();
        return;
    }
    panic!(
        "charts/headroom/README.md does not say what values.yaml says. To have it written, type:\n\n  {COMMAND}\n\nIn the README only: {:#?}\nIn values.yaml only: {:#?}",
        only(stands, &wanted),
        only(&wanted, stands)
    );
}

#[test]
fn a_table_is_made_of_comments_and_defaults() {
    let values = "# The head of the file: not a value.

image:
  # -- Where it comes from,
  # in two lines.
  name: web
# A remark of the file's own.
# -- One | or the other.
resources:
  requests:
    cpu: 50m
    memory: 64Mi
  limits: {memory: 256Mi}
# -- None.
list: []
";
    let wanted = "| Value | Default | Meaning |
|---|---|---|
| `image.name` | `\"web\"` | Where it comes from, in two lines. |
| `resources` | see `values.yaml` | One \\| or the other. |
| `list` | `[]` | None. |
";
    assert_eq!(table(values).as_deref(), Ok(wanted));
    let told = table("image:\n  name: web\n  # -- A tag.\n  tag: one\n").unwrap_err();
    assert!(told.contains("image.name"), "{told}");
    let told = table("# -- A list.\nlist:\n- name: web\n").unwrap_err();
    assert!(told.contains("- name"), "{told}");
}

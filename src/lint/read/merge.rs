//! Which fields count of those that are written: as kubectl has it the later of two with one name, also where one of them
//! is brought by a `<<`.

use std::collections::BTreeMap;

use super::super::finding::{Mark, Remark, Rule};
use super::super::node::{Field, Fields, Node, Shape};

/// What counts, and what was odd.
struct Merging {
    fields: Fields,
    /// Where each name stands, and whether it was written here rather than brought.
    names: BTreeMap<String, (usize, bool)>,
}

impl Merging {
    fn write(&mut self, field: Field) {
        if let Some((place, is_own)) = self.names.get_mut(&field.name)
            && let Some(first) = self.fields.all.get_mut(*place)
        {
            if *is_own {
                self.fields.repeated.push((field.name.clone(), field.at, first.at.line));
            }
            *is_own = true;
            *first = field;
        } else {
            self.add(field, true);
        }
    }

    fn bring(&mut self, field: Field, from: Mark) {
        if let Some((place, is_own)) = self.names.get(&field.name)
            && let Some(first) = self.fields.all.get_mut(*place)
        {
            if *is_own {
                self.fields.overridden.push((field.name, first.at, from.line));
            }
            first.value = field.value;
        } else {
            self.add(field, false);
        }
    }

    fn add(&mut self, field: Field, is_own: bool) {
        self.names.insert(field.name.clone(), (self.fields.all.len(), is_own));
        self.fields.all.push(field);
    }
}

/// The fields of a `{…}` or of a block.
pub fn merged(flow: bool, written: Vec<Field>) -> Result<Fields, Remark> {
    let mut merging = Merging { fields: Fields { flow, ..Fields::default() }, names: BTreeMap::new() };
    for field in written {
        if field.name != "<<" || !field.key.plain {
            merging.write(field);
            continue;
        }
        let at = field.at;
        let brought = brought(field.value).ok_or_else(|| {
            let message = "<< takes fields from elsewhere: an alias such as *defaults, or a list of them";
            Remark::error(Rule::YamlSyntax, at, "", message)
        })?;
        brought.into_iter().flat_map(|fields| fields.all).for_each(|field| merging.bring(field, at));
    }
    Ok(merging.fields)
}

/// What a `<<` brings; of several the first counts, and so comes last.
fn brought(value: Node) -> Option<Vec<Fields>> {
    let fields = |node: Node| match node.shape {
        Shape::Map(fields) => Some(fields),
        _ => None,
    };
    match value.shape {
        Shape::List(items) => items.into_iter().rev().map(fields).collect(),
        shape => fields(Node { at: value.at, shape }).map(|fields| vec![fields]),
    }
}

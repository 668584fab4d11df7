//! Queries: whether they are `PromQL`, and whether the age of what they rest on can be told. Every field called `query`
//! holds one.

use crate::plan::reading::SensorFault;
use crate::prometheus::companion;

use super::finding::{Remark, Rule};
use super::node::Node;
use super::path;

/// Looks at every query of an object.
pub fn look(root: &Node) -> Vec<Remark> {
    let queries = path::every(root, "query").into_iter();
    let wrong = queries.filter_map(|(at, field, value)| {
        let fault = companion::of(value.text()?).err()?;
        Some(match fault {
            SensorFault::BadQuery { why } => {
                let message = format!("this is not PromQL: {}", why.trim());
                Remark::error(Rule::QuerySyntax, at, &field, message)
            }
            other => Remark::error(Rule::QueryAge, at, &field, other.to_string()),
        })
    });
    wrong.collect()
}

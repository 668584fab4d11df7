//! Queries: whether they are `PromQL`, whether they give what can be read, and whether the age of what they rest on can be
//! told. Every field called `query` holds one.

use promql_parser::parser;
use promql_parser::parser::value::ValueType;

use crate::plan::reading::SensorFault;
use crate::prometheus::companion;

use super::finding::{Remark, Rule};
use super::node::Node;
use super::path;

/// Looks at every query of an object.
pub fn look(root: &Node) -> Vec<Remark> {
    let queries = path::every(root, "query").into_iter();
    let wrong = queries.filter_map(|(at, field, value)| {
        let (rule, message) = fault(value.text()?)?;
        Some(Remark::error(rule, at, &field, message))
    });
    wrong.collect()
}

/// Why the operator would not believe what a query gives.
fn fault(query: &str) -> Option<(Rule, String)> {
    let companion = companion::of(query);
    if let Err(SensorFault::BadQuery { why }) = &companion {
        return Some((Rule::QuerySyntax, format!("this is not PromQL: {}", why.trim())));
    }
    let found = parser::parse(query).ok()?.value_type();
    let way = match found {
        ValueType::Vector => return companion.err().map(|fault| (Rule::QueryAge, fault.to_string())),
        ValueType::Matrix => "put a function such as rate(…) around it",
        ValueType::Scalar | ValueType::String => "let it give a vector, as sum(…) does",
    };
    let fault = SensorFault::WrongType { found: found.to_string() }.to_string();
    Some((Rule::QueryType, format!("{}; {way}", fault.trim_end_matches('.'))))
}

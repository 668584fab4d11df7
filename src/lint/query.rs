//! Queries: whether they are `PromQL`, whether they give what can be read, and whether the age of what they rest on can be
//! told. Every field called `query` holds one.

use promql_parser::parser::value::ValueType;

use crate::plan::reading::SensorFault;
use crate::prometheus::companion;

use super::finding::{Remark, Rule, Severity};
use super::node::Node;
use super::path;

/// Looks at every query of an object.
pub fn look(root: &Node) -> Vec<Remark> {
    let queries = path::every(root, "query").into_iter();
    let wrong = queries.filter_map(|(at, field, value)| {
        let (rule, message) = fault(value.text()?)?;
        Some(Remark::error(rule, at, &field, message))
    });
    let demands = path::every(root, "demand").into_iter();
    wrong.chain(demands.filter_map(|(_, field, demand)| uncovered(&field, demand))).collect()
}

/// What gateways call what they count, by the names that their projects give it.
const GATEWAYS: [&str; 7] =
    ["apisix_", "aws_applicationelb_", "haproxy_", "kong_", "nginx_ingress_controller_", "skipper_", "traefik_"];

/// Why no replicas will be seen behind a demand whose owner has not said how.
fn uncovered(field: &str, demand: &Node) -> Option<Remark> {
    let query = demand.get("query")?;
    if demand.get("coverage").is_some() {
        return None;
    }
    let companion = companion::of(query.text()?).ok()?;
    let gateways = |metric: &&str| GATEWAYS.iter().any(|prefix| metric.starts_with(prefix));
    let message = if let Some(rule) = companion.recorded() {
        format!(
            "{rule} is written by a recording rule, by its name, and has no pods in its labels, so that no replica is seen behind it and nothing will go; write the query that it records, or say in demand.coverage how replicas are seen"
        )
    } else {
        let metric = companion.metrics().find(gateways)?;
        format!(
            "{metric} is measured at a gateway, by its name, and a pod in its labels is the gateway's own, so that no replica is seen behind it and nothing will go; write demand.coverage: {{unverified: …}} with the reason why the gateway sees every request, or measure at the workload"
        )
    };
    let remark = Remark::error(Rule::QueryCoverage, query.at, &path::join(field, "query"), message);
    Some(remark.as_bad_as(Severity::Warning))
}

/// Why the operator would not believe what a query gives.
fn fault(query: &str) -> Option<(Rule, String)> {
    let (found, companion) = match companion::typed(query) {
        Ok(typed) => typed,
        Err(SensorFault::BadQuery { why }) => {
            return Some((Rule::QuerySyntax, format!("this is not PromQL: {}", why.trim())));
        }
        Err(fault) => return Some((Rule::QueryAge, fault.to_string())),
    };
    let way = match found {
        ValueType::Vector => return companion.err().map(|fault| (Rule::QueryAge, fault.to_string())),
        ValueType::Matrix => "put a function such as rate(…) around it",
        ValueType::Scalar | ValueType::String => "let it give a vector, as sum(…) does",
    };
    let fault = SensorFault::WrongType { found: found.to_string() }.to_string();
    Some((Rule::QueryType, format!("{}; {way}", fault.trim_end_matches('.'))))
}

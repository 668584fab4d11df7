//! The question that goes beside every query: how old are the samples behind it? Prometheus repeats a last sample for
//! five minutes under the time of the question, so the answer alone never shows that a scrape has died.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use promql_parser::parser::{self, Expr, VectorSelector};

use crate::plan::reading::SensorFault;

/// What a query was found to rest on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Companion {
    /// Gives the newest sample of the selector whose newest sample is the oldest, in seconds since 1970.
    pub query: String,
    /// The widest range that the query looks back over.
    pub range: SignedDuration,
}

#[derive(Default)]
struct Found {
    selectors: BTreeSet<String>,
    shifted: usize,
    pinned: bool,
    range: Duration,
}

/// The companion of a query, or why there can be none.
pub fn of(query: &str) -> Result<Companion, SensorFault> {
    let expression =
        parser::parse(query).map_err(|why| SensorFault::BadQuery { why: super::answer::excerpt(&why.clone()) })?;
    let mut found = Found::default();
    look(&expression, &mut found, Duration::ZERO);
    let no_age = |why: &str| Err(SensorFault::NoSampleAge { why: why.to_owned() });
    if found.pinned {
        return no_age("the query is pinned to a time by @; take it out.");
    }
    if found.selectors.is_empty() {
        return no_age(if found.shifted > 0 {
            "every part of the query is shifted by offset; let one part look at now."
        } else {
            "the query looks at no metric."
        });
    }
    // Several selectors have newest samples with equal labels, of which `or` would keep one; a label tells them apart.
    let parts: Vec<String> = found
        .selectors
        .iter()
        .enumerate()
        .map(|(index, selector)| format!(r#"label_replace(max(timestamp({selector})), "selector", "{index}", "", "")"#))
        .collect();
    let range = SignedDuration::try_from(found.range).unwrap_or(SignedDuration::MAX);
    Ok(Companion { query: format!("min({})", parts.join(" or ")), range })
}

fn look(expression: &Expr, found: &mut Found, around: Duration) {
    match expression {
        Expr::Aggregate(aggregate) => {
            look(&aggregate.expr, found, around);
            if let Some(parameter) = &aggregate.param {
                look(parameter, found, around);
            }
        }
        Expr::Unary(unary) => look(&unary.expr, found, around),
        Expr::Binary(binary) => {
            look(&binary.lhs, found, around);
            look(&binary.rhs, found, around);
        }
        Expr::Paren(paren) => look(&paren.expr, found, around),
        Expr::Subquery(subquery) => {
            found.pinned |= subquery.at.is_some();
            if subquery.offset.is_some() {
                found.shifted += 1;
            } else {
                look(&subquery.expr, found, around.saturating_add(subquery.range));
            }
        }
        Expr::VectorSelector(selector) => take(selector, found, around),
        Expr::MatrixSelector(matrix) => take(&matrix.vs, found, around.saturating_add(matrix.range)),
        Expr::Call(call) => call.args.args.iter().for_each(|argument| look(argument, found, around)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

fn take(selector: &VectorSelector, found: &mut Found, range: Duration) {
    found.pinned |= selector.at.is_some();
    if selector.offset.is_some() {
        found.shifted += 1;
        return;
    }
    found.range = found.range.max(range);
    found.selectors.insert(selector.to_string());
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_selector() {
        let companion = of(r#"sum(rate(http_requests_total{app="web"}[2m]))"#).unwrap();
        assert_eq!(
            companion.query,
            r#"min(label_replace(max(timestamp(http_requests_total{app="web"})), "selector", "0", "", ""))"#
        );
        assert_eq!(companion.range, SignedDuration::from_secs(120));
    }

    #[test]
    fn several_selectors_each_count_and_the_widest_range_is_told() {
        let companion =
            of(r#"(sum(rate(a{code=~"5.."}[1m])) or 0 * sum(rate(a[5m]))) / sum(max_over_time(b[10m:1m]))"#).unwrap();
        assert_eq!(companion.query.matches("max(timestamp(").count(), 3);
        assert!(companion.query.contains(r#"timestamp(a{code=~"5.."})"#));
        assert_eq!(companion.range, SignedDuration::from_mins(10));
        // A subquery over a rate looks back over both.
        assert_eq!(of("max_over_time(rate(a[5m])[10m:1m])").unwrap().range, SignedDuration::from_mins(15));
    }

    #[test]
    fn what_looks_at_another_time_tells_nothing_of_now() {
        let compared = of("sum(a) - sum(a offset 1d)").unwrap();
        assert_eq!(compared.query.matches("timestamp(").count(), 1);
        for query in ["sum(a offset 1d)", "a @ 1609746000", "vector(1)", "1 + 1"] {
            assert!(matches!(of(query), Err(SensorFault::NoSampleAge { .. })), "{query}");
        }
        assert!(matches!(of("sum(rate(a[2m])"), Err(SensorFault::BadQuery { .. })));
    }
}

//! The questions that go beside every query, derived from what it is parsed to. How old are the samples behind it?
//! Prometheus repeats a last sample for five minutes under the time of the question, so the answer alone never shows that a
//! scrape has died. And of how many replicas are they? A sum over half of them is a number like any other.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::thread;
use std::time::Duration;

use jiff::SignedDuration;
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{self, Expr, VectorSelector};

use crate::plan::pods;
use crate::plan::reading::{Replicas, SensorFault};

use super::answer::excerpt;

/// No query is longer, as the definitions have it; and so none is nested deeper.
const LONGEST: usize = 4096;
/// What a recording rule looks back over, where its name does not say.
const RULES_RANGE: Duration = Duration::from_mins(5);
/// Enough for the deepest query there can be, several times over; what is not used is never there.
const STACK: usize = 32 * 1024 * 1024;

/// What a query was found to rest on.
#[derive(Clone, Debug, PartialEq)]
pub struct Companion {
    /// Gives the newest sample of the selector whose newest sample is the oldest, in seconds since 1970.
    pub query: String,
    /// The widest range that the query looks back over.
    pub range: SignedDuration,
    /// What it selects, each with the range over which that is looked at; 0 where it is looked at as it is now.
    selectors: Vec<(VectorSelector, Duration)>,
}

#[derive(Default)]
struct Found {
    selectors: BTreeMap<String, (VectorSelector, Duration)>,
    shifted: usize,
    pinned: bool,
    range: Duration,
}

/// The companion of a query, or why there can be none.
pub fn of(query: &str) -> Result<Companion, SensorFault> {
    typed(query)?.1
}

/// What a query gives, and its companion or why there can be none; or why it is no query.
pub fn typed(query: &str) -> Result<(ValueType, Result<Companion, SensorFault>), SensorFault> {
    let bad = |why: &str| SensorFault::BadQuery { why: excerpt(why) };
    if query.len() > LONGEST {
        return Err(bad(&format!("it is {} bytes long, and {LONGEST} are the most.", query.len())));
    }
    let parsed = apart(|| {
        let expression = parser::parse(query).map_err(|why| bad(&why))?;
        Ok((expression.value_type(), derived(&expression)))
    });
    parsed.unwrap_or_else(|| Err(bad("its parser breaks off; is a number or a span of time in it too large?")))
}

/// The parser goes as deep into its stack as a query is nested, and panics at a span of time that is too large. Neither may
/// end what asked: the work is done in a thread with a stack of its own. None: it broke off.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    let builder = thread::Builder::new().name("query".to_owned()).stack_size(STACK);
    thread::scope(|scope| builder.spawn_scoped(scope, work).ok()?.join().ok())
}

fn derived(expression: &Expr) -> Result<Companion, SensorFault> {
    let mut found = Found::default();
    look(expression, &mut found, Duration::ZERO);
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
    // What is printed may be read as another question: of `{orchid="a" or b="c"}` the parser prints no `or`.
    if let Some(selector) = found.selectors.iter().find(|(text, (selector, _))| !is_said_by(selector, text)) {
        return no_age(&format!("{} cannot be asked for once more as it is written.", excerpt(selector.0)));
    }
    // Several selectors have newest samples with equal labels, of which `or` would keep one; a label tells them apart.
    let parts: Vec<String> = found
        .selectors
        .keys()
        .enumerate()
        .map(|(index, selector)| format!(r#"label_replace(max(timestamp({selector})), "selector", "{index}", "", "")"#))
        .collect();
    let range = SignedDuration::try_from(found.range).unwrap_or(SignedDuration::MAX);
    let query = format!("min({})", parts.join(" or "));
    Ok(Companion { query, range, selectors: found.selectors.into_values().collect() })
}

fn is_said_by(selector: &VectorSelector, text: &str) -> bool {
    let Ok(Expr::VectorSelector(mut said)) = parser::parse(text) else { return false };
    let mut selector = selector.clone();
    // Matchers are printed in an order of their own.
    for one in [&mut said, &mut selector] {
        one.matchers.matchers.sort_by_cached_key(ToString::to_string);
    }
    said == selector
}

/// A range as the parser and every Prometheus read it; None: none of them does.
fn written(range: Duration) -> Option<String> {
    // Below a millisecond there is no sample of a second moment either.
    let milliseconds = u32::try_from(range.as_millis().max(1)).map(|milliseconds| format!("{milliseconds}ms"));
    milliseconds.or_else(|_| u32::try_from(range.as_secs()).map(|seconds| format!("{seconds}s"))).ok()
}

/// The recording rule that a selector reads, as far as its name shows one.
fn rule(selector: &VectorSelector) -> Option<&str> {
    selector.name.as_deref().filter(|name| name.contains(':'))
}

/// What a selector's recording rule looks back over, which nothing but its name tells: `shop:requests:rate2m` is of two minutes.
fn rules_range(selector: &VectorSelector) -> Duration {
    let Some(rule) = rule(selector) else { return Duration::ZERO };
    let operations = rule.rsplit(':').next().unwrap_or_default();
    let said = operations.split('_').filter_map(span_in).fold(Duration::ZERO, Duration::saturating_add);
    if said.is_zero() || written(said).is_none() { RULES_RANGE } else { said }
}

/// The span at the end of a word such as `rate2m` or `increase1h30m`, where it has one.
fn span_in(word: &str) -> Option<Duration> {
    let begin = word.find(|letter: char| letter.is_ascii_digit())?;
    let (mut rest, mut span) = (word.get(begin..)?, Duration::ZERO);
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.len() - after.trim_start_matches(|letter: char| letter.is_ascii_lowercase()).len();
        let (unit, after) = after.split_at_checked(letters)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "w" => 7 * 86_400,
            "y" => 365 * 86_400,
            _ => return None,
        };
        span = span.saturating_add(Duration::from_secs(number.parse::<u64>().ok()?.saturating_mul(seconds)));
        rest = after;
    }
    Some(span)
}

fn is_label(name: &str) -> bool {
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    begins && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

impl Companion {
    /// A metric that is written by a recording rule, as far as its name shows it: level, metric and operations, by colons.
    pub fn recorded(&self) -> Option<&str> {
        self.selectors.iter().find_map(|(selector, _)| rule(selector))
    }

    /// The names of the metrics that it selects.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        self.selectors.iter().filter_map(|(selector, _)| selector.name.as_deref())
    }

    /// When what it looks back over was measured a range ago; of several selectors any. None: it looks at now alone.
    pub fn past(&self) -> Option<String> {
        let back =
            self.selectors.iter().map(|(selector, range)| (selector, range.saturating_add(rules_range(selector))));
        let ranged = back.filter(|(_, range)| !range.is_zero()).enumerate();
        let parts: Vec<String> = ranged
            .filter_map(|(index, (selector, range))| {
                let then = format!("timestamp({selector} offset {})", written(range)?);
                Some(format!(r#"label_replace(max({then}), "selector", "{index}", "", "")"#))
            })
            .collect();
        (!parts.is_empty()).then(|| format!("max({})", parts.join(" or ")))
    }

    /// Counts the pods of a Deployment that every selector of the query finds with a fresh sample, by the label that holds
    /// their name; of several selectors the one that finds the fewest. Where a rate is taken a pod has two samples at least
    /// in its range: of one no rate is made, and the sum would lack it.
    pub fn pods(&self, of: &Replicas, label: &str) -> Result<String, SensorFault> {
        let no_coverage = |why: String| SensorFault::NoCoverage { why };
        if !is_label(label) {
            return Err(no_coverage(format!("{} is no label of series.", excerpt(label))));
        }
        // What is not kept by namespace has no such label.
        let theirs =
            format!(r#"{{{label}=~"{}",namespace=~"|{}"}}"#, pods::of_deployment(&of.deployment), of.namespace);
        let Ok(Expr::VectorSelector(theirs)) = parser::parse(&theirs) else {
            return Err(no_coverage(format!("{label} is no label of series.")));
        };
        let mut parts = Vec::new();
        for (index, (selector, range)) in self.selectors.iter().enumerate() {
            if !selector.matchers.or_matchers.is_empty() {
                return Err(no_coverage("the query selects by or; declare demand.coverage.query.".to_owned()));
            }
            let mut selector = selector.clone();
            selector.matchers.matchers.extend(theirs.matchers.matchers.iter().cloned());
            let mut fresh = format!("timestamp({selector}) > time() - {}", of.max_age.as_secs());
            if !range.is_zero() {
                let Some(range) = written(*range) else {
                    return Err(no_coverage("a range in the query is longer than anything is kept.".to_owned()));
                };
                let _ = write!(fresh, " and count_over_time({selector}[{range}]) >= 2");
            }
            parts.push(format!(
                r#"label_replace(count(count by ({label}) ({fresh})) or vector(0), "selector", "{index}", "", "")"#
            ));
        }
        Ok(format!("min({})", parts.join(" or ")))
    }
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
        Expr::VectorSelector(selector) => take(selector, found, around, Duration::ZERO),
        Expr::MatrixSelector(matrix) => take(&matrix.vs, found, around, matrix.range),
        Expr::Call(call) => call.args.args.iter().for_each(|argument| look(argument, found, around)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

fn take(selector: &VectorSelector, found: &mut Found, around: Duration, range: Duration) {
    found.pinned |= selector.at.is_some();
    if selector.offset.is_some() {
        found.shifted += 1;
        return;
    }
    found.range = found.range.max(around.saturating_add(range).saturating_add(rules_range(selector)));
    // Of several ranges over the same the shortest has the fewest samples in it.
    let (_, shortest) = found.selectors.entry(selector.to_string()).or_insert_with(|| (selector.clone(), range));
    *shortest = if shortest.is_zero() || range.is_zero() { (*shortest).max(range) } else { (*shortest).min(range) };
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::plan::reading::SeenBy;

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

    fn web(label: &str) -> Replicas {
        Replicas {
            namespace: "shop".to_owned(),
            deployment: "web".to_owned(),
            seen_by: SeenBy::Label(label.to_owned()),
            max_age: SignedDuration::from_secs(90),
        }
    }

    #[test]
    fn pods_are_counted_that_have_fresh_samples_and_enough_of_them_for_a_rate() {
        let pods = |query: &str| of(query).unwrap().pods(&web("pod"), "pod").unwrap();
        let web = r#"http_requests_total{app="web",namespace=~"|shop",pod=~"web-[b-df-hj-np-tv-xz24-9]{1,10}-[b-df-hj-np-tv-xz24-9]{5}"}"#;
        assert_eq!(
            pods(r#"sum(rate(http_requests_total{app="web"}[2m]))"#),
            format!(
                r#"min(label_replace(count(count by (pod) (timestamp({web}) > time() - 90 and count_over_time({web}[120000ms]) >= 2)) or vector(0), "selector", "0", "", ""))"#
            )
        );
        // What is looked at as it is now needs one sample; each selector counts, and one that finds nothing counts 0.
        let both = pods("sum(a) + sum(rate(b[1m])) + sum(rate(b[5m]))");
        assert_eq!((both.matches("count_over_time(").count(), both.matches("or vector(0)").count()), (1, 2));
        assert!(both.contains("[60000ms]"), "{both}");
        for query in [&both, &pods("sum(rate(a[2m]))")] {
            promql_parser::parser::parse(query).unwrap();
        }
    }

    #[test]
    fn what_looks_back_is_asked_for_a_range_ago() {
        let past = |query: &str| of(query).unwrap().past();
        assert_eq!(
            past("sum(rate(a[2m])) + b").unwrap(),
            r#"max(label_replace(max(timestamp(a offset 120000ms)), "selector", "0", "", ""))"#
        );
        promql_parser::parser::parse(&past("sum(rate(a[2m])) / sum(rate(b[5m]))").unwrap()).unwrap();
        assert_eq!(past("sum(a)"), None);
    }

    #[test]
    fn a_recording_rule_looks_back_over_what_its_name_says() {
        let rule = |name: &str| {
            let companion = of(&format!("sum({name})")).unwrap();
            let past = companion.past().unwrap();
            assert!(past.contains(&format!("{name} offset {}ms", companion.range.as_millis())), "{past}");
            companion.range.as_secs()
        };
        assert_eq!(rule("shop:requests:rate2m"), 120);
        assert_eq!(rule("path:failures_per_requests:ratio_rate1h"), 3_600);
        assert_eq!(rule("job:latency_seconds:mean30s"), 30);
        assert_eq!(rule("job:requests:rate1h30m"), 5_400);
        assert_eq!(rule("job:requests:rate1w"), 604_800);
        assert_eq!(rule("job:requests:rate10m_sum"), 600);
        // Where it does not say, more than most look back over.
        for name in [
            "shop:requests",
            "shop:requests:rate",
            "shop:requests:p99",
            "shop:requests:rate0m",
            "shop:requests:rate5x",
            "shop:",
        ] {
            assert_eq!(rule(name), 300, "{name}");
        }
        assert_eq!(of("sum_over_time(shop:requests:rate2m[10m])").unwrap().range, SignedDuration::from_mins(12));
    }

    #[test]
    fn whatever_a_query_says_what_asks_lives_on() {
        // By its length a query of a definition; by its depth more than a thread of the operator has a stack for.
        for (open, close) in [("-", ""), ("(", ")"), ("abs(", ")"), ("a^", "")] {
            let times = (LONGEST - 1) / (open.len() + close.len());
            let deep = format!("{}a{}", open.repeat(times), close.repeat(times));
            let small = thread::Builder::new().stack_size(256 * 1024);
            let companion = small.spawn(move || of(&deep)).unwrap().join().unwrap();
            assert!(companion.is_ok(), "{open}: {companion:?}");
        }
        // A span that the parser panics at.
        for query in ["rate(a[99999999999999999999])", "a offset 1e30", &"a".repeat(LONGEST + 1)] {
            assert!(matches!(of(query), Err(SensorFault::BadQuery { .. })), "{query}");
        }
    }

    #[test]
    fn what_is_printed_as_another_question_is_not_asked() {
        // The parser takes `or` off the front of every label that begins so.
        assert!(matches!(of(r#"{orchid="a" or b="c"}"#), Err(SensorFault::NoSampleAge { .. })));
        for query in [r#"a{z="1",b="2"}"#, r#"{"up - down","a b"="c\"d"}"#, r#"{b="1" or c="2"}"#] {
            let companion = of(query).unwrap();
            assert_eq!(companion.selectors.len(), 1, "{query}");
            for (selector, _) in &companion.selectors {
                assert!(companion.query.contains(&selector.to_string()) && is_said_by(selector, query), "{query}");
            }
        }
    }

    #[test]
    fn every_range_is_written_as_it_can_be_read() {
        let pods = |query: &str| of(query).unwrap().pods(&web("pod"), "pod");
        // The parser takes no more milliseconds than 49 days have.
        for (query, range) in
            [("rate(a[0.0001])", "[1ms]"), ("rate(a[60d])", "[5184000s]"), ("rate(a[1m])", "[60000ms]")]
        {
            let query = pods(query).unwrap();
            assert!(query.contains(range), "{query}");
            parser::parse(&query).unwrap();
        }
        assert!(matches!(pods("rate(a[1e12])"), Err(SensorFault::NoCoverage { .. })));
        let label = of("a").unwrap().pods(&web("a b"), "a b");
        assert!(matches!(label, Err(SensorFault::NoCoverage { .. })), "{label:?}");
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

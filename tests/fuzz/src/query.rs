//! A pool's query and what is asked beside it: the operator lives on whatever it is given, and what it asks beside a query
//! looks at the same series as the query, all of them that look at now, at no other, and at now. Judges by the tree that
//! the parser makes of both.

use headroom::plan::reading::{Replicas, SeenBy, SensorFault};
use headroom::prometheus::companion;
use jiff::SignedDuration;
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{self, Expr, VectorSelector};

/// The longest query that a definition lets through.
const LONGEST: usize = 4096;
/// No shorter one is nested too deeply for any thread.
const SHORT: usize = 256;
const LABELS: [&str; 8] = ["pod", "pod", "instance", "_", "", "a b", "a,b", "0a"];

/// Reads one input; whether there is something to ask beside it.
pub fn holds(data: &[u8]) -> bool {
    let (first, text) = data.split_first().unwrap_or((&0, data));
    let query = String::from_utf8_lossy(text);
    let label = LABELS[usize::from(first & 7)];
    let companion = match companion::of(&query) {
        Ok(companion) => companion,
        Err(fault) => {
            let known = matches!(fault, SensorFault::BadQuery { .. } | SensorFault::NoSampleAge { .. });
            assert!(known && !fault.to_string().is_empty(), "{fault:?} of {query:?}");
            return false;
        }
    };
    assert!(query.len() <= LONGEST, "a query of {} bytes is asked", query.len());
    if query.len() <= SHORT {
        judge(&query, &companion, label);
        return true;
    }
    // What is judged here is as deep as it was written.
    let judged = std::thread::Builder::new().stack_size(64 << 20).spawn({
        let (query, companion) = (query.to_string(), companion.clone());
        move || judge(&query, &companion, label)
    });
    let judged = judged.expect("a thread").join();
    assert!(judged.is_ok(), "of {query:?} comes {:?}", companion.query);
    true
}

/// What is looked at as it is now, and what at another time.
#[derive(Default)]
struct Seen {
    now: Vec<VectorSelector>,
    shifted: usize,
    calls: Vec<&'static str>,
}

fn judge(query: &str, companion: &companion::Companion, label: &str) {
    let asked = seen(&parser::parse(query).expect("it was read before"));
    let beside = seen(&parser::parse(&companion.query).expect("what is asked beside it is a query"));
    assert_eq!(beside.shifted, 0, "it looks at another time");
    assert!(!asked.now.is_empty(), "it looks at nothing of now");
    for selector in &asked.now {
        assert!(beside.now.iter().any(|other| narrows(other, selector, &[])), "it does not look at {selector:?}");
    }
    for selector in &beside.now {
        assert!(asked.now.iter().any(|other| narrows(selector, other, &[])), "it looks at {selector:?}");
    }
    assert_eq!(beside.calls.iter().filter(|call| **call == "timestamp").count(), beside.now.len());
    assert!(!companion.range.is_negative());
    let of = Replicas {
        namespace: "shop".to_owned(),
        deployment: "web.v2".to_owned(),
        seen_by: SeenBy::Label(label.to_owned()),
        max_age: SignedDuration::from_secs(90),
    };
    let Ok(pods) = companion.pods(&of, label) else { return };
    let pods = seen(&parser::parse(&pods).expect("what counts pods is a query"));
    assert_eq!(pods.shifted, 0, "what counts pods looks at another time");
    let theirs = [(label, "web[.]v2-[b-df-hj-np-tv-xz24-9]{1,10}-[b-df-hj-np-tv-xz24-9]{5}"), ("namespace", "|shop")];
    for selector in &asked.now {
        assert!(
            pods.now.iter().any(|counted| narrows(counted, selector, &theirs)),
            "no pods are counted of {selector:?}"
        );
    }
    for counted in &pods.now {
        let of = asked.now.iter().any(|selector| narrows(counted, selector, &theirs));
        assert!(of, "pods are counted of {counted:?}");
    }
}

/// Whether one selects what the other does, as far as these expressions match beside it. The order means nothing.
fn narrows(one: &VectorSelector, other: &VectorSelector, beside: &[(&str, &str)]) -> bool {
    let mut left = one.matchers.matchers.clone();
    let mut take = |is: &dyn Fn(&Matcher) -> bool| left.iter().position(is).map(|at| left.remove(at)).is_some();
    let own = other.matchers.matchers.iter().all(|matcher| take(&|candidate| candidate == matcher));
    let more = beside.iter().all(|(name, value)| {
        take(&|candidate| {
            candidate.name == *name && candidate.value == *value && matches!(candidate.op, MatchOp::Re(_))
        })
    });
    own && more && left.is_empty() && one.name == other.name && one.matchers.or_matchers == other.matchers.or_matchers
}

fn seen(expression: &Expr) -> Seen {
    let mut seen = Seen::default();
    let mut left = vec![expression];
    while let Some(expression) = left.pop() {
        match expression {
            Expr::Aggregate(aggregate) => {
                left.push(&aggregate.expr);
                left.extend(aggregate.param.as_deref());
            }
            Expr::Unary(unary) => left.push(&unary.expr),
            Expr::Binary(binary) => left.extend([&*binary.lhs, &*binary.rhs]),
            Expr::Paren(paren) => left.push(&paren.expr),
            Expr::Subquery(subquery) => match (&subquery.offset, &subquery.at) {
                (None, None) => left.push(&subquery.expr),
                _ => seen.shifted += 1,
            },
            Expr::VectorSelector(selector) => seen.take(selector),
            Expr::MatrixSelector(matrix) => seen.take(&matrix.vs),
            Expr::Call(call) => {
                seen.calls.push(call.func.name);
                left.extend(call.args.args.iter().map(|argument| &**argument));
            }
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
        }
    }
    seen
}

impl Seen {
    fn take(&mut self, selector: &VectorSelector) {
        if selector.offset.is_some() || selector.at.is_some() {
            self.shifted += 1;
        } else {
            self.now.push(selector.clone());
        }
    }
}

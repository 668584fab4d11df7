#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use clap::Parser;
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::plan::suggest::{Measured, series};

#[derive(Debug, Parser)]
struct Given {
    #[command(flatten)]
    arguments: PoolArguments,
}

fn given(words: &[&str]) -> Result<PoolArguments, clap::Error> {
    let always = ["suggest", "web", "--prometheus-url", "http://prometheus:9090"];
    Given::try_parse_from(always.iter().chain(words)).map(|given| given.arguments)
}

fn measured() -> Measured {
    let start: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
    let over = |value: fn(i32) -> i32| {
        series((0..4 * 288).map(|bin| (start + SignedDuration::from_mins(5 * i64::from(bin)), f64::from(value(bin)))))
    };
    Measured {
        demand: over(|bin| 400 + bin % 288),
        replicas: over(|_| 4),
        utilization: 0.7,
        unknown: vec!["Errors are not known: \"x\" #\n---".to_owned()],
        ..Measured::default()
    }
}

/// With its errors, so that a quarter more than was seen may be proposed.
fn well_measured() -> Measured {
    let usual = measured();
    Measured { errors: Some(usual.demand.keys().map(|at| (*at, 0.0)).collect()), ..usual }
}

fn terms(demand: &str) -> Terms {
    Terms {
        subject: Subject { kind: Kind::Deployment, namespace: "shop".to_owned(), name: "web.v2".to_owned() },
        demand: demand.to_owned(),
        source: "As given.".to_owned(),
        counted_by: None,
        unseen: None,
        utilization: "70%".to_owned(),
        autoscaler_max: None,
        max_replicas: None,
        errors: Some("sum(rate(a{code=~\"5..\"}[2m])) / sum(rate(a[2m]))".to_owned()),
    }
}

#[test]
fn what_is_printed_passes_lint_without_a_word() {
    let suggestion = suggest::suggest(&well_measured()).unwrap();
    for demand in [
        r#"sum(rate(http_requests_total{namespace="shop",pod=~"web-[b-df]{1,10}"}[2m]))"#,
        "sum(rate(a{x='it''s'}[2m])) # all of it\n+ sum(rate(b[2m]))",
    ] {
        // Strings within PromQL are its own matter; the second is not one string but two, which PromQL does not know.
        let demand = demand.replace("'it''s'", "\"it's\"");
        let (text, warnings) = proposed(&suggestion, &terms(&demand)).unwrap();
        assert_eq!(warnings, "");
        let source = Source { name: "pool.yaml".to_owned(), content: text.clone().into_bytes() };
        let options = Options { closed: false, namespace: None, skip_templates: false, trouble: observe::trouble };
        let report = lint::lint(&[source], &options);
        assert_eq!((report.findings.len(), report.counts.pools), (0, 1), "{:?}\n{text}", report.findings);
        let read = yaml::read_all(&text).unwrap().remove(0);
        assert_eq!(read["spec"]["workloads"][0]["demand"]["query"], demand.as_str());
        let wanted = ["web-v2", "web.v2"];
        assert_eq!([&read["metadata"]["name"], &read["spec"]["workloads"][0]["targetRef"]["name"]], wanted);
    }
}

#[test]
fn what_lint_warns_of_is_told_beside_the_pool() {
    // No more than was seen, and no replica more: a day like the busiest leaves no room.
    let suggestion = suggest::suggest(&measured()).unwrap();
    let (text, warnings) = proposed(&suggestion, &terms("sum(rate(a[2m]))")).unwrap();
    assert!(warnings.contains("no-capacity") && !text.contains("no-capacity"), "{warnings}");
}

#[test]
fn what_lint_would_not_let_through_is_not_printed() {
    let suggestion = suggest::suggest(&measured()).unwrap();
    let error = proposed(&suggestion, &terms("sum(rate(a[2m] offset 1d))")).unwrap_err().to_string();
    assert!(error.starts_with("the CapacityPool would not be let through by headroom lint:\n"), "{error}");
}

#[test]
fn arguments_that_mean_nothing_are_refused() {
    let usual = given(&[]).unwrap();
    assert_eq!((usual.days, usual.target_utilization.text.as_str()), (14, "70%"));
    for wrong in [
        &["--days", "29"][..],
        &["--days", "0"],
        &["--target-utilization", "86%"],
        &["--target-utilization", "0.5%"],
        &["--latency", "a"],
        &["--mean-latency", "a"],
        &["--latency-max", "0s"],
        &["--workers", "0"],
        &["--max-replicas", "0"],
    ] {
        assert!(given(wrong).is_err(), "{wrong:?}");
    }
    assert!(given(&["--latency", "a", "--latency-max", "300ms", "--workers", "8", "--mean-latency", "b"]).is_ok());
    let shares: BTreeMap<&str, bool> =
        ["1%", "85%", "100%", "0.9%"].map(|text| (text, utilization(text).is_ok())).into();
    assert_eq!(shares, BTreeMap::from([("1%", true), ("85%", true), ("100%", false), ("0.9%", false)]));
}

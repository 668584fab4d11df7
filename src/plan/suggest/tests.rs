#![allow(clippy::unwrap_used, clippy::panic)]

use super::bounds::is_load;
use super::known::{Kind, Subject};
use super::print::{Terms, print};
use super::statistics::count;
use super::*;
use crate::api::{CapacityPool, CapacityPoolSpec};
use crate::plan::rules::Rules;
use crate::yaml;

const BINS_A_DAY: usize = 288;

fn at(bin: usize) -> Timestamp {
    let start: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
    start + jiff::SignedDuration::from_mins(5 * i64::try_from(bin).unwrap())
}

/// A value for each bin of some days.
fn over(days: usize, value: impl Fn(usize) -> f64) -> Series {
    (0..days * BINS_A_DAY).map(|bin| (at(bin), value(bin))).collect()
}

/// Requests per second and replica: from 20 at midnight to 80 at noon.
fn load(bin: usize) -> f64 {
    50.0 - 30.0 * (count(bin % BINS_A_DAY) / 288.0 * std::f64::consts::TAU).cos()
}

/// Four replicas, whose CPU is 0.05 cores and 0.004 more per request a second.
fn measured(days: usize, cores: f64) -> Measured {
    let cpu = Cpu {
        container: "web".to_owned(),
        cores: Cores { cores, is_limit: true },
        series: over(days, |bin| 4.0 * (0.05 + 0.004 * load(bin))),
        seen: None,
    };
    Measured {
        demand: over(days, |bin| 4.0 * load(bin)),
        replicas: over(days, |_| 4.0),
        cpu: vec![cpu],
        utilization: 0.7,
        ..Measured::default()
    }
}

fn near(value: f64, wanted: f64) -> bool {
    (value - wanted).abs() <= 1e-6 * wanted.abs()
}

fn terms() -> Terms {
    Terms {
        subject: Subject { kind: Kind::Deployment, namespace: "shop".to_owned(), name: "web".to_owned() },
        demand: r#"sum(rate(http_requests_total{namespace="shop"}[2m]))"#.to_owned(),
        source: "Requests per second, as given by --demand.".to_owned(),
        counted_by: None,
        unseen: None,
        utilization: "70%".to_owned(),
        autoscaler_max: Some(30),
        max_replicas: None,
        errors: None,
    }
}

fn spec(text: &str) -> CapacityPoolSpec {
    let object = yaml::read_all(text).unwrap().remove(0);
    serde_json::from_value::<CapacityPool>(object).unwrap().spec
}

#[test]
fn the_line_of_cpu_binds_where_it_is_the_lowest() {
    // (0.7 × 0.5 − 0.05) ÷ 0.004 = 75.
    let told = suggest(&measured(14, 0.5)).unwrap();
    assert_eq!(told.provenance, Provenance::CpuRegression);
    assert!(near(told.per_replica, 75.0), "{}", told.per_replica);
    assert_eq!((told.evidence.usable, told.evidence.days), (4_032, 14));
    assert_eq!(told.evidence.dropped, Dropped::default());
}

#[test]
fn no_line_leads_further_than_a_quarter_beyond_what_was_seen() {
    // (0.7 × 2 − 0.05) ÷ 0.004 = 337.5, and more than 80 was never seen.
    let told = suggest(&measured(14, 2.0)).unwrap();
    assert_eq!(told.provenance, Provenance::ObservedMax);
    assert!(told.per_replica > 99.0 && told.per_replica <= 100.0, "{}", told.per_replica);
    let bounds: Vec<Provenance> = told.bounds.iter().map(|bound| bound.provenance).collect();
    assert_eq!(bounds, [Provenance::ObservedMax, Provenance::CpuRegression]);
    assert!(near(told.bounds[1].per_replica, 337.5));
}

#[test]
fn where_more_was_seen_to_fail_nothing_is_added_to_what_was_seen_healthy() {
    let mut all = measured(14, 2.0);
    // In the busiest hour of each day a fifth of the requests fails.
    all.errors = Some(over(14, |bin| if load(bin) > 79.0 { 0.2 } else { 0.0 }));
    let told = suggest(&all).unwrap();
    let observed = told.bounds.iter().find(|bound| bound.provenance == Provenance::ObservedMax).unwrap();
    assert!(observed.per_replica > 78.0 && observed.per_replica <= 79.0, "{observed:?}");
    assert!(told.evidence.dropped.errors > 100, "{:?}", told.evidence.dropped);
    // And the errors have a knee of their own, which is lower.
    assert_eq!(told.provenance, Provenance::LatencyKnee);
    assert!(told.bounds[0].how.starts_with("errors: within 1 % up to 7"), "{}", told.bounds[0].how);
}

#[test]
fn latency_binds_from_the_load_on_at_which_it_leaves_its_bound() {
    let mut all = measured(14, 2.0);
    let series = over(14, |bin| if load(bin) > 60.0 { 0.5 } else { 0.1 });
    all.latency = Some(Latency { series, max: 0.3 });
    let told = suggest(&all).unwrap();
    assert_eq!(told.provenance, Provenance::LatencyKnee);
    assert!(told.per_replica > 50.0 && told.per_replica <= 60.0, "{}", told.per_replica);
    assert_eq!(told.bounds[0].how, "latency: within 0.3 s up to 57.1 req/s, and 0.5 s beyond");
    // What is slow is not healthy either.
    let observed = told.bounds.iter().find(|bound| bound.provenance == Provenance::ObservedMax).unwrap();
    assert!(observed.per_replica <= 60.0, "{observed:?}");
    // Never above it: nothing is learnt, and that is said.
    all.latency = Some(Latency { series: over(14, |_| 0.1), max: 0.3 });
    let told = suggest(&all).unwrap();
    assert_eq!(told.provenance, Provenance::ObservedMax);
    assert!(
        told.untold[0].starts_with("Latency tells no bound: it was within 0.3 s at every load"),
        "{:?}",
        told.untold
    );
}

#[test]
fn workers_bind_by_littles_law() {
    let mut all = measured(14, 2.0);
    // Six workers at 50 ms: 120 a second, of which 70 % are 84.
    let service = over(14, |bin| if load(bin) < 40.0 { 0.05 } else { 0.2 });
    all.workers = Some(Workers { count: 6.0, service });
    let told = suggest(&all).unwrap();
    assert_eq!(told.provenance, Provenance::ConcurrencyLimit);
    assert!(near(told.per_replica, 84.0), "{}", told.per_replica);
}

#[test]
fn with_an_even_load_and_nothing_else_only_what_was_seen_is_proposed_and_called_that() {
    let mut all = measured(14, 0.5);
    all.demand = over(14, |bin| 4.0 * (50.0 + count(bin % 10)));
    let told = suggest(&all).unwrap();
    assert_eq!((told.provenance, told.bounds.len()), (Provenance::ObservedMax, 1));
    // Whether it was healthy nobody knows.
    assert!(near(told.per_replica, 59.0), "{}", told.per_replica);
    assert!(told.bounds[0].how.ends_with("nothing tells whether it was healthy under it"), "{told:?}");
    assert_eq!(
        told.untold,
        [
            "The CPU of container web tells no bound: the load varied too little (its 95th percentile is 1.18 times its 5th, and 1.5 is needed)."
        ]
    );
    let told = suggest(&Measured { errors: Some(over(14, |_| 0.001)), ..all }).unwrap();
    assert_eq!((told.provenance, told.bounds.len()), (Provenance::ObservedMax, 1));
    assert!(near(told.per_replica, 59.0 * 1.25), "{}", told.per_replica);
    let text = print(&told, &terms()).unwrap();
    assert!(text.contains("# Nothing else could be told: this is what it has borne"), "{text}");
}

#[test]
fn each_container_is_a_resource_of_its_own() {
    let mut all = measured(14, 2.0);
    // A proxy with little CPU is full long before: (0.7 × 0.1 − 0.01) ÷ 0.001 = 60.
    all.cpu.push(Cpu {
        container: "proxy".to_owned(),
        cores: Cores { cores: 0.1, is_limit: true },
        series: over(14, |bin| 4.0 * (0.01 + 0.001 * load(bin))),
        seen: None,
    });
    let told = suggest(&all).unwrap();
    assert!(near(told.per_replica, 60.0) && told.bounds[0].how.contains("container proxy"), "{told:?}");
}

/// Where a node's kubelet is not scraped, the cores of its pods are missing in the sum, and those of one replica seem fewer.
#[test]
fn cores_of_some_replicas_are_not_taken_for_those_of_all() {
    let mut all = measured(14, 0.5);
    let whole = suggest(&all).unwrap();
    // From the eighth day on a quarter of the cores is not seen.
    let seen = |bin: usize| if bin < 7 * BINS_A_DAY { 4.0 } else { 3.0 };
    all.cpu[0].series = over(14, |bin| seen(bin) * (0.05 + 0.004 * load(bin)));
    let wrong = suggest(&all).unwrap();
    all.cpu[0].seen = Some(over(14, seen));
    let told = suggest(&all).unwrap();
    assert!(near(told.per_replica, whole.per_replica), "{told:?}");
    assert!(!near(wrong.bounds[0].per_replica, whole.bounds[0].per_replica), "nothing was at stake");
}

#[test]
fn too_little_is_refused_with_its_numbers_and_the_way_out() {
    let refusal = |measured: &Measured| suggest(measured).unwrap_err().to_string();
    assert_eq!(
        refusal(&measured(1, 0.5)),
        "288 usable bins of five minutes on 1 day are too little to learn from; 500 on 3 days are needed. Of 288 that were measured none was left out. Wait until Prometheus has seen more, look back further with --days, or write a capacityPerReplica that a load test has shown"
    );
    // Two days and a bit are enough bins on too few days, and three of which half is gone too few bins.
    assert!(refusal(&measured(2, 0.5)).starts_with("576 usable bins of five minutes on 2 days"));
    let mut half = measured(3, 0.5);
    half.restarts = Some(over(3, |bin| if bin % 2 == 0 { 1.0 } else { 0.0 }));
    let told = refusal(&half);
    assert!(told.starts_with("432 usable bins of five minutes on 3 days"), "{told}");
    assert!(
        told.contains("Of 864 that were measured left out: 432 with a restart in the ten minutes before."),
        "{told}"
    );
    assert!(suggest(&measured(3, 0.5)).is_ok());
    assert!(matches!(suggest(&Measured::default()), Err(TooLittle::Bins { bins: 0, .. })));
}

#[test]
fn what_is_never_fast_or_always_busy_is_refused() {
    let mut slow = measured(14, 2.0);
    slow.latency = Some(Latency { series: over(14, |_| 0.4), max: 0.3 });
    let told = suggest(&slow).unwrap_err().to_string();
    assert!(told.starts_with("its latency is above 0.3 s even where its load is lowest (0.4 s at 20"), "{told}");
    // Idle it uses 0.05 cores, and 70 % of its limit are 0.042.
    let mut busy = measured(14, 0.06);
    let told = suggest(&busy).unwrap_err().to_string();
    assert!(
        told.starts_with("container web uses 0.05 cores without any load, and 70 % of its CPU limit of 0.06 are 0.042"),
        "{told}"
    );
    // A request does not end anything.
    busy.cpu[0].cores.is_limit = false;
    let told = suggest(&busy).unwrap();
    assert_eq!(told.provenance, Provenance::ObservedMax);
    assert!(told.untold[0].contains("its request is 0.06"), "{:?}", told.untold);
}

#[test]
fn a_bin_that_is_not_whole_is_left_out_by_its_first_reason() {
    let mut all = measured(14, 0.5);
    let one_at = |bad: usize, value: f64, usual: f64| over(14, move |bin| if bin == bad { value } else { usual });
    all.demand.insert(at(10), 0.0);
    all.replicas.remove(&at(11));
    all.replicas.insert(at(12), 0.0);
    all.up = Some(one_at(13, 3.0, 4.0));
    all.up.as_mut().unwrap().remove(&at(14));
    // Five answer to scrapes, and four of them are ready.
    all.up.as_mut().unwrap().insert(at(19), 5.0);
    all.rollouts = Some(one_at(15, 1.0, 0.0));
    all.restarts = Some(one_at(16, 0.5, 0.0));
    all.errors = Some(one_at(17, 0.02, 0.01));
    all.errors.as_mut().unwrap().remove(&at(18));
    let dropped = suggest(&all).unwrap().evidence.dropped;
    let wanted = Dropped { unmeasured: 2, idle: 2, uncovered: 2, unready: 1, rollout: 1, restart: 1, errors: 1 };
    assert_eq!(dropped, wanted);
    assert_eq!(
        dropped.to_string(),
        "left out: 2 not measured in full, 2 without load, 2 with fewer than 95 % of its replicas scraped, 1 with fewer than 95 % of its replicas ready, 1 with a rollout in the ten minutes before, 1 with a restart in the ten minutes before, 1 with more than 1 % errors"
    );
}

#[test]
fn the_peak_is_that_of_the_last_week_and_what_was_more_before_is_told() {
    let mut all = measured(14, 0.5);
    assert_eq!(suggest(&all).unwrap().peak.before, None);
    let (sale, evening) = (at(3 * BINS_A_DAY + 7), at(10 * BINS_A_DAY + 200));
    all.demand.insert(sale, 2_000.0);
    all.demand.insert(evening, 400.5);
    let peak = suggest(&all).unwrap().peak;
    assert_eq!(peak, Peak { per_second: 400.5, at: evening, before: Some((2_000.0, sale)) });
}

#[test]
fn what_is_printed_is_a_pool_whose_utilisation_gives_back_what_is_safe() {
    for (cores, utilization, written) in [(0.5, 0.7, "70%"), (0.5, 0.58, "58%"), (2.0, 0.85, "85%")] {
        let told = suggest(&Measured { utilization, ..measured(14, cores) }).unwrap();
        let text = print(&told, &Terms { utilization: written.to_owned(), ..terms() }).unwrap();
        let rules = Rules::parse(&spec(&text)).unwrap();
        let workload = &rules.workloads[0];
        let safe = workload.per_replica * workload.utilization;
        assert!(safe <= told.per_replica * (1.0 + 1e-9) && safe > 0.998 * told.per_replica, "{safe} of {told:?}");
        assert!(workload.peak.unwrap() >= told.peak.per_second, "{:?}", workload.peak);
    }
}

#[test]
fn the_pool_says_of_every_number_where_it_comes_from() {
    let mut all = measured(14, 0.5);
    all.unknown = vec!["Rollouts are not known.".to_owned()];
    let text = print(&suggest(&all).unwrap(), &terms()).unwrap();
    for words in [
        "# CpuRegression: 75 req/s are safe for one replica. Written before utilisation, since Headroom multiplies: 107.1/s x",
        "\n    # - 75 req/s by CpuRegression (binds): CPU of container web: 0.05 cores idle and 0.4 more per 100 req/s",
        "\n    capacityPerReplica: 107.1/s\n",
        "\n    # - 100 req/s by ObservedMax: 1.25 times the highest healthy load ever seen, 80 req/s.\n",
        "\n    # - Rollouts are not known.\n",
        "\n      # Requests per second, as given by --demand.\n      query: 'sum(rate(http_requests_total{namespace=\"shop\"}[2m]))'\n",
        "\n      peak: 320/s\n",
        "\n    # The most that its autoscaler allows.\n    maxReplicas: 30\n",
        "\n  targetUtilization: 70%\n",
        "\n  # To be decided by the owner:\n",
    ] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
    // Without an autoscaler it is what was seen, and said to be.
    let text = print(&suggest(&all).unwrap(), &Terms { autoscaler_max: None, ..terms() }).unwrap();
    assert_eq!(spec(&text).workloads[0].max_replicas, 4);
    assert!(text.contains("It has no autoscaler: the most replicas that were ready at a time."), "{text}");
    assert!(!print(&suggest(&all).unwrap(), &terms()).unwrap().contains("coverage:"), "its pods are looked for");
    let by_ingress = Terms { counted_by: Some("nginx_ingress_controller_requests"), ..terms() };
    let text = print(&suggest(&all).unwrap(), &by_ingress).unwrap();
    let coverage = "      coverage:\n        unverified: counted at the ingress by nginx_ingress_controller_requests; to be confirmed\n";
    assert!(text.contains(coverage), "{text}");
    let text = print(&suggest(&all).unwrap(), &Terms { max_replicas: Some(40), ..terms() }).unwrap();
    assert_eq!(spec(&text).workloads[0].max_replicas, 40);
    assert!(text.contains("its autoscaler allows no more than 30"), "{text}");
}

#[test]
fn numbers_that_no_pool_can_hold_are_refused() {
    let mut all = measured(14, 0.5);
    all.demand.values_mut().for_each(|value| *value *= 1e8);
    let told = suggest(&all).unwrap();
    let error = print(&told, &terms()).unwrap_err().to_string();
    assert!(error.ends_with("cannot be written as a rate; is the query in requests per second?"), "{error}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(12))]

    /// Whatever a sensor says, what is proposed is a number and what is printed can be read.
    #[test]
    fn nothing_that_is_measured_makes_a_number_that_is_none(
        odd in proptest::collection::vec(
            proptest::sample::select(vec![0.0, 1e-300, 1e-7, 0.01, 1.0, 3.0, 1e6, 1e12, 1e300, -1.0, f64::NAN, f64::INFINITY]),
            40,
        ),
        how_often in 2_usize..40,
    ) {
        let days = 4;
        let some = |salt: usize, usual: &dyn Fn(usize) -> f64| {
            series((0..days * BINS_A_DAY).map(|bin| {
                let value = if (bin + salt).is_multiple_of(how_often) { odd[(bin * 7 + salt) % odd.len()] } else { usual(bin) };
                (at(bin), value)
            }))
        };
        let mut all = measured(days, 0.5);
        all.demand = some(1, &|bin| 4.0 * load(bin));
        all.replicas = some(2, &|_| 4.0);
        all.errors = Some(some(3, &|_| 0.0));
        all.latency = Some(Latency { series: some(4, &|bin| load(bin) / 200.0), max: 0.3 });
        all.cpu[0].series = some(5, &|bin| 4.0 * (0.05 + 0.004 * load(bin)));
        all.workers = Some(Workers { count: 8.0, service: some(6, &|_| 0.05) });
        if let Ok(told) = suggest(&all) {
            proptest::prop_assert!(told.bounds.iter().all(|bound| is_load(bound.per_replica)), "{told:?}");
            if let Ok(text) = print(&told, &terms()) {
                proptest::prop_assert!(Rules::parse(&spec(&text)).is_ok());
                proptest::prop_assert!(!text.contains("NaN") && !text.contains("inf "), "{text}");
            }
        }
    }
}

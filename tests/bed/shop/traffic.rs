//! The traffic: served request by request into counters, as Prometheus would find them at every pod.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;

use crate::world::Worlds;

/// Upper ends of the latency histogram's buckets, seconds.
const BUCKETS: [f64; 7] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
/// What a request takes on an idle pod, seconds.
const IDLE: f64 = 0.02;

/// What was served so far.
#[derive(Clone, Debug, Default)]
pub struct Served {
    /// Requests, by pod and code.
    requests: BTreeMap<(u32, &'static str), f64>,
    /// By pod: requests within each bucket, and the seconds that all took.
    latency: BTreeMap<u32, ([f64; BUCKETS.len()], f64)>,
    /// Whether it has borne its demand once; before that, pods are still starting.
    opened: bool,
    /// Seconds in which the demand was more than the ready pods bear.
    pub overload_seconds: f64,
    /// The highest demand ÷ what was borne, since it first bore its demand. Without a ready pod it is not counted.
    pub worst_load: f64,
}

/// Share of requests that fail: those that do not fit, and of the others the share that the test scripts.
fn error_share(demand: f64, bears: f64, scripted: f64) -> f64 {
    let excess = if demand > 0.0 { ((demand - bears) / demand).clamp(0.0, 1.0) } else { 0.0 };
    1.0 - (1.0 - excess) * (1.0 - scripted)
}

/// Mean seconds of a request: that of one queue, growing with the utilisation, at most ten seconds.
fn latency(demand: f64, bears: f64) -> f64 {
    if demand < bears { (IDLE / (1.0 - demand / bears)).min(10.0) } else { 10.0 }
}

impl Served {
    /// Serves a demand, in requests per second, for so many seconds.
    fn serve(&mut self, seconds: f64, demand: f64, ready: u32, bears: f64, scripted: f64) {
        let errors = error_share(demand, bears, scripted);
        let mean = latency(demand, bears);
        // Without a ready pod requests fail all the same; they are found at the first.
        for pod in 0..ready.max(1) {
            let share = demand * seconds / f64::from(ready.max(1));
            *self.requests.entry((pod, "200")).or_default() += share * (1.0 - errors);
            *self.requests.entry((pod, "500")).or_default() += share * errors;
            let (within, sum) = self.latency.entry(pod).or_default();
            for (count, end) in within.iter_mut().zip(BUCKETS) {
                *count += share * (1.0 - libm::exp(-end / mean));
            }
            *sum += share * mean;
        }
        if demand <= bears {
            self.opened = true;
        } else if self.opened {
            self.overload_seconds += seconds;
        }
        if self.opened && bears > 0.0 {
            self.worst_load = self.worst_load.max(demand / bears);
        }
    }
}

/// Serves the demand of all worlds, for ever.
pub async fn run(worlds: Arc<Worlds>) {
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let seconds = last.elapsed().as_secs_f64();
        last = Instant::now();
        let minute = worlds.minute();
        for world in worlds.open().values_mut() {
            if !worlds.has_cluster {
                // What the test gave holds until it gives something else.
                world.ready_as_of = last;
            }
            let minute = world.minute(minute);
            let demands: Vec<f64> = world.workloads.iter().map(|workload| world.demand(workload, minute)).collect();
            for (workload, demand) in world.workloads.iter_mut().zip(demands) {
                let bears = workload.bears();
                workload.served.serve(seconds, demand, workload.ready, bears, world.error_ratio);
            }
        }
    }
}

/// What Prometheus reads: a series per ready pod and code, and the true demand.
pub async fn metrics(State(worlds): State<Arc<Worlds>>) -> String {
    let minute = worlds.minute();
    let mut counters = String::from("# TYPE http_requests_total counter\n");
    let mut histograms = String::from("# TYPE http_request_duration_seconds histogram\n");
    let mut gauges = String::from("# TYPE shop_demand gauge\n");
    for (namespace, world) in worlds.open().iter() {
        for workload in &world.workloads {
            let name = &workload.name;
            let pods = workload.ready.max(1);
            let labels = |pod: &u32| format!(r#"namespace="{namespace}",app="{name}",pod="{}""#, pod_name(name, *pod));
            for ((pod, code), count) in workload.served.requests.iter().filter(|((pod, _), _)| *pod < pods) {
                let labels = labels(pod);
                let _ = writeln!(counters, r#"http_requests_total{{{labels},code="{code}"}} {count}"#);
            }
            for (pod, (within, sum)) in workload.served.latency.iter().filter(|(pod, _)| **pod < pods) {
                let labels = labels(pod);
                let all: f64 =
                    ["200", "500"].iter().filter_map(|code| workload.served.requests.get(&(*pod, *code))).sum();
                for (count, end) in within.iter().zip(BUCKETS) {
                    let _ =
                        writeln!(histograms, r#"http_request_duration_seconds_bucket{{{labels},le="{end}"}} {count}"#);
                }
                let _ = writeln!(histograms, r#"http_request_duration_seconds_bucket{{{labels},le="+Inf"}} {all}"#);
                let _ = writeln!(histograms, "http_request_duration_seconds_sum{{{labels}}} {sum}");
                let _ = writeln!(histograms, "http_request_duration_seconds_count{{{labels}}} {all}");
            }
            let demand = world.demand(workload, world.minute(minute));
            let _ = writeln!(gauges, r#"shop_demand{{namespace="{namespace}",app="{name}"}} {demand}"#);
        }
    }
    counters + &histograms + &gauges
}

/// As a Deployment names its pods: with letters of the alphabet that Kubernetes has for that, here ten of them for digits.
fn pod_name(workload: &str, pod: u32) -> String {
    const DIGITS: [char; 10] = ['b', 'c', 'd', 'f', 'g', 'h', 'j', 'k', 'l', 'm'];
    let digits = format!("{pod:05}");
    let ending = digits.chars().filter_map(|digit| DIGITS.get(usize::try_from(digit.to_digit(10)?).ok()?));
    format!("{workload}-7c9d5f8b-{}", ending.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_named_as_kubernetes_does() {
        assert_eq!(
            (pod_name("web", 0), pod_name("web", 12)),
            ("web-7c9d5f8b-bbbbb".into(), "web-7c9d5f8b-bbbcd".into())
        );
    }

    fn near(found: f64, wanted: f64) -> bool {
        (found - wanted).abs() < 1e-9
    }

    #[test]
    fn what_does_not_fit_fails() {
        assert!(near(error_share(300.0, 400.0, 0.0), 0.0));
        assert!(near(error_share(400.0, 300.0, 0.0), 0.25));
        assert!(near(error_share(300.0, 0.0, 0.0), 1.0));
        assert!(near(error_share(0.0, 0.0, 0.0), 0.0));
        // A quarter does not fit, and a fifth of the rest fails: 0.25 + 0.75 · 0.2.
        assert!(near(error_share(400.0, 300.0, 0.2), 0.4));
    }

    #[test]
    fn every_request_is_counted_once() {
        let mut served = Served::default();
        served.serve(2.0, 400.0, 3, 300.0, 0.0);
        let of =
            |code: &str| served.requests.iter().filter(|((_, of), _)| *of == code).map(|(_, count)| count).sum::<f64>();
        // 800 requests in two seconds, a quarter of them in vain.
        assert!(near(of("200"), 600.0) && near(of("500"), 200.0));
        assert_eq!(served.requests.len(), 6);
    }

    #[test]
    fn overload_counts_once_it_had_room() {
        let mut served = Served::default();
        served.serve(5.0, 300.0, 0, 0.0, 0.0);
        assert!(near(served.overload_seconds, 0.0), "pods were still starting");
        served.serve(5.0, 300.0, 4, 400.0, 0.0);
        served.serve(3.0, 500.0, 4, 400.0, 0.0);
        assert!(near(served.overload_seconds, 3.0) && near(served.worst_load, 1.25));
    }

    #[test]
    fn latency_rises_with_the_load() {
        assert!(
            near(latency(0.0, 400.0), 0.02) && near(latency(300.0, 400.0), 0.08) && near(latency(400.0, 400.0), 10.0)
        );
    }
}

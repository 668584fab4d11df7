//! The traffic: served request by request into counters, as Prometheus would find them at every pod.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;

use crate::world::Worlds;

/// Serves the demand of all worlds, for ever.
pub async fn run(worlds: Arc<Worlds>) {
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let seconds = last.elapsed().as_secs_f64();
        last = Instant::now();
        let minute = worlds.minute();
        for world in worlds.open().values_mut() {
            let demands: Vec<f64> = world.workloads.iter().map(|workload| world.demand(workload, minute)).collect();
            let failing = world.error_ratio;
            for (workload, demand) in world.workloads.iter_mut().zip(demands) {
                let bears = workload.per_replica * f64::from(workload.ready);
                let excess = if demand > 0.0 { ((demand - bears) / demand).max(0.0) } else { 0.0 };
                let errors = excess.max(failing).min(1.0);
                for pod in 0..workload.ready.max(1) {
                    let share = demand * seconds / f64::from(workload.ready.max(1));
                    *workload.served.entry((pod, "200")).or_default() += share * (1.0 - errors);
                    *workload.served.entry((pod, "500")).or_default() += share * errors;
                }
            }
        }
    }
}

/// What Prometheus reads: a series per ready pod and code, and the true demand.
pub async fn metrics(State(worlds): State<Arc<Worlds>>) -> String {
    let minute = worlds.minute();
    let mut counters = String::from("# TYPE http_requests_total counter\n");
    let mut gauges = String::from("# TYPE shop_demand gauge\n");
    for (namespace, world) in worlds.open().iter() {
        for workload in &world.workloads {
            let name = &workload.name;
            for ((pod, code), count) in workload.served.iter().filter(|((pod, _), _)| *pod < workload.ready.max(1)) {
                let _ = writeln!(
                    counters,
                    r#"http_requests_total{{namespace="{namespace}",app="{name}",pod="{name}-{pod}",code="{code}"}} {count}"#
                );
            }
            let demand = world.demand(workload, minute);
            let _ = writeln!(gauges, r#"shop_demand{{namespace="{namespace}",app="{name}"}} {demand}"#);
        }
    }
    counters + &gauges
}

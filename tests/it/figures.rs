//! Figures, each printed by one command: what the operator writes for a wave and while nothing is due, how soon a wave leaves
//! once its headroom is confirmed, and how many leave in a second. A handful of waves, unless `HEADROOM_FIGURE_WAVES` asks
//! for more; `HEADROOM_BINARY=target/release/headroom` has them of a release build.
//!
//! `cargo test --test it figures:: -- --nocapture`, one with a name such as `figures::latency`.

use jiff::Timestamp;
use serde_json::{Value, json};

mod latency;
mod throughput;
mod writes;

/// A Campaign has no more waves.
const MOST_WAVES: usize = 32;

/// So many waves, or as many as are asked for.
fn waves(few: usize) -> usize {
    std::env::var("HEADROOM_FIGURE_WAVES")
        .map_or(few, |asked| asked.parse().expect("HEADROOM_FIGURE_WAVES is a number"))
}

/// What a Campaign says that has so many waves of one recipient each, one right behind the other.
fn quick(waves: usize) -> Value {
    let wave = |number: usize| json!({"name": format!("w{number}"), "recipients": 1, "soak": "0s"});
    json!({"audience": {"size": waves}, "waves": (0..waves).map(wave).collect::<Vec<_>>()})
}

/// What a pool says in which one sample confirms: how long many of them take is not the matter.
fn open_pool(workloads: &Value) -> Value {
    json!({"workloads": workloads["workloads"], "confirm": {"samples": 1, "span": "0s"}})
}

/// When an event of the audit log came to the API server, and when it was answered.
fn times(event: &Value) -> (Timestamp, Timestamp) {
    let of = |field: &str| event[field].as_str().unwrap().parse().unwrap();
    (of("requestReceivedTimestamp"), of("stageTimestamp"))
}

fn is_entry(event: &Value) -> bool {
    event["verb"] == "create" && event["objectRef"]["resource"] == "wavereleases"
}

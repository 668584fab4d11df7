//! Every metric the operator exports, with closed sets of labels: no name of an object is ever a label value of a
//! counter, so that the number of series is bounded by the code. Decides nothing.

use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::chance;

/// A label with one of a closed set of words.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Word {
    /// What it counts: a phase, a reason, a result.
    pub kind: &'static str,
}

/// Whose heartbeat it is.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Origin {
    install: String,
    process: String,
}

/// The name of every heartbeat, without the prefix of all metrics.
pub const HEARTBEAT: &str = "heartbeat_timestamp_seconds";

/// Counters, gauges and what they are registered in.
pub struct Metrics {
    registry: Registry,
    /// Looks at a pool that ended well.
    pub looks: Counter,
    /// Looks at a pool that ended early, by kind of error.
    pub failures: Family<Word, Counter>,
    /// Campaigns by phase.
    pub campaigns: Family<Word, Gauge>,
    /// Attempts to release a wave, by result.
    pub attempts: Family<Word, Counter>,
    /// Waves that a person let go without confirmed headroom.
    pub without_headroom: Counter,
    /// Waves of which a person has said what became of them.
    pub resolutions: Counter,
    /// Readings that could not be believed, by fault.
    pub sensor_faults: Family<Word, Counter>,
    /// Queries sent to Prometheus.
    pub queries: Counter,
    /// Writes to targets, by what they do.
    pub floor_writes: Family<Word, Counter>,
    /// Waves of which nobody knows whether they went.
    pub unknown_outcomes: Gauge,
    /// Recipients of waves that are under way and whose Senders tell how far they are: all of them, and those it was sent to.
    pub under_way: (Gauge, Gauge),
    /// Objects that the API server took and the operator cannot read.
    pub unreadable: Gauge,
    /// Seconds that one look took.
    pub look_seconds: Histogram,
    /// Whether this replica leads its install.
    pub leader: Gauge,
    /// When the operator last looked at anything, seconds since 1970.
    pub last_look: Gauge<f64, AtomicU64>,
    heartbeat: Family<Origin, Gauge<f64, AtomicU64>>,
    /// Tells this process from every other.
    process: String,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("headroom");
        let metrics = Metrics {
            looks: Counter::default(),
            failures: Family::default(),
            campaigns: Family::default(),
            attempts: Family::default(),
            without_headroom: Counter::default(),
            resolutions: Counter::default(),
            sensor_faults: Family::default(),
            queries: Counter::default(),
            floor_writes: Family::default(),
            unknown_outcomes: Gauge::default(),
            under_way: (Gauge::default(), Gauge::default()),
            unreadable: Gauge::default(),
            look_seconds: Histogram::new(exponential_buckets(0.005, 2.0, 12)),
            leader: Gauge::default(),
            last_look: Gauge::default(),
            heartbeat: Family::default(),
            process: chance::nonce(),
            registry: Registry::default(),
        };
        registry.register("looks", "Looks at a pool that ended well", metrics.looks.clone());
        registry.register("look_failures", "Looks at a pool that ended early", metrics.failures.clone());
        registry.register("campaigns", "Campaigns by phase", metrics.campaigns.clone());
        registry.register("release_attempts", "Attempts to release a wave by result", metrics.attempts.clone());
        registry.register(
            "waves_without_headroom",
            "Waves that a person let go without confirmed headroom",
            metrics.without_headroom.clone(),
        );
        registry.register(
            "waves_resolved",
            "Waves of which a person has said what became of them",
            metrics.resolutions.clone(),
        );
        registry.register("sensor_faults", "Readings that could not be believed", metrics.sensor_faults.clone());
        registry.register("prometheus_queries", "Queries sent to Prometheus", metrics.queries.clone());
        registry.register("floor_writes", "Writes to the scale of targets", metrics.floor_writes.clone());
        registry.register("waves_unknown", "Waves that may or may not have gone", metrics.unknown_outcomes.clone());
        let (all, sent) = metrics.under_way.clone();
        registry.register(
            "under_way_recipients",
            "Recipients of waves that are under way and tell how far they are",
            all,
        );
        registry.register("under_way_sent", "Those of them that it was sent to at least", sent);
        registry.register("unreadable_objects", "Objects that cannot be read", metrics.unreadable.clone());
        registry.register("look_seconds", "Seconds that one look at a pool took", metrics.look_seconds.clone());
        registry.register("leader", "Whether this replica leads its install: 1 or 0", metrics.leader.clone());
        registry.register("last_look_timestamp_seconds", "When the operator last looked", metrics.last_look.clone());
        registry.register(
            HEARTBEAT,
            "When this was read, by the clock of the process that was asked; it reads it back through Prometheus",
            metrics.heartbeat.clone(),
        );
        Metrics { registry, ..metrics }
    }
}

impl Metrics {
    /// Counts one more of a kind.
    pub fn count(family: &Family<Word, Counter>, kind: &'static str) {
        family.get_or_create(&Word { kind }).inc();
    }

    /// `PromQL` for the heartbeat of this process, and of no other: of another cluster's, of another tenant's and of one that
    /// has ended there may be one by the same install's name.
    pub fn own_heartbeat(&self, install: &str) -> String {
        format!(r#"max(headroom_{HEARTBEAT}{{install="{install}",process="{}"}})"#, self.process)
    }

    /// `PromQL` for the heartbeat of any operator at all.
    pub fn any_heartbeat() -> String {
        format!("max(headroom_{HEARTBEAT})")
    }

    /// The text that Prometheus reads from the process of an install, now.
    pub fn render(&self, install: &str, now: Timestamp) -> Result<String, std::fmt::Error> {
        let origin = Origin { install: install.to_owned(), process: self.process.clone() };
        self.heartbeat.get_or_create(&origin).set(now.as_duration().as_secs_f64());
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

//! Why a reading cannot be believed.

use jiff::SignedDuration;

/// Why a reading cannot be believed. Each is a sentence that follows "the demand … cannot be believed:".
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)] // The fields are the numbers of the sentence.
pub enum SensorFault {
    #[error("Prometheus has no series for it. Is it scraped, and is the query right?")]
    Empty,
    #[error("the answer is not a number (NaN). Often something was divided by nothing; let the query give 0 then.")]
    NotANumber,
    #[error("the answer is infinite. Often something was divided by 0; let the query give a number then.")]
    Infinite,
    #[error("the query gives {count} series and one is needed. Add sum(…) or max(…) to it, or declare demand.reduce.")]
    SeveralSeries { count: usize },
    #[error("the query gives a {found} and one number per series is needed.")]
    WrongType { found: String },
    #[error("what answered is not Prometheus ({what}). Check the address.")]
    NotPrometheus { what: String },
    #[error("Prometheus answered with a warning, so that part of the data may be missing: {text}")]
    Warnings { text: String },
    #[error("Prometheus answered in part only.")]
    Partial,
    #[error("Prometheus did not answer within {seconds} s.")]
    TimedOut { seconds: u64 },
    #[error("Prometheus cannot be reached: {why}")]
    Unreachable { why: String },
    #[error("Prometheus is not asked, since {why}")]
    NoAccess { why: String },
    #[error(
        "Prometheus, or what stands before it, lets nobody in without the right credentials (HTTP {status}). Check prometheus.auth of the chart; another server than prometheus.url is shown none."
    )]
    NotAllowed { status: u16 },
    #[error("Prometheus is too busy to answer (HTTP {status}).")]
    Busy { status: u16, retry_after: Option<SignedDuration> },
    #[error("Prometheus refused the query: {why}")]
    BadQuery { why: String },
    #[error("Prometheus failed: {why}")]
    Failed { why: String },
    #[error("the answer is larger than {limit} bytes.")]
    TooLarge { limit: usize },
    #[error("the clocks of Prometheus and Headroom differ by {seconds} s (limit 5 s).")]
    ClockOff { seconds: i64 },
    #[error(
        "the clocks of the API server and Headroom differ by {seconds} s (limit 5 s), so that nobody knows what is true now."
    )]
    ClusterClockOff { seconds: i64 },
    #[error("the age of its samples cannot be told: {why}")]
    NoSampleAge { why: String },
    #[error(
        "the answer is of a moment {seconds} s from the one that was asked for. Does something before Prometheus keep answers?"
    )]
    AnotherMoment { seconds: i64 },
    #[error(
        "it looks back over {seconds} s, and nothing was measured so long ago, so that what it gives is too low. Did Prometheus lose what it knew, or has the metric just begun?"
    )]
    ShortHistory { seconds: i64 },
    #[error("so many questions wait for Prometheus that this one was not asked within {seconds} s.")]
    Crowded { seconds: u64 },
    #[error("how many replicas are behind it cannot be told: {why}")]
    NoCoverage { why: String },
    #[error(
        "Prometheus is left alone for {seconds} s more, after {failures} questions in a row that failed; the last: {last}"
    )]
    Resting { seconds: u64, failures: u32, last: String },
    #[error(
        "Headroom does not find its own heartbeat in that Prometheus, so that nothing shows that it measures this cluster. After a start that takes a scrape or two; if it lasts, let it scrape every pod of Headroom (metrics.serviceMonitor of the chart, with the labels that it selects by), or write sensor.heartbeat: Unverified into the pool. See docs/sensor.md."
    )]
    NoHeartbeat,
    #[error(
        "Prometheus shows a heartbeat of Headroom that is {age} s old (limit {limit} s), so that nothing shows that what it says is true now. Does it still scrape?"
    )]
    OldHeartbeat { age: i64, limit: i64 },
    #[error(
        "Prometheus shows a heartbeat of Headroom that is {seconds} s ahead of its clock. Was that clock set back, or does something else write headroom_heartbeat_timestamp_seconds?"
    )]
    EarlyHeartbeat { seconds: i64 },
}

/// What to do about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Ask again at the next look.
    Retry,
    /// Nothing changes before somebody changes the pool.
    Permanent,
}

impl SensorFault {
    /// Its name as a label of a metric: a closed set.
    pub fn label(&self) -> &'static str {
        match self {
            SensorFault::Empty => "Empty",
            SensorFault::NotANumber => "NotANumber",
            SensorFault::Infinite => "Infinite",
            SensorFault::SeveralSeries { .. } => "SeveralSeries",
            SensorFault::WrongType { .. } => "WrongType",
            SensorFault::NotPrometheus { .. } => "NotPrometheus",
            SensorFault::Warnings { .. } => "Warnings",
            SensorFault::Partial => "Partial",
            SensorFault::TimedOut { .. } => "TimedOut",
            SensorFault::Unreachable { .. } => "Unreachable",
            SensorFault::NoAccess { .. } => "NoAccess",
            SensorFault::NotAllowed { .. } => "NotAllowed",
            SensorFault::Busy { .. } => "Busy",
            SensorFault::BadQuery { .. } => "BadQuery",
            SensorFault::Failed { .. } => "Failed",
            SensorFault::TooLarge { .. } => "TooLarge",
            SensorFault::ClockOff { .. } => "ClockOff",
            SensorFault::ClusterClockOff { .. } => "ClusterClockOff",
            SensorFault::NoSampleAge { .. } => "NoSampleAge",
            SensorFault::AnotherMoment { .. } => "AnotherMoment",
            SensorFault::ShortHistory { .. } => "ShortHistory",
            SensorFault::Crowded { .. } => "Crowded",
            SensorFault::NoCoverage { .. } => "NoCoverage",
            SensorFault::Resting { .. } => "Resting",
            SensorFault::NoHeartbeat => "NoHeartbeat",
            SensorFault::OldHeartbeat { .. } => "OldHeartbeat",
            SensorFault::EarlyHeartbeat { .. } => "EarlyHeartbeat",
        }
    }

    /// Whether the server itself could not answer, whatever it was asked.
    pub fn is_of_server(&self) -> bool {
        matches!(
            self,
            SensorFault::TimedOut { .. }
                | SensorFault::Unreachable { .. }
                | SensorFault::Busy { .. }
                | SensorFault::Failed { .. }
        )
    }

    /// Whether it can be told without asking anybody, so that it says nothing of how a server does.
    pub fn is_local(&self) -> bool {
        matches!(
            self,
            SensorFault::BadQuery { .. }
                | SensorFault::NoSampleAge { .. }
                | SensorFault::NoCoverage { .. }
                | SensorFault::NoAccess { .. }
                | SensorFault::Crowded { .. }
        )
    }

    /// What to do about it.
    pub fn class(&self) -> Class {
        match self {
            SensorFault::BadQuery { .. } | SensorFault::WrongType { .. } => Class::Permanent,
            _ => Class::Retry,
        }
    }
}

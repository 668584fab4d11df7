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
        "Prometheus, or what stands before it, lets nobody in without the right credentials (HTTP {status}). Check prometheus.auth of the chart."
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
    #[error("the age of its samples cannot be told: {why}")]
    NoSampleAge { why: String },
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
            SensorFault::NoSampleAge { .. } => "NoSampleAge",
        }
    }

    /// What to do about it.
    pub fn class(&self) -> Class {
        match self {
            SensorFault::BadQuery { .. } | SensorFault::WrongType { .. } => Class::Permanent,
            _ => Class::Retry,
        }
    }
}

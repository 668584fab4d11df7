//! What a sensor said, as plain data: a number with the age of the samples behind it, or one of a closed list of
//! faults. A fault closes the gate; it never opens it and never scales anything down.

use jiff::{SignedDuration, Timestamp};

mod fault;

pub use fault::{Class, SensorFault};

/// One number that can be believed as far as the sensor can tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Finite.
    pub value: f64,
    /// The newest sample of the selector whose newest sample is the oldest.
    pub sample_at: Timestamp,
    /// When it was evaluated.
    pub evaluated_at: Timestamp,
    /// The widest range in the query: what happened in it is in the value.
    pub range: SignedDuration,
}

/// A query over time.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryPoints {
    /// Finite values.
    pub points: Vec<(Timestamp, f64)>,
    /// Between two of them.
    pub step: SignedDuration,
}

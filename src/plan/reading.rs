//! What a sensor said, as plain data: a number with the age of the samples behind it, or one of a closed list of
//! faults. A fault closes the gate; it never opens it and never scales anything down.

use jiff::{SignedDuration, Timestamp};

use crate::api::pool::Reduce;

mod fault;

pub use fault::{Class, SensorFault};

/// What is asked of a server: one number, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// In `PromQL`.
    pub query: String,
    /// How several series become one number; None: there must be one.
    pub reduce: Option<Reduce>,
    /// Whose samples must be behind it; None: that is not asked.
    pub replicas: Option<Replicas>,
    /// Whether what it looks back over must have been measured from its beginning on: a rate over two minutes of which only the
    /// last was measured is half of what it should be.
    pub looks_back: bool,
}

impl Question {
    /// One that asks for no replicas, and for one series.
    pub fn plain(query: &str) -> Question {
        Question { query: query.to_owned(), reduce: None, replicas: None, looks_back: false }
    }

    /// How many queries it takes: the query itself and the age of its samples, whether they were there a range ago, and where
    /// replicas are looked for their count, whose samples have an age of their own if the owner has written it.
    pub fn queries(&self) -> u64 {
        let counted = match self.replicas.as_ref().map(|replicas| &replicas.seen_by) {
            None => 0,
            Some(SeenBy::Label(_)) => 1,
            Some(SeenBy::Query(_)) => 2,
        };
        2 + counted + u64::from(self.looks_back)
    }
}

/// Replicas that are looked for behind a number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Replicas {
    /// The namespace of the Deployment that they are of.
    pub namespace: String,
    /// Its name.
    pub deployment: String,
    /// How they are seen.
    pub seen_by: SeenBy,
    /// One whose newest sample is older is not there.
    pub max_age: SignedDuration,
}

/// How the replicas behind a number are seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SeenBy {
    /// Each has series of its own, with the name of its pod in this label.
    Label(String),
    /// This query gives how many were scraped.
    Query(String),
}

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
    /// How many replicas have fresh samples in it, of those that were asked for; no less than 0.
    pub replicas: Option<f64>,
}

/// A query over time.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryPoints {
    /// Finite values.
    pub points: Vec<(Timestamp, f64)>,
    /// Between two of them.
    pub step: SignedDuration,
}

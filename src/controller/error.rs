//! What ends one look at a pool early, and when to look again.

use std::time::Duration;

use crate::cluster;

/// Why one look at a pool ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server, or what it said.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The pool was accepted by the API server and cannot be read.
    #[error("the CapacityPool {pool} cannot be read: {why}")]
    Unreadable {
        /// `<namespace>/<name>`.
        pool: String,
        /// What is wrong.
        why: String,
    },
    /// The look took too long as a whole.
    #[error("a look at the CapacityPool {pool} took more than {seconds} s and was given up")]
    TooSlow {
        /// `<namespace>/<name>`.
        pool: String,
        /// How long it was let run.
        seconds: u64,
    },
}

impl Error {
    /// Its name as a label of a metric: a closed set.
    pub fn label(&self) -> &'static str {
        match self {
            Error::Cluster(error) => error.label(),
            Error::Unreadable { .. } => "Unreadable",
            Error::TooSlow { .. } => "TooSlow",
        }
    }

    /// When to look again.
    pub fn again(&self) -> Duration {
        match self {
            Error::Cluster(error) => match error.class() {
                cluster::Class::Retry => Duration::from_millis(500),
                cluster::Class::Wait => Duration::from_secs(5),
                cluster::Class::Permanent => Duration::from_secs(30),
            },
            Error::Unreadable { .. } => Duration::from_secs(300),
            Error::TooSlow { .. } => Duration::from_secs(5),
        }
    }
}

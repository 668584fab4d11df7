//! What ends one look at a pool early, and when to look again.

use std::time::Duration;

use crate::cluster;

/// Why one look at a pool ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server, or what it said.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
}

impl Error {
    /// Its name as a label of a metric: a closed set.
    pub fn label(&self) -> &'static str {
        match self {
            Error::Cluster(error) => error.label(),
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
        }
    }
}

//! The adapter to Kubernetes: reads objects into the plan's plain data and writes what was decided, each write a
//! compare-and-swap. Decides nothing.

pub mod containers;
pub mod crds;
pub mod drift;
pub mod echo;
pub mod error;
pub mod events;
pub mod jobs;
pub mod kept;
pub mod leases;
pub mod ledger;
pub mod nodes;
pub mod objects;
mod patience;
mod quantity;
pub mod rollouts;
pub mod still;
pub mod stores;
pub mod targets;

pub use error::{Class, Error, bounded};

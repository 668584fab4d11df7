//! Everything that is shown from outside: the operator as a process with the chart's own arguments and rights, on a real
//! control plane, with the receiver's log and the API server as witnesses. One binary, since each further one would
//! link the whole tree anew. What a test needs it brings up by itself; without it, it fails and never skips.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
// A witness reads a clock of its own, and its helpers may be plain.
#![allow(
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    clippy::unused_self,
    clippy::zombie_processes,
    clippy::too_many_lines
)]

/// Thousands of simulated worlds are played here; what they allocate decides how long that takes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod support;

mod ablation;
mod access;
mod architecture;
mod bad_input;
mod breach;
mod chart;
mod crash;
mod crds;
mod cuts;
mod edits;
mod election;
mod failover;
mod figures;
mod fuzz;
mod golden;
mod happy;
mod image;
mod job;
mod keyed;
mod leaving;
mod lint;
mod listmonk;
mod model;
mod nodes;
mod people;
mod plan;
mod pod;
mod properties;
mod queryable;
mod receivers;
mod resolve;
mod rival;
mod room;
mod scope;
mod semantics;
mod sensor;
mod silence;
mod simulate;
mod simulation;
mod suggest;
mod tls;

//! A world for the operator to live in, inside one process and in virtual time: an API server, the controllers of a
//! cluster behind it, a Prometheus, receivers, and people who respond. The operator's own code runs in it unchanged.
//!
//! `story` is what a world begins with, `world` plays it, `moment` is what is seen of it; `traffic` is the truth, of which
//! `prometheus` measures and to which `receiver` adds. Nothing here decides for the operator, and nothing of the operator
//! but `cli` and tests may know of it.

pub mod apiserver;
pub mod cluster;
pub mod moment;
pub mod prometheus;
pub mod receiver;
pub mod story;
pub mod traffic;
pub mod world;

//! A world for the operator to live in, inside one process and in virtual time: an API server, the controllers of a
//! cluster behind it, a Prometheus, receivers, and people who respond. The operator's own code runs in it unchanged.
//!
//! `story` is what a world begins with, with the `deed`s of people and the `ailment`s of sensors; `world` plays it with the
//! operators of `staff`, `moment` is what is seen of it, and `tape` holds all that happened; `traffic` is the truth, of
//! which `prometheus` measures and to which `receiver` and the `programs` of Jobs add. Nothing here decides for the operator, and nothing of the operator
//! but `cli` and tests may know of it.

pub mod ailment;
pub mod apiserver;
pub mod cluster;
pub mod deed;
pub mod moment;
mod programs;
pub mod prometheus;
pub mod receiver;
mod staff;
pub mod story;
pub mod tape;
pub mod traffic;
pub mod world;

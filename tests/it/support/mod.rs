//! What the tests stand on: the bed, worlds on it, the operator as a process, and a proxy that can kill it.

pub mod bed;
pub mod operator;
pub mod proxy;
pub mod world;

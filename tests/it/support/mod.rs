//! What the tests stand on: the bed of simulated nodes, a real node, worlds on either, the operator as a process, and a proxy
//! that can kill it; questions to all of these, people at their terminals, and the API server's record of what it was asked.

pub mod asking;
pub mod audit;
pub mod bed;
pub mod dice;
pub mod listmonk;
pub mod node;
pub mod operator;
pub mod person;
pub mod prometheus;
pub mod proxy;
pub mod skew;
pub mod world;

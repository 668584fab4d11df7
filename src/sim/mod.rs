//! A world for the operator to live in, inside one process and in virtual time: an API server, and the controllers of a
//! cluster behind it. The operator's own code runs against it unchanged.
//!
//! Nothing here decides for the operator, and nothing of the operator but `cli` and tests may know of it.

pub mod apiserver;
pub mod cluster;

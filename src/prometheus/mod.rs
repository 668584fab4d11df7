//! The adapter to Prometheus: asks for one number and for the age of the samples behind it, and believes only an
//! answer that is whole. Decides nothing: what is not believed is a fault with a name.

mod access;
mod answer;
mod breaker;
pub mod companion;
mod sensor;
pub mod understood;

pub use access::{Access, AccessFault};
pub use answer::Answer;
pub use breaker::Breaker;
pub use sensor::{AddressFault, Sensor};

#[cfg(test)]
mod tests;

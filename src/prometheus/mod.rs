//! The adapter to Prometheus: asks for one number and for the age of the samples behind it, and believes only an
//! answer that is whole. Decides nothing: what is not believed is a fault with a name.

mod access;
mod answer;
pub(crate) mod companion;
mod sensor;

pub use access::{Access, AccessFault};
pub(crate) use answer::instant_value;
pub use sensor::{AddressFault, Sensor};

#[cfg(test)]
mod tests;

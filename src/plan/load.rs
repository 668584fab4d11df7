//! The load that a send brings, in closed form: messages leave at a constant rate, and everyone who responds does so
//! after a log-normal delay. Source of the formulas and of every built-in number: docs/capacity.md.

mod burst;
mod profile;

pub use burst::{Burst, Component, Send, minutes_between};
pub use profile::{Human, Profile, Scanner};

/// Factor by which the load of a kind of campaign that is known may be exceeded.
pub const KNOWN_MARGIN: f64 = 1.66;
/// And of one of which nothing is known.
pub const UNKNOWN_MARGIN: f64 = 2.3;

/// The same shape, scaled so that the whole audience at this rate peaks at `peak` requests per second.
pub fn scale_to_peak(components: &[Component], rate: f64, audience: u64, peak: f64) -> Vec<Component> {
    let whole = Burst::new(Send {
        name: String::new(),
        start: jiff::Timestamp::UNIX_EPOCH,
        rate,
        recipients: audience,
        components: components.to_vec(),
        margin: 1.0,
    });
    let is = whole.peak();
    let factor = if is > 0.0 { peak / is } else { f64::INFINITY };
    components
        .iter()
        .map(|component| Component { per_message: component.per_message * factor, ..component.clone() })
        .collect()
}

#[cfg(test)]
mod tests;

//! What must hold of everything that reads foreign bytes, one file for each reader. Each takes any bytes and panics where a
//! rule is broken; none calls the code it judges to learn what is right. `cargo test` of the operator includes the same
//! files, so they use nothing that it does not.

pub mod answers;
mod bytes;
mod json;
pub mod query;
pub mod template;
pub mod units;
pub mod yaml;

/// The fuzzer ends at any panic. One of the parser of queries is contained where it happens: only what comes out counts.
pub fn only_what_comes_out() {
    static CONTAINED: std::sync::Once = std::sync::Once::new();
    CONTAINED.call_once(|| std::panic::set_hook(Box::new(|panic| eprintln!("{panic}"))));
}

//! The adapter to receivers: one request, over one fresh connection, at most once. It says what is known of what became
//! of it, and repeats nothing: no pool, no retry, no redirect, no HTTP/2. A receiver that can tell is asked what became of one.

mod attempt;
mod connect;
mod effect;
mod line;
pub mod listmonk;
mod reach;
mod said;
mod signature;
mod target;
mod trust;

pub use attempt::{Answer, Attempt, Expected};
pub use connect::{Connection, Limits, connect};
pub use effect::{Effect, EffectError, SecretValue, is_ours};
pub use line::LastCheck;
pub use reach::{Barred, HostRule, ListedNetwork, NoHost, NoNetwork, Reach};
pub use said::said;
pub use signature::{NoKey, SigningKey};
pub use target::{Target, TargetError};
pub use trust::{Authorities, Identity, NoTrust, Trust};

#[cfg(test)]
mod tests;

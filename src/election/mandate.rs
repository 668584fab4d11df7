//! The right to act for an install, for as long as it was last renewed. Asked before each look, and again immediately before the
//! first byte of a request: a process that was stopped in between finds that its time is over.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;

use crate::clock;

/// Until when this process may act, in time since boot.
#[derive(Clone, Debug)]
pub struct Mandate(Option<Arc<Mutex<SignedDuration>>>);

impl Mandate {
    /// Nobody else acts: a command of a person, or a simulated world.
    pub fn alone() -> Mandate {
        Mandate(None)
    }

    /// None yet.
    pub fn to_be_won() -> Mandate {
        Mandate(Some(Arc::new(Mutex::new(SignedDuration::MIN))))
    }

    /// Lasts until then.
    pub(super) fn extend(&self, until: SignedDuration) {
        if let Some(there) = &self.0 {
            *there.lock().unwrap_or_else(PoisonError::into_inner) = until;
        }
    }

    /// Whether it lasts.
    pub fn lasts(&self) -> bool {
        self.0.as_ref().is_none_or(|until| clock::boot() < *until.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same, as a reason not to act.
    pub fn check(&self) -> Result<(), String> {
        if self.lasts() { Ok(()) } else { Err("this replica does not lead its install any more".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_when_its_time_is() {
        let mandate = Mandate::to_be_won();
        assert!(!mandate.lasts() && mandate.check().is_err());
        mandate.extend(clock::boot() + SignedDuration::from_hours(1));
        assert!(mandate.clone().lasts() && mandate.check().is_ok());
        mandate.extend(clock::boot());
        assert!(!mandate.lasts());
        assert!(Mandate::alone().lasts());
    }
}

//! Where a world may interfere: before a call is applied, after it, and before a watch tells of a change. By default
//! nobody does.

use std::time::Duration;

use jiff::Timestamp;

use super::ask::Ask;
use super::refusal::Refusal;
use super::store::Change;

/// A call as it is seen by whoever interferes.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its place in the order of arrival.
    pub number: u64,
    /// When it came.
    pub came: Timestamp,
    /// What is asked.
    pub ask: Ask,
}

/// What happens to a call at one point.
#[derive(Clone, Debug, Default)]
pub struct Interference {
    /// It is held up for so long first.
    pub delay: Duration,
    /// What happens then.
    pub then: Then,
}

/// How a call goes on.
#[derive(Clone, Debug, Default)]
pub enum Then {
    /// As if nobody had interfered.
    #[default]
    Go,
    /// It is answered with this instead.
    Refuse(Refusal),
    /// The connection breaks: the client learns nothing.
    Break,
    /// No answer ever comes.
    Hang,
    /// The client's process ends at this moment.
    Die,
    /// The client is answered, and its process ends before it can call again.
    LastWords,
}

/// What happens to a change that a watch is about to tell of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// It is told.
    #[default]
    Tell,
    /// It, and all that follows, is told so much later.
    Late(Duration),
    /// The watch ends without telling.
    End,
}

/// Whoever interferes. It is asked in the order in which calls arrive, so what it decides by a seed is decided again.
pub trait Interceptor: Send {
    /// Before a call is applied.
    fn before(&mut self, _call: &Call) -> Interference {
        Interference::default()
    }

    /// After a call was applied or refused with this code, before the client learns of it.
    fn after(&mut self, _call: &Call, _code: u16) -> Interference {
        Interference::default()
    }

    /// Before a watch tells of a change.
    fn deliver(&mut self, _watch: &Call, _change: &Change) -> Delivery {
        Delivery::default()
    }
}

/// Nobody interferes.
#[derive(Debug, Default)]
pub struct Undisturbed;

impl Interceptor for Undisturbed {}

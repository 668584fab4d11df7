//! What is known of one attempt. Whatever is not known to have stayed away, or to have arrived, is Unknown.

use http::StatusCode;
use jiff::SignedDuration;

use crate::plan::contract::QUIESCENCE;

/// The longest piece of an answer that is repeated to people.
const EXCERPT: usize = 200;
/// A receiver that is at it already is asked again after this, unless it says when.
const AT_IT: SignedDuration = SignedDuration::from_secs(5);
/// However late a receiver asks to be asked again, a person hears of it by then.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Attempt {
    /// It was called off before the first byte.
    #[error("it was called off before anything was sent: {why}.")]
    NotFired {
        /// Why.
        why: String,
    },
    /// Not one byte of it left.
    #[error("nothing was sent: {why}.")]
    NotSent {
        /// Why.
        why: String,
    },
    /// A receiver that keeps keys asks for it later. Something in front of it may say so of a request that it has passed on, which
    /// does no harm for as long as the key is kept.
    #[error("it was put off: {why}.")]
    Deferred {
        /// Why.
        why: String,
        /// Not to be tried before so long.
        after: Option<SignedDuration>,
    },
    /// Its Job is there: what becomes of it that will tell.
    #[error("{what}.")]
    Started {
        /// What was seen.
        what: String,
    },
    /// It cannot go this way, and nothing of it has.
    #[error("{why}.")]
    Refused {
        /// Why.
        why: String,
    },
    /// The receiver has it.
    #[error("the receiver answered {status}.")]
    Released {
        /// Its status.
        status: u16,
    },
    /// The receiver refused it.
    #[error("the receiver answered {status}{said}.")]
    Rejected {
        /// Its status.
        status: u16,
        /// What it said.
        said: String,
    },
    /// It may or may not have arrived.
    #[error("{why}.")]
    Unknown {
        /// What was seen.
        why: String,
        /// After so long a receiver that keeps keys may be asked again under the same key; None: that would tell nothing new.
        after: Option<SignedDuration>,
    },
}

/// A complete answer.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Its status.
    pub status: StatusCode,
    /// When the receiver asks to be asked again.
    pub retry_after: Option<SignedDuration>,
    /// The beginning of its body.
    pub body: &'a [u8],
}

/// What is known of a receiver beforehand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// How many recipients it is asked to send to: one that tells how many it took must tell so many.
    pub recipients: Option<u64>,
    /// Whether it keeps keys, so that a request it has seen has no second effect.
    pub keyed: bool,
}

impl Attempt {
    /// Its name as a label of a metric: a closed set.
    pub fn label(&self) -> &'static str {
        match self {
            Attempt::NotFired { .. } => "NotFired",
            Attempt::NotSent { .. } => "NotSent",
            Attempt::Deferred { .. } => "Deferred",
            Attempt::Released { .. } => "Released",
            Attempt::Started { .. } => "Started",
            Attempt::Refused { .. } | Attempt::Rejected { .. } => "Rejected",
            Attempt::Unknown { .. } => "Unknown",
        }
    }

    /// Why nothing came of it, for whoever says so himself.
    pub fn why(self) -> String {
        match self {
            Attempt::NotSent { why } | Attempt::NotFired { why } => why,
            attempt => attempt.to_string(),
        }
    }

    /// From a complete answer.
    pub fn of_answer(answer: &Answer<'_>, expected: Expected) -> Attempt {
        let said = match excerpt(answer.body) {
            text if text.is_empty() => String::new(),
            text => format!(" and said: {text}"),
        };
        let code = answer.status.as_u16();
        let wait = answer.retry_after.map(|wait| wait.clamp(SignedDuration::ZERO, LONGEST_WAIT));
        let told = || format!("the receiver answered {code}{said}");
        match code {
            200..=299 => match (expected.recipients, taken(answer.body)) {
                // It has something, and not what it was asked to have: a person looks before the next wave goes.
                (Some(asked), Some(taken)) if asked != taken => Attempt::Unknown {
                    why: format!("the receiver answered {code} and took {taken} of {asked} recipients"),
                    after: None,
                },
                _ => Attempt::Released { status: code },
            },
            300..=399 | 400 | 401 | 403 | 404 | 405 | 410 | 413 | 415 | 422 => Attempt::Rejected { status: code, said },
            // It has the key and is at it: what becomes of that it says when it is asked again.
            409 if expected.keyed => Attempt::Unknown { why: told(), after: Some(wait.unwrap_or(AT_IT)) },
            429 if expected.keyed => Attempt::Deferred { why: told(), after: wait },
            503 if expected.keyed && wait.is_some() => Attempt::Deferred { why: told(), after: wait },
            // Among them 409 (perhaps it is at it already), 429 and 503: something in front of the receiver may say so
            // of a request that it has passed on.
            _ => Attempt::Unknown { why: told(), after: Some(QUIESCENCE) },
        }
    }

    /// It left nobody knows what behind: no complete answer came.
    pub fn cut(why: String) -> Attempt {
        Attempt::Unknown { why, after: Some(QUIESCENCE) }
    }
}

/// How many recipients an answer says were taken, if it does.
fn taken(body: &[u8]) -> Option<u64> {
    serde_json::from_slice::<serde_json::Value>(body).ok()?.get("recipients")?.as_u64()
}

/// A piece of an answer, on one line.
pub(super) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let plain: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(EXCERPT).collect()
}

//! What is known of one attempt. Whatever is not known to have stayed away, or to have arrived, is Unknown.

use http::StatusCode;

/// The longest piece of an answer that is repeated to people.
const EXCERPT: usize = 200;

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
    },
}

impl Attempt {
    /// Its name as a label of a metric: a closed set.
    pub fn label(&self) -> &'static str {
        match self {
            Attempt::NotFired { .. } => "NotFired",
            Attempt::NotSent { .. } => "NotSent",
            Attempt::Released { .. } => "Released",
            Attempt::Rejected { .. } => "Rejected",
            Attempt::Unknown { .. } => "Unknown",
        }
    }

    /// From a complete answer of a receiver that guarantees nothing.
    /// `asked` is the number of recipients that a receiver which tells how many it took must tell.
    pub fn of_answer(status: StatusCode, body: &[u8], asked: Option<u64>) -> Attempt {
        let said = match excerpt(body) {
            text if text.is_empty() => String::new(),
            text => format!(" and said: {text}"),
        };
        let code = status.as_u16();
        match code {
            200..=299 => match (asked, taken(body)) {
                // It has something, and not what it was asked to have: a person looks before the next wave goes.
                (Some(asked), Some(taken)) if asked != taken => Attempt::Unknown {
                    why: format!("the receiver answered {code} and took {taken} of {asked} recipients"),
                },
                _ => Attempt::Released { status: code },
            },
            300..=399 | 400 | 401 | 403 | 404 | 405 | 410 | 413 | 415 | 422 => Attempt::Rejected { status: code, said },
            // Among them 409 (perhaps it is at it already), 429 and 503: something in front of the receiver may say so
            // of a request that it has passed on.
            _ => Attempt::Unknown { why: format!("the receiver answered {code}{said}") },
        }
    }
}

/// How many recipients an answer says were taken, if it does.
fn taken(body: &[u8]) -> Option<u64> {
    serde_json::from_slice::<serde_json::Value>(body).ok()?.get("recipients")?.as_u64()
}

/// A piece of an answer, on one line.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let plain: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(EXCERPT).collect()
}

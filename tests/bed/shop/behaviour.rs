//! What the receiver does with a request, as a test scripts it, and the answer that comes of it.
//!
//! A word that is not known is refused: a slip of the pen must not read as `accept`.

use std::fmt;
use std::io;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use crate::line::Line;

/// What is done with one request.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(try_from = "String")]
pub enum Behaviour {
    /// `accept`: taken, 200.
    #[default]
    Accept,
    /// `wait:MILLISECONDS`: taken, 200 after a while.
    Wait(Duration),
    /// `status:N`: that status. A 4xx is not taken; anything else may have been, so it counts as taken.
    Status(StatusCode),
    /// `refuse:N`: that status, and not taken whatever it is.
    Refuse(StatusCode),
    /// `retry-after:SECONDS` (429) or `retry-after:SECONDS:N`: not taken.
    RetryAfter(u32, StatusCode),
    /// `hang`: taken, and no answer ever.
    Hang,
    /// `cut`: taken, and the connection ends without an answer.
    Cut,
    /// `reset`: taken, and the connection is reset.
    Reset,
    /// `truncated`: taken, 200, and the connection ends within the body.
    Truncated,
}

/// A behaviour that is not known.
#[derive(Debug, thiserror::Error)]
#[error(
    "the behaviour \"{0}\" is not known. Use accept, wait:MILLISECONDS, status:N, refuse:N, retry-after:SECONDS, \
     retry-after:SECONDS:N, hang, cut, reset or truncated, with N from 200 to 599"
)]
pub struct UnknownBehaviour(String);

fn status(text: &str) -> Option<StatusCode> {
    let code = text.parse().ok().filter(|code| (200..600).contains(code))?;
    StatusCode::from_u16(code).ok()
}

fn read(text: &str) -> Option<Behaviour> {
    let (word, rest) = text.split_once(':').map_or((text, None), |(word, rest)| (word, Some(rest)));
    match (word, rest) {
        ("accept", None) => Some(Behaviour::Accept),
        ("hang", None) => Some(Behaviour::Hang),
        ("cut", None) => Some(Behaviour::Cut),
        ("reset", None) => Some(Behaviour::Reset),
        ("truncated", None) => Some(Behaviour::Truncated),
        ("wait", Some(rest)) => rest.parse().ok().map(Duration::from_millis).map(Behaviour::Wait),
        ("status", Some(rest)) => status(rest).map(Behaviour::Status),
        ("refuse", Some(rest)) => status(rest).map(Behaviour::Refuse),
        ("retry-after", Some(rest)) => match rest.split_once(':') {
            None => rest.parse().ok().map(|seconds| Behaviour::RetryAfter(seconds, StatusCode::TOO_MANY_REQUESTS)),
            Some((seconds, code)) => Some(Behaviour::RetryAfter(seconds.parse().ok()?, status(code)?)),
        },
        _ => None,
    }
}

impl TryFrom<String> for Behaviour {
    type Error = UnknownBehaviour;

    fn try_from(text: String) -> Result<Behaviour, UnknownBehaviour> {
        read(&text).ok_or(UnknownBehaviour(text))
    }
}

/// As it is asked for.
impl fmt::Display for Behaviour {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Behaviour::Accept => out.write_str("accept"),
            Behaviour::Wait(duration) => write!(out, "wait:{}", duration.as_millis()),
            Behaviour::Status(code) => write!(out, "status:{}", code.as_u16()),
            Behaviour::Refuse(code) => write!(out, "refuse:{}", code.as_u16()),
            Behaviour::RetryAfter(seconds, code) => write!(out, "retry-after:{seconds}:{}", code.as_u16()),
            Behaviour::Hang => out.write_str("hang"),
            Behaviour::Cut => out.write_str("cut"),
            Behaviour::Reset => out.write_str("reset"),
            Behaviour::Truncated => out.write_str("truncated"),
        }
    }
}

impl Behaviour {
    /// Whether the messages go out. Where the sender cannot know it, they do: that is the worse case.
    pub fn takes(&self) -> bool {
        match self {
            Behaviour::Status(code) => !code.is_client_error(),
            Behaviour::Refuse(_) | Behaviour::RetryAfter(..) => false,
            _ => true,
        }
    }

    /// The answer to a request of so many recipients.
    pub async fn answer(self, recipients: f64, line: &Line) -> Response {
        let accepted = json!({"recipients": recipients});
        match self {
            Behaviour::Accept => Json(accepted).into_response(),
            Behaviour::Wait(duration) => {
                tokio::time::sleep(duration).await;
                Json(accepted).into_response()
            }
            Behaviour::Status(code) | Behaviour::Refuse(code) => (code, "as the test asked").into_response(),
            Behaviour::RetryAfter(seconds, code) => {
                (code, [(header::RETRY_AFTER, seconds.to_string())], "as the test asked").into_response()
            }
            Behaviour::Hang => std::future::pending().await,
            // Unwinding ends the connection without an answer.
            Behaviour::Cut => std::panic::resume_unwind(Box::new(())),
            Behaviour::Reset => {
                line.reset_when_closed();
                std::panic::resume_unwind(Box::new(()))
            }
            Behaviour::Truncated => truncated(&accepted.to_string()),
        }
    }
}

/// An answer that promises its whole body, brings half of it, and ends.
fn truncated(body: &str) -> Response {
    let half = Bytes::copy_from_slice(&body.as_bytes()[..body.len() / 2]);
    let pieces = [Ok(half), Err(io::Error::other("as the test asked"))];
    // The half must have left before the error ends the connection.
    let pieces = futures::stream::unfold(pieces.into_iter(), |mut pieces| async move {
        let piece = pieces.next()?;
        if piece.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some((piece, pieces))
    });
    let length = (header::CONTENT_LENGTH, body.len().to_string());
    ([(header::CONTENT_TYPE, "application/json".to_owned()), length], Body::from_stream(pieces)).into_response()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn words_are_read_and_written() {
        assert_eq!(read("wait:250"), Some(Behaviour::Wait(Duration::from_millis(250))));
        assert_eq!(read("refuse:503"), Some(Behaviour::Refuse(StatusCode::SERVICE_UNAVAILABLE)));
        assert_eq!(read("retry-after:7"), Some(Behaviour::RetryAfter(7, StatusCode::TOO_MANY_REQUESTS)));
        for word in ["accept", "wait:250", "status:502", "refuse:503", "retry-after:7:503", "hang", "cut", "reset"] {
            assert_eq!(read(word).unwrap().to_string(), word);
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_refused() {
        for slip in
            ["", "acept", "accept:", "status", "status:", "status:99", "status:600", "wait:-1", "retry-after:7:"]
        {
            assert_eq!(read(slip), None, "{slip}");
        }
        let message = Behaviour::try_from("hangs".to_owned()).unwrap_err().to_string();
        assert!(message.contains("\"hangs\" is not known") && message.contains("retry-after:SECONDS"), "{message}");
    }

    #[test]
    fn only_what_was_surely_refused_is_not_taken() {
        for word in ["accept", "wait:1", "hang", "cut", "reset", "truncated", "status:502"] {
            assert!(read(word).unwrap().takes(), "{word}");
        }
        for word in ["status:422", "refuse:502", "retry-after:1"] {
            assert!(!read(word).unwrap().takes(), "{word}");
        }
    }
}

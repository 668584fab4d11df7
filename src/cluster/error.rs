//! What can go wrong between the operator and the API server, and what to do about it.

use std::time::Duration;

/// No call waits longer; the client itself would wait for ever.
pub const CALL_TIME_OUT: Duration = Duration::from_secs(10);

/// A call to the API server that did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object was changed since it was read.
    #[error("failed to {what}: the object was changed in the meantime")]
    Conflict {
        /// What was tried.
        what: String,
    },
    /// There is an object of that name already.
    #[error("failed to {what}: it is there already")]
    AlreadyExists {
        /// What was tried.
        what: String,
    },
    /// There is no such object.
    #[error("failed to {what}: it is not there")]
    NotFound {
        /// What was tried.
        what: String,
    },
    /// The API server refuses: rights, rules or a schema.
    #[error("failed to {what}: the API server refused: {message}")]
    Refused {
        /// What was tried.
        what: String,
        /// Its words.
        message: String,
    },
    /// Nobody knows whether it happened.
    #[error("failed to {what}: {message}; it may or may not have happened")]
    Ambiguous {
        /// What was tried.
        what: String,
        /// What was seen.
        message: String,
    },
    /// The reply of a write is not what was written: the CRDs are older than the operator.
    #[error("failed to {what}: the API server dropped {field}; upgrade the CRDs to those of this release")]
    CrdOutdated {
        /// What was tried.
        what: String,
        /// What is missing from the reply.
        field: String,
    },
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Look again soon.
    Retry,
    /// Look again at the usual time.
    Wait,
    /// Nothing changes before a person does something.
    Permanent,
}

impl Error {
    /// What to do about it.
    pub fn class(&self) -> Class {
        match self {
            Error::Conflict { .. } | Error::AlreadyExists { .. } | Error::Ambiguous { .. } => Class::Retry,
            Error::NotFound { .. } => Class::Wait,
            Error::Refused { .. } | Error::CrdOutdated { .. } => Class::Permanent,
        }
    }

    /// Its name as a label of a metric: a closed set.
    pub fn label(&self) -> &'static str {
        match self {
            Error::Conflict { .. } => "Conflict",
            Error::AlreadyExists { .. } => "AlreadyExists",
            Error::NotFound { .. } => "NotFound",
            Error::Refused { .. } => "Refused",
            Error::Ambiguous { .. } => "Ambiguous",
            Error::CrdOutdated { .. } => "CrdOutdated",
        }
    }
}

/// Bounds a call in time and names what it was for.
pub async fn bounded<T>(
    what: impl Into<String>,
    call: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    let what = what.into();
    match tokio::time::timeout(CALL_TIME_OUT, call).await {
        Err(_) => {
            let seconds = CALL_TIME_OUT.as_secs();
            Err(Error::Ambiguous { what, message: format!("the API server did not answer within {seconds} s") })
        }
        Ok(Ok(done)) => Ok(done),
        Ok(Err(kube::Error::Api(status))) => Err(match (status.code, status.reason.as_str()) {
            (409, "AlreadyExists") => Error::AlreadyExists { what },
            (409, _) => Error::Conflict { what },
            (404, _) => Error::NotFound { what },
            (400..=499, _) if status.code != 429 && status.code != 408 => {
                Error::Refused { what, message: status.message.clone() }
            }
            _ => Error::Ambiguous { what, message: format!("{} {}", status.code, status.message) },
        }),
        Ok(Err(error)) => Err(Error::Ambiguous { what, message: error.to_string() }),
    }
}

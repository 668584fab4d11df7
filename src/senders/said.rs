//! What an answer to "what became of it?" proves: that the wave is with the receiver as it was asked for, or nothing.

use serde::Deserialize;

use crate::plan::inquiry::Said;

use super::attempt::{Answer, excerpt};

/// All three must be there: an address that answers so whatever it is asked proves nothing.
#[derive(Deserialize)]
struct Account {
    key: String,
    state: String,
    recipients: u64,
}

/// From a complete answer to a question about this key and so many recipients.
pub fn said(answer: &Answer<'_>, key: &str, recipients: u64) -> Said {
    let code = answer.status.as_u16();
    let other = |told: String| Said::Other(told);
    // What it says besides may be another each time, and what it repeats of the question may be a secret.
    if code != 200 {
        return other(format!("it answered {code}"));
    }
    let Ok(account) = serde_json::from_slice::<Account>(answer.body) else {
        return other(
            "it answered 200, and not with {\"key\": …, \"state\": \"done\", \"recipients\": …} as JSON".to_owned(),
        );
    };
    let Account { key: of, state, recipients: took } = account;
    if of != key {
        return other("it spoke of another key".to_owned());
    }
    if state != "done" {
        return other(format!("it says that its state is \"{}\"", excerpt(state.as_bytes())));
    }
    if took != recipients {
        return other(format!("it says that it is done, with {took} of {recipients} recipients"));
    }
    Said::Done
}

//! How far the API server's clock is from ours, by the dates of its answers: where Prometheus's clock is wrong by as much as our own,
//! nobody else contradicts the two. Listens to what is said anyway; asks nothing and decides nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http::header::{DATE, HeaderValue};
use jiff::Timestamp;
use kube::Client;
use tower::service_fn;

use crate::clock;

/// A date is in whole seconds.
const RESOLUTION: i64 = 1;

/// What the last answer with a date has shown; clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Drift(Arc<AtomicI64>);

impl Drift {
    /// By so many seconds the API server's clock is ahead of ours, or behind it, at the least.
    pub fn seconds(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// A date was written after a request was sent, and before its answer was heard.
    fn note(&self, sent: Timestamp, date: Option<&HeaderValue>, heard: Timestamp) {
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date.to_str().ok()?).ok());
        let Some(date) = date.map(|date| date.timestamp().as_second()) else { return };
        let (sent, heard) = (sent.as_second(), heard.as_second());
        let ahead = date.saturating_sub(heard).max(0);
        let behind = sent.saturating_sub(date.saturating_add(RESOLUTION)).max(0);
        self.0.store(ahead.saturating_sub(behind), Ordering::Relaxed);
    }
}

/// A client that listens, and what it hears.
pub fn listening(client: Client) -> (Client, Drift) {
    let drift = Drift::default();
    let (heard, namespace) = (drift.clone(), client.default_namespace().to_owned());
    let listens = service_fn(move |request| {
        let (client, drift) = (client.clone(), heard.clone());
        async move {
            let sent = clock::now();
            let response = client.send(request).await?;
            drift.note(sent, response.headers().get(DATE), clock::now());
            Ok::<_, kube::Error>(response)
        }
    });
    (Client::new(listens, namespace), drift)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_date_outside_of_the_time_that_a_call_took_shows_another_clock() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let drift = Drift::default();
        let noted = |sent, date: &str, heard| {
            drift.note(at(sent), Some(&HeaderValue::from_str(date).unwrap()), at(heard));
            drift.seconds()
        };
        assert_eq!(drift.seconds(), 0, "nothing was heard yet");
        // 1,800,000,000 is 08:00:00.
        assert_eq!(noted(0, "Fri, 15 Jan 2027 08:00:00 GMT", 0), 0);
        assert_eq!(noted(0, "Fri, 15 Jan 2027 08:00:20 GMT", 30), 0, "an answer that took its time");
        assert_eq!(noted(0, "Fri, 15 Jan 2027 08:01:00 GMT", 2), 58);
        assert_eq!(noted(0, "Fri, 15 Jan 2027 07:59:00 GMT", 2), -59);
        // What is no date says nothing, and does not unsay.
        assert_eq!(noted(0, "soon", 2), -59);
        drift.note(at(0), None, at(2));
        assert_eq!(drift.seconds(), -59);
        assert_eq!(noted(100, "Fri, 15 Jan 2027 08:01:40 GMT", 100), 0, "mended");
    }
}

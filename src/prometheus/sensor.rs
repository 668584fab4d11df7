//! One Prometheus server. Every question is bounded in time, in size and in number; redirects and proxies are not
//! followed, since whoever answers then is not who was asked.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use prometheus_http_query::Client;
use tokio::sync::Semaphore;

use crate::api::pool::Reduce;
use crate::plan::reading::{HistoryPoints, Reading, SensorFault};

use super::access::{Access, Shown};
use super::answer;
use super::companion::{self, Companion};

/// One question, with its answer, takes no longer.
const TIME_OUT: Duration = Duration::from_secs(5);
/// A connection is there by then or not at all.
const CONNECT: Duration = Duration::from_secs(2);
/// So many questions at once.
const IN_FLIGHT: usize = 8;
/// No answer with one number is larger.
const LARGEST: usize = 1024 * 1024;
/// And none with eight days of them.
const LARGEST_HISTORY: usize = 4 * 1024 * 1024;
/// Clocks may differ by so much.
const MOST_DRIFT: SignedDuration = SignedDuration::from_secs(5);

/// An address that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{address}\" cannot be used as the address of Prometheus: {why}")]
pub struct AddressFault {
    /// The address.
    pub address: String,
    /// What is wrong.
    pub why: String,
}

/// One Prometheus server.
pub struct Sensor {
    address: String,
    access: Access,
    client: Mutex<Option<(Shown, Client)>>,
    in_flight: Semaphore,
    companions: Mutex<HashMap<String, Result<Companion, SensorFault>>>,
}

/// What came back, before it is understood.
struct Answer {
    status: u16,
    retry_after: Option<SignedDuration>,
    body: Vec<u8>,
}

impl Sensor {
    /// At an address such as `http://prometheus.monitoring.svc:9090`.
    pub fn new(address: &str, access: Access) -> Result<Sensor, AddressFault> {
        let wrong = |why: String| AddressFault { address: address.to_owned(), why };
        let parsed = reqwest::Url::parse(address).map_err(|error| wrong(error.to_string()))?;
        if !parsed.has_host() {
            return Err(wrong("it names no server".to_owned()));
        }
        Ok(Sensor {
            address: address.to_owned(),
            access,
            client: Mutex::default(),
            in_flight: Semaphore::new(IN_FLIGHT),
            companions: Mutex::default(),
        })
    }

    /// The client that shows what the files hold now. Connections outlive a question, as long as that stays the same.
    fn client(&self) -> Result<Client, SensorFault> {
        let cannot = |why: String| SensorFault::NoAccess { why };
        let shown = self.access.shown().map_err(|fault| cannot(fault.to_string()))?;
        let mut kept = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, client)) = kept.as_ref()
            && *before == shown
        {
            return Ok(client.clone());
        }
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(TIME_OUT);
        let http = shown.shown_by(http).map_err(|fault| cannot(fault.to_string()))?;
        let http = http.build().map_err(|error| cannot(innermost(&error)))?;
        let client = Client::from(http, &self.address).map_err(|error| cannot(innermost(&error)))?;
        *kept = Some((shown, client.clone()));
        Ok(client)
    }

    /// One number, and how old the samples behind it are.
    pub async fn read(&self, query: &str, reduce: Option<Reduce>, now: Timestamp) -> Result<Reading, SensorFault> {
        let companion = self.companion(query)?;
        let (client, at) = (self.client()?, now.as_second());
        let ask = |query| self.ask(&client, query, at, now);
        let both = async { futures::try_join!(ask(query), ask(&companion.query)) };
        let (value, age) = tokio::time::timeout(TIME_OUT, both).await.map_err(|_| timed_out())??;
        let (value, evaluated_at) = answer::instant_value(value.status, value.retry_after, &value.body, reduce)?;
        if evaluated_at.duration_since(now).abs() > MOST_DRIFT {
            return Err(SensorFault::ClockOff { seconds: evaluated_at.duration_since(now).as_secs() });
        }
        let sampled = answer::instant_value(age.status, age.retry_after, &age.body, None);
        let (seconds, _) = sampled.map_err(|fault| match fault {
            SensorFault::Empty => {
                SensorFault::NoSampleAge { why: "none of the query's metrics has a sample now.".to_owned() }
            }
            other => other,
        })?;
        let sample_at = SignedDuration::try_from_secs_f64(seconds)
            .ok()
            .and_then(|since| Timestamp::UNIX_EPOCH.checked_add(since).ok())
            .ok_or_else(|| SensorFault::NoSampleAge { why: format!("{seconds} is not a time.") })?;
        if sample_at.duration_since(now) > MOST_DRIFT {
            return Err(SensorFault::ClockOff { seconds: sample_at.duration_since(now).as_secs() });
        }
        Ok(Reading { value, sample_at: sample_at.min(now), evaluated_at, range: companion.range })
    }

    /// Numbers over time.
    pub async fn history(
        &self,
        query: &str,
        reduce: Option<Reduce>,
        from: Timestamp,
        to: Timestamp,
        step: SignedDuration,
    ) -> Result<HistoryPoints, SensorFault> {
        let client = self.client()?;
        let request = client
            .query_range(query, from.as_second(), to.as_second(), step.as_secs_f64())
            .query("partial_response", "false")
            .get_raw();
        let answer = tokio::time::timeout(TIME_OUT, self.bounded(request, LARGEST_HISTORY, None))
            .await
            .map_err(|_| timed_out())??;
        let points = answer::range_values(answer.status, answer.retry_after, &answer.body, reduce)?;
        Ok(HistoryPoints { points, step })
    }

    /// The companion of a query; parsed once.
    fn companion(&self, query: &str) -> Result<Companion, SensorFault> {
        let mut companions = self.companions.lock().unwrap_or_else(PoisonError::into_inner);
        companions.entry(query.to_owned()).or_insert_with(|| companion::of(query)).clone()
    }

    async fn ask(&self, client: &Client, query: &str, at: i64, now: Timestamp) -> Result<Answer, SensorFault> {
        let request = client.query(query).at(at).query("partial_response", "false").get_raw();
        self.bounded(request, LARGEST, Some(now)).await
    }

    async fn bounded(
        &self,
        request: impl Future<Output = Result<reqwest::Response, prometheus_http_query::Error>>,
        largest: usize,
        now: Option<Timestamp>,
    ) -> Result<Answer, SensorFault> {
        let closed = |_| SensorFault::Unreachable { why: "the operator is stopping".to_owned() };
        let _turn = self.in_flight.acquire().await.map_err(closed)?;
        let mut response = request.await.map_err(|error| unreachable(&error))?;
        let status = response.status().as_u16();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
        let retry_after =
            header(reqwest::header::RETRY_AFTER).and_then(|text| text.parse().ok()).map(SignedDuration::from_secs);
        if let (Some(now), Some(date)) = (now, header(reqwest::header::DATE)) {
            // Its resolution is a second; whoever sends none is judged by the answer alone.
            if let Ok(there) = jiff::fmt::rfc2822::parse(&date) {
                let drift = there.timestamp().duration_since(now);
                if drift.abs() > MOST_DRIFT + SignedDuration::from_secs(1) {
                    return Err(SensorFault::ClockOff { seconds: drift.as_secs() });
                }
            }
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + chunk.len() > largest {
                return Err(SensorFault::TooLarge { limit: largest });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, retry_after, body })
    }
}

fn timed_out() -> SensorFault {
    SensorFault::TimedOut { seconds: TIME_OUT.as_secs() }
}

/// The innermost cause, which is the one that helps.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    answer::excerpt(&cause.to_string())
}

fn broken(error: &reqwest::Error) -> SensorFault {
    if error.is_timeout() { timed_out() } else { SensorFault::Unreachable { why: innermost(error) } }
}

fn unreachable(error: &prometheus_http_query::Error) -> SensorFault {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<reqwest::Error>());
    match source {
        Some(source) => broken(source),
        None => SensorFault::Unreachable { why: innermost(error) },
    }
}

//! One Prometheus server. Every question is bounded in time, in size and in number; redirects and proxies are not
//! followed, since whoever answers then is not who was asked.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use prometheus_http_query::Client;
use tokio::sync::Semaphore;

use crate::api::pool::Reduce;
use crate::clock;
use crate::plan::reading::{HistoryPoints, Question, Reading, Replicas, SeenBy, SensorFault};

use super::access::{Access, Shown};
use super::answer::{self, Answer};
use super::companion::{self, Companion};
use super::understood::{self, Answers, Part, When};

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
/// An address that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{address}\" cannot be used as the address of Prometheus: {why}")]
pub struct AddressFault {
    /// The address.
    pub address: String,
    /// What is wrong.
    pub why: String,
}

/// Of whom all parts of one question are asked, of which moment, and when.
struct Asked {
    client: Client,
    at: Timestamp,
    now: Timestamp,
    begun: SignedDuration,
}

impl Asked {
    /// What our clock says when an answer is heard: some time after it was asked.
    fn heard(&self) -> Timestamp {
        clock::since(self.now, self.begun)
    }
}

/// One Prometheus server.
pub struct Sensor {
    address: String,
    access: Access,
    client: Mutex<Option<(Shown, Client)>>,
    in_flight: Semaphore,
    companions: Mutex<HashMap<String, Result<Companion, SensorFault>>>,
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

    /// One number as it was at an instant, how old the samples behind it are, and of how many replicas: all asked together,
    /// and all of that instant.
    pub async fn read(&self, question: &Question, at: Timestamp, now: Timestamp) -> Result<Reading, SensorFault> {
        let companion = self.companion(&question.query)?;
        let replicas = question.replicas.as_ref().map(|replicas| self.counted(&companion, replicas)).transpose()?;
        let client = self.client()?;
        let past = question.looks_back.then(|| companion.past()).flatten();
        let asked = Asked { client, at, now, begun: clock::boot() };
        let ask = |query| self.ask(&asked, query);
        let count = async {
            let (query, age) = replicas.as_ref()?;
            let age = async { Some(ask(age.as_deref()?).await) };
            Some(futures::join!(ask(query), age))
        };
        let past = async { Some(ask(past.as_deref()?).await) };
        let (value, age, past, count) = futures::join!(ask(&question.query), ask(&companion.query), past, count);
        understood::reading(question, When { at, now, range: companion.range }, Answers { value, age, past, count })
    }

    /// What counts replicas, and what tells how old the samples behind that are, where the count itself does not look.
    fn counted(&self, companion: &Companion, replicas: &Replicas) -> Result<(String, Option<String>), SensorFault> {
        match &replicas.seen_by {
            SeenBy::Label(label) => companion.pods(replicas, label).map(|query| (query, None)),
            SeenBy::Query(query) => {
                let age = self.companion(query).map_err(understood::uncounted)?;
                Ok((query.clone(), Some(age.query)))
            }
        }
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
        let answer = self.bounded(request, LARGEST_HISTORY, None).await?;
        let points = answer::range_values(&answer, reduce)?;
        Ok(HistoryPoints { points, step })
    }

    /// The companion of a query; parsed once.
    fn companion(&self, query: &str) -> Result<Companion, SensorFault> {
        let mut companions = self.companions.lock().unwrap_or_else(PoisonError::into_inner);
        companions.entry(query.to_owned()).or_insert_with(|| companion::of(query)).clone()
    }

    async fn ask(&self, asked: &Asked, query: &str) -> Part {
        // Who does not know one of these passes it over: VictoriaMetrics would answer of half a minute before, Thanos in part.
        let request = asked.client.query(query).at(asked.at.as_second());
        let request = request.query("partial_response", "false").query("nocache", "1").get_raw();
        self.bounded(request, LARGEST, Some(asked)).await
    }

    async fn bounded(
        &self,
        request: impl Future<Output = Result<reqwest::Response, prometheus_http_query::Error>>,
        largest: usize,
        asked: Option<&Asked>,
    ) -> Part {
        let closed = |_| SensorFault::Unreachable { why: "the operator is stopping".to_owned() };
        // How long our own line is says nothing of the server: its time begins when it is asked.
        let turn = tokio::time::timeout(TIME_OUT, self.in_flight.acquire()).await;
        let _turn = turn.map_err(|_| SensorFault::Crowded { seconds: TIME_OUT.as_secs() })?.map_err(closed)?;
        let mut response = request.await.map_err(|error| unreachable(&error))?;
        let status = response.status().as_u16();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
        let retry_after =
            header(reqwest::header::RETRY_AFTER).and_then(|text| text.parse().ok()).map(SignedDuration::from_secs);
        let date = header(reqwest::header::DATE).and_then(|text| jiff::fmt::rfc2822::parse(&text).ok());
        let drift = date.zip(asked).map(|(date, asked)| date.timestamp().duration_since(asked.heard()));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + chunk.len() > largest {
                return Err(SensorFault::TooLarge { limit: largest });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, retry_after, drift, body })
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

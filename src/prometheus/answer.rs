//! Reads an answer of Prometheus strictly. The client library would drop warnings, which is how a partial answer is
//! told, and hand NaN through; here both are faults. What two readers of JSON may understand otherwise is one too.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::api::pool::Reduce;
use crate::plan::reading::SensorFault;
use crate::strict_json;

/// What a server sent back, before it is understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Of HTTP.
    pub status: u16,
    /// When it wants to be asked again.
    pub retry_after: Option<SignedDuration>,
    /// By how much its clock was ahead of ours when the answer came, to a second; None: it did not say.
    pub drift: Option<SignedDuration>,
    /// All of it.
    pub body: Vec<u8>,
}

/// What surrounds every answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    status: String,
    #[serde(default)]
    data: Option<Map<String, Value>>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
    #[serde(default)]
    is_partial: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Value,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    value: Option<(f64, String)>,
    #[serde(default)]
    values: Option<Vec<(f64, String)>>,
    #[serde(default)]
    histogram: Option<Value>,
    #[serde(default)]
    histograms: Option<Value>,
}

/// The longest piece of a foreign text that is repeated to people.
const EXCERPT: usize = 200;

/// A piece of a foreign text, on one line.
pub fn excerpt(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(EXCERPT).collect()
}

fn open(answer: &Answer) -> Result<Data, SensorFault> {
    let Answer { status, retry_after, body, .. } = answer;
    let (status, retry_after) = (*status, *retry_after);
    if status == 429 || status == 503 {
        return Err(SensorFault::Busy { status, retry_after });
    }
    if status == 401 || status == 403 {
        return Err(SensorFault::NotAllowed { status });
    }
    let Some(envelope) = named::<Envelope>(body) else {
        return Err(SensorFault::NotPrometheus { what: format!("HTTP {status}, and no JSON of Prometheus") });
    };
    let said = excerpt(envelope.error.as_deref().unwrap_or("no reason was given"));
    match status {
        200 => {}
        400 | 422 => return Err(SensorFault::BadQuery { why: said }),
        500..=599 => return Err(SensorFault::Failed { why: format!("HTTP {status}: {said}") }),
        _ => return Err(SensorFault::NotPrometheus { what: format!("HTTP {status}: {said}") }),
    }
    if envelope.status != "success" {
        return Err(SensorFault::Failed { why: said });
    }
    if let Some(warning) = envelope.warnings.as_ref().and_then(|warnings| warnings.first()) {
        return Err(SensorFault::Warnings { text: excerpt(warning) });
    }
    if envelope.is_partial == Some(true) {
        return Err(SensorFault::Partial);
    }
    let data = envelope.data.ok_or_else(|| SensorFault::NotPrometheus { what: "an answer without data".to_owned() })?;
    fields(data)
}

/// What a body says by names. One that has a name twice says two things, the second of which would count here.
fn named<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    strict_json::check(std::str::from_utf8(body).ok()?).ok()?;
    fields(serde_json::from_slice(body).ok()?).ok()
}

/// Of a map alone: a list would do as well for a struct, its items taken for the fields in their order.
fn fields<T: DeserializeOwned>(map: Map<String, Value>) -> Result<T, SensorFault> {
    serde_json::from_value(Value::Object(map))
        .map_err(|error| SensorFault::NotPrometheus { what: excerpt(&error.to_string()) })
}

fn series(data: Data, wanted: &str) -> Result<Vec<Series>, SensorFault> {
    if data.result_type != wanted {
        return Err(SensorFault::WrongType { found: data.result_type });
    }
    let all: Vec<Map<String, Value>> = serde_json::from_value(data.result)
        .map_err(|error| SensorFault::NotPrometheus { what: excerpt(&error.to_string()) })?;
    all.into_iter().map(fields).collect()
}

fn number(text: &str) -> Result<f64, SensorFault> {
    let value: f64 =
        text.parse().map_err(|_| SensorFault::NotPrometheus { what: format!("\"{}\" for a number", excerpt(text)) })?;
    if value.is_nan() {
        return Err(SensorFault::NotANumber);
    }
    if value.is_infinite() {
        return Err(SensorFault::Infinite);
    }
    Ok(value)
}

fn instant(seconds: f64) -> Result<Timestamp, SensorFault> {
    let wrong = || SensorFault::NotPrometheus { what: "an answer with an impossible time".to_owned() };
    let since = SignedDuration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    Timestamp::UNIX_EPOCH.checked_add(since).map_err(|_| wrong())
}

fn reduced(values: &[f64], reduce: Option<Reduce>) -> Result<f64, SensorFault> {
    let value = match (values, reduce) {
        ([], _) => return Err(SensorFault::Empty),
        ([one], _) => *one,
        (many, None) => return Err(SensorFault::SeveralSeries { count: many.len() }),
        (many, Some(Reduce::Sum)) => many.iter().sum(),
        (many, Some(Reduce::Max)) => many.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    };
    if value.is_finite() { Ok(value) } else { Err(SensorFault::Infinite) }
}

/// One number, and when it was evaluated.
pub fn instant_value(answer: &Answer, reduce: Option<Reduce>) -> Result<(f64, Timestamp), SensorFault> {
    let all = series(open(answer)?, "vector")?;
    let mut values = Vec::new();
    let mut evaluated = None;
    for one in &all {
        let wrong = |found: &str| SensorFault::WrongType { found: found.to_owned() };
        if one.histogram.is_some() {
            return Err(wrong("histogram"));
        }
        let (at, text) = one.value.as_ref().ok_or_else(|| wrong("series without a value"))?;
        values.push(number(text)?);
        let at = instant(*at)?;
        if *evaluated.get_or_insert(at) != at {
            return Err(SensorFault::NotPrometheus { what: "series of different moments in one answer".to_owned() });
        }
    }
    let value = reduced(&values, reduce)?;
    Ok((value, evaluated.ok_or(SensorFault::Empty)?))
}

/// Numbers over time, in order. An instant at which one series has a broken number is left out.
pub fn range_values(answer: &Answer, reduce: Option<Reduce>) -> Result<Vec<(Timestamp, f64)>, SensorFault> {
    let all = series(open(answer)?, "matrix")?;
    if all.len() > 1 && reduce.is_none() {
        return Err(SensorFault::SeveralSeries { count: all.len() });
    }
    let mut by_instant: std::collections::BTreeMap<Timestamp, Vec<f64>> = std::collections::BTreeMap::new();
    let mut broken = std::collections::BTreeSet::new();
    for one in &all {
        if one.histograms.is_some() {
            return Err(SensorFault::WrongType { found: "histogram".to_owned() });
        }
        for (at, text) in one.values.iter().flatten() {
            let at = instant(*at)?;
            match number(text) {
                Ok(value) => by_instant.entry(at).or_default().push(value),
                // Without one of its parts a sum would be too low.
                Err(_) => {
                    broken.insert(at);
                }
            }
        }
    }
    by_instant.retain(|at, _| !broken.contains(at));
    Ok(by_instant.into_iter().filter_map(|(at, values)| Some((at, reduced(&values, reduce).ok()?))).collect())
}

//! Reads an answer of Prometheus strictly. The client library would drop warnings, which is how a partial answer is
//! told, and hand NaN through; here both are faults.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::api::pool::Reduce;
use crate::plan::reading::SensorFault;

/// What surrounds every answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    status: String,
    #[serde(default)]
    data: Option<Data>,
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

fn open(status: u16, retry_after: Option<SignedDuration>, body: &[u8]) -> Result<Data, SensorFault> {
    if status == 429 || status == 503 {
        return Err(SensorFault::Busy { status, retry_after });
    }
    if status == 401 || status == 403 {
        return Err(SensorFault::NotAllowed { status });
    }
    let Ok(envelope) = serde_json::from_slice::<Envelope>(body) else {
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
    envelope.data.ok_or_else(|| SensorFault::NotPrometheus { what: "an answer without data".to_owned() })
}

fn series(data: Data, wanted: &str) -> Result<Vec<Series>, SensorFault> {
    if data.result_type != wanted {
        return Err(SensorFault::WrongType { found: data.result_type });
    }
    serde_json::from_value(data.result)
        .map_err(|error| SensorFault::NotPrometheus { what: excerpt(&error.to_string()) })
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
pub fn instant_value(
    status: u16,
    retry_after: Option<SignedDuration>,
    body: &[u8],
    reduce: Option<Reduce>,
) -> Result<(f64, Timestamp), SensorFault> {
    let all = series(open(status, retry_after, body)?, "vector")?;
    let mut values = Vec::new();
    let mut evaluated = None;
    for one in &all {
        let Some((at, text)) = &one.value else {
            let found = if one.histogram.is_some() { "histogram" } else { "series without a value" };
            return Err(SensorFault::WrongType { found: found.to_owned() });
        };
        values.push(number(text)?);
        evaluated = Some(instant(*at)?);
    }
    let value = reduced(&values, reduce)?;
    Ok((value, evaluated.ok_or(SensorFault::Empty)?))
}

/// Numbers over time, in order. An instant at which one series has a broken number is left out.
pub fn range_values(
    status: u16,
    retry_after: Option<SignedDuration>,
    body: &[u8],
    reduce: Option<Reduce>,
) -> Result<Vec<(Timestamp, f64)>, SensorFault> {
    let all = series(open(status, retry_after, body)?, "matrix")?;
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

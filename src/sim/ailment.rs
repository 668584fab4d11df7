//! What can be wrong with a simulated Prometheus, and for how long. Wherever the operator's own reading of an answer
//! decides, the answer is given as the real one words it, and read by the operator's own code.

use jiff::{SignedDuration, Timestamp};

use crate::plan::reading::SensorFault;
use crate::prometheus::instant_value;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ailment {
    /// It does not answer.
    Silent,
    /// It cannot be reached.
    Unreachable,
    /// It answers that it failed.
    Failing,
    /// It answers with a page of a proxy.
    Html,
    /// The value is not a number.
    NotANumber,
    /// The value is infinite.
    Infinite,
    /// The value is below nothing.
    Negative,
    /// There is no series.
    Empty,
    /// There are two.
    Several,
    /// Part of the data may be missing, and it says so.
    Warned,
    /// Nothing was scraped since it began.
    Stale,
    /// Its clock, and that of what is scraped, is off by so many seconds.
    Clock(i64),
    /// It tells this multiple of the truth, and nothing shows it.
    Lying(f64),
}

/// From when until when something is wrong, after the beginning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spell {
    /// From then.
    pub from: SignedDuration,
    /// Until then.
    pub until: SignedDuration,
    /// With guardrails and limits too, and not with demands alone.
    pub of_all: bool,
    /// This.
    pub what: Ailment,
}

/// How long the operator waits for an answer.
const PATIENCE: u64 = 5;

impl Ailment {
    /// How long it keeps the operator waiting.
    pub fn takes(self) -> std::time::Duration {
        std::time::Duration::from_secs(if self == Ailment::Silent { PATIENCE } else { 0 })
    }

    /// The value as the operator reads it from the answer, instead of the truth.
    pub fn value(self, truth: f64, at: Timestamp) -> Result<f64, SensorFault> {
        let seconds = at.as_second();
        let vector = |results: &str, more: &str| {
            format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{results}]}}{more}}}"#)
        };
        let one = |value: &str| vector(&format!(r#"{{"metric":{{}},"value":[{seconds},"{value}"]}}"#), "");
        let (status, body) = match self {
            Ailment::Silent => return Err(SensorFault::TimedOut { seconds: PATIENCE }),
            Ailment::Unreachable => return Err(SensorFault::Unreachable { why: "connection refused".to_owned() }),
            Ailment::Failing => (503, r#"{"status":"error","errorType":"unavailable","error":"no"}"#.to_owned()),
            Ailment::Html => (200, "<html><body>Sign in</body></html>".to_owned()),
            Ailment::NotANumber => (200, one("NaN")),
            Ailment::Infinite => (200, one("+Inf")),
            Ailment::Negative => (200, one(&format!("-{}", truth + 1.0))),
            Ailment::Empty => (200, vector("", "")),
            Ailment::Several => {
                let series = |name: &str| format!(r#"{{"metric":{{"pod":"{name}"}},"value":[{seconds},"0"]}}"#);
                (200, vector(&format!("{},{}", series("a"), series("b")), ""))
            }
            Ailment::Warned => {
                let results = format!(r#"{{"metric":{{}},"value":[{seconds},"0"]}}"#);
                (200, vector(&results, r#","warnings":["one store did not answer"]"#))
            }
            Ailment::Lying(factor) => (200, one(&(truth * factor).to_string())),
            Ailment::Stale | Ailment::Clock(_) => return Ok(truth),
        };
        instant_value(status, None, body.as_bytes(), None).map(|(value, _)| value)
    }
}

//! What can be wrong with a simulated Prometheus, and for how long. Answers are given as the real one words them, and are
//! read by the operator's own code.

use jiff::{SignedDuration, Timestamp};

use crate::plan::reading::SensorFault;
use crate::prometheus::Answer;
use crate::prometheus::understood::{Answers, Part, When};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ailment {
    /// It does not answer.
    Silent,
    /// It cannot be reached.
    Unreachable,
    /// It answers that it failed.
    Failing,
    /// It answers that it has too much to do, and when to come back.
    Busy,
    /// It lets nobody in.
    Locked,
    /// It takes the query for none.
    Misread,
    /// It answers with a page of a proxy.
    Html,
    /// The answer has no end.
    Endless,
    /// The value is not a number.
    NotANumber,
    /// The value is a word.
    Word,
    /// The value is infinite.
    Infinite,
    /// The value is below nothing.
    Negative,
    /// There is no series.
    Empty,
    /// There are two.
    Several,
    /// The series is a histogram.
    Histogram,
    /// The answer is a matrix.
    Matrix,
    /// Part of the data may be missing, and it says so.
    Warned,
    /// Part of the data is missing, and it says so in another way.
    Partial,
    /// How old its samples are it does not tell.
    Undated,
    /// How many replicas are behind it it does not tell.
    Uncounted,
    /// Nothing was scraped since it began.
    Stale,
    /// When it began it had forgotten everything.
    Forgetful,
    /// Something before it keeps answers, and gives one of a minute ago.
    Kept,
    /// Its clock, and that of what is scraped, is off by so many seconds.
    Clock(i64),
    /// This share of the pods is not scraped.
    Unscraped(f64),
    /// Another cluster's Prometheus answers, whose workloads have the same names and are asked for this multiple of the truth.
    Stranger(f64),
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

/// The truth about one question, at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Truth {
    /// The value.
    pub value: f64,
    /// When what it rests on was scraped.
    pub scraped: Timestamp,
    /// Replicas behind it.
    pub replicas: f64,
    /// Whether it is the operator's own heartbeat.
    pub is_heartbeat: bool,
    /// Of the time that a query looks back over, the share that was measured, from 0 to 1: a rate is so much of what it should be.
    pub measured: f64,
}

/// How long the operator waits for an answer.
const PATIENCE: u64 = 5;

impl Ailment {
    /// How long it keeps the operator waiting.
    pub fn takes(self) -> std::time::Duration {
        std::time::Duration::from_secs(if self == Ailment::Silent { PATIENCE } else { 0 })
    }

    /// Whether it tells something, and not that it can tell nothing.
    pub fn tells(self) -> bool {
        matches!(
            self,
            Ailment::Lying(_) | Ailment::Clock(_) | Ailment::Unscraped(_) | Ailment::Stranger(_) | Ailment::Forgetful
        )
    }

    /// Whether it concerns whatever is asked.
    pub fn is_of_all(self) -> bool {
        matches!(self, Ailment::Stranger(_))
    }

    /// By how many seconds its clock is ahead.
    pub fn ahead(self) -> SignedDuration {
        SignedDuration::from_secs(if let Ailment::Clock(seconds) = self { seconds } else { 0 })
    }

    /// What nobody got an answer to, and why.
    fn unanswered(self) -> Option<SensorFault> {
        match self {
            Ailment::Silent => Some(SensorFault::TimedOut { seconds: PATIENCE }),
            Ailment::Unreachable => Some(SensorFault::Unreachable { why: "connection refused".to_owned() }),
            Ailment::Endless => Some(SensorFault::TooLarge { limit: 1_048_576 }),
            _ => None,
        }
    }

    /// The same to whatever is asked: a status, and a body.
    fn refused(self) -> Option<(u16, &'static str)> {
        match self {
            Ailment::Failing => Some((500, r#"{"status":"error","errorType":"internal","error":"no"}"#)),
            Ailment::Busy => Some((503, "")),
            Ailment::Locked => Some((401, "Unauthorized")),
            Ailment::Misread => Some((400, r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#)),
            Ailment::Html => Some((200, "<html><body>Sign in</body></html>")),
            _ => None,
        }
    }

    /// What is told of the value, as results of a vector, and what stands behind them.
    fn told(self, truth: Truth, seconds: i64) -> (String, &'static str) {
        let series = |value: &str| format!(r#"{{"metric":{{}},"value":[{seconds},"{value}"]}}"#);
        let of = |factor: f64| series(&(truth.value * truth.measured * factor).to_string());
        match self {
            Ailment::NotANumber => (series("NaN"), ""),
            Ailment::Word => (series("many"), ""),
            Ailment::Infinite => (series("+Inf"), ""),
            Ailment::Negative => (series(&format!("-{}", truth.value + 1.0)), ""),
            Ailment::Empty => (String::new(), ""),
            Ailment::Several => (format!("{},{}", series("0"), series("0")), ""),
            Ailment::Histogram => (format!(r#"{{"metric":{{}},"histogram":[{seconds},{{"count":"1"}}]}}"#), ""),
            Ailment::Warned => (series("0"), r#","warnings":["one store did not answer"]"#),
            Ailment::Partial => (series("0"), r#","isPartial":true"#),
            // Whoever does not know what a heartbeat is tells it as it is, or has none.
            Ailment::Stranger(_) if truth.is_heartbeat => (String::new(), ""),
            Ailment::Lying(factor) | Ailment::Stranger(factor) if !truth.is_heartbeat => (of(factor), ""),
            Ailment::Unscraped(share) if !truth.is_heartbeat => (of(1.0 - share), ""),
            _ => (of(1.0), ""),
        }
    }

    /// All that is answered to one question of a moment, by a server whose clock says `there`.
    pub fn answers(ailment: Option<Ailment>, truth: Truth, when: When, there: Timestamp) -> Answers {
        // As nothing is wrong, nothing is wrong by a factor of 1.
        let ailment = ailment.unwrap_or(Ailment::Lying(1.0));
        let (at, drift) = (when.at, Some(there.duration_since(when.now)));
        let moment = if ailment == Ailment::Kept { at - SignedDuration::from_secs(60) } else { at };
        let seconds = moment.as_second();
        let part = |results: &str, more: &str| -> Part {
            if let Some(fault) = ailment.unanswered() {
                return Err(fault);
            }
            let (kind, results) = match ailment {
                Ailment::Matrix => ("matrix", ""),
                _ => ("vector", results),
            };
            let whole =
                format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":[{results}]}}{more}}}"#);
            let (status, body) = ailment.refused().map_or((200, whole), |(status, body)| (status, body.to_owned()));
            let retry_after = (ailment == Ailment::Busy).then(|| SignedDuration::from_secs(20));
            Ok(Answer { status, retry_after, drift, body: body.into_bytes() })
        };
        let one = |value: f64| part(&format!(r#"{{"metric":{{}},"value":[{seconds},"{value}"]}}"#), "");
        let (results, more) = ailment.told(truth, seconds);
        let scraped = (truth.scraped + ailment.ahead()).as_duration().as_secs_f64();
        let seen = if let Ailment::Unscraped(share) = ailment { 1.0 - share } else { 1.0 };
        Answers {
            value: part(&results, more),
            past: Some(if truth.measured < 1.0 { part("", "") } else { one(scraped - when.range.as_secs_f64()) }),
            age: if ailment == Ailment::Undated { part("", "") } else { one(scraped) },
            count: Some((
                if ailment == Ailment::Uncounted { part("", "") } else { one((truth.replicas * seen).floor()) },
                None,
            )),
        }
    }

    /// The clock of a server with this ailment, where the world's is that.
    pub fn clock(ailment: Option<Ailment>, world: Timestamp) -> Timestamp {
        world + ailment.map_or(SignedDuration::ZERO, Ailment::ahead)
    }
}

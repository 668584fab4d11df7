//! Answers of a Prometheus: whatever comes back, a reading is made of it only where every part of it is proved, by every
//! reader of JSON there may be. What is proved is worked out here once more, from the bodies themselves. Makes answers; never
//! asks the code under test what is right.

use headroom::api::pool::Reduce;
use headroom::plan::reading::{Question, Reading, Replicas, SeenBy, SensorFault};
use headroom::prometheus::Answer;
use headroom::prometheus::understood::{Answers, Part, When, reading};
use jiff::{SignedDuration, Timestamp};

use super::bytes::Bytes;
use super::json::Tree;

/// The second of which everything is asked.
const AT: i64 = 1_790_000_000;
/// Clocks may differ by so many seconds, and a date is told in whole ones.
const DRIFT: f64 = 5.0;
/// Of what a comparison of times may be wrong: an f64 holds a time of today to a quarter of a microsecond.
const NEAR: f64 = 1e-6;

const STATUS: [u16; 16] = [200, 200, 200, 200, 200, 200, 200, 400, 422, 429, 500, 503, 401, 204, 302, 0];
const NUMBERS: [&str; 16] =
    ["1", "0", "42.5", "-1", "NaN", "+Inf", "-Inf", "1e308", "-0", "1e400", "", "0x10", "infinity", " 1", "1_0", ".5"];
const AROUND: [&str; 12] = [
    "",
    r#","warnings":["a store did not answer"]"#,
    r#","warnings":[]"#,
    r#","warnings":null"#,
    r#","isPartial":true"#,
    r#","isPartial":false"#,
    r#","error":"x","errorType":"timeout""#,
    r#","status":"error""#,
    r#","infos":["x"]"#,
    r#","data":{"resultType":"vector","result":[]}"#,
    r#","stats":{"a":1,"a":2}"#,
    r#","data":null"#,
];
const BESIDE: [&str; 8] = [
    "",
    r#","histogram":[1,{"count":"1"}]"#,
    r#","value":[1790000000,"0"]"#,
    r#","values":[[1790000000,"1"]]"#,
    r#","value":null"#,
    r#","histogram":null"#,
    r#","metric":{"a":"b"}"#,
    r#","histogram":null,"histogram":[]"#,
];

/// Reads one input; whether it made a reading.
pub fn holds(data: &[u8]) -> bool {
    let mut bytes = Bytes::new(data);
    let how = bytes.next();
    let reduce = [None, None, Some(Reduce::Sum), Some(Reduce::Max)][usize::from(how & 3)];
    let seen_by = match how >> 2 & 3 {
        0 => Some(SeenBy::Label("pod".to_owned())),
        1 => Some(SeenBy::Query("count(up)".to_owned())),
        _ => None,
    };
    let replicas = seen_by.map(|seen_by| Replicas {
        namespace: "shop".to_owned(),
        deployment: "web".to_owned(),
        seen_by,
        max_age: SignedDuration::from_secs(90),
    });
    let question = Question { query: "sum(a)".to_owned(), reduce, replicas, looks_back: false };
    let now = second(AT) + SignedDuration::from_millis(i64::from(bytes.next()) * 4);
    let when = When { at: second(AT), now, range: SignedDuration::from_secs(120) };
    // Whether a count came back is the adapter's doing, and is as asked but for one input in eight.
    let counts = if how & 0x70 == 0x70 { bytes.next() & 3 } else { 4 };
    let asked = match (&question.replicas, counts) {
        (_, 0) | (None, 4) => 0,
        (Some(Replicas { seen_by: SeenBy::Label(_), .. }), 4) | (_, 1) => 1,
        _ => 2,
    };
    let mut parts = if how & 0x80 == 0 { made(&mut bytes, 2 + asked) } else { split(bytes, 2 + asked) };
    let count_age = (asked == 2).then(|| parts.remove(3));
    let count = (asked > 0).then(|| (parts.remove(2), count_age));
    let answers = Answers { age: parts.remove(1), value: parts.remove(0), past: None, count };
    match reading(&question, when, answers.clone()) {
        Ok(reading) => {
            proved(&question, when, &answers, &reading)
                .unwrap_or_else(|why| panic!("{why}: {reading:?} of {answers:?}, asked {question:?} {when:?}"));
            true
        }
        Err(fault) => {
            // It is told to people as well.
            let _ = fault.to_string();
            false
        }
    }
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time of today")
}

/// Each part right but for what the bytes put into it.
fn made(bytes: &mut Bytes, count: usize) -> Vec<Part> {
    (0..count).map(|index| part(bytes, |bytes| body(bytes, index == 1 || index == 3))).collect()
}

/// Bodies as they are, between bytes that no text holds.
fn split(mut bytes: Bytes, count: usize) -> Vec<Part> {
    let heads: Vec<[u8; 3]> = (0..count).map(|_| std::array::from_fn(|_| bytes.next())).collect();
    let mut bodies = bytes.rest().split(|byte| *byte == 0xff);
    let parts = heads.iter().map(|head| part(&mut Bytes::new(head), |_| bodies.next().unwrap_or_default().to_vec()));
    parts.collect()
}

fn part(bytes: &mut Bytes, body: impl FnOnce(&mut Bytes) -> Vec<u8>) -> Part {
    let status = STATUS[usize::from(bytes.next()) % STATUS.len()];
    let drift = match bytes.next() {
        0 => None,
        255 => Some(SignedDuration::MAX),
        254 => Some(SignedDuration::MIN),
        253 => return Err(SensorFault::TimedOut { seconds: 5 }),
        // Up to 15.5 s to each side.
        other => Some(SignedDuration::from_millis((i64::from(other) - 124) * 125)),
    };
    let retry_after =
        Some(bytes.next()).filter(|seconds| *seconds > 0).map(|seconds| SignedDuration::from_secs(seconds.into()));
    Ok(Answer { status, retry_after, drift, body: body(bytes) })
}

fn body(bytes: &mut Bytes, is_age: bool) -> Vec<u8> {
    let mut text = Vec::new();
    let choice = bytes.next();
    let mut series = Vec::new();
    // One series mostly, and up to three.
    for index in 0..[1, 1, 1, 2, 3, 0, 1, 2][usize::from(choice & 7)] {
        if index > 0 {
            series.push(b',');
        }
        let time = match bytes.next() {
            255 => bytes.some(40).to_vec(),
            254 => format!("{:?}", bytes.number()).into_bytes(),
            other => format!("{}.{:03}", AT - 8 + i64::from(other.wrapping_add(128)) / 16, u16::from(other & 15) * 62)
                .into_bytes(),
        };
        let number = match bytes.next() {
            255 => bytes.some(40).to_vec(),
            254 => bytes.number().to_string().into_bytes(),
            other if is_age && other < 240 => format!("{}.{other:03}", AT + i64::from(bytes.short() / 64)).into_bytes(),
            other => NUMBERS[usize::from(other) % NUMBERS.len()].as_bytes().to_vec(),
        };
        let quotes = bytes.one(&["\"", "\"", "\"", ""]);
        let shape = bytes.next();
        let (before, behind) = match shape {
            1 => (&br"[{},["[..], &b"],null,null,null]"[..]),
            2 => (&br#"{"metric":{},"histogram":["#[..], &b"]}"[..]),
            3 => (&br#"{"metric":{},"value":{"0":"#[..], &b"}}"[..]),
            _ => (&br#"{"metric":{},"value":["#[..], &b"]"[..]),
        };
        let quoted = [quotes.as_bytes(), &number, quotes.as_bytes()].concat();
        series.extend([before, &time, b",", &quoted, behind].concat());
        if !(1..=3).contains(&shape) {
            series.extend(match bytes.next() {
                255 => bytes.some(60).to_vec(),
                other => BESIDE[usize::from(other) % BESIDE.len()].as_bytes().to_vec(),
            });
            series.push(b'}');
        }
    }
    let kind = bytes.one(&["vector", "vector", "vector", "vector", "matrix", "scalar", "string", ""]);
    let status = bytes.one(&["success", "success", "success", "error", "Success", ""]);
    if choice & 0x18 == 0x18 {
        // The same without names, as a reader of structs may take it.
        let around = bytes.some(40);
        text.extend([b"[\"", status.as_bytes(), b"\",[\"", kind.as_bytes(), b"\",[", &series, b"]]"].concat());
        text.extend(if around.is_empty() { &b",null,null,null]"[..] } else { around });
    } else {
        let status = format!(r#"{{"status":"{status}","data":{{"resultType":"{kind}","result":["#);
        text.extend([status.as_bytes(), &series, b"]}"].concat());
        text.extend(match bytes.next() {
            255 => bytes.some(80).to_vec(),
            other => AROUND[usize::from(other) % AROUND.len()].as_bytes().to_vec(),
        });
        text.push(b'}');
    }
    // And one byte of all of it something else.
    if choice & 0xe0 == 0xe0 && !text.is_empty() {
        let at = usize::from(bytes.short().unsigned_abs()) % text.len();
        text[at] = bytes.next();
    }
    text
}

/// Whether a reading is what its answers prove; else what is not proved.
fn proved(question: &Question, when: When, answers: &Answers, reading: &Reading) -> Result<(), String> {
    let value = numbers(when, &answers.value, question.reduce.is_some())?;
    let total = match (value.as_slice(), question.reduce) {
        ([one], _) => *one,
        (many, Some(Reduce::Sum)) => many.iter().sum(),
        (many, Some(Reduce::Max)) => many.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        _ => return Err("several series and no way to make them one".to_owned()),
    };
    says(total.is_finite() && same(reading.value, total), "the value is another")?;
    let mut newest = age(when, &answers.age)?;
    let replicas = match (&question.replicas, &answers.count) {
        (None, _) => None,
        (Some(_), None) => return Err("the replicas were not counted".to_owned()),
        (Some(_), Some((count, age_of_count))) => {
            let count = numbers(when, count, false)?[0];
            says(count >= 0.0, "a count below 0")?;
            if let Some(part) = age_of_count {
                newest = newest.min(age(when, part)?);
            }
            Some(count)
        }
    };
    says(
        reading.replicas.zip(replicas).map_or(reading.replicas == replicas, |(one, other)| same(one, other)),
        "the replicas are others",
    )?;
    says((seconds(reading.sample_at) - newest.min(seconds(when.now))).abs() < NEAR, "the sample is of another time")?;
    says((seconds(reading.evaluated_at) - seconds(when.at)).abs() <= 1.0 + NEAR, "it is of another moment")?;
    says(reading.range == when.range, "the range is another")
}

/// When the newest sample was taken, in seconds.
fn age(when: When, part: &Part) -> Result<f64, String> {
    let newest = numbers(when, part, false)?[0];
    says(newest <= seconds(when.now) + DRIFT + NEAR, "a sample of the future")?;
    Ok(newest)
}

/// The numbers of all series, at least one of them.
fn numbers(when: When, part: &Part, several: bool) -> Result<Vec<f64>, String> {
    let answer = part.as_ref().map_err(|fault| format!("no answer: {fault}"))?;
    says(answer.status == 200, "a status other than 200")?;
    if let Some(drift) = answer.drift {
        says(drift.as_secs_f64().abs() <= DRIFT + 1.0 + NEAR, "a clock that is off")?;
    }
    let body = Tree::read(&answer.body).ok_or("no JSON")?;
    says(body.is_plain(), "two values under one name")?;
    let text = |value: Option<Option<&Tree>>| match value {
        Some(Some(Tree::Text(text))) => Some(text.clone()),
        _ => None,
    };
    says(text(body.get("status")).as_deref() == Some("success"), "no success")?;
    says(
        matches!(body.get("warnings"), Some(None)) || body.get("warnings") == Some(Some(&Tree::List(Vec::new()))),
        "warnings",
    )?;
    says(matches!(body.get("isPartial"), Some(None | Some(Tree::Bool(false)))), "a part only")?;
    let data = body.get("data").flatten().ok_or("no data")?;
    says(text(data.get("resultType")).as_deref() == Some("vector"), "no vector")?;
    let Some(Some(Tree::List(series))) = data.get("result") else { return Err("no series".to_owned()) };
    says(series.len() == 1 || (several && series.len() > 1), "not as many series as there must be")?;
    series.iter().map(|one| number(when, one)).collect()
}

fn number(when: When, series: &Tree) -> Result<f64, String> {
    says(series.get("histogram") == Some(None), "a histogram")?;
    let Some(Some(Tree::List(pair))) = series.get("value") else { return Err("no value".to_owned()) };
    let [Tree::Number(time), Tree::Text(text)] = pair.as_slice() else {
        return Err("no pair of a time and a text".to_owned());
    };
    says((time - seconds(when.at)).abs() <= 1.0 + NEAR, "a series of another moment")?;
    let number: f64 = text.parse().map_err(|_| "no number")?;
    says(number.is_finite(), "no finite number")?;
    Ok(number)
}

fn same(one: f64, other: f64) -> bool {
    one.to_bits() == other.to_bits() || one == other
}

#[allow(clippy::cast_precision_loss)]
fn seconds(time: Timestamp) -> f64 {
    time.as_second() as f64 + f64::from(time.subsec_nanosecond()) / 1e9
}

fn says(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}

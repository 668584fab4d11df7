#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::float_cmp)] // What is told is read back exactly.
//! Every fault of the sensor, from a scripted server on loopback: a real Prometheus cannot be made to show them.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};

use super::{Access, Sensor};
use crate::api::pool::Reduce;
use crate::plan::reading::{Question, Reading, Replicas, SeenBy, SensorFault};

/// What the server answers to the query and to its companion.
#[derive(Clone)]
struct Script {
    status: u16,
    body: String,
    age_body: String,
    /// How many replicas are behind it, and when a query for that was last true.
    count: String,
    counted_at: String,
    /// When what it looks back over was measured a range ago.
    past: String,
    headers: Vec<(&'static str, String)>,
    wait: std::time::Duration,
}

const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn vector(series: &str) -> String {
    format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#)
}

fn one(value: &str) -> String {
    vector(&format!(r#"{{"metric":{{}},"value":[{NOW},"{value}"]}}"#))
}

impl Script {
    fn saying(body: String) -> Script {
        let date = "Fri, 15 Jan 2027 08:00:00 GMT".to_owned();
        Script {
            status: 200,
            body,
            age_body: one("1799999990.5"),
            count: one("7"),
            counted_at: one("1799999980"),
            past: one("1799999880"),
            headers: vec![("date", date)],
            wait: std::time::Duration::ZERO,
        }
    }
}

async fn answer(State(script): State<Script>, Query(asked): Query<HashMap<String, String>>) -> Response {
    tokio::time::sleep(script.wait).await;
    assert_eq!(asked["partial_response"], "false");
    let query = asked["query"].as_str();
    // A history has a beginning and an end instead.
    assert!(asked.get("time").is_none_or(|time| *time == NOW.to_string()));
    let aside = if query.contains(" offset ") {
        Some(script.past)
    } else if query.starts_with("min(label_replace(max(timestamp(up") {
        Some(script.counted_at)
    } else if query.starts_with("min(label_replace(max(timestamp(") {
        Some(script.age_body)
    } else if query.starts_with("min(label_replace(count(") || query == "count(up)" {
        Some(script.count)
    } else {
        None
    };
    let mut headers = HeaderMap::new();
    for (name, value) in &script.headers {
        headers.insert(*name, value.parse().unwrap());
    }
    let (status, body) = aside.map_or((script.status, script.body), |body| (200, body));
    (StatusCode::from_u16(status).unwrap(), headers, body).into_response()
}

async fn serve(script: Script) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer).with_state(script);
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn read_with(script: Script, reduce: Option<Reduce>) -> Result<Reading, SensorFault> {
    ask(script, Question { reduce, ..Question::plain("sum(rate(a[2m]))") }).await
}

async fn ask(script: Script, question: Question) -> Result<Reading, SensorFault> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Sensor::new(&serve(script).await, Access::default()).unwrap().read(&question, now(), now()).await
}

async fn read(script: Script) -> Result<Reading, SensorFault> {
    read_with(script, None).await
}

#[tokio::test]
async fn a_whole_answer_is_believed_with_the_age_of_its_samples() {
    let reading = read(Script::saying(one("1180.5"))).await.unwrap();
    assert!((reading.value - 1180.5).abs() < f64::EPSILON);
    assert_eq!(now().duration_since(reading.sample_at), SignedDuration::from_millis(9_500));
    assert_eq!((reading.evaluated_at, reading.range), (now(), SignedDuration::from_secs(120)));
}

#[tokio::test]
async fn every_answer_that_is_not_one_number_has_a_fault_of_its_own() {
    let series = |value: &str| format!(r#"{{"metric":{{}},"value":[{NOW},"{value}"]}}"#);
    let cases = [
        (200, vector(""), "Empty"),
        (200, one("NaN"), "NotANumber"),
        (200, one("+Inf"), "Infinite"),
        (200, one("-Inf"), "Infinite"),
        (200, one("many"), "NotPrometheus"),
        (200, vector(&format!("{},{}", series("1"), series("2"))), "SeveralSeries"),
        (200, vector(&format!(r#"{{"metric":{{}},"histogram":[{NOW},{{}}]}}"#)), "WrongType"),
        (200, format!(r#"{{"status":"success","data":{{"resultType":"scalar","result":[{NOW},"1"]}}}}"#), "WrongType"),
        (200, format!(r#"{{"status":"success","data":{{"resultType":"string","result":[{NOW},"1"]}}}}"#), "WrongType"),
        (200, r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#.into(), "WrongType"),
        (200, one("1").replacen("{\"status\"", "{\"warnings\":[\"no store matched\"],\"status\"", 1), "Warnings"),
        (200, one("1").replacen("{\"status\"", "{\"isPartial\":true,\"status\"", 1), "Partial"),
        (200, r#"{"status":"success"}"#.into(), "NotPrometheus"),
        (200, r#"{"status":"error","error":"out of order"}"#.into(), "Failed"),
        (200, "<html>Log in</html>".into(), "NotPrometheus"),
        (200, String::new(), "NotPrometheus"),
        (302, String::new(), "NotPrometheus"),
        (404, "404 page not found".into(), "NotPrometheus"),
        (400, r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#.into(), "BadQuery"),
        (422, r#"{"status":"error","errorType":"execution","error":"many-to-many"}"#.into(), "BadQuery"),
        (500, r#"{"status":"error","errorType":"internal","error":"disk"}"#.into(), "Failed"),
        (503, String::new(), "Busy"),
        (429, String::new(), "Busy"),
        (401, "Unauthorized\n".into(), "NotAllowed"),
        (403, r#"{"status":"error","error":"no"}"#.into(), "NotAllowed"),
        (
            200,
            format!(
                "{{\"status\":\"success\",\"data\":{{\"resultType\":\"vector\",\"result\":[{}",
                " ".repeat(1024 * 1024)
            ),
            "TooLarge",
        ),
    ];
    for (status, body, label) in cases {
        let told = body.chars().take(80).collect::<String>();
        let fault = read(Script { status, ..Script::saying(body) }).await.unwrap_err();
        assert_eq!(fault.label(), label, "{status} {told}: {fault}");
    }
}

#[tokio::test]
async fn what_two_readers_may_understand_otherwise_is_not_believed() {
    let series = |beside: &str| vector(&format!(r#"{{"metric":{{}},"value":[{NOW},"1"]{beside}}}"#));
    let twice = [
        series(&format!(r#","value":[{NOW},"0"]"#)),
        series(r#","histogram":null,"histogram":null"#),
        one("1").replacen('}', r#","metric":{}}"#, 1),
        one("1").replace("\"status\"", r#""status":"error","status""#),
    ];
    // As a list, of which a reader would take the items for the fields in their order.
    let unnamed = [
        format!(r#"["success",{{"resultType":"vector","result":[{{"value":[{NOW},"1"]}}]}},null,null,null]"#),
        format!(r#"{{"status":"success","data":["vector",[{{"value":[{NOW},"1"]}}]]}}"#),
        vector(&format!(r#"[[{NOW},"1"],null,null,null]"#)),
    ];
    for body in twice.into_iter().chain(unnamed) {
        let fault = read(Script::saying(body.clone())).await.unwrap_err();
        assert!(matches!(fault, SensorFault::NotPrometheus { .. }), "{body}: {fault}");
    }
    let both = read(Script::saying(series(r#","histogram":[1,{"count":"1"}]"#))).await;
    assert!(matches!(both, Err(SensorFault::WrongType { .. })), "{both:?}");
    // Of several series each is of the moment that was asked for, not the last alone.
    let moments = vector(&format!(r#"{{"value":[{},"1"]}},{{"value":[{NOW},"2"]}}"#, NOW - 3600));
    let fault = read_with(Script::saying(moments), Some(Reduce::Sum)).await.unwrap_err();
    assert!(matches!(fault, SensorFault::NotPrometheus { .. }), "{fault}");
}

#[tokio::test]
async fn several_series_are_one_number_only_where_that_was_declared() {
    let series = |value: &str| format!(r#"{{"metric":{{"pod":"{value}"}},"value":[{NOW},"{value}"]}}"#);
    let body = vector(&format!("{},{}", series("100"), series("50")));
    let sum = read_with(Script::saying(body.clone()), Some(Reduce::Sum)).await.unwrap();
    let max = read_with(Script::saying(body), Some(Reduce::Max)).await.unwrap();
    assert_eq!((sum.value, max.value), (150.0, 100.0));
    let broken = vector(&format!("{},{}", series("100"), series("NaN")));
    assert_eq!(read_with(Script::saying(broken), Some(Reduce::Sum)).await.unwrap_err(), SensorFault::NotANumber);
}

#[tokio::test]
async fn a_number_without_the_age_of_its_samples_is_not_believed() {
    let fault = read(Script { age_body: vector(""), ..Script::saying(one("1")) }).await.unwrap_err();
    assert_eq!(fault.label(), "NoSampleAge");
    let fault = read(Script { age_body: one("1e30"), ..Script::saying(one("1")) }).await.unwrap_err();
    assert_eq!(fault.label(), "NoSampleAge");
}

#[tokio::test]
async fn clocks_that_differ_are_noticed_by_the_date_and_by_the_answer() {
    let late = vec![("date", "Fri, 15 Jan 2027 08:00:10 GMT".to_owned())];
    // Ten, less the time that the answer took.
    let late = read(Script { headers: late, ..Script::saying(one("1")) }).await.unwrap_err();
    assert!(matches!(late, SensorFault::ClockOff { seconds: 9..=10 }), "{late}");
    let other = one("1").replace(&NOW.to_string(), &(NOW - 60).to_string());
    assert_eq!(read(Script::saying(other)).await.unwrap_err(), SensorFault::AnotherMoment { seconds: -60 });
    let ahead = Script { age_body: one("1800000100"), ..Script::saying(one("1")) };
    assert_eq!(read(ahead).await.unwrap_err(), SensorFault::ClockOff { seconds: 100 });
}

/// Whether the replicas of web are behind it.
fn of_web(seen_by: SeenBy) -> Question {
    let (namespace, deployment) = ("shop".to_owned(), "web".to_owned());
    let replicas = Replicas { namespace, deployment, seen_by, max_age: SignedDuration::from_secs(90) };
    Question { replicas: Some(replicas), ..Question::plain("sum(rate(a[2m]))") }
}

#[tokio::test]
async fn replicas_are_counted_beside_the_number_and_a_count_is_as_old_as_its_own_samples() {
    let by_label = ask(Script::saying(one("1")), of_web(SeenBy::Label("pod".to_owned()))).await.unwrap();
    assert_eq!((by_label.replicas, by_label.sample_at.as_second()), (Some(7.0), 1_799_999_990));
    let by_query = ask(Script::saying(one("1")), of_web(SeenBy::Query("count(up)".to_owned()))).await.unwrap();
    assert_eq!((by_query.replicas, by_query.sample_at.as_second()), (Some(7.0), 1_799_999_980));
    assert_eq!(read(Script::saying(one("1"))).await.unwrap().replicas, None);
}

#[tokio::test]
async fn what_looks_back_further_than_anything_was_measured_is_not_believed() {
    let question = || Question { looks_back: true, ..Question::plain("sum(rate(a[2m]))") };
    assert_eq!(ask(Script::saying(one("1")), question()).await.unwrap().value, 1.0);
    let short = Script { past: vector(""), ..Script::saying(one("1")) };
    assert_eq!(ask(short.clone(), question()).await.unwrap_err(), SensorFault::ShortHistory { seconds: 120 });
    // What looks at now alone needs no past, and a guardrail's first error is one.
    let now_alone = Question { looks_back: true, ..Question::plain("sum(a)") };
    assert_eq!(ask(short.clone(), now_alone).await.unwrap().value, 1.0);
    assert_eq!(read(short).await.unwrap().value, 1.0);
}

#[tokio::test]
async fn a_count_that_cannot_be_believed_is_no_count() {
    let query = || of_web(SeenBy::Query("count(up)".to_owned()));
    for count in [vector(""), one("NaN"), one("-1"), one("+Inf")] {
        let fault = ask(Script { count: count.clone(), ..Script::saying(one("1")) }, query()).await.unwrap_err();
        assert_eq!(fault.label(), "NoCoverage", "{count}: {fault}");
    }
    let undated = Script { counted_at: vector(""), ..Script::saying(one("1")) };
    assert_eq!(ask(undated, query()).await.unwrap_err().label(), "NoCoverage");
    let half =
        Script { count: one("1").replacen('{', r#"{"warnings":["a store is down"],"#, 1), ..Script::saying(one("1")) };
    assert_eq!(ask(half, query()).await.unwrap_err().label(), "Warnings");
    let wrong = ask(Script::saying(one("1")), of_web(SeenBy::Query("count(".to_owned()))).await.unwrap_err();
    assert_eq!(wrong.label(), "NoCoverage", "{wrong}");
    let unlabelled = ask(Script::saying(one("1")), of_web(SeenBy::Label("no label".to_owned()))).await.unwrap_err();
    assert_eq!(unlabelled.label(), "NoCoverage", "{unlabelled}");
}

#[tokio::test]
async fn a_server_that_is_silent_or_gone_is_told_apart() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let gone = Sensor::new("http://127.0.0.1:9", Access::default())
        .unwrap()
        .read(&Question::plain("a"), now(), now())
        .await
        .unwrap_err();
    assert_eq!(gone.label(), "Unreachable", "{gone}");
    let silent = Script { wait: std::time::Duration::from_secs(30), ..Script::saying(one("1")) };
    assert_eq!(read(silent).await.unwrap_err().label(), "TimedOut");
}

#[tokio::test]
async fn busy_tells_when_to_come_back() {
    let mut script = Script { status: 503, ..Script::saying(String::new()) };
    script.headers.push(("retry-after", "7".to_owned()));
    let fault = read(script).await.unwrap_err();
    assert_eq!(fault, SensorFault::Busy { status: 503, retry_after: Some(SignedDuration::from_secs(7)) });
}

#[tokio::test]
async fn a_history_leaves_out_what_is_no_number_and_keeps_the_rest() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let body = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[0,"1"],[300,"NaN"],[600,"3"]]}]}}"#;
    let sensor = Sensor::new(&serve(Script::saying(body.into())).await, Access::default()).unwrap();
    let step = SignedDuration::from_secs(300);
    let history = sensor.history("a", None, Timestamp::UNIX_EPOCH, now(), step).await.unwrap();
    let points: Vec<(i64, f64)> = history.points.iter().map(|(at, value)| (at.as_second(), *value)).collect();
    assert_eq!(points, [(0, 1.0), (600, 3.0)]);
}

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! Every fault of the sensor, from a scripted server on loopback: a real Prometheus cannot be made to show them.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};

use super::{Access, Sensor};
use crate::api::pool::Reduce;
use crate::plan::reading::{Reading, SensorFault};

/// What the server answers to the query and to its companion.
#[derive(Clone)]
struct Script {
    status: u16,
    body: String,
    age_body: String,
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
            headers: vec![("date", date)],
            wait: std::time::Duration::ZERO,
        }
    }
}

async fn answer(State(script): State<Script>, Query(asked): Query<HashMap<String, String>>) -> Response {
    tokio::time::sleep(script.wait).await;
    assert_eq!(asked["partial_response"], "false");
    let is_age = asked["query"].starts_with("min(label_replace(");
    let mut headers = HeaderMap::new();
    for (name, value) in &script.headers {
        headers.insert(*name, value.parse().unwrap());
    }
    let (status, body) = if is_age { (200, script.age_body) } else { (script.status, script.body) };
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
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Sensor::new(&serve(script).await, Access::default()).unwrap().read("sum(rate(a[2m]))", reduce, now()).await
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
    assert_eq!(
        read(Script { headers: late, ..Script::saying(one("1")) }).await.unwrap_err(),
        SensorFault::ClockOff { seconds: 10 }
    );
    let other = one("1").replace(&NOW.to_string(), &(NOW - 60).to_string());
    assert_eq!(read(Script::saying(other)).await.unwrap_err(), SensorFault::ClockOff { seconds: -60 });
    let ahead = Script { age_body: one("1800000100"), ..Script::saying(one("1")) };
    assert_eq!(read(ahead).await.unwrap_err(), SensorFault::ClockOff { seconds: 100 });
}

#[tokio::test]
async fn a_server_that_is_silent_or_gone_is_told_apart() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let gone = Sensor::new("http://127.0.0.1:9", Access::default()).unwrap().read("a", None, now()).await.unwrap_err();
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

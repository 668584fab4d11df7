//! The receiver: every request is on disk, with what was true at that moment, before it is answered.

use std::io::Write;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::behaviour::Behaviour;
use crate::line::Line;
use crate::load::Wave;
use crate::world::{World, Worlds};

fn digest(body: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(body).iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// All headers; one that came several times has all its values.
fn listed(headers: &HeaderMap) -> Value {
    let names = headers.keys().map(|name| {
        let values = headers.get_all(name).iter().map(|value| json!(String::from_utf8_lossy(value.as_bytes())));
        (name.as_str().to_owned(), Value::Array(values.collect()))
    });
    Value::Object(names.collect::<Map<_, _>>())
}

/// A request as it came.
struct Request<'a> {
    at: jiff::Timestamp,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl Request<'_> {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON; as text if it is none.
    fn read(&self) -> Value {
        serde_json::from_slice(self.body).unwrap_or_else(|_| json!(String::from_utf8_lossy(self.body)))
    }

    /// Messages that it asks for: `wave.recipients`, else `count`.
    fn recipients(&self) -> f64 {
        let read = self.read();
        let number = |pointer| read.pointer(pointer).and_then(Value::as_f64);
        number("/wave/recipients").or_else(|| number("/count")).unwrap_or(0.0).max(0.0)
    }
}

/// What is done with a request: its line in the log, and the wave that goes out, if one does.
fn judge(world: &World, request: &Request, behaviour: &Behaviour, minute: f64) -> (Value, Option<Wave>) {
    let recipients = request.recipients();
    let wave = Wave { start: minute, recipients, rate: world.send_rate, response: world.response.clone() };
    let key = request.header("idempotency-key");
    let repeats = world.log.iter().filter(|entry| entry["taken"] == true && entry["key"] == key).count();
    let known = world.dedupe && repeats > 0 && !key.is_empty();
    let taken = behaviour.takes() && !known;
    let entry = json!({
        "at": request.at.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string(),
        "key": key,
        "repeats": repeats,
        "digest": digest(request.body),
        "authorization": request.header("authorization"),
        "headers": listed(request.headers),
        "body": request.read(),
        "recipients": recipients,
        "behaviour": behaviour.to_string(),
        "taken": taken,
        "truth": world.truth(minute, Some(&wave)),
    });
    (entry, taken.then_some(wave))
}

/// One release.
pub async fn send(
    State(worlds): State<Arc<Worlds>>,
    Path(namespace): Path<String>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Request { at: jiff::Timestamp::now(), headers: &headers, body: &body };
    let behaviour = {
        // Held until the wave counts, so that no request is judged without those before it.
        let mut all = worlds.open();
        let Some(world) = all.get_mut(&namespace) else { return StatusCode::NOT_FOUND.into_response() };
        let behaviour = world.behaviour.pop_front().unwrap_or_default();
        let minute = world.minute(worlds.minute());
        let (entry, wave) = judge(world, &request, &behaviour, minute);
        if let Some(folder) = &worlds.log_dir {
            let path = folder.join(format!("{namespace}.jsonl"));
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            let kept = file.and_then(|mut file| {
                file.write_all(format!("{entry}\n").as_bytes())?;
                file.sync_data()
            });
            if kept.is_err() {
                return StatusCode::INSUFFICIENT_STORAGE.into_response();
            }
        }
        world.log.push(entry);
        world.waves.extend(wave);
        behaviour
    };
    behaviour.answer(request.recipients(), &line).await
}

/// What became of a request, by its key.
pub async fn account(State(worlds): State<Arc<Worlds>>, Path((namespace, key)): Path<(String, String)>) -> Response {
    let all = worlds.open();
    let Some(world) = all.get(&namespace).filter(|world| world.tells) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let taken = world.log.iter().find(|entry| entry["taken"] == true && entry["key"] == key);
    match taken.map(|entry| &entry["body"]["wave"]["recipients"]) {
        Some(recipients) => Json(json!({"key": key, "state": "done", "recipients": recipients})).into_response(),
        None => (StatusCode::NOT_FOUND, Json(json!({"key": key, "state": "unknown"}))).into_response(),
    }
}

/// Everything that was received.
pub async fn log(
    State(worlds): State<Arc<Worlds>>,
    Path(namespace): Path<String>,
) -> Result<Json<Vec<Value>>, StatusCode> {
    worlds.open().get(&namespace).map(|world| Json(world.log.clone())).ok_or(StatusCode::NOT_FOUND)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::world::tests::world;

    fn judged(world: &mut World, behaviour: &Behaviour, body: &[u8]) -> Value {
        let mut headers = HeaderMap::new();
        headers.insert("idempotency-key", "k-1".parse().unwrap());
        headers.append("x-two", "a".parse().unwrap());
        headers.append("x-two", "b".parse().unwrap());
        let at = "2026-03-01T09:00:00.000000007Z".parse().unwrap();
        let request = Request { at, headers: &headers, body };
        let (entry, wave) = judge(world, &request, behaviour, 7.0);
        world.log.push(entry.clone());
        world.waves.extend(wave);
        entry
    }

    #[test]
    fn a_line_of_the_log() {
        let line = judged(&mut world(5), &Behaviour::Accept, b"abc");
        assert_eq!(line["at"], "2026-03-01T09:00:00.000000007Z");
        assert_eq!(line["key"], "k-1");
        assert_eq!(line["headers"]["x-two"], json!(["a", "b"]));
        // FIPS 180-2, appendix B.1.
        assert_eq!(line["digest"], "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(line["body"], "abc");
        assert!(!line.to_string().contains('\n'));
    }

    #[test]
    fn a_second_send_of_a_key_is_seen_and_brings_its_load() {
        let mut world = world(9);
        let body = br#"{"wave":{"recipients":300000}}"#;
        let first = judged(&mut world, &Behaviour::Accept, body);
        let second = judged(&mut world, &Behaviour::Cut, body);
        assert_eq!((&first["repeats"], &first["taken"]), (&json!(0), &json!(true)));
        assert_eq!((&second["repeats"], &second["taken"]), (&json!(1), &json!(true)));
        assert_eq!(world.waves.len(), 2);
        assert_eq!(second["recipients"], 300_000.0);
    }

    #[test]
    fn a_receiver_that_knows_keys_sends_once() {
        let mut world = world(9);
        world.dedupe = true;
        let body = br#"{"count":40}"#;
        // Refused, so the key is still new; then taken; then known.
        let taken: Vec<Value> =
            [Behaviour::Refuse(StatusCode::SERVICE_UNAVAILABLE), Behaviour::Accept, Behaviour::Accept]
                .iter()
                .map(|behaviour| judged(&mut world, behaviour, body)["taken"].clone())
                .collect();
        assert_eq!(taken, [false, true, false]);
        assert_eq!(world.waves.len(), 1);
    }
}

//! The receiver: every request is on disk, with what was true at that moment, before it is answered.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::load::{self, Wave};
use crate::world::{World, Worlds};

fn digest(body: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(body).iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What is true of each workload, were the wave accepted now: its room must bear the highest load that is to come.
fn truth(world: &World, wave: &Wave, minute: f64) -> Vec<Value> {
    let mut waves = world.waves.clone();
    waves.push(wave.clone());
    let highest = load::highest(&waves, minute);
    world
        .workloads
        .iter()
        .map(|workload| {
            let bears = workload.per_replica * f64::from(workload.ready);
            let peak = workload.demand + workload.share * highest;
            json!({
                "workload": workload.name,
                "ready": workload.ready,
                "demand": world.demand(workload, minute),
                "bears": bears,
                "peak": peak,
                "fits": peak <= bears,
            })
        })
        .collect()
}

/// One release.
pub async fn send(
    State(worlds): State<Arc<Worlds>>,
    Path(namespace): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let minute = worlds.minute();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let read: Value = serde_json::from_slice(&body).unwrap_or_default();
    let recipients = read.pointer("/wave/recipients").and_then(Value::as_f64).unwrap_or(0.0);
    let behaviour = {
        let mut all = worlds.open();
        let Some(world) = all.get_mut(&namespace) else { return StatusCode::NOT_FOUND.into_response() };
        let behaviour = world.behaviour.pop_front().unwrap_or_else(|| "accept".to_owned());
        let wave = Wave { start: minute, recipients, rate: world.send_rate, response: world.response.clone() };
        let entry = json!({
            "at": jiff::Timestamp::now().to_string(),
            "key": header("idempotency-key"),
            "digest": digest(&body),
            "authorization": header("authorization"),
            "body": read,
            "behaviour": behaviour,
            "truth": truth(world, &wave, minute),
        });
        let path = worlds.log_dir.join(format!("{namespace}.jsonl"));
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        let kept = file.and_then(|mut file| {
            writeln!(file, "{entry}")?;
            file.sync_data()
        });
        if kept.is_err() {
            return StatusCode::INSUFFICIENT_STORAGE.into_response();
        }
        world.log.push(entry);
        // What is refused causes nothing; everything else may have been taken.
        if !behaviour.starts_with("status:4") {
            world.waves.push(wave);
        }
        behaviour
    };
    match behaviour.split_once(':') {
        Some(("status", code)) => {
            let status = code.parse().ok().and_then(|code| StatusCode::from_u16(code).ok());
            (status.unwrap_or(StatusCode::IM_A_TEAPOT), "as the test asked").into_response()
        }
        Some(("wait", milliseconds)) => {
            tokio::time::sleep(Duration::from_millis(milliseconds.parse().unwrap_or(0))).await;
            Json(json!({"recipients": recipients})).into_response()
        }
        _ if behaviour == "hang" => std::future::pending().await,
        // Unwinding ends the connection without an answer.
        _ if behaviour == "cut" => std::panic::resume_unwind(Box::new(())),
        _ => Json(json!({"recipients": recipients})).into_response(),
    }
}

/// Everything that was received.
pub async fn log(
    State(worlds): State<Arc<Worlds>>,
    Path(namespace): Path<String>,
) -> Result<Json<Vec<Value>>, StatusCode> {
    worlds.open().get(&namespace).map(|world| Json(world.log.clone())).ok_or(StatusCode::NOT_FOUND)
}

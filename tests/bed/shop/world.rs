//! The worlds: what each bears, what it is asked for, and what was sent to it.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::behaviour::Behaviour;
use crate::load::{self, Response, Wave};
use crate::traffic::Served;

/// One workload of a world.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// The Deployment, and the label `app` of its metrics.
    pub name: String,
    /// What one ready pod truly bears, requests per second.
    pub per_replica: f64,
    /// Demand without any send, requests per second.
    pub demand: f64,
    /// Share of a send's requests that reaches it.
    #[serde(default = "one")]
    pub share: f64,
    /// Ready pods; what the API server says, where there is one.
    #[serde(default)]
    pub ready: u32,
    #[serde(skip)]
    pub served: Served,
}

impl Workload {
    /// Requests per second that its ready pods bear.
    pub fn bears(&self) -> f64 {
        self.per_replica * f64::from(self.ready)
    }
}

fn one() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}

/// One world.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    pub workloads: Vec<Workload>,
    pub response: Response,
    /// Messages per second that the receiver sends at.
    pub send_rate: f64,
    /// How many minutes of the world pass in one of ours. Rates stay what they are.
    #[serde(default = "one")]
    pub speed: f64,
    /// Share of requests that fail, beside those that do not fit.
    #[serde(default)]
    pub error_ratio: f64,
    /// What the receiver does with the next requests; `accept` when empty.
    #[serde(default)]
    pub behaviour: VecDeque<Behaviour>,
    /// Whether the receiver knows a key again, and then answers without sending anew.
    #[serde(default)]
    pub dedupe: bool,
    /// Whether the receiver tells what became of a request.
    #[serde(default = "yes")]
    pub tells: bool,
    #[serde(skip)]
    pub waves: Vec<Wave>,
    #[serde(skip)]
    pub log: Vec<Value>,
    /// When the ready pods were last known.
    #[serde(skip, default = "Instant::now")]
    pub ready_as_of: Instant,
}

/// What cannot be.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum Wrong {
    #[error("the namespace \"{0}\" is not one: use up to 63 of a-z, 0-9 and -")]
    Namespace(String),
    #[error("{0} is {1}; it must be a number {2}")]
    Number(String, f64, &'static str),
    #[error("there is no workload \"{0}\" in this world")]
    Workload(String),
}

type Refusal = (StatusCode, String);

impl From<Wrong> for Refusal {
    fn from(wrong: Wrong) -> Refusal {
        (StatusCode::UNPROCESSABLE_ENTITY, wrong.to_string())
    }
}

fn above_zero(name: &str, number: f64) -> Result<(), Wrong> {
    let right = number.is_finite() && number > 0.0;
    if right { Ok(()) } else { Err(Wrong::Number(name.to_owned(), number, "above 0")) }
}

fn not_negative(name: &str, number: f64) -> Result<(), Wrong> {
    let right = number.is_finite() && number >= 0.0;
    if right { Ok(()) } else { Err(Wrong::Number(name.to_owned(), number, "of 0 or more")) }
}

fn ratio(name: &str, number: f64) -> Result<(), Wrong> {
    let right = (0.0..=1.0).contains(&number);
    if right { Ok(()) } else { Err(Wrong::Number(name.to_owned(), number, "from 0 to 1")) }
}

impl World {
    /// Holds the numbers against what they may be: a witness that computes with NaN finds that everything fits.
    fn check(&self) -> Result<(), Wrong> {
        above_zero("send_rate", self.send_rate)?;
        above_zero("speed", self.speed)?;
        ratio("error_ratio", self.error_ratio)?;
        ratio("response.visit_rate", self.response.visit_rate)?;
        not_negative("response.requests_per_visit", self.response.requests_per_visit)?;
        above_zero("response.median_minutes", self.response.median_minutes)?;
        above_zero("response.sigma", self.response.sigma)?;
        for workload in &self.workloads {
            not_negative(&format!("{}: per_replica", workload.name), workload.per_replica)?;
            not_negative(&format!("{}: demand", workload.name), workload.demand)?;
            not_negative(&format!("{}: share", workload.name), workload.share)?;
        }
        Ok(())
    }

    /// Minutes on the world's clock, when the shop's shows so many.
    pub fn minute(&self, shop: f64) -> f64 {
        shop * self.speed
    }

    /// Requests per second that one workload is truly asked for, at a minute of the world.
    pub fn demand(&self, workload: &Workload, minute: f64) -> f64 {
        workload.demand + workload.share * load::together(&self.waves, minute)
    }

    /// What is true of each workload; of a wave, were it sent now: its room must bear the highest load that is to come.
    pub fn truth(&self, minute: f64, wave: Option<&Wave>) -> Vec<Value> {
        let of_wave = wave.map_or(0.0, |wave| load::highest(std::slice::from_ref(wave), minute));
        let waves: Vec<Wave> = self.waves.iter().chain(wave).cloned().collect();
        let highest = load::highest(&waves, minute);
        let age = self.ready_as_of.elapsed().as_secs_f64();
        self.workloads
            .iter()
            .map(|workload| {
                let peak = workload.demand + workload.share * highest;
                json!({
                    "workload": workload.name,
                    "ready": workload.ready,
                    "ready_age_seconds": age,
                    "demand": self.demand(workload, minute),
                    "baseline": workload.demand,
                    "bears": workload.bears(),
                    "peak_of_wave": workload.share * of_wave,
                    "peak": peak,
                    "fits": peak <= workload.bears(),
                    "overload_seconds": workload.served.overload_seconds,
                    "worst_load": workload.served.worst_load,
                })
            })
            .collect()
    }
}

/// All worlds, and the shop's clock.
pub struct Worlds {
    all: Mutex<BTreeMap<String, World>>,
    /// Where requests are written down; nowhere but in memory when not given.
    pub log_dir: Option<PathBuf>,
    begun: Instant,
    /// Whether the API server says how many pods are ready.
    pub has_cluster: bool,
}

impl Worlds {
    pub fn new(log_dir: Option<PathBuf>, has_cluster: bool) -> Worlds {
        Worlds { all: Mutex::default(), log_dir, begun: Instant::now(), has_cluster }
    }

    pub fn open(&self) -> MutexGuard<'_, BTreeMap<String, World>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Minutes since the shop was opened.
    pub fn minute(&self) -> f64 {
        self.begun.elapsed().as_secs_f64() / 60.0
    }
}

fn is_namespace(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

pub async fn put(
    State(worlds): State<Arc<Worlds>>,
    Path(namespace): Path<String>,
    Json(world): Json<World>,
) -> Result<StatusCode, Refusal> {
    if !is_namespace(&namespace) {
        return Err(Wrong::Namespace(namespace).into());
    }
    world.check()?;
    worlds.open().insert(namespace, world);
    Ok(StatusCode::NO_CONTENT)
}

/// What may be changed while a world runs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// By workload, requests per second.
    #[serde(default)]
    demand: BTreeMap<String, f64>,
    /// By workload; only where no API server says it.
    #[serde(default)]
    ready: BTreeMap<String, u32>,
    error_ratio: Option<f64>,
    /// How people respond to sends from now on.
    response: Option<Response>,
    behaviour: Option<VecDeque<Behaviour>>,
    dedupe: Option<bool>,
    tells: Option<bool>,
}

/// The world with the change, or why it cannot be; nothing is changed by half.
fn changed(world: &World, change: Change) -> Result<World, Wrong> {
    let mut world = world.clone();
    let named = |workload: &Workload, name: &str| workload.name == name;
    for (name, demand) in change.demand {
        let workload = world.workloads.iter_mut().find(|workload| named(workload, &name));
        workload.ok_or(Wrong::Workload(name))?.demand = demand;
    }
    for (name, ready) in change.ready {
        let workload = world.workloads.iter_mut().find(|workload| named(workload, &name));
        workload.ok_or(Wrong::Workload(name))?.ready = ready;
        world.ready_as_of = Instant::now();
    }
    world.error_ratio = change.error_ratio.unwrap_or(world.error_ratio);
    world.response = change.response.unwrap_or(world.response);
    world.behaviour = change.behaviour.unwrap_or(world.behaviour);
    world.dedupe = change.dedupe.unwrap_or(world.dedupe);
    world.tells = change.tells.unwrap_or(world.tells);
    world.check()?;
    Ok(world)
}

pub async fn patch(
    State(worlds): State<Arc<Worlds>>,
    Path(namespace): Path<String>,
    Json(change): Json<Change>,
) -> Result<StatusCode, Refusal> {
    let mut worlds = worlds.open();
    let Some(world) = worlds.get_mut(&namespace) else {
        return Err((StatusCode::NOT_FOUND, format!("there is no world \"{namespace}\"")));
    };
    *world = changed(world, change)?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn show(State(worlds): State<Arc<Worlds>>, Path(namespace): Path<String>) -> Result<Json<Value>, StatusCode> {
    let minute = worlds.minute();
    let worlds = worlds.open();
    let world = worlds.get(&namespace).ok_or(StatusCode::NOT_FOUND)?;
    let minute = world.minute(minute);
    let workloads: Vec<Value> = world
        .workloads
        .iter()
        .map(|workload| {
            json!({
                "name": workload.name,
                "ready": workload.ready,
                "demand": world.demand(workload, minute),
                "bears": workload.bears(),
            })
        })
        .collect();
    Ok(Json(json!({"workloads": workloads, "requests": world.log.len(), "accepted": world.waves.len()})))
}

/// What is true now, of the sends that were taken so far.
pub async fn truth(
    State(worlds): State<Arc<Worlds>>,
    Path(namespace): Path<String>,
) -> Result<Json<Vec<Value>>, StatusCode> {
    let minute = worlds.minute();
    let worlds = worlds.open();
    let world = worlds.get(&namespace).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(world.truth(world.minute(minute), None)))
}

pub async fn delete(State(worlds): State<Arc<Worlds>>, Path(namespace): Path<String>) -> StatusCode {
    worlds.open().remove(&namespace);
    StatusCode::NO_CONTENT
}

#[cfg(test)]
pub mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    /// 300 requests per second on so many pods of 100 each; pushes with a median of 15 minutes, 5,000 a second.
    pub fn world(ready: u32) -> World {
        serde_json::from_value(json!({
            "workloads": [{"name": "web", "per_replica": 100.0, "demand": 300.0, "ready": ready}],
            "response": {"visit_rate": 0.04, "requests_per_visit": 10.0, "median_minutes": 15.0, "sigma": 2.0},
            "send_rate": 5000.0,
        }))
        .unwrap()
    }

    pub fn push(world: &World, start: f64, recipients: f64) -> Wave {
        Wave { start, recipients, rate: world.send_rate, response: world.response.clone() }
    }

    #[test]
    fn the_truth_of_a_push_that_peaks_at_178() {
        // 300,000 at 5,000 a second bring 175.73 at their end, a little more just after; so 300 + 176 needs five pods.
        for (ready, fits) in [(4, false), (5, true)] {
            let world = world(ready);
            let truth = &world.truth(7.0, Some(&push(&world, 7.0, 300_000.0)))[0];
            assert_eq!(truth["fits"], fits, "{truth}");
            assert_eq!(truth["demand"], 300.0);
            assert_eq!(truth["bears"], 100.0 * f64::from(ready));
            let peak = truth["peak"].as_f64().unwrap();
            assert!(peak > 475.7 && peak < 485.0, "{truth}");
            assert!((truth["peak_of_wave"].as_f64().unwrap() - (peak - 300.0)).abs() < 1e-9, "{truth}");
        }
    }

    #[test]
    fn what_was_sent_before_takes_its_room() {
        let mut world = world(5);
        world.waves.push(push(&world, 7.0, 300_000.0));
        // Five pods bear one such push on top of 300, and not a second one beside it.
        assert_eq!(world.truth(7.0, None)[0]["fits"], true);
        assert_eq!(world.truth(7.0, Some(&push(&world, 7.0, 300_000.0)))[0]["fits"], false);
    }

    #[test]
    fn a_faster_clock_moves_time_alone() {
        let mut world = world(5);
        world.speed = 60.0;
        world.waves.push(push(&world, 0.0, 10_000_000.0));
        // One second of ours is the world's first minute: 300 + 175.72837.
        let demand = world.demand(&world.workloads[0], world.minute(1.0 / 60.0));
        assert!((demand - 475.728_37).abs() < 1e-4, "{demand}");
    }

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        let wrong = |change: fn(&mut World)| {
            let mut world = world(5);
            change(&mut world);
            world.check().unwrap_err().to_string()
        };
        assert_eq!(wrong(|world| world.send_rate = 0.0), "send_rate is 0; it must be a number above 0");
        assert_eq!(wrong(|world| world.error_ratio = 1.5), "error_ratio is 1.5; it must be a number from 0 to 1");
        assert!(wrong(|world| world.workloads[0].demand = f64::NAN).starts_with("web: demand is NaN"));
        assert!(!is_namespace("../x") && !is_namespace("") && is_namespace("happy-shop"));
    }

    #[test]
    fn a_change_that_names_nobody_changes_nothing() {
        let change: Change = serde_json::from_value(json!({"demand": {"wed": 5.0}, "error_ratio": 0.5})).unwrap();
        assert_eq!(changed(&world(5), change).unwrap_err(), Wrong::Workload("wed".to_owned()));
        let change: Change = serde_json::from_value(json!({"demand": {"web": 5.0}, "error_ratio": 0.5})).unwrap();
        let world = changed(&world(5), change).unwrap();
        assert!((world.workloads[0].demand - 5.0).abs() < 1e-9 && (world.error_ratio - 0.5).abs() < 1e-9);
    }
}

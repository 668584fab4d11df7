//! What a decision costs: `plan` of pools with many campaigns, the ledger and M(t) of a fortnight, a replan of ten thousand
//! campaigns, a simulated fortnight and a told story, and the answers of Prometheus. `cargo bench --bench decision` prints each
//! beside its aim, with the machine it ran on.

#![allow(clippy::unwrap_used, missing_docs)]

mod decision {
    pub mod machine;
    pub mod pool;
    pub mod table;
}

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use headroom::api::pool::Reduce;
use headroom::plan;
use headroom::plan::curve::{self, Ask, Headroom, Response};
use headroom::plan::ledger::Committed;
use headroom::plan::load::{Burst, Profile, Send};
use headroom::plan::reading::{Question, Replicas, SeenBy};
use headroom::prometheus::Answer;
use headroom::prometheus::understood::{self, Answers, When};
use headroom::sim::story::Story;
use headroom::sim::world::{self, Watch};
use jiff::{SignedDuration, Timestamp};

use decision::pool::{self, Kind};
use decision::table::Table;

const FORTNIGHT: usize = 14 * 24 * 60;

fn main() {
    println!("{}\n", decision::machine::told());
    let mut criterion = Criterion::default()
        .configure_from_args()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    let mut table = Table::default();
    plans(&mut criterion, &mut table);
    curves(&mut criterion, &mut table);
    replans(&mut criterion, &mut table);
    worlds(&mut criterion, &mut table);
    answers(&mut criterion, &mut table);
    criterion.final_summary();
    println!("{table}");
}

/// One decision of a pool. `Waiting` is the worst there is: every campaign is due at once.
fn plans(criterion: &mut Criterion, table: &mut Table) {
    for (kind, aim) in [(Kind::Idle, Some(1.0)), (Kind::Mixed, Some(1.0)), (Kind::Waiting, None)] {
        let mut took = Vec::new();
        // All due at once is the worst there is.
        for campaigns in if kind == Kind::Waiting { [100, 1_000] } else { [1_000, 10_000] } {
            let name = format!("plan, {campaigns} campaigns, {kind}");
            if !Table::is_asked_for(&name) {
                continue;
            }
            // What was said once is not said again: the second look is the usual one.
            let snapshot = pool::seen_once(pool::snapshot(kind, campaigns));
            let aim = aim.filter(|_| campaigns == 1_000);
            let run = table.measure(criterion, &name, aim, || plan::plan(black_box(&snapshot), pool::now()));
            took.extend(run);
        }
        if let [small, large] = took[..] {
            table.say(format!("plan, {kind}: ten times as many campaigns take {:.1} times as long", large / small));
        }
    }
}

fn shape(channel: &str, margin: f64) -> Response {
    Response::new(&Profile::builtin(channel, "consumer").unwrap().components(), margin, FORTNIGHT)
}

/// A day that swings between 360 and 1,000 of 1,500 requests per second.
fn days() -> Headroom {
    let minutes = (0_u32..).map(f64::from).take(FORTNIGHT);
    Headroom::new(minutes.map(|at| 820.0 + 320.0 * libm::cos(at / 1_440.0 * std::f64::consts::TAU)).collect())
}

fn ledger(entries: u32) -> Committed {
    let waves = (0..entries).map(|index| {
        let channel = if index % 3 == 0 { "push" } else { "email" };
        Burst::new(Send {
            name: format!("wave-{index}"),
            start: pool::now() - SignedDuration::from_mins(i64::from(index) * 37),
            rate: 500.0,
            recipients: 40_000,
            components: Profile::builtin(channel, "consumer").unwrap().components(),
            margin: 2.3,
        })
    });
    Committed::new(waves.collect())
}

fn curves(criterion: &mut Criterion, table: &mut Table) {
    let committed = ledger(100);
    let _ =
        table.measure(criterion, "tables of a channel for a fortnight, once", None, || shape(black_box("email"), 2.3));
    let ledger = table.measure(criterion, "ledger of a fortnight by the minute, 100 entries", Some(5.0), || {
        committed.by_the_minute(black_box(pool::now()), FORTNIGHT)
    });
    let headroom = days();
    let mut slowest: f64 = 0.0;
    for (channel, rate) in [("email", 5_000.0), ("push", 5_000.0), ("email", 2_000.0)] {
        let response = shape(channel, 2.3);
        let name = format!("M(t; r) of a fortnight, {channel} at {rate}/s");
        let took = table
            .measure(criterion, &name, Some(5.0), || curve::largest_each_minute(black_box(&headroom), &response, rate));
        slowest = slowest.max(took.unwrap_or(0.0));
    }
    let response = shape("email", 2.3);
    let _ = table.measure(criterion, "M(t), impulse form, of a fortnight, email", Some(5.0), || {
        curve::in_each_minute(black_box(&headroom), &response)
    });
    if let Some(ledger) = ledger {
        table.say(format!("ledger and the slowest M-curve together: {:.2} ms (aim 5 ms)", ledger + slowest));
    }
}

/// Ten thousand campaigns over a fortnight, with their full tails.
fn replans(criterion: &mut Criterion, table: &mut Table) {
    let shapes = [shape("email", 2.3), shape("push", 2.3)];
    for (name, recipients, aim) in
        [("with room for all", 3_000, Some(250.0)), ("of which a part finds no room", 30_000, None)]
    {
        let asks: Vec<(&Response, Ask)> = (0..10_000_usize)
            .map(|index| {
                // Spread over the fortnight, by a step that shares no factor with it.
                let start = (index * 7_919) % (FORTNIGHT - 1_440);
                let ask = Ask { window: (start, start + 1_440), rate: 1_000.0, recipients };
                (&shapes[index % 2], ask)
            })
            .collect();
        let headroom = days();
        let name = format!("replan of 10,000 campaigns over 20,160 minutes, {name}");
        let _ = table.measure(criterion, &name, aim, || curve::replan(&mut black_box(&headroom).clone(), &asks));
        if !Table::is_asked_for(&name) {
            continue;
        }
        let mut left = headroom.clone();
        let planned = curve::replan(&mut left, &asks);
        let waits = planned.iter().filter(|sending| sending.left > 0.0).count();
        let split = planned.iter().filter(|sending| sending.runs.len() > 1).count();
        table.say(format!("{name}: {waits} did not go whole in their window, {split} went in parts"));
    }
}

fn story(flat: Option<f64>) -> Story {
    let read = |name: &str| {
        let path = format!("{}/examples/demo/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        headroom::yaml::read_all(&std::fs::read_to_string(path).unwrap().replace("PORT", "80")).unwrap()
    };
    let objects = ["shop", "pool", "sender", "campaign"].map(read).concat();
    Story::of(objects, "2027-03-19T09:00:00Z".parse::<Timestamp>().unwrap(), flat).unwrap()
}

/// The whole operator in a simulated world.
fn worlds(criterion: &mut Criterion, table: &mut Table) {
    let demo = story(Some(0.94));
    let watch = Watch::every(SignedDuration::from_secs(2), SignedDuration::from_mins(30));
    let _ = table.measure(criterion, "one told story (the demo)", None, || {
        world::play(black_box(&demo), watch, None, &mut |_| {}).unwrap()
    });
    let mut fortnight = story(None);
    pool::one_campaign_a_day(&mut fortnight, 14);
    let watch = Watch::every(SignedDuration::from_secs(30), SignedDuration::from_hours(14 * 24));
    let mut played = None;
    let took = table.measure(criterion, "a simulated fortnight, 14 campaigns", Some(5_000.0), || {
        played = Some(world::play(black_box(&fortnight), watch, None, &mut |_| {}).unwrap());
    });
    if let (Some(took), Some(played)) = (took, played) {
        let hours = played.moments.last().unwrap().at.duration_since(fortnight.start).as_secs_f64() / 3_600.0;
        table.say(format!(
            "simulated hours per CPU second: {:.0} ({hours:.0} h; {} releases, of which {} had room by the truth)",
            hours / (took / 1_000.0),
            played.taken.len(),
            played.taken.iter().filter(|taken| taken.fits).count()
        ));
    }
}

/// What it costs to understand the answers to one question: the value, the age of its samples and the count of replicas.
fn answers(criterion: &mut Criterion, table: &mut Table) {
    let at = pool::now();
    let when = When { at, now: at, range: SignedDuration::from_mins(2) };
    let replicas = Replicas {
        namespace: "shop".to_owned(),
        deployment: "web".to_owned(),
        seen_by: SeenBy::Label("pod".to_owned()),
        max_age: SignedDuration::from_secs(90),
    };
    let question = Question { reduce: Some(Reduce::Sum), replicas: Some(replicas), ..Question::plain("web") };
    for series in [1, 1_000] {
        let name = format!("answers to one question, {series} series");
        if !Table::is_asked_for(&name) {
            continue;
        }
        let one = |value: f64| {
            let seconds = at.as_second();
            format!(r#"{{"metric":{{"pod":"web-7c9d5f8b-x7k2p"}},"value":[{seconds},"{value}"]}}"#)
        };
        let part = |series: Vec<String>| {
            let series = series.join(",");
            let body = format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#);
            Ok(Answer { status: 200, retry_after: None, drift: Some(SignedDuration::ZERO), body: body.into_bytes() })
        };
        let value = part((0..series).map(|index| one(f64::from(index))).collect());
        let count = Some((part(vec![one(20.0)]), None));
        let (age, past) = (part(vec![one(at.as_duration().as_secs_f64())]), None);
        let answers = Answers { value, age, past, count };
        table.measure(criterion, &name, None, || {
            understood::reading(black_box(&question), when, black_box(answers.clone()))
        });
    }
}

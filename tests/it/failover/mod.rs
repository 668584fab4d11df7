//! Random failovers on the real API server: two replicas, one send after another, and in each the leading replica is asked to stop, killed,
//! cut off from the API server, cut off from the Lease alone, or stopped for a while, at a moment by chance. Each wave goes once, by
//! whoever leads.
//!
//! `HEADROOM_FAILOVERS=200 cargo test --test it failover:: -- --nocapture` plays so many, six worlds at a time; without it four.
//! `HEADROOM_FAILOVERS='#57'` plays the run of that number.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use headroom::api::campaign_status::Phase;
use jiff::Timestamp;
use serde_json::json;

use crate::support::person::headroom;
use pair::Pair;
use reign::Late;
use stroke::{Kind, Moment, Stroke};

mod pair;
mod reign;
mod stroke;

/// A run that takes longer has come to no end.
const LONGEST: u64 = 300;
/// Whoever looks at a wave that may or may not have gone waits for so long, while the one that tried it may still tell of it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came of a run.
struct Came {
    stroke: Stroke,
    /// Whether the moment came at all.
    was_struck: bool,
    /// From the blow until another led.
    took: Option<f64>,
    /// Whether a person had to say what became of a wave.
    was_resolved: bool,
}

/// A blow that has fallen, and whether it is over.
struct Fallen {
    who: String,
    at: Timestamp,
    is_over: bool,
}

fn play(pair: &mut Pair, run: u64) -> Came {
    pair.settle();
    let (stroke, campaign) = (Stroke::of(run), format!("run-{run}"));
    println!("{}: run {run}, {stroke:?}", pair.world.name);
    for life in &pair.lives {
        life.proxy.forget();
        if let Some((when, matches)) = stroke.call() {
            life.proxy.wait_for(stroke.blow(), when, matches);
        }
    }
    let waves = json!([{"name": "canary", "percent": 10, "soak": "4s"}, {"name": "rest"}]);
    // Enough for a floor, and no more than that: what is sent is waited for until it has arrived.
    pair.world.apply_campaign(&campaign, &json!({ "waves": waves, "audience": {"size": 8_000} }));
    let begun = Instant::now();
    let (mut since, mut fallen, mut unknown) = (None, None::<Fallen>, None);
    let mut was_resolved = false;
    loop {
        pair.fail_after(begun, LONGEST, &format!("run {run}, {stroke:?}: {:?}", pair.status(&campaign)));
        std::thread::sleep(Duration::from_millis(150));
        let has_begun = stroke.moment == Moment::BeforeTheFirstWave || sent(pair, &campaign).len() == 1;
        since = since.or_else(|| has_begun.then(Instant::now));
        if fallen.is_none() && stroke.call().is_none() && since.is_some_and(|it: Instant| it.elapsed() >= stroke.after)
        {
            pair.leader().inspect(|leader| leader.proxy.strike(stroke.blow()));
        }
        if fallen.is_none() {
            fallen = struck(pair);
        }
        if let Some(fallen) = fallen.as_mut().filter(|fallen| !fallen.is_over) {
            fallen.is_over = end(pair, fallen, &stroke);
        }
        pair.tend();
        let status = pair.status(&campaign);
        let is_unknown = status.reason.as_deref() == Some("OutcomeUnknown");
        unknown = if is_unknown { unknown.or(Some(Instant::now())) } else { None };
        let has_died = fallen.as_ref().is_some_and(|it| it.is_over && !is_alive(pair, &it.who));
        let patience = if has_died { Duration::from_secs(2) } else { PATIENCE };
        if unknown.is_some_and(|since| since.elapsed() > patience) {
            resolve(pair, &campaign, status.message.as_deref().unwrap_or_default());
            (was_resolved, unknown) = (true, None);
        }
        let is_calm = fallen.as_ref().is_none_or(|fallen| fallen.is_over);
        if status.phase == Some(Phase::Completed) && is_calm && pair.world.is_back() {
            break;
        }
    }
    for life in &pair.lives {
        life.proxy.wait_no_more();
    }
    assert_eq!(sent(pair, &campaign), ["canary", "rest"], "{}: run {run}, {stroke:?}", pair.world.name);
    let others = |fallen: &Fallen| {
        let others = pair.lives.iter().filter(|life| life.name != fallen.who);
        others.filter_map(pair::Life::led_at).filter(|at| *at > fallen.at).min()
    };
    let took = fallen.as_ref().and_then(|it| Some(others(it)?.duration_since(it.at).as_secs_f64()));
    Came { stroke, was_struck: fallen.is_some(), took, was_resolved }
}

/// Names of the waves of a campaign that the receiver was sent, in order.
fn sent(pair: &Pair, campaign: &str) -> Vec<String> {
    let send = format!("{}/{campaign}", pair.world.marketing());
    let received = pair.world.received().into_iter().filter(|request| request["body"]["sendId"] == send);
    received.map(|request| request["body"]["wave"]["name"].as_str().unwrap().to_owned()).collect()
}

/// On whom it has fallen; it falls on nobody else any more.
fn struck(pair: &Pair) -> Option<Fallen> {
    let life = pair.lives.iter().find(|life| life.proxy.struck_at().is_some())?;
    for life in &pair.lives {
        life.proxy.wait_no_more();
    }
    Some(Fallen { who: life.name.clone(), at: life.proxy.struck_at()?, is_over: false })
}

fn is_alive(pair: &Pair, name: &str) -> bool {
    pair.lives.iter().any(|life| life.name == name && life.is_alive())
}

/// Ends what has lasted for long enough. Whether it is over.
fn end(pair: &Pair, fallen: &Fallen, stroke: &Stroke) -> bool {
    let is_short = Timestamp::now().duration_since(fallen.at).unsigned_abs() < stroke.span;
    if is_short && !matches!(stroke.kind, Kind::Asked | Kind::Killed) {
        return false;
    }
    // Another may have been struck before it was seen that one was.
    for life in pair.lives.iter().filter(|life| life.proxy.struck_at().is_some()) {
        life.proxy.mend();
        life.operator.signal("-CONT");
    }
    true
}

/// A person looks at the receiver, and says what became of the wave of which nobody knows.
fn resolve(pair: &Pair, campaign: &str, message: &str) {
    let world = &pair.world;
    let wave = message.split('"').nth(1).unwrap_or_else(|| panic!("{message}"));
    let has_come = sent(pair, campaign).iter().any(|sent| sent == wave);
    let (marketing, ledger) = (world.marketing(), format!("{}-ledger", world.name));
    let what = if has_come { "sent" } else { "not-sent" };
    let words = ["resolve", campaign, "-n", &marketing, "--ledger-namespace", &ledger, "--wave", wave, "--as", what];
    let kubeconfig = world.bed().kubeconfig.to_str().unwrap();
    let done = headroom(kubeconfig, &[&words[..], &["--reason", "the receiver's log says so"]].concat());
    // It may have been told a moment before, and then there is nothing to say.
    let said = String::from_utf8_lossy(&done.stderr);
    println!("{}: {campaign}: wave {wave} is resolved as {what}: {said}", world.name);
}

/// Plays the runs of these numbers one after another in a world of their own.
fn runs(name: &str, numbers: &[u64]) -> (Vec<Came>, Late) {
    let mut pair = Pair::new(name);
    let (mut all, mut late) = (Vec::new(), Late::default());
    for run in numbers {
        let came = play(&mut pair, *run);
        pair.world.check_safety();
        let (broken, by_then) = reign::check(&pair.book.lock().unwrap(), &pair.world.received());
        assert!(broken.is_empty(), "{name}: run {run}, {:?}: {}", came.stroke, broken.join("\n  and "));
        late = by_then;
        all.push(came);
    }
    (all, late)
}

fn told(of: &[&Came]) -> String {
    let mut took: Vec<f64> = of.iter().filter_map(|came| came.took).collect();
    took.sort_by(f64::total_cmp);
    let times = match (took.first(), took.get(took.len() / 2), took.last()) {
        (Some(least), Some(median), Some(most)) => format!(" after {least:.1} / {median:.1} / {most:.1} s"),
        _ => String::new(),
    };
    let missed = of.iter().filter(|came| !came.was_struck).count();
    let resolved = of.iter().filter(|came| came.was_resolved).count();
    format!(
        "{} runs, {} changed the leader{times}; {missed} without the blow, {resolved} needed a person",
        of.len(),
        took.len()
    )
}

#[test]
fn whoever_leads_and_whatever_befalls_it_each_wave_goes_once() {
    let asked = std::env::var("HEADROOM_FAILOVERS").unwrap_or_else(|_| "4".to_owned());
    let numbers: Vec<u64> = match asked.strip_prefix('#') {
        Some(one) => vec![one.parse().unwrap()],
        None => (0..asked.parse().unwrap()).collect(),
    };
    let (count, begun) = (numbers.len(), Instant::now());
    let worlds = if count < 12 { 1 } else { 6 };
    let (all, late) = std::thread::scope(|scope| {
        let parts = numbers.chunks(count.div_ceil(worlds)).enumerate();
        let parts = parts.map(|(world, part)| scope.spawn(move || runs(&format!("failover{world}"), part)));
        let (mut all, mut late) = (Vec::new(), Late::default());
        for part in parts.collect::<Vec<_>>() {
            let (came, by_then) = part.join().unwrap();
            all.extend(came);
            late.outcomes += by_then.outcomes;
            late.others += by_then.others;
        }
        (all, late)
    });
    let mut groups: BTreeMap<String, Vec<&Came>> = BTreeMap::new();
    for came in &all {
        groups.entry(format!("{:?}", came.stroke.kind)).or_default().push(came);
        groups.entry(format!("{:?}", came.stroke.moment)).or_default().push(came);
    }
    for (name, of) in &groups {
        println!("failovers: {name}: {}", told(of));
    }
    println!(
        "failovers: {}; least / median / most until another led, of a lease of 3 s; {} outcomes and {} other writes by the version that was read came from who led no more; {} s",
        told(&all.iter().collect::<Vec<_>>()),
        late.outcomes,
        late.others,
        begun.elapsed().as_secs()
    );
    // A harness that moves nothing shows nothing.
    let changed = all.iter().filter(|came| came.took.is_some()).count();
    let missed = all.iter().filter(|came| !came.was_struck).count();
    assert!(count == 1 || changed * 2 >= count, "the leader changed in {changed} of {count} runs");
    assert!(count == 1 || missed * 5 <= count, "in {missed} of {count} runs the moment did not come");
}

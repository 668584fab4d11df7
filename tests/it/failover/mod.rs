//! Random failovers on the real API server: two replicas, one send after another, and in each the leading replica is asked to stop, killed,
//! cut off from the API server, cut off from the Lease alone, or stopped for a while, at a moment by chance. Each wave goes once, by
//! whoever leads. Where nobody can know whether one has gone, which a process that was killed between its arming and its outcome leaves
//! behind, nothing more goes, and the send is ended by a person.
//!
//! `HEADROOM_FAILOVERS=200 cargo test --test it failover:: -- --nocapture` plays so many, six worlds at a time; without it four.
//! `HEADROOM_FAILOVERS='#57'` plays the run of that number.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use headroom::api::campaign_status::Phase;
use jiff::Timestamp;
use serde_json::json;

use pair::Pair;
use reign::Late;
use stroke::{Kind, Moment, Stroke};

mod pair;
mod reign;
mod stroke;

/// A run that takes longer has come to no end.
const LONGEST: u64 = 300;
/// Another that leads later than this does so for another reason, such as a machine that is too busy to renew a lease of 3 s.
const BY_THE_BLOW: f64 = 12.0;
/// A person waits for so long before a send is ended of which a wave may or may not have gone: whoever tried it may still tell.
const PATIENCE: Duration = Duration::from_secs(40);

/// What came of a run.
struct Came {
    stroke: Stroke,
    /// Whether the moment came at all.
    was_struck: bool,
    /// From the blow until another led.
    took: Option<f64>,
    /// Changes of the leader for other reasons.
    others: usize,
    /// Whether nobody knew of a wave whether it had gone, and a person ended the send.
    was_given_up: bool,
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
    let (begun, applied) = (Instant::now(), Timestamp::now());
    let (mut since, mut fallen, mut unknown) = (None, None::<Fallen>, None);
    let mut was_given_up = false;
    loop {
        pair.fail_after(begun, LONGEST, || format!("run {run}, {stroke:?}: {:?}", pair.status(&campaign)));
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
            assert_eq!(status.phase, Some(Phase::NeedsAttention), "{status:?}");
            pair.world.patch_campaign(&campaign, &json!({"abort": true}));
            (was_given_up, unknown) = (true, None);
        }
        let is_calm = fallen.as_ref().is_none_or(|fallen| fallen.is_over);
        // What is given up may have come to its end in that very moment: who was struck writes what became of it after all.
        let is_completed = status.phase == Some(Phase::Completed);
        let has_ended = is_completed || (was_given_up && status.phase == Some(Phase::Aborted));
        if has_ended && is_calm && pair.world.is_back_at(2) {
            was_given_up &= !is_completed;
            break;
        }
    }
    for life in &pair.lives {
        life.proxy.wait_no_more();
    }
    let sent = sent(pair, &campaign);
    let is_well = if was_given_up {
        ["canary", "rest"].map(str::to_owned).starts_with(&sent)
    } else {
        sent == ["canary", "rest"]
    };
    assert!(is_well, "{}: run {run}, {stroke:?}: {sent:?} came", pair.world.name);
    // No process leads twice, so that whoever was struck is not among them.
    let changes = pair.lives.iter().filter_map(pair::Life::led_at).filter(|at| *at > applied).collect::<Vec<_>>();
    let after = |fallen: &Fallen| {
        let first = changes.iter().filter(|at| **at > fallen.at).min()?;
        Some(first.duration_since(fallen.at).as_secs_f64()).filter(|took| *took < BY_THE_BLOW)
    };
    let took = fallen.as_ref().and_then(after);
    let others = changes.len() - usize::from(took.is_some());
    Came { stroke, was_struck: fallen.is_some(), took, others, was_given_up }
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
    let given_up = of.iter().filter(|came| came.was_given_up).count();
    format!(
        "{} runs, {} changed the leader{times}; {missed} without the blow, in {given_up} nobody knew of a wave",
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
        "failovers: {}; least / median / most until another led, of a lease of 3 s; the leader changed {} times more for other reasons; {} outcomes and {} other writes by the version that was read came from who led no more; {} s",
        told(&all.iter().collect::<Vec<_>>()),
        all.iter().map(|came| came.others).sum::<usize>(),
        late.outcomes,
        late.others,
        begun.elapsed().as_secs()
    );
    // A harness that moves nothing shows nothing.
    let changed = all.iter().filter(|came| came.took.is_some()).count();
    let missed = all.iter().filter(|came| !came.was_struck).count();
    assert!(count == 1 || changed * 2 >= count, "the leader changed in {changed} of {count} runs");
    assert!(count == 1 || missed * 5 <= count.max(5), "in {missed} of {count} runs the moment did not come");
}

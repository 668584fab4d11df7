//! H3: every way in which a Prometheus can be wrong, at every place of a send, alone and in pairs. While it is wrong demand is
//! truly so high that no wave fits, and the truth alone decides whether one that went had room. What is wrong must be told,
//! no floor may fall because of it, and when all is well again the send must come to its end.
//! `HEADROOM_SENSOR_PAIRS=all cargo test --test it simulation::sensors -- --nocapture` plays every pair; a slice runs without.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use headroom::sim::ailment::{Ailment, Spell};
use headroom::sim::deed::Deed;
use headroom::sim::moment::{Outcome, Played};
use headroom::sim::story::Story;
use headroom::sim::world::{self, Watch};
use jiff::SignedDuration;

use super::told::{demo, seconds};

/// Every row, and what a person is told of it where it is alone.
const ROWS: [(Ailment, &str); 26] = [
    (Ailment::Silent, "Prometheus did not answer within 5 s"),
    (Ailment::Unreachable, "Prometheus cannot be reached: connection refused"),
    (Ailment::Failing, "Prometheus failed: HTTP 500: no"),
    (Ailment::Busy, "Prometheus is too busy to answer (HTTP 503)"),
    (Ailment::Locked, "lets nobody in without the right credentials (HTTP 401)"),
    (Ailment::Misread, "Prometheus refused the query: parse error"),
    (Ailment::Html, "what answered is not Prometheus (HTTP 200, and no JSON of Prometheus)"),
    (Ailment::Endless, "the answer is larger than 1048576 bytes"),
    (Ailment::NotANumber, "the answer is not a number (NaN)"),
    (Ailment::Word, "what answered is not Prometheus (\"many\" for a number)"),
    (Ailment::Infinite, "the answer is infinite"),
    (Ailment::Negative, "and demand cannot be below 0"),
    (Ailment::Empty, "Prometheus has no series for it"),
    (Ailment::Several, "the query gives 2 series and one is needed"),
    (Ailment::Histogram, "the query gives a histogram and one number per series is needed"),
    (Ailment::Matrix, "the query gives a matrix and one number per series is needed"),
    (Ailment::Warned, "answered with a warning, so that part of the data may be missing: one store did not answer"),
    (Ailment::Partial, "Prometheus answered in part only"),
    (Ailment::Undated, "the age of its samples cannot be told: none of the query's metrics has a sample now"),
    (Ailment::Uncounted, "how many replicas are behind it cannot be told"),
    (Ailment::Stale, "the newest sample of the demand of \"web\" is "),
    (Ailment::Forgetful, "it looks back over 10 s, and nothing was measured so long ago"),
    (Ailment::Kept, "the answer is of a moment -60 s from the one that was asked for"),
    (Ailment::Clock(60), "the clocks of Prometheus and Headroom differ by "),
    (Ailment::Unscraped(0.4), " have fresh samples in it (90 % are needed)"),
    (Ailment::Stranger(0.1), "Headroom does not find its own heartbeat in that Prometheus"),
];

/// Where in a send it begins to be wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// Before anything is seen.
    Before,
    /// Between the samples that are to confirm.
    Confirming,
    /// At the last of them.
    LastSample,
    /// When the first bytes of a wave have gone.
    Sending,
    /// Between the samples that are to confirm the next wave.
    Soaked,
}

const PLACES: [Place; 5] = [Place::Before, Place::Confirming, Place::LastSample, Place::Sending, Place::Soaked];

/// So long it is wrong, and so long after that has begun demand rises.
const LASTS: u64 = 120;
const RISES: u64 = 10;
/// With this demand 24 replicas have no room for the smaller of the waves; with that for both.
const HIGH: f64 = 1_700.0;
const LOW: f64 = 300.0;

struct Case {
    place: Place,
    rows: Vec<usize>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<Ailment> = self.rows.iter().map(|row| ROWS[*row].0).collect();
        write!(f, "{:?} {rows:?}", self.place)
    }
}

/// The demo, in which no guardrail holds anything back: the sensors alone must.
fn usual() -> Story {
    let mut story = demo(LOW / 320.0);
    for object in &mut story.objects {
        if object["kind"] == "CapacityPool" {
            object["spec"].as_object_mut().unwrap().remove("guardrails");
        }
    }
    story
}

fn play(story: &Story) -> Played {
    let watch = Watch::every(seconds(1), SignedDuration::from_mins(25));
    world::play(story, watch, None, &mut |_| {}).unwrap()
}

/// When, after the beginning, the two waves went where nothing was wrong.
fn went() -> (SignedDuration, SignedDuration) {
    let played = play(&usual());
    assert_eq!((played.outcome, played.taken.len()), (Outcome::Over, 2));
    (played.taken[0].at.duration_since(played.begun), played.taken[1].at.duration_since(played.begun))
}

impl Case {
    /// When it begins to be wrong.
    fn begins(&self, (canary, rest): (SignedDuration, SignedDuration)) -> SignedDuration {
        match self.place {
            Place::Before => SignedDuration::ZERO,
            Place::Confirming => canary - seconds(4),
            Place::LastSample => canary - seconds(1),
            Place::Sending => canary + SignedDuration::from_millis(1),
            Place::Soaked => rest - seconds(4),
        }
    }

    /// What is broken, if anything is.
    fn judge(&self, went: (SignedDuration, SignedDuration)) -> Result<(), String> {
        let from = self.begins(went);
        let until = from + seconds(LASTS);
        let mut story = usual();
        let half = seconds(LASTS / 2);
        // Of a pair the second begins before the first has ended.
        story.troubles.spells = match self.rows.as_slice() {
            [one] => vec![Spell { from, until, of_all: false, what: ROWS[*one].0 }],
            [one, other] => vec![
                Spell { from, until: from + half + seconds(5), of_all: true, what: ROWS[*one].0 },
                Spell { from: from + half, until, of_all: true, what: ROWS[*other].0 },
            ],
            _ => unreachable!("one or two"),
        };
        story.troubles.calm = until;
        story.deeds = vec![(from + seconds(RISES), Deed::Demand(HIGH)), (until, Deed::Demand(LOW))];
        let played = play(&story);
        let during = || {
            let passed = |at: jiff::Timestamp| at.duration_since(played.begun);
            played.moments.iter().filter(move |moment| (from..until).contains(&passed(moment.at)))
        };
        if let Some(taken) = played.taken.iter().find(|taken| !taken.fits) {
            return Err(format!("wave {} went without room at {}", taken.wave, taken.at.duration_since(played.begun)));
        }
        let floors: Vec<i32> = during().filter_map(|moment| moment.workloads[0].floor).collect();
        if let Some((from, to)) = floors.iter().zip(floors.iter().skip(1)).find(|(from, to)| to < from) {
            return Err(format!("the floor fell from {from} to {to}"));
        }
        // What is forgotten while nobody measures is known again before anybody asks.
        let is_seen = |row: usize| ROWS[row].0 != Ailment::Forgetful || self.place != Place::Sending;
        if let [one] = self.rows.as_slice()
            && is_seen(*one)
        {
            let told = ROWS[*one].1;
            let said = || during().map(|moment| moment.campaigns[0].message.as_str());
            if !said().any(|message| message.contains(told)) {
                let all: std::collections::BTreeSet<&str> = said().collect();
                return Err(format!("\"{told}\" was not told, but {all:?}"));
            }
        }
        let waves: Vec<&str> = played.taken.iter().map(|taken| taken.wave.as_str()).collect();
        let last = played.moments.last().map(|moment| moment.campaigns[0].message.clone()).unwrap_or_default();
        if (played.outcome, waves.as_slice()) != (Outcome::Over, &["canary", "rest"]) {
            return Err(format!("it did not end well: {:?} {waves:?} {last}", played.outcome));
        }
        Ok(())
    }
}

/// Every row at every place, and every pair of rows, in either order; of these a slice unless all are asked for.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for place in PLACES {
        cases.extend((0..ROWS.len()).map(|row| Case { place, rows: vec![row] }));
    }
    let all = std::env::var("HEADROOM_SENSOR_PAIRS").is_ok_and(|pairs| pairs == "all");
    let pairs = (0..ROWS.len()).flat_map(|one| (0..ROWS.len()).map(move |other| (one, other)));
    for (index, (one, other)) in pairs.filter(|(one, other)| one != other).enumerate() {
        // In the slice each row is there, as the first and as the second of several.
        if all || index % 12 == 0 {
            let place = if index % 2 == 0 { Place::Confirming } else { Place::LastSample };
            cases.push(Case { place, rows: vec![one, other] });
        }
    }
    cases
}

#[test]
fn whatever_is_wrong_with_prometheus_nothing_goes_without_room_and_it_is_told() {
    let (went, cases) = (went(), cases());
    let (next, broken) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = case.judge(went) {
                        broken.lock().unwrap().push(format!("{case}: {why}"));
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    eprintln!("sensors: {} cases, {} broken", cases.len(), broken.len());
    assert!(broken.is_empty(), "{} of {}:\n{}", broken.len(), cases.len(), broken.join("\n"));
}

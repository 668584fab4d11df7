//! As many worlds as there is time for, on every core. `HEADROOM_SIM_SEEDS=200000 cargo test --release --test it
//! simulation::seeds -- --nocapture` plays more of them, `HEADROOM_SIM_FIRST` begins elsewhere.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use headroom::sim::moment::Outcome;

use super::mix::Class;
use super::run::{self, Came};

/// What fits into about four minutes of two cores.
const DEFAULT: u64 = 400;
/// After so many broken promises it is enough.
const ENOUGH: usize = 5;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What all seeds came to.
#[derive(Default)]
struct Sum {
    broken: Vec<String>,
    outcomes: BTreeMap<String, u64>,
    /// Seeds of worlds in which something was still under way at the end.
    late: Vec<u64>,
    classes: BTreeMap<Class, u64>,
    taken: usize,
    heard: usize,
    hours: f64,
}

impl Sum {
    fn add(&mut self, seed: u64, came: Result<Came, String>) {
        match came {
            Ok(came) => {
                self.late.extend((came.outcome == Outcome::OutOfTime).then_some(seed));
                *self.outcomes.entry(format!("{:?}", came.outcome)).or_default() += 1;
                came.mix.classes().for_each(|class| *self.classes.entry(class).or_default() += 1);
                self.taken += came.taken;
                self.heard += came.heard;
                self.hours += came.passed.as_secs_f64() / 3_600.0;
            }
            Err(why) => {
                eprintln!("{}", why.lines().take(2).collect::<Vec<_>>().join("\n"));
                self.broken.push(why);
            }
        }
    }
}

#[test]
fn whatever_a_seed_brings_every_promise_is_kept() {
    let (first, count) = (setting("HEADROOM_SIM_FIRST", 1), setting("HEADROOM_SIM_SEEDS", DEFAULT));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, sum) = (AtomicU64::new(first), Mutex::new(Sum::default()));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count || sum.lock().unwrap().broken.len() >= ENOUGH {
                        return;
                    }
                    let came = std::panic::catch_unwind(|| run::judge(seed));
                    let came = came.unwrap_or_else(|_| Err(format!("seed {seed}: a checker or the world panicked")));
                    sum.lock().unwrap().add(seed, came);
                }
            });
        }
    });
    let sum = sum.into_inner().unwrap();
    let took = begun.elapsed().as_secs_f64();
    let played = f64::from(u32::try_from(count).unwrap());
    let cores = f64::from(u32::try_from(threads).unwrap());
    eprintln!(
        "simulation: {count} seeds from {first} in {took:.1} s on {threads} threads: {:.1} ms of a core for a seed, {:.2} simulated hours for a second of a core; {} requests, {} taken, {:?}",
        took * cores * 1_000.0 / played,
        sum.hours / (took * cores),
        sum.heard,
        sum.taken,
        sum.outcomes,
    );
    if !sum.late.is_empty() {
        eprintln!("simulation: still under way at the end were {:?}", sum.late);
    }
    assert!(sum.broken.is_empty(), "{} broken\n{}", sum.broken.len(), sum.broken.join("\n\n"));
    let over = sum.outcomes.get(&format!("{:?}", Outcome::Over)).copied().unwrap_or(0);
    if count >= 100 {
        assert!(
            sum.heard as u64 >= count,
            "worlds in which hardly anything is sent show nothing: {} of {count}",
            sum.heard
        );
        assert!(over * 4 >= count, "worlds that hardly ever end show little: {over} of {count}");
        let missing: Vec<Class> = Class::ALL.into_iter().filter(|class| !sum.classes.contains_key(class)).collect();
        assert!(missing.is_empty(), "nothing of {missing:?} happened");
    }
}

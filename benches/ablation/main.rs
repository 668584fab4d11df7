//! What the ledger and its margins are worth: twelve simulated fortnights under each of four controllers, in one table.
//! `cargo bench --bench ablation`; the seeds are fixed, so that every run prints the same. A number behind `--` plays so many
//! fortnights instead of twelve. `cargo test --test it ablation` plays a short slice of it and holds the order.

#![allow(clippy::unwrap_used, missing_docs)]

mod trial;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use trial::{Controller, Size, Tally, play};

const FORTNIGHTS: u64 = 12;
const SIZE: Size = Size { days: 14, campaigns_a_day: 24 };

/// Every fortnight under every controller, on every core.
fn play_all(fortnights: u64) -> Vec<(Controller, Tally)> {
    let games: Vec<(usize, u64)> =
        (1..=fortnights).flat_map(|seed| (0..Controller::ALL.len()).map(move |place| (place, seed))).collect();
    let tallies = Mutex::new(Controller::ALL.map(|controller| (controller, Tally::default())));
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((place, seed)) = games.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let tally = play(*seed, SIZE, Controller::ALL[*place]);
                    eprintln!("fortnight {seed}, {}: {} min", Controller::ALL[*place].name(), tally.overloaded);
                    tallies.lock().unwrap()[*place].1.add(tally);
                }
            });
        }
    });
    tallies.into_inner().unwrap().into()
}

fn main() {
    let asked = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let fortnights = asked.unwrap_or(FORTNIGHTS);
    let all = play_all(fortnights);
    let oracle = &all.iter().find(|(controller, _)| *controller == Controller::Oracle).unwrap().1;
    println!("{fortnights} fortnights, {} campaigns a day", SIZE.campaigns_a_day);
    println!(
        "| controller | minutes of overload | worst | campaigns touching overload | p50 / p90 completion, min | of the oracle's |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for (controller, tally) in &all {
        let share = 1_000 * tally.touching / tally.campaigns.max(1);
        let times = |percent| tally.completion(percent) / oracle.completion(percent);
        println!(
            "| {} | {} | {:.2} × | {} of {} ({}.{} %) | {:.0} / {:.0} | {:.1} × / {:.1} × |",
            controller.name(),
            tally.overloaded,
            tally.worst,
            tally.touching,
            tally.campaigns,
            share / 10,
            share % 10,
            tally.completion(50),
            tally.completion(90),
            times(50),
            times(90),
        );
    }
}

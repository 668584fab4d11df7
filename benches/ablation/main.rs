//! What the ledger and its margins are worth: twelve simulated fortnights under each of four controllers, in one table.
//! `cargo bench --bench ablation`; the seeds are fixed, so that every run prints the same. `cargo test --test it ablation`
//! plays a short slice of it and holds the order.

#![allow(clippy::unwrap_used, missing_docs)]

mod trial;

use trial::{Controller, Size, Tally, play};

const SEEDS: std::ops::RangeInclusive<u64> = 1..=12;
const SIZE: Size = Size { days: 14, campaigns_a_day: 24 };

fn main() {
    println!("{} fortnights, {} campaigns a day", SEEDS.count(), SIZE.campaigns_a_day);
    println!("| controller | minutes of overload | worst | campaigns touching overload | p50 / p90 completion, min |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for controller in Controller::ALL {
        let mut all = Tally::default();
        for seed in SEEDS {
            all.add(play(seed, SIZE, controller));
        }
        let share = 1_000 * all.touching / all.campaigns.max(1);
        println!(
            "| {} | {} | {:.2} × | {} of {} ({}.{} %) | {:.0} / {:.0} |",
            controller.name(),
            all.overloaded,
            all.worst,
            all.touching,
            all.campaigns,
            share / 10,
            share % 10,
            all.completion(50),
            all.completion(90),
        );
    }
}

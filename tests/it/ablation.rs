//! A short slice of `cargo bench --bench ablation`: what the ledger and its margins are worth, in two small fortnights. It
//! holds the order of the controllers, not their figures.

#[path = "../../benches/ablation/trial/mod.rs"]
mod trial;

use trial::{Controller, Size, Tally, play};

const SLICE: Size = Size { days: 3, campaigns_a_day: 20 };

#[test]
fn without_a_ledger_is_far_worse_than_with_one_and_margins_are_never_worse_than_means() {
    let [instant, means, margins, oracle] = Controller::ALL.map(|controller| {
        let mut all = Tally::default();
        for seed in [1, 2] {
            all.add(play(seed, SLICE, controller));
        }
        println!("{}: {} min, {:.2} ×", controller.name(), all.overloaded, all.worst);
        all
    });
    assert!(instant.overloaded > 2 * means.overloaded, "{} and {}", instant.overloaded, means.overloaded);
    assert!(means.overloaded > 0, "nothing was at stake");
    assert!(means.overloaded >= margins.overloaded, "{} and {}", means.overloaded, margins.overloaded);
    assert_eq!((oracle.overloaded, oracle.touching), (0, 0));
    assert!(oracle.completions.iter().all(|minutes| minutes.is_finite()), "it sends everything");
    // Safety has its price, and the price is bounded.
    assert!(margins.completion(50) >= means.completion(50));
}

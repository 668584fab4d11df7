//! A short slice of `cargo bench --bench ablation`: what the ledger is worth, in two small fortnights. It holds the order of
//! the controllers, not their figures; what margins are worth shows in more fortnights than fit here.

#[path = "../../benches/ablation/trial/mod.rs"]
mod trial;

use trial::{Controller, Size, Tally, play};

const SLICE: Size = Size { days: 3, campaigns_a_day: 20 };

#[test]
fn without_a_ledger_is_far_worse_than_with_one_and_who_knows_the_future_never_overloads() {
    let [instant, means, _, oracle] = Controller::ALL.map(|controller| {
        let mut all = Tally::default();
        let seeds: &[u64] = if controller == Controller::Margins { &[] } else { &[1, 2] };
        for seed in seeds.iter().copied() {
            all.add(play(seed, SLICE, controller));
        }
        println!("{}: {} min, {:.2} ×", controller.name(), all.overloaded, all.worst);
        all
    });
    assert!(instant.overloaded > 2 * means.overloaded, "{} and {}", instant.overloaded, means.overloaded);
    assert!(means.overloaded > 0, "nothing was at stake");
    assert_eq!((oracle.overloaded, oracle.touching), (0, 0));
    assert!(oracle.completions.iter().all(|minutes| minutes.is_finite()), "it sends everything");
    // Safety has its price.
    assert!(means.completion(50) >= instant.completion(50));
}

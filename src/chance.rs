//! The only place that draws a number by chance: nonces, and how long a wait is stretched so that not all wait alike.
//!
//! A simulation puts a seed in its place, for its own thread, so that the same story is told in the same bytes again.
//! Nothing is decided by chance; two attempts are only told apart by it.

use std::cell::Cell;

use uuid::Uuid;

thread_local! {
    static SEED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// While it lives, what this thread draws follows from a seed.
#[derive(Debug)]
pub struct Seeded {
    before: Option<u64>,
    // What is thread-local must be given back on the same thread.
    _here: std::marker::PhantomData<*const ()>,
}

/// Lets everything that this thread draws follow from a seed.
pub fn seed(seed: u64) -> Seeded {
    Seeded { before: SEED.replace(Some(seed)), _here: std::marker::PhantomData }
}

impl Drop for Seeded {
    fn drop(&mut self) {
        SEED.set(self.before);
    }
}

/// A text that no other draw has given, and nobody can guess.
pub fn nonce() -> String {
    drawn().to_string()
}

/// A number from 0 up to, and without, 1.
pub fn share() -> f64 {
    let (_, bits) = drawn().as_u64_pair();
    // The lower half of a random UUID holds 62 random bits; 32 of them are exact in a float.
    f64::from(u32::try_from(bits & 0xffff_ffff).unwrap_or(0)) / 4_294_967_296.0
}

fn drawn() -> Uuid {
    match SEED.get() {
        None => Uuid::new_v4(),
        Some(state) => {
            let (high, state) = mixed(state);
            let (low, state) = mixed(state);
            SEED.set(Some(state));
            uuid::Builder::from_random_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes()).into_uuid()
        }
    }
}

/// `SplitMix64`: a number, and the state after it.
fn mixed(state: u64) -> (u64, u64) {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31), state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_draws_again_and_without_one_no_two_are_alike() {
        let draws = |from: u64| {
            let _seeded = seed(from);
            (nonce(), nonce(), share().to_bits())
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        let (first, second, _) = draws(1);
        assert_ne!(first, second);
        assert_ne!(nonce(), nonce(), "the guard is gone");
        assert_ne!(nonce(), draws(1).0);
    }

    #[test]
    fn a_share_is_no_less_than_0_and_below_1_and_spread_between() {
        let _seeded = seed(7);
        let shares: Vec<f64> = (0..1_000).map(|_| share()).collect();
        assert!(shares.iter().all(|share| (0.0..1.0).contains(share)));
        let mean = shares.iter().sum::<f64>() / 1_000.0;
        // The mean of a thousand even draws is 0.5 with a deviation of 0.009.
        assert!((mean - 0.5).abs() < 0.05, "{mean}");
    }
}

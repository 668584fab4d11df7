//! The little statistics that a capacity is learnt with: quantiles, the median and what lies around it, and the rising steps that fit
//! best. Everything takes finite numbers and gives finite ones; nothing is drawn by chance.

use crate::plan::number;

/// How many there are, as a measure.
pub fn count(items: usize) -> f64 {
    number::of_count(u64::try_from(items).unwrap_or(u64::MAX))
}

/// The value below which a share (0 to 1) of all lies, linear between neighbours (Hyndman and Fan 1996, definition 7). None of
/// none.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    quantile_of(&mut values.to_vec(), share)
}

/// The same, of values whose order need not be kept: no sorting, which counts where there are many.
pub fn quantile_of(values: &mut [f64], share: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let position = share.clamp(0.0, 1.0) * count(last);
    let place = number::place(position).min(last);
    let (_, below, rest) = values.select_nth_unstable_by(place, f64::total_cmp);
    let above = rest.iter().copied().min_by(f64::total_cmp).unwrap_or(*below);
    Some(*below + (above - *below) * (position - count(place)))
}

/// The middle one.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The median distance from the median (MAD), in the unit of the values and not scaled to a standard deviation.
pub fn deviation(values: &[f64]) -> Option<f64> {
    let middle = median(values)?;
    quantile_of(&mut values.iter().map(|value| (value - middle).abs()).collect::<Vec<_>>(), 0.5)
}

/// Isotonic regression: the values that never fall and are closest to those given, by squared distance times weight. Pool
/// adjacent violators (Barlow et al. 1972): what falls below its forerunner is made one step with it.
pub fn isotonic(values: &[(f64, f64)]) -> Vec<f64> {
    // Value, weight, and how many of those given it stands for.
    let mut steps: Vec<(f64, f64, usize)> = Vec::new();
    for (value, weight) in values {
        let (mut value, mut weight, mut stands_for) = (*value, *weight, 1);
        while let Some((below, its_weight, its)) = steps.last().copied().filter(|(below, ..)| *below >= value) {
            steps.pop();
            let both = its_weight + weight;
            value = if both > 0.0 { (below * its_weight + value * weight) / both } else { below };
            weight = both;
            stands_for += its;
        }
        steps.push((value, weight, stands_for));
    }
    steps.into_iter().flat_map(|(value, _, stands_for)| std::iter::repeat_n(value, stands_for)).collect()
}

/// At most so many, evenly by their order, the first and the last among them.
pub fn thinned<T: Copy>(items: &[T], most: usize) -> Vec<T> {
    if items.len() <= most || most < 2 {
        return items.iter().take(most.max(1)).copied().collect();
    }
    let last = items.len() - 1;
    (0..most).filter_map(|index| items.get(index * last / (most - 1)).copied()).collect()
}

/// Even draws that are always the same, so that the same data always gives the same answer. `SplitMix64` (Steele, Lea and Flood 2014).
pub struct Draws(u64);

impl Draws {
    /// From a seed.
    pub fn new(seed: u64) -> Draws {
        Draws(seed)
    }

    /// A place below `places`; 0 where there is none.
    pub fn place(&mut self, places: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let places = u64::try_from(places).unwrap_or(u64::MAX).max(1);
        usize::try_from(mixed % places).unwrap_or(0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        let values = [40.0, 10.0, 30.0, 20.0];
        // Positions 0, 1.5, 2.85 and 3 of 10, 20, 30, 40.
        let of = |share| quantile(&values, share).unwrap();
        assert_eq!((of(0.0), of(0.5), of(1.0)), (10.0, 25.0, 40.0));
        assert!((of(0.95) - 38.5).abs() < 1e-9, "{}", of(0.95));
        assert_eq!((quantile(&[], 0.5), quantile(&[7.0], 0.99)), (None, Some(7.0)));
        // Shares that are none are the nearest there is.
        assert_eq!((of(-1.0), of(2.0)), (10.0, 40.0));
    }

    #[test]
    fn one_that_is_far_off_moves_neither_the_median_nor_what_lies_around_it() {
        assert_eq!(median(&[1.0, 2.0, 3.0, 4.0, 1_000.0]), Some(3.0));
        // Distances from 3: 2, 1, 0, 1, 997.
        assert_eq!(deviation(&[1.0, 2.0, 3.0, 4.0, 1_000.0]), Some(1.0));
        assert_eq!(deviation(&[]), None);
    }

    #[test]
    fn what_falls_is_pooled_with_its_forerunners() {
        let even = |values: &[f64]| isotonic(&values.iter().map(|value| (*value, 1.0)).collect::<Vec<_>>());
        assert_eq!(even(&[1.0, 2.0, 3.0]), [1.0, 2.0, 3.0]);
        assert_eq!(even(&[1.0, 3.0, 2.0, 4.0]), [1.0, 2.5, 2.5, 4.0]);
        // The last pulls both down: (3 + 2 + 1)/3.
        assert_eq!(even(&[3.0, 2.0, 1.0]), [2.0, 2.0, 2.0]);
        // By weight: (4·3 + 0·1)/4.
        assert_eq!(isotonic(&[(4.0, 3.0), (0.0, 1.0)]), [3.0, 3.0]);
        assert_eq!(isotonic(&[]), Vec::<f64>::new());
    }

    #[test]
    fn thinning_keeps_both_ends_and_few_are_all_kept() {
        let items: Vec<usize> = (0..=1_000).collect();
        assert_eq!(thinned(&items, 5), [0, 250, 500, 750, 1_000]);
        assert_eq!(thinned(&items[..3], 5), [0, 1, 2]);
        assert_eq!(thinned(&items, 600).len(), 600);
        assert_eq!(thinned::<usize>(&[], 5), Vec::<usize>::new());
    }

    #[test]
    fn draws_are_the_same_again_and_reach_every_place() {
        let draws = |seed| {
            let mut draws = Draws::new(seed);
            (0..200).map(|_| draws.place(7)).collect::<Vec<_>>()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        assert!((0..7).all(|place| draws(1).contains(&place)) && draws(1).iter().all(|place| *place < 7));
        assert_eq!(Draws::new(1).place(0), 0);
    }
}

//! Numbers between the worlds of counts and measures: checked, never cast.

/// A count as a measure. Exact below 2^53, which no count here reaches.
pub fn of_count(count: u64) -> f64 {
    let [high, low] = [count >> 32, count & u64::from(u32::MAX)];
    let part = |part: u64| f64::from(u32::try_from(part).unwrap_or(u32::MAX));
    part(high) * 4_294_967_296.0 + part(low)
}

/// The whole part of a measure, as a place in a table. What is no number, or below 0, is 0; from 2^51 on it is the last
/// place there is.
pub fn place(value: f64) -> usize {
    // Added to 2^52 a number has its whole part, rounded, in its last bits.
    const SHIFT: f64 = 4_503_599_627_370_496.0;
    if value.is_nan() || value <= 0.0 {
        return 0;
    }
    if value >= SHIFT / 2.0 {
        return usize::MAX;
    }
    let rounded = value + SHIFT;
    let whole = rounded.to_bits() & ((1 << 52) - 1);
    let above = u64::from(rounded - SHIFT > value);
    usize::try_from(whole - above).unwrap_or(usize::MAX)
}

/// Whether `have` suffices for `need`, but for rounding noise. Nothing that is not a number ever suffices.
pub fn suffices(have: f64, need: f64) -> bool {
    const NOISE: f64 = 1e-9;
    have.is_finite() && need.is_finite() && have - need >= -NOISE * need.abs().max(have.abs())
}

#[cfg(test)]
#[allow(clippy::float_cmp)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_whole_part() {
        for (value, wanted) in
            [(0.0, 0), (0.49, 0), (0.5, 0), (0.999, 0), (1.0, 1), (1.5, 1), (2.5, 2), (20_159.99, 20_159)]
        {
            assert_eq!(place(value), wanted, "{value}");
        }
        assert_eq!((place(-3.0), place(f64::NAN), place(f64::INFINITY)), (0, 0, usize::MAX));
    }

    #[test]
    fn counts_are_exact_and_noise_is_forgiven_one_way() {
        assert_eq!(of_count(0), 0.0);
        assert_eq!(of_count(1_000_000_000), 1e9);
        assert_eq!(of_count(4_294_967_297), 4_294_967_297.0);
        assert!(suffices(0.1 + 0.2, 0.3) && suffices(0.3, 0.1 + 0.2));
        assert!(!suffices(0.3, 0.300_001));
        assert!(!suffices(f64::NAN, 0.0) && !suffices(0.0, f64::NAN) && !suffices(f64::INFINITY, 1.0));
    }
}

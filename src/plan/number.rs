//! Numbers between the worlds of counts and measures: checked, never cast.

/// A count as a measure. Exact below 2^53, which no count here reaches.
pub fn of_count(count: u64) -> f64 {
    let [high, low] = [count >> 32, count & u64::from(u32::MAX)];
    let part = |part: u64| f64::from(u32::try_from(part).unwrap_or(u32::MAX));
    part(high) * 4_294_967_296.0 + part(low)
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
    fn counts_are_exact_and_noise_is_forgiven_one_way() {
        assert_eq!(of_count(0), 0.0);
        assert_eq!(of_count(1_000_000_000), 1e9);
        assert_eq!(of_count(4_294_967_297), 4_294_967_297.0);
        assert!(suffices(0.1 + 0.2, 0.3) && suffices(0.3, 0.1 + 0.2));
        assert!(!suffices(0.3, 0.300_001));
        assert!(!suffices(f64::NAN, 0.0) && !suffices(0.0, f64::NAN) && !suffices(f64::INFINITY, 1.0));
    }
}

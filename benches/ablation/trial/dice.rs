//! Numbers from a seed: even, normal and log-normal ones. The same seed is the same fortnight, on every machine.

/// A source of numbers.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    /// From 0 up to 1.
    pub fn even(&mut self) -> f64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let high = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap();
        f64::from(high) / 4_294_967_296.0
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.even()
    }

    /// Evenly by its logarithm.
    pub fn of_scale(&mut self, low: f64, high: f64) -> f64 {
        libm::exp(self.between(libm::log(low), libm::log(high)))
    }

    /// Mean 0, deviation 1.
    pub fn normal(&mut self) -> f64 {
        let (one, other) = (1.0 - self.even(), self.even());
        libm::sqrt(-2.0 * libm::log(one)) * libm::cos(std::f64::consts::TAU * other)
    }

    /// A factor with mean 1 and this coefficient of variation.
    pub fn factor(&mut self, cv: f64) -> f64 {
        let variance = libm::log(1.0 + cv * cv);
        libm::exp(libm::sqrt(variance) * self.normal() - variance / 2.0)
    }
}

//! Latency distributions as tables of quantiles: one draw is one table look-up, in integers.

use std::time::Duration;

use runtime::time::nanos;

const BITS: u32 = 10;
const STEPS: usize = 1 << BITS;

/// One-way latency of a link: lognormal through its median and 99th percentile, cut at its maximum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatencySpec {
    pub median: Duration,
    pub p99: Duration,
    pub max: Duration,
}

impl LatencySpec {
    /// The same latency always.
    #[must_use]
    pub const fn constant(latency: Duration) -> Self {
        LatencySpec { median: latency, p99: latency, max: latency }
    }
}

/// The quantiles of a [`LatencySpec`], in nanoseconds.
#[derive(Clone, Debug)]
pub struct Latency {
    quantiles: Box<[u64; STEPS + 1]>,
}

impl Latency {
    #[must_use]
    pub fn new(spec: LatencySpec) -> Self {
        let median = nanos(spec.median) as f64;
        let sigma = if spec.p99 > spec.median && !spec.median.is_zero() {
            libm::log(nanos(spec.p99) as f64 / median) / normal_quantile(0.99)
        } else {
            0.0
        };
        let mut quantiles = Box::new([0; STEPS + 1]);
        for (step, quantile) in quantiles.iter_mut().enumerate() {
            // Half a step from the ends, where a lognormal has no finite quantile.
            let p = (step as f64).clamp(0.5, STEPS as f64 - 0.5) / STEPS as f64;
            let value = median * libm::exp(sigma * normal_quantile(p));
            *quantile = (value as u64).clamp(1, nanos(spec.max).max(1));
        }
        // The tail beyond the table's last half step reaches the stated maximum.
        if sigma > 0.0 {
            quantiles[STEPS] = nanos(spec.max).max(quantiles[STEPS - 1]);
        }
        Latency { quantiles }
    }

    /// The latency at a uniform draw, in nanoseconds; linear between the table's steps.
    #[inline]
    #[must_use]
    pub fn at(&self, draw: u64) -> u64 {
        let step = (draw >> (64 - BITS)) as usize;
        let (low, high) = (self.quantiles[step], self.quantiles[step + 1]);
        let fraction = (draw << BITS) >> 32;
        low + ((u128::from(high - low) * u128::from(fraction)) >> 32) as u64
    }
}

/// The standard normal distribution's quantile, by bisection of `libm`'s error function: the same on every machine.
fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-10.0, 10.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if 0.5 * libm::erfc(-middle / std::f64::consts::SQRT_2) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_reproduce_the_stated_quantiles() {
        let spec = LatencySpec {
            median: Duration::from_micros(800),
            p99: Duration::from_micros(2_000),
            max: Duration::from_micros(12_300),
        };
        let latency = Latency::new(spec);
        let at = |p: f64| latency.at((p * u64::MAX as f64) as u64) as f64;
        assert!((at(0.5) / 800e3 - 1.0).abs() < 0.01, "median {}", at(0.5));
        assert!((at(0.99) / 2_000e3 - 1.0).abs() < 0.01, "p99 {}", at(0.99));
        assert_eq!(latency.at(u64::MAX) / 1_000, 12_299, "the last draw is just below the maximum");
    }

    #[test]
    fn quantiles_rise_and_a_constant_stays() {
        let latency = Latency::new(LatencySpec::constant(Duration::from_millis(60)));
        assert_eq!((latency.at(0), latency.at(u64::MAX)), (60_000_000, 60_000_000));
        let spread = Latency::new(LatencySpec {
            median: Duration::from_millis(1),
            p99: Duration::from_millis(9),
            max: Duration::from_millis(10),
        });
        assert!(spread.quantiles.is_sorted());
    }
}

//! Continuous draws that need a logarithm or a cosine, through `libm`.
//!
//! `rand_distr` takes these functions from the C library as soon as any crate of the build turns on `num-traits/std`,
//! and C libraries differ; its discrete draws are fine and used elsewhere.

use rand::{Rng, RngExt};

/// Exponential with mean 1.
pub fn exponential(rng: &mut impl Rng) -> f64 {
    -libm::log(positive_uniform(rng))
}

/// Normal with mean 0 and variance 1 (Box and Muller 1958; one of the pair, so that a draw keeps no state).
pub fn normal(rng: &mut impl Rng) -> f64 {
    let radius = (2.0 * exponential(rng)).sqrt();
    radius * libm::cos(std::f64::consts::TAU * rng.random::<f64>())
}

/// Lognormal with mean 1 and the given standard deviation of the logarithm (0 gives 1).
pub fn lognormal_mean_one(log_sd: f64, rng: &mut impl Rng) -> f64 {
    libm::exp(log_sd * normal(rng) - log_sd * log_sd / 2.0)
}

/// Gamma with mean 1 and the given variance (0 gives 1): the mixing law of overdispersed arrivals.
pub fn gamma_mean_one(variance: f64, rng: &mut impl Rng) -> f64 {
    if variance <= 0.0 {
        return 1.0;
    }
    let shape = 1.0 / variance;
    // Below shape 1 the method needs the boost Gamma(a) = Gamma(a + 1) U^(1/a).
    let boost = if shape < 1.0 { libm::pow(positive_uniform(rng), variance) } else { 1.0 };
    let shape_used = if shape < 1.0 { shape + 1.0 } else { shape };
    boost * marsaglia_tsang(shape_used, rng) * variance
}

/// Marsaglia and Tsang 2000, "A simple method for generating gamma variables"; shape at least 1.
fn marsaglia_tsang(shape: f64, rng: &mut impl Rng) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(rng);
        let v = 1.0 + c * x;
        if v <= 0.0 {
            continue;
        }
        let v = v * v * v;
        if libm::log(positive_uniform(rng)) < 0.5 * x * x + d - d * v + d * libm::log(v) {
            return d * v;
        }
    }
}

/// In (0, 1], so that its logarithm is finite.
fn positive_uniform(rng: &mut impl Rng) -> f64 {
    1.0 - rng.random::<f64>()
}

#[cfg(test)]
mod tests {
    use rand_pcg::Pcg64Mcg;
    use rand_pcg::rand_core::SeedableRng;

    use super::*;

    fn mean_and_variance(mut draw: impl FnMut(&mut Pcg64Mcg) -> f64) -> (f64, f64) {
        let mut rng = Pcg64Mcg::seed_from_u64(7);
        let count = 200_000;
        let draws: Vec<f64> = (0..count).map(|_| draw(&mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(count);
        let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / f64::from(count);
        (mean, variance)
    }

    #[test]
    fn moments_are_those_of_the_laws() {
        let cases = [
            ("exponential", mean_and_variance(exponential), (1.0, 1.0)),
            ("normal", mean_and_variance(normal), (0.0, 1.0)),
            ("lognormal 0.3", mean_and_variance(|rng| lognormal_mean_one(0.3, rng)), (1.0, 0.0942)),
            ("gamma 0.25", mean_and_variance(|rng| gamma_mean_one(0.25, rng)), (1.0, 0.25)),
            ("gamma 2", mean_and_variance(|rng| gamma_mean_one(2.0, rng)), (1.0, 2.0)),
            ("gamma 0", mean_and_variance(|rng| gamma_mean_one(0.0, rng)), (1.0, 0.0)),
        ];
        for (name, (mean, variance), (expected_mean, expected_variance)) in cases {
            assert!((mean - expected_mean).abs() < 0.015, "{name}: mean {mean}");
            assert!(
                (variance - expected_variance).abs() < 0.05 * expected_variance + 1e-12,
                "{name}: variance {variance}"
            );
        }
    }
}

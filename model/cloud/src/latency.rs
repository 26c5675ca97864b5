//! How long somebody outside the cloud takes: lognormal through a median and a 99th percentile.

use std::time::Duration;

use runtime::random::{Rng, RngExt};

/// The standard normal distribution's 99th percentile.
const NORMAL_P99: f64 = 2.326_347_874_040_841;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    median: Duration,
    /// Standard deviation of the logarithm.
    log_sd: f64,
    max: Duration,
}

impl Latency {
    pub(crate) fn new(median: Duration, p99: Duration, max: Duration) -> Self {
        let spread = p99 > median && !median.is_zero();
        let log_sd = if spread { libm::log(p99.as_secs_f64() / median.as_secs_f64()) / NORMAL_P99 } else { 0.0 };
        Latency { median, log_sd, max }
    }

    pub(crate) fn draw(&self, stream: &mut impl Rng) -> Duration {
        let factor = libm::exp(self.log_sd * normal(stream));
        // A factor that overflows is beyond any maximum.
        Duration::try_from_secs_f64(self.median.as_secs_f64() * factor).unwrap_or(self.max).min(self.max)
    }
}

/// Normal with mean 0 and variance 1 (Box and Muller 1958; one of the pair, so that a draw keeps no state).
fn normal(stream: &mut impl Rng) -> f64 {
    // In (0, 1], so that its logarithm is finite.
    let radius = (-2.0 * libm::log(1.0 - stream.random::<f64>())).sqrt();
    radius * libm::cos(std::f64::consts::TAU * stream.random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_show_the_stated_quantiles_and_stop_at_the_maximum() {
        let ms = Duration::from_millis;
        let latency = Latency::new(ms(300), ms(1_500), ms(2_000));
        let mut stream = runtime::random::derive(1, "test", "latency");
        let mut draws: Vec<_> = (0..100_000).map(|_| latency.draw(&mut stream)).collect();
        draws.sort();
        let (median, p99) = (draws[50_000].as_secs_f64(), draws[99_000].as_secs_f64());
        assert!((median / 0.3 - 1.0).abs() < 0.02, "median {median}");
        assert!((p99 / 1.5 - 1.0).abs() < 0.04, "p99 {p99}");
        assert_eq!(*draws.last().unwrap(), ms(2_000));
    }
}

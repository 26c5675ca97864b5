//! Every number of the provider and of its clients. Nothing about such providers is published: all are assumptions.

use std::time::Duration;

/// The provider. Probabilities are between 0 and 1.
#[derive(Clone, Copy, Debug)]
pub struct Parameters {
    /// Half of all messages are taken within this (assumption).
    pub latency_median: Duration,
    /// 99 of 100 messages are taken within this (assumption); in between and beyond, latency is lognormal.
    pub latency_p99: Duration,
    /// No message takes longer (assumption).
    pub latency_max: Duration,
    /// Probability that a message is refused, and may be tried again (assumption).
    pub failure_probability: f64,
    /// Probability that a channel does not reach a person, now or later (assumption).
    pub unreachable_probability: f64,
    /// From power-on until the provider serves (assumption).
    pub boot: Duration,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            latency_median: Duration::from_millis(80),
            latency_p99: Duration::from_millis(600),
            latency_max: Duration::from_secs(5),
            failure_probability: 0.01,
            unreachable_probability: 0.02,
            boot: Duration::from_secs(60),
        }
    }
}

/// A service's client.
#[derive(Clone, Copy, Debug)]
pub struct ClientParameters {
    /// Give the provider this long to accept a connection, within the caller's deadline (assumption).
    pub connect_timeout: Duration,
}

impl Default for ClientParameters {
    fn default() -> Self {
        ClientParameters { connect_timeout: Duration::from_secs(2) }
    }
}

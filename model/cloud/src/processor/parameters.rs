//! Every number of the payment processor and of its clients.

use std::time::Duration;

use runtime::world::VolumeSpec;

/// The processor. Probabilities are between 0 and 1.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// Half of all requests are decided within this (assumption: card networks answer in a few hundred milliseconds).
    pub latency_median: Duration,
    /// 99 of 100 requests are decided within this (assumption); in between and beyond, latency is lognormal.
    pub latency_p99: Duration,
    /// No request takes longer (assumption).
    pub latency_max: Duration,
    /// Probability that a card's bank declines an authorisation (assumption; card-not-present declines of 5-15 % are commonly told).
    pub decline_probability: f64,
    /// Probability that the answer to a request never comes (assumption).
    pub lost_probability: f64,
    /// Probability that a request whose answer never comes was carried out all the same (assumption: it is a coin).
    pub done_when_lost_probability: f64,
    /// Probability that an operation is taken up twice (assumption).
    pub duplicate_probability: f64,
    /// How long after the first the second taking-up begins (assumption).
    pub duplicate_delay: Duration,
    /// Whether a key's decision is looked up before anything is done: without it, what is taken up twice is done twice.
    pub idempotent: bool,
    /// How long a key's decision is remembered (source: Stripe API reference, mid-2023, on idempotent requests: at least 24 h).
    pub key_lifetime: Duration,
    /// How long an authorisation may be captured or voided (source: Stripe documentation, mid-2023, on holds: 7 days for most cards).
    /// What was captured may be given back for as long again (assumption; real cards allow it for months).
    pub authorisation_lifetime: Duration,
    /// Requests a second, with bursts of one second's worth (source: Stripe documentation, mid-2023, on rate limits: 100 in live mode).
    pub requests_per_s_max: u32,
    /// From power-on until the processor serves (assumption).
    pub boot: Duration,
    /// Where its ledger is kept (assumption).
    pub volume: VolumeSpec,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            latency_median: Duration::from_millis(300),
            latency_p99: Duration::from_millis(1_500),
            latency_max: Duration::from_secs(30),
            decline_probability: 0.05,
            lost_probability: 0.001,
            done_when_lost_probability: 0.5,
            duplicate_probability: 0.001,
            duplicate_delay: Duration::from_secs(2),
            idempotent: true,
            key_lifetime: Duration::from_secs(24 * 3_600),
            authorisation_lifetime: Duration::from_secs(7 * 24 * 3_600),
            requests_per_s_max: 100,
            boot: Duration::from_secs(60),
            volume: VolumeSpec { iops: 10_000, throughput_bytes_per_s: 500 << 20, flush: Duration::from_millis(1) },
        }
    }
}

/// A service's client.
#[derive(Clone, Debug)]
pub struct ClientParameters {
    /// Give the processor this long to accept a connection, within the caller's deadline (assumption).
    pub connect_timeout: Duration,
    /// Give it this long to answer, within the caller's deadline (assumption; Stripe's own libraries wait 80 s by default).
    pub request_timeout: Duration,
}

impl Default for ClientParameters {
    fn default() -> Self {
        ClientParameters { connect_timeout: Duration::from_secs(3), request_timeout: Duration::from_secs(10) }
    }
}

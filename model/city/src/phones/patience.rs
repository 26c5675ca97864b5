//! What phones and people do when the platform does not answer: how long they wait, how often they try again, when they leave.

use std::time::Duration;

use runtime::random::{RngExt, Stream};

/// Behaviour in trouble. In a fault-free run only the time-outs' existence is felt.
#[derive(Clone, Debug, PartialEq)]
pub struct Patience {
    /// A request without an answer is given up after this. Assumption: 5 s; mobile clients are said to wait 2-10 s.
    pub timeout: Duration,
    /// Attempts at what a person wants, the first included, at least 1. Assumption: 3; mobile clients are said to make 3-5.
    /// What repeats by itself (pings, polls) is tried once: the next one is fresher.
    pub attempts: u32,
    /// Before attempt n + 1 (the first is 1) a phone waits evenly between zero and the smaller of the cap and `base * 2^(n - 1)`: full jitter,
    /// AWS Architecture Blog, 2015. Assumption: 500 ms.
    pub backoff_base: Duration,
    /// The largest back-off. Assumption: 10 s.
    pub backoff_cap: Duration,
    /// How often the platform's services together may repeat a call on behalf of one attempt. Assumption: 2.
    pub retry_budget: u8,
    /// A connection that does not open is given up after this. Assumption: 3 s, so that another address is tried within one time-out.
    pub connect_timeout: Duration,
    /// Requests in a row without an answer after which a phone connects anew, elsewhere if it can. Assumption: 2.
    pub timeouts_before_reconnect: u32,
    /// Share of the riders who tap again when a trip could not be requested. Assumption: 0.5.
    pub retap_share: f64,
    /// How often at most. Assumption: 2.
    pub retaps: u32,
    /// Mean pause before tapping again. Assumption: 3 s.
    pub retap_after: Duration,
    /// A rider whose trip has no driver after this cancels. Assumption: 5 min, the longest that platforms search.
    pub unmatched: Duration,
    /// A rider who was not picked up after this cancels. Assumption: 20 min.
    pub unserved: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            timeout: Duration::from_secs(5),
            attempts: 3,
            backoff_base: Duration::from_millis(500),
            backoff_cap: Duration::from_secs(10),
            retry_budget: 2,
            connect_timeout: Duration::from_secs(3),
            timeouts_before_reconnect: 2,
            retap_share: 0.5,
            retaps: 2,
            retap_after: Duration::from_secs(3),
            unmatched: Duration::from_secs(5 * 60),
            unserved: Duration::from_secs(20 * 60),
        }
    }
}

impl Patience {
    /// How long to wait after the attempt of this number (from 1) failed.
    pub(super) fn backoff(&self, attempt: u32, stream: &mut Stream) -> Duration {
        let doublings = 1u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.backoff_base.saturating_mul(doublings).min(self.backoff_cap).mul_f64(stream.random())
    }
}

/// Around a mean, evenly between half of it and half as much again: people are neither clocks nor gamblers. Assumption.
pub(super) fn about(mean: Duration, stream: &mut Stream) -> Duration {
    mean.mul_f64(stream.random_range(0.5..1.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_is_spread_below_a_doubling_and_capped_bound() {
        let patience = Patience::default();
        let mut stream = runtime::random::derive(1, "test", "backoff");
        for (attempt, bound_ms) in [(1, 500), (2, 1_000), (3, 2_000), (5, 8_000), (6, 10_000), (40, 10_000)] {
            let drawn: Vec<Duration> = (0..1_000).map(|_| patience.backoff(attempt, &mut stream)).collect();
            let bound = Duration::from_millis(bound_ms);
            assert!(drawn.iter().all(|backoff| *backoff < bound));
            let mean = drawn.iter().sum::<Duration>() / 1_000;
            assert!(mean.abs_diff(bound / 2) < bound / 20, "attempt {attempt}: {mean:?}");
        }
    }
}

//! The external payment processor, seen from outside: how fast, how often it declines, hangs, or does a thing twice.

use std::time::Duration;

use notation::section;
use notation::section::Nested;
use notation::value::{PositiveLength, Ratio};

use super::Latency;

section! {
    /// The company that authorises and captures card payments. Nothing about it is published: every default is an assumption
    /// of the size that card processing is commonly said to have.
    pub struct PaymentProcessor {
        /// Time to answer, its network included. Assumption.
        latency: Latency as Nested = Latency::millis(300, 1_500, 8_000),
        /// Share of authorisations declined. Assumption.
        decline_rate: f64 as Ratio = 0.03,
        /// Share of requests that are carried out and never answered. Assumption.
        timeout_rate: f64 as Ratio = 0.002,
        /// Share of requests delivered to it twice. Assumption.
        duplicate_rate: f64 as Ratio = 0.001,
        /// When the payments service stops waiting and must ask what became of the request. Assumption.
        timeout: Duration as PositiveLength = Duration::from_secs(10),
    }
}

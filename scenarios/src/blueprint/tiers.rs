//! What counts as good service, tier by tier; RTO and availability are judged by it.

use std::time::Duration;

use notation::section;
use notation::section::Nested;
use notation::value::{PositiveLength, Ratio};

section! {
    /// The service level of each tier.
    pub struct Tiers {
        /// Sign-in, quote, request, dispatch, trip progress. Default: 99 % within 1 s (assumption).
        critical: ServiceLevel as Nested = ServiceLevel::new(0.99, 1),
        /// Capture, ledger, payouts. Default: 99 % within 5 s (assumption).
        important: ServiceLevel as Nested = ServiceLevel::new(0.99, 5),
        /// Receipts, notifications, analytics. Default: 95 % within 30 s (assumption).
        standard: ServiceLevel as Nested = ServiceLevel::new(0.95, 30),
    }
}

section! {
    /// A window of time is good when at least this share of its requests succeeded and their p95 was no more than this.
    pub struct ServiceLevel {
        /// Smallest share of requests that succeed.
        success_ratio: f64 as Ratio,
        /// Largest 95th percentile of their latency.
        p95: Duration as PositiveLength,
    }
}

impl ServiceLevel {
    const fn new(success_ratio: f64, p95_s: u64) -> ServiceLevel {
        ServiceLevel { success_ratio, p95: Duration::from_secs(p95_s) }
    }
}

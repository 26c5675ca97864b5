//! The company that brings notifications to people, seen from outside.

use std::time::Duration;

use notation::section;
use notation::section::Nested;
use notation::value::{PositiveLength, Ratio};

use super::Latency;

section! {
    /// The provider of push messages, text messages and mail. It matters where the service `notifications` is deployed. Nothing about it
    /// is published: every default is an assumption.
    pub struct Carrier {
        /// Time until it has taken a message, its network included. Assumption.
        latency: Latency as Nested = Latency::millis(80, 600, 5_000),
        /// Share of messages that it refuses for now. Assumption.
        failure_rate: f64 as Ratio = 0.01,
        /// Share of people that a channel does not reach: no app installed, a number that changed. Assumption.
        unreachable_rate: f64 as Ratio = 0.02,
        /// When the notifications service stops waiting. Assumption.
        timeout: Duration as PositiveLength = Duration::from_secs(3),
    }
}

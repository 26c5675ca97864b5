//! How long to wait before doing it again: full jitter, from a stream of the process's own.

use std::cell::RefCell;
use std::time::Duration;

use runtime::random::{RngExt, Stream, stream};

use super::config::CallPolicy;

/// Draws waits between nothing and a limit that doubles with each repetition, up to a cap.
pub struct Backoff {
    base: Duration,
    cap: Duration,
    stream: RefCell<Stream>,
}

impl Backoff {
    /// `name` names the random stream.
    pub fn new(policy: &CallPolicy, name: &str) -> Self {
        Self { base: policy.backoff_base, cap: policy.backoff_cap, stream: RefCell::new(stream(name)) }
    }

    /// Waits before repetition number `repetition`, counted from 0.
    pub async fn wait(&self, repetition: u32) {
        let limit = self.base.saturating_mul(1 << repetition.min(16)).min(self.cap);
        let wait_ns = self.stream.borrow_mut().random_range(0..=runtime::time::nanos(limit));
        runtime::sleep(Duration::from_nanos(wait_ns)).await;
    }
}

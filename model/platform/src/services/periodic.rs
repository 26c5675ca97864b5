//! Background loops: a round every so often, never at the same moment on all replicas.

use std::time::Duration;

use runtime::random::{RngExt, stream};

/// Runs `round` for ever, in a task of its own, `interval` apart, give or take a quarter. `name` names the random stream of the waits.
pub fn every(interval: Duration, name: &'static str, mut round: impl AsyncFnMut() + 'static) {
    drop(runtime::spawn(async move {
        let mut stream = stream(name);
        let interval_ns = runtime::time::nanos(interval).max(4);
        loop {
            let wait_ns = stream.random_range(interval_ns * 3 / 4..=interval_ns * 5 / 4);
            runtime::sleep(Duration::from_nanos(wait_ns)).await;
            round().await;
        }
    }));
}

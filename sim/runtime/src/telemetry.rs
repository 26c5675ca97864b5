//! Gauges: what a process says of itself (pool in use, queue length). Whoever runs the world samples them.

use crate::backend;

pub use crate::gauges::{Gauge, Telemetry};

/// The current process's gauge of this name, starting at zero.
#[must_use]
pub fn gauge(metric: &'static str) -> Gauge {
    backend::with(|backend| backend.telemetry().gauge(backend.process_name(), metric))
}

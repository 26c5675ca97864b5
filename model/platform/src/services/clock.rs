//! Between the host's wall clock and the integers in rows.

use std::time::Duration;

/// This host's wall clock, in nanoseconds since the run's start: what other hosts' clocks show may differ.
pub fn now_ns() -> i64 {
    runtime::wall_now().nanos().cast_signed()
}

/// A span in nanoseconds.
pub fn span_ns(span: Duration) -> i64 {
    runtime::time::nanos(span).cast_signed()
}

//! Between the seam's clock and the integers in rows.

use std::time::Duration;

/// This host's clock, in nanoseconds since the run's start.
pub fn now_ns() -> i64 {
    runtime::now().nanos().cast_signed()
}

/// A span in nanoseconds.
pub fn span_ns(span: Duration) -> i64 {
    runtime::time::nanos(span).cast_signed()
}

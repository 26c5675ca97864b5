//! Names of the gauges by which services tell what others act on: autoscalers, for one.

/// Requests that a process has taken since it started.
pub const REQUESTS_TAKEN: &str = "requests.taken";

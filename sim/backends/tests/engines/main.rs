//! One suite on three engines: the native one, turmoil, and live tokio. Outcomes are compared, never timing.

mod calls;
mod capabilities;
mod connections;
mod journey;
mod lives;
mod support;

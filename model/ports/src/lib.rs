//! What lies between services and infrastructure: traits and plain types, no behaviour.
//!
//! Services are written against these traits. Modelled infrastructure and live clients implement them, so the same service runs
//! on either. Nothing here knows which one it is.

pub mod cache;
pub mod database;
pub mod endpoints;
pub mod event_log;
pub mod health;
pub mod idempotency;
pub mod metrics;
pub mod observe;
pub mod processor;
pub mod resolver;
pub mod retry;

pub use idempotency::IdempotencyKey;
pub use retry::Retry;

//! The rules of the platform, pure: no `async`, no ports, no clock, no randomness. Time comes in as an argument, in nanoseconds since the
//! run's start.
//!
//! Records live in [`schema`], one file a concern; the module named after a thing holds the rules that its records obey.

mod coded;

pub mod driver;
pub mod eligibility;
pub mod fare;
pub mod idempotency;
pub mod ids;
pub mod lease;
pub mod ledger;
pub mod matching;
pub mod money;
pub mod movement;
pub mod notification;
pub mod offer;
pub mod outbox;
pub mod payment;
mod phone_number;
pub mod place;
pub mod quote;
pub mod retention;
pub mod rider;
pub mod schema;
pub mod session;
pub mod settlement;
pub mod surge;
pub mod trip;
pub mod vehicle;

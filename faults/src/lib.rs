//! Faults, from a scenario's words to what breaks and back to health.
//!
//! [`Schedule`] begins and heals each fault at its time through the control surfaces of engine and cloud. Models never
//! see the schedule: they notice, or not, by what stops coming.

mod places;
mod schedule;

pub use places::Places;
pub use schedule::{FaultEntry, FaultLog, Schedule, Surfaces};

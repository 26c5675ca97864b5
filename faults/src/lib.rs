//! Faults, from a scenario's words to what breaks and back to health.
//!
//! [`Schedule`] begins and heals each fault at its time through the control surfaces of engine and cloud. Models never
//! see the schedule: they notice, or not, by what stops coming. [`chaos`] draws schedules from seeds, and [`shrink`](shrink()) cuts one
//! that breaks something down to what breaks it.

pub mod chaos;
mod effect;
mod places;
mod schedule;
mod settings;
mod shrink;
mod surfaces;

pub use places::Places;
pub use schedule::{FaultEntry, FaultLog, Schedule};
pub use shrink::{Attempt, Shrunk, shrink};
pub use surfaces::Surfaces;

//! The files people write - scenarios and blueprints - and their loader.
//!
//! A *scenario* says what the city does and what breaks; a *blueprint* describes one architecture, with every number of its
//! models. [`load`] reads a scenario and the blueprint it names, checks them against each other, and reports everything that
//! is wrong at once, with file, line, column and what would be right. The data structures are plain; every public field of a
//! blueprint says where its default comes from. City files are read by the crate that models cities: here a scenario's city is
//! only found, and read along by [`load_with`].

pub mod blueprint;
pub mod fault;
mod library;
mod load;
pub mod objective;
mod overrides;
pub mod runbook;
pub mod scenario;
pub mod schema;
mod write;

pub use blueprint::Blueprint;
pub use fault::{Fault, FaultKind};
pub use library::Library;
pub use load::{Loaded, load, load_str, load_with};
pub use objective::{Comparison, METRICS, Metric, Objective, Threshold};
pub use overrides::Override;
pub use scenario::{Clients, Scenario, Traffic, WeekTime};

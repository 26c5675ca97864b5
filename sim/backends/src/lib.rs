//! The seam on two other engines: [`turmoil`](turmoil::TurmoilWorld) as a second opinion on the same code, and
//! [`live`](live::LiveWorld) on the wall clock and real loopback TCP.
//!
//! Both are worlds of tokio tasks, so they share one core: processes, timers, files, ports. They differ in their
//! network, in who drives the clock, and in nothing else. What they cannot do they refuse by name
//! ([`capability`]). Only outcomes of the domain may be compared between engines, never timing or numbers of retries.
//!
//! A live world's services may have real stores too: [`postgres`], and with the feature of its name `redis`.

pub mod capability;
pub mod live;
pub mod postgres;
#[cfg(feature = "redis")]
pub mod redis;
pub mod turmoil;

mod backend;
mod core;
mod outcome;
mod process;
mod setup;
mod stream;
mod timers;

pub use outcome::{EngineError, ProcessPanic, RunEnd};

//! The seam: everything that service and model code may touch - time, tasks, connections, calls, disk, processor,
//! randomness, telemetry. Nothing here knows which engine runs it; an engine implements [`backend::Backend`] and
//! [`world::World`], and enters itself for the length of a run.
//!
//! Read in the order a request travels: [`call`] over [`net`], a handler as a [`task`], waiting in [`time`],
//! working on [`cpu`] and [`disk`].

pub mod backend;
pub mod call;
pub mod child;
pub mod cpu;
pub mod digest;
pub mod disk;
pub mod fault_point;
mod gauges;
mod moment;
pub mod net;
pub mod planted;
pub mod race;
pub mod random;
pub mod task;
pub mod telemetry;
pub mod time;
pub mod watched;
pub mod world;

pub use backend::{process_name, seed};
pub use task::{JoinHandle, spawn, yield_now};
pub use time::{Time, now, sleep, sleep_until, timeout, wall_now};

//! The seam: everything that service and model code may touch - time, tasks, connections, calls, disk, processor,
//! randomness, telemetry. Nothing here knows which engine runs it; an engine implements [`backend::Backend`] and
//! [`world::World`], and enters itself for the length of a run.
//!
//! Read in the order a request travels: [`call`] over [`net`], a handler as a [`task`], waiting in [`time`],
//! working on [`cpu`] and [`disk`].

pub mod backend;
pub mod call;
pub mod cpu;
pub mod digest;
pub mod disk;
pub mod fault_point;
pub mod net;
pub mod random;
pub mod task;
pub mod telemetry;
pub mod time;
pub mod world;

pub use backend::{process_name, seed};
pub use task::{JoinHandle, spawn, yield_now};
pub use time::{Time, now, sleep, sleep_until, timeout};

#[doc(hidden)]
pub use tokio as __tokio;

/// Waits on several futures at once and takes the first ready one in the order written: the order is part of the
/// program, never drawn.
#[macro_export]
macro_rules! select {
    ($($branches:tt)*) => { $crate::__tokio::select! { biased; $($branches)* } };
}

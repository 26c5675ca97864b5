//! The discrete-event engine: one clock, one queue of events, tasks, processes on hosts, a network, a trace.
//!
//! A run is one thread. [`Engine`] is built like any other world ([`runtime::world::World`]), then
//! [`Engine::run_until`] takes the next event, lets every task it made ready run, and takes the next. Faults act through
//! [`Control`]. Nothing here knows what the processes do.

mod backend;
mod connections;
mod control;
mod core;
mod executor;
mod host;
mod latency;
mod network;
mod process;
mod queue;
mod run;
pub mod testing;
mod trace;
mod transport;

pub use control::Control;
pub use core::FaultPointPlan;
pub use latency::{Latency, LatencySpec};
pub use network::{Distances, LinkFault, LinkFaultId, Transport};
pub use process::ProcessPanic;
pub use queue::Queue;
pub use run::{Engine, EngineConfig, Stopped};
pub use trace::{CHECKPOINT_EVERY, Checkpoint, Kind, Trace, TraceEvent};

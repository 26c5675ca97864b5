//! What the engine promises, seen from programs that run in it.

mod degraded;
mod determinism;
mod network;
mod processes;
mod resources;
mod support;

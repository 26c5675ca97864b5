//! ElastiCache Redis on the engine: what clients see when all is well, and what is lost and for how long when it is not.

mod cluster;
mod controlled;
mod happy;
mod limits;
mod losses;
mod support;

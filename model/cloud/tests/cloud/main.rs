//! The modelled infrastructure on the engine: what its clients see, when all is well and when it is not.

mod kafka;
mod kubernetes;
mod network;
mod rds;
mod redis;
mod world;

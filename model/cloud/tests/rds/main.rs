//! RDS PostgreSQL on the engine: what clients see when all is well, and what is lost and for how long when it is not.

mod failover;
mod happy;
mod support;

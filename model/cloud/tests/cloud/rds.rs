//! RDS PostgreSQL on the engine: what clients see when all is well, and what is lost and for how long when it is not.

mod durability;
mod failover;
mod happy;
mod locks;
mod replicas;
mod support;

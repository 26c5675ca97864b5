//! Kafka on the engine: what services see when all is well, what an election loses, and what a group reads again.

mod elections;
mod groups;
mod happy;
mod replication;
mod support;

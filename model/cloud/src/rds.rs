//! RDS PostgreSQL: one writable node, its synchronous standby, its read replicas, and whoever decides which is which.

pub mod store;

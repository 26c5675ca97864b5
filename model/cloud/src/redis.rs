//! ElastiCache Redis.
pub mod store;

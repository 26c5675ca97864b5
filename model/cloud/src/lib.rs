//! The modelled infrastructure behind the ports: what a client sees, what saturates, what breaks, who notices.

mod asking;
mod caller_pool;
pub mod carrier;
pub mod dns;
mod health;
pub mod kafka;
pub mod kubernetes;
mod latency;
pub mod load_balancer;
mod operation;
mod placement;
pub mod processor;
pub mod rds;
pub mod redis;

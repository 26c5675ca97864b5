//! The modelled infrastructure behind the ports: what a client sees, what saturates, what breaks, who notices.

mod caller_pool;
pub mod dns;
pub mod kafka;
pub mod load_balancer;
pub mod processor;
pub mod rds;
pub mod redis;

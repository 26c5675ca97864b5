//! The modelled infrastructure behind the ports: what a client sees, what saturates, what breaks, who notices.

pub mod dns;
pub mod load_balancer;
pub mod rds;

//! The ride-hailing platform: its domain rules, its public messages and the services that keep the one and answer the other.

pub mod api;
pub mod deploy;
pub mod domain;
pub mod services;

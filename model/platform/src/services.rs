//! The services: thin handlers around the domain's rules, and loops that finish what a crash left undone.
//!
//! Each service's `run` is the main of its process: it opens its ports, starts its loops and serves for ever. Three habits make any await a
//! safe place to die:
//! - what must hold together is written in one transaction ([`transaction`]), with a trip's every step in its log and outbox ([`transition`]);
//! - what is to happen next is in a row before anybody acts on it, so whoever comes later finds it (the loops scan by state);
//! - every transaction looks before it writes, so running it again after its own commit changes nothing.

mod backoff;
mod budget;
mod clock;
pub mod config;
pub mod fleet;
pub mod following;
pub mod gateway;
pub mod geo;
pub mod matching;
pub mod notifications;
pub mod nudges;
mod once;
pub mod payments;
pub mod peers;
mod periodic;
pub mod pricing;
mod refund;
pub mod relay;
mod server;
mod sweep;
pub mod transaction;
mod transition;
pub mod trips;
pub mod users;
pub mod vehicles;

pub use config::{API_PORT, Config, HEALTH_PORT};

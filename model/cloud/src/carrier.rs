//! The external provider of push messages, text messages and mail: a host outside the zones that takes a message or does not.
//!
//! *Behaviour*: it takes a message, which is then as good as delivered. *Limits*: none but its latency. *Failure*: messages that it refuses
//! for now, people whom a channel does not reach; its host and the way to it. *Recovery*: it keeps nothing, so there is nothing to recover:
//! whoever had no answer asks again, and may be told twice.

mod client;
mod deploy;
mod parameters;
mod protocol;
mod server;

pub use client::{Client, DeliveryError};
pub use deploy::{Plan, deploy};
pub use parameters::{ClientParameters, Parameters};
pub use protocol::Channel;

//! DNS inside the cloud: one name server a zone, a client with a cache in every process, and publishers that change records.
//!
//! *Behaviour*: a client asks its own zone's server and remembers the answer. *Limits*: a server's processor. *Failure*: a
//! server that is gone is asked until a time-out, then the next one is; a record that changed is old news to whoever still
//! remembers the former one. *Recovery*: memory ends after its lifetime; publishers repeat an update until every server has it, and
//! whoever finds a server that lags may publish the newest record again.

mod client;
mod deploy;
mod parameters;
pub mod protocol;
mod publisher;
mod records;
mod server;

pub use client::Client;
pub use deploy::{Deployed, deploy};
pub use parameters::{ClientParameters, PublisherParameters, ServerParameters};
pub use publisher::{Current, Newest, Propagation, Publisher};

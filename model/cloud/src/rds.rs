//! RDS PostgreSQL: one writable server, its synchronous standby, its read replicas, and the control plane that decides which
//! is which.
//!
//! *Behaviour*: [`client`] implements the database port over sessions to a server, which runs statements on its `store`.
//! *Limits*: connections, processor, volume, locks. *Failure*: a process, a host, a zone, a path; a copy that lags. *Recovery*:
//! monitors in every zone notice missed heartbeats; a majority of them decides, never while the old primary may hold a lease;
//! the successor recovers, and DNS leads clients to it.

mod agreement;
pub mod client;
mod configuration;
mod copies;
mod deploy;
mod follower;
mod history;
mod monitor;
mod node;
mod operator;
mod parameters;
mod plan;
mod process;
mod protocol;
mod reign;
mod replication;
mod server;
mod session;
mod storage;
pub mod store;
mod wal;

pub use client::Client;
pub use deploy::{Deployed, DeployedServer, StoreSpec, deploy};
pub use operator::{NoSuchReplica, Operator};
pub use parameters::{Durability, FailoverParameters, PoolParameters, ServerParameters, max_connections_for};

pub use crate::placement::ServerSpec;

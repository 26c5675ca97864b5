//! ElastiCache Redis 7: shards of a primary and its replicas, in cluster mode or under a control plane.
//!
//! *Behaviour*: [`client`] implements the cache port over sessions to servers, which run commands on their [`store`], one at a time.
//! *Limits*: one thread, memory and what is evicted from it, clients. *Failure*: a process, a host, a zone, a path; a replica that lags:
//! replication is asynchronous, so what was acknowledged may be lost. *Recovery*: with cluster mode the members themselves notice
//! missed pongs, and a majority of primaries elects a replica; without it a control plane does; a shard that is lost altogether comes
//! back empty, or as of its daily snapshot.
//!
//! Not modelled: scripts, transactions, resharding, reads from replicas in cluster mode, what a fork costs.

mod agent;
pub mod client;
mod cluster;
mod data;
mod deploy;
mod follower;
mod history;
mod link;
mod monitor;
mod node;
mod operator;
mod parameters;
mod plan;
mod process;
mod protocol;
mod replication;
mod serve;
mod session;
mod slot;
mod snapshot;
pub mod store;

pub use client::Client;
pub use deploy::{Deployed, DeployedServer, StoreSpec, deploy};
pub use operator::{NoSuchServer, Operator};
pub use parameters::{ClientParameters, ClusterParameters, ControlParameters, Mode, ServerParameters};
pub use slot::{SLOTS, shard_of, slot_of};
pub use store::EvictionPolicy;

pub use crate::placement::ServerSpec;

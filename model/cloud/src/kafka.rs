//! MSK Kafka 3.5: brokers that replicate partitions, the ZooKeeper ensemble that knows which of them live, the controller among
//! them that decides who leads, and coordinators of consumer groups.
//!
//! *Behaviour*: [`client`] implements the event log's port; `log` and `leadership` are what a partition is. *Limits*: processor, volume,
//! network, bytes that wait for the volume. *Failure*: a process, a host, a zone, a path; a follower that lags. *Recovery*: the ensemble
//! misses a broker's heartbeats for a session; the controller elects leaders, from those in step or, if it may, from those that are
//! not; followers cut what their leader does not have; members of groups that are silent lose their partitions.

mod broker;
pub mod client;
mod cluster;
mod controller;
mod coordinator;
mod deploy;
mod ensemble;
mod failure;
mod follower;
mod group;
mod in_step;
mod leadership;
mod log;
mod operator;
mod parameters;
mod partitioner;
mod plan;
mod process;
mod protocol;
mod registration;
mod replica;
mod serving;
mod waiting;
mod writeback;

pub use client::{Client, Consumer, Producer};
pub use deploy::{ClusterSpec, Deployed, DeployedBroker, TopicSpec, deploy};
pub use operator::{NoSuchBroker, Operator};
pub use parameters::{BrokerParameters, ClientParameters, EnsembleParameters, GroupParameters};
pub use partitioner::partition_of;

pub use crate::placement::ServerSpec;

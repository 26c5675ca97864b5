//! The store as it was deployed: what every server and monitor of it is told at its start.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use ports::observe::{Mark, Name, Observer};
use runtime::net::{Address, HostId};

use super::data::Snapshot;
use super::operator::Operator;
use super::parameters::{Mode, ServerParameters};
use super::protocol::{AGENT_PORT, BUS_PORT, CLIENT_PORT, NodeId, REPLICATION_PORT, ShardId};
use crate::dns::Publisher;

/// One server.
#[derive(Clone, Debug)]
pub(super) struct ServerPlan {
    pub name: Name,
    pub zone: Name,
    pub host: HostId,
    pub shard: ShardId,
}

/// A store.
pub(super) struct Plan {
    pub store: Name,
    /// The name that clients resolve to reach the primary, or in cluster mode any member.
    pub endpoint: String,
    /// By [`NodeId`].
    pub servers: Vec<ServerPlan>,
    /// By [`ShardId`]: the name of its history in records, and its first primary.
    pub shards: Vec<(Name, NodeId)>,
    /// Address and zone of each monitor; none in cluster mode.
    pub monitors: Vec<(Address, Name)>,
    pub mode: Mode,
    pub server: ServerParameters,
    /// Makes a monitor's publisher; it belongs to the process that calls it.
    pub publisher: Rc<dyn Fn() -> Publisher>,
    pub observer: Rc<dyn Observer>,
    pub operator: Operator,
    /// The newest snapshot of each shard, in an object store that outlives every server.
    pub snapshots: RefCell<BTreeMap<ShardId, Rc<Snapshot>>>,
    /// By shard, the epoch in which a failure of its primary was last reported. Only reports look at it: of several that notice the
    /// same, one is heard.
    pub detected: RefCell<BTreeMap<ShardId, u64>>,
    /// Sessions with clients over all servers' lives, so that each has a number of its own.
    pub sessions: Cell<u64>,
}

impl Plan {
    pub fn server(&self, node: NodeId) -> &ServerPlan {
        &self.servers[usize::from(node.0)]
    }

    pub fn shard_name(&self, shard: ShardId) -> &Name {
        &self.shards[usize::from(shard.0)].0
    }

    fn address(&self, node: NodeId, port: u16) -> Address {
        Address { host: self.server(node).host, port }
    }

    pub fn client_address(&self, node: NodeId) -> Address {
        self.address(node, CLIENT_PORT)
    }

    pub fn replication_address(&self, node: NodeId) -> Address {
        self.address(node, REPLICATION_PORT)
    }

    pub fn bus_address(&self, node: NodeId) -> Address {
        self.address(node, BUS_PORT)
    }

    pub fn agent_address(&self, node: NodeId) -> Address {
        self.address(node, AGENT_PORT)
    }

    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0u16..).map(NodeId).take(self.servers.len())
    }

    /// Whether this is the first report of a failure of the shard's primary in this epoch.
    pub fn first_detection(&self, shard: ShardId, epoch: u64) -> bool {
        self.detected.borrow_mut().insert(shard, epoch) != Some(epoch)
    }

    /// Tells whoever watches that a part of the store, that of `node`, changed its state.
    pub fn report(&self, node: NodeId, state: &'static str, detail: String, mark: Option<Mark>) {
        self.observer.changed(&self.store, &self.server(node).zone, state, detail, mark);
    }
}

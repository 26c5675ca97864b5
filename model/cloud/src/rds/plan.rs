//! The store as it was deployed: what every server and monitor of it is told at its start.

use std::cell::Cell;
use std::rc::Rc;

use ports::database::TableSchema;
use ports::observe::{Mark, Name, Observer};
use runtime::net::{Address, HostId};

use super::configuration::{Configuration, NodeId};
use super::operator::Operator;
use super::parameters::{FailoverParameters, ServerParameters};
use super::protocol::{AGENT_PORT, CLIENT_PORT, REPLICATION_PORT};
use super::store::Lsn;
use crate::dns::Publisher;

/// One server.
#[derive(Clone, Debug)]
pub(super) struct ServerPlan {
    pub name: Name,
    pub zone: Name,
    pub host: HostId,
    /// Copied to asynchronously and readable; never a standby.
    pub is_read_replica: bool,
}

/// A store.
pub(super) struct Plan {
    pub store: Name,
    /// The name that clients resolve to reach the writable server.
    pub endpoint: String,
    pub tables: &'static [&'static TableSchema],
    /// By [`NodeId`].
    pub servers: Vec<ServerPlan>,
    /// Address and zone of each.
    pub monitors: Vec<(Address, Name)>,
    pub initial: Configuration,
    pub server: Rc<ServerParameters>,
    pub failover: FailoverParameters,
    /// Makes a monitor's publisher; it belongs to the process that calls it.
    pub publisher: Rc<dyn Fn() -> Publisher>,
    pub observer: Rc<dyn Observer>,
    pub operator: Operator,
    /// The version in which a failure of the primary was last reported. Only reports look at it: of several monitors that
    /// notice the same, one is heard.
    pub detected: Cell<Option<u64>>,
    /// How far observers know the store's present. Theirs and no server's: a commit that its server did not live to tell of is
    /// told of by whoever recovers it.
    pub observed: Rc<Cell<Lsn>>,
}

impl Plan {
    pub fn server(&self, node: NodeId) -> &ServerPlan {
        &self.servers[usize::from(node.0)]
    }

    pub fn client_address(&self, node: NodeId) -> Address {
        Address { host: self.server(node).host, port: CLIENT_PORT }
    }

    pub fn replication_address(&self, node: NodeId) -> Address {
        Address { host: self.server(node).host, port: REPLICATION_PORT }
    }

    pub fn agent_address(&self, node: NodeId) -> Address {
        Address { host: self.server(node).host, port: AGENT_PORT }
    }

    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        (0u8..).map(NodeId).take(self.servers.len())
    }

    /// Whether this is the first report of a failure under this configuration.
    pub fn first_detection(&self, configuration: Configuration) -> bool {
        self.detected.replace(Some(configuration.version)) != Some(configuration.version)
    }

    /// Tells whoever watches that a part of the store in `zone` changed its state.
    pub fn report(&self, zone: &Name, state: &'static str, detail: String, mark: Option<Mark>) {
        self.observer.changed(&self.store, zone, state, detail, mark);
    }
}

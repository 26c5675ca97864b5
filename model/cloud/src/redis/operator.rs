//! The store's control surface: what an operator's API call, or a fault, asks of it. Servers and monitors look here; nothing else
//! reaches into the model.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use runtime::Time;

use super::protocol::{NodeId, ShardId};
use crate::operation::{Orders, ReplicationHold};

/// What a server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Take over from a primary that is well.
    TakeOver,
    /// Load the newest snapshot.
    Restore,
}

#[derive(Default)]
struct Surface {
    by_name: BTreeMap<String, NodeId>,
    /// By node: its shard, its orders, its hold.
    servers: Vec<(ShardId, Orders<Order>, Rc<ReplicationHold>)>,
    /// Without cluster mode a failover is the control plane's to do.
    controlled: bool,
    failovers: Orders<()>,
}

/// Acts on a store as its operator does. Clones act on the same one.
#[derive(Clone, Default)]
pub struct Operator(Rc<Surface>);

/// There is no server of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to find a server called {name}; there are: {}", known.join(", "))]
pub struct NoSuchServer {
    pub name: String,
    pub known: Vec<String>,
}

impl Operator {
    pub(super) fn new(servers: impl IntoIterator<Item = (String, ShardId)>, controlled: bool) -> Self {
        let (mut by_name, mut all) = (BTreeMap::new(), Vec::new());
        for ((name, shard), node) in servers.into_iter().zip((0u16..).map(NodeId)) {
            by_name.insert(name, node);
            all.push((shard, Orders::default(), Rc::default()));
        }
        Operator(Rc::new(Surface { by_name, servers: all, controlled, ..Surface::default() }))
    }

    /// Has the best replica of the shard that `server` belongs to take over from a primary that may be well: `TestFailover`. What had not
    /// reached it is lost.
    ///
    /// # Errors
    /// There is no such server.
    pub fn fail_over(&self, server: &str) -> Result<(), NoSuchServer> {
        let node = self.node(server)?;
        if self.0.controlled {
            self.order_failover();
        } else {
            self.order_shard(node, Order::TakeOver);
        }
        Ok(())
    }

    /// Has a replica receive the stream only `lag` late from now until `until`. With a `lag` that reaches beyond `until` it
    /// receives nothing till then. What it has not received waits at its primary, and is gone with it.
    ///
    /// # Errors
    /// There is no such server.
    pub fn hold_replication(&self, server: &str, lag: Duration, until: Time) -> Result<(), NoSuchServer> {
        self.hold(self.node(server)?).set(lag, until);
        Ok(())
    }

    /// Has the primary of the shard that `server` belongs to put the newest snapshot in the place of what it holds.
    ///
    /// # Errors
    /// There is no such server.
    pub fn restore(&self, server: &str) -> Result<(), NoSuchServer> {
        self.order_shard(self.node(server)?, Order::Restore);
        Ok(())
    }

    fn order_shard(&self, node: NodeId, order: Order) {
        let shard = self.0.servers[usize::from(node.0)].0;
        for (_, orders, _) in self.0.servers.iter().filter(|(of, ..)| *of == shard) {
            orders.put(order);
        }
    }

    fn node(&self, name: &str) -> Result<NodeId, NoSuchServer> {
        let unknown = || NoSuchServer { name: name.to_owned(), known: self.0.by_name.keys().cloned().collect() };
        self.0.by_name.get(name).copied().ok_or_else(unknown)
    }

    pub(super) fn hold(&self, node: NodeId) -> Rc<ReplicationHold> {
        self.0.servers[usize::from(node.0)].2.clone()
    }

    /// The next order to a server. Orders that came while it was down are forgotten by [`forget`](Self::forget).
    pub(super) async fn next(&self, node: NodeId) -> Order {
        self.0.servers[usize::from(node.0)].1.next().await
    }

    pub(super) fn forget(&self, node: NodeId) {
        self.0.servers[usize::from(node.0)].1.forget();
    }

    pub(super) fn order_failover(&self) {
        self.0.failovers.put(());
    }

    /// The next failover asked of the control plane. One monitor takes it: whichever lives and is first.
    pub(super) async fn next_failover(&self) {
        self.0.failovers.next().await;
    }
}

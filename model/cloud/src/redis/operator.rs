//! The store's control surface: what an operator's API call, or a fault, asks of it. Servers and monitors look here; nothing else
//! reaches into the model.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use runtime::Time;
use tokio::sync::Notify;

use super::protocol::{NodeId, ShardId};

/// What a server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Take over from a primary that is well.
    TakeOver,
    /// Load the newest snapshot.
    Restore,
}

/// What a replica's stream is held back by.
#[derive(Default)]
pub(super) struct ReplicationHold {
    /// Records are received only once they are this old.
    lag: Cell<Duration>,
    until: Cell<Time>,
    changed: Notify,
}

impl ReplicationHold {
    /// Returns when what was sent at `sent_at` may be received.
    pub async fn wait(&self, sent_at: Time) {
        loop {
            let changed = self.changed.notified();
            let free_at = (sent_at + self.lag.get()).min(self.until.get());
            if runtime::now() >= free_at {
                return;
            }
            runtime::select! {
                () = changed => {}
                () = runtime::sleep_until(free_at) => {}
            }
        }
    }
}

#[derive(Default)]
struct Queue<T> {
    waiting: RefCell<VecDeque<T>>,
    arrived: Notify,
}

impl<T> Queue<T> {
    fn put(&self, order: T) {
        self.waiting.borrow_mut().push_back(order);
        self.arrived.notify_one();
    }

    async fn next(&self) -> T {
        loop {
            let arrived = self.arrived.notified();
            if let Some(order) = self.waiting.borrow_mut().pop_front() {
                return order;
            }
            arrived.await;
        }
    }
}

#[derive(Default)]
struct Surface {
    by_name: BTreeMap<String, NodeId>,
    /// By node: its shard, its orders, its hold.
    servers: Vec<(ShardId, Queue<Order>, Rc<ReplicationHold>)>,
    /// Without cluster mode a failover is the control plane's to do.
    controlled: bool,
    failovers: Queue<()>,
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
            all.push((shard, Queue { waiting: RefCell::default(), arrived: Notify::new() }, Rc::default()));
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
    /// receives nothing till then.
    ///
    /// # Errors
    /// There is no such server.
    pub fn hold_replication(&self, server: &str, lag: Duration, until: Time) -> Result<(), NoSuchServer> {
        let hold = self.hold(self.node(server)?);
        hold.lag.set(lag);
        hold.until.set(until);
        hold.changed.notify_waiters();
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
        self.0.servers[usize::from(node.0)].1.waiting.borrow_mut().clear();
    }

    pub(super) fn order_failover(&self) {
        self.0.failovers.put(());
    }

    /// The next failover asked of the control plane. One monitor takes it: whichever lives and is first.
    pub(super) async fn next_failover(&self) {
        self.0.failovers.next().await;
    }
}

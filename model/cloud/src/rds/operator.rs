//! The store's control surface: what an operator's API call, or a fault, asks of it. The control plane and the replicas look
//! here; nothing else reaches into the model.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use runtime::Time;

use super::configuration::NodeId;
use crate::operation::{Orders, ReplicationHold};

/// An API call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Reboot with failover: the standby takes over from a primary that is well.
    FailOver,
    /// A read replica becomes the writable server, with what it has received by then.
    Promote(NodeId),
}

#[derive(Default)]
struct Surface {
    commands: Orders<Command>,
    holds: BTreeMap<NodeId, Rc<ReplicationHold>>,
    replicas: BTreeMap<String, NodeId>,
}

/// Acts on a store as its operator does. Clones act on the same one.
#[derive(Clone, Default)]
pub struct Operator(Rc<Surface>);

/// There is no read replica of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to find a read replica called {name}; there are: {}", known.join(", "))]
pub struct NoSuchReplica {
    pub name: String,
    pub known: Vec<String>,
}

impl Operator {
    pub(super) fn new(replicas: impl IntoIterator<Item = (String, NodeId)>) -> Self {
        let replicas: BTreeMap<String, NodeId> = replicas.into_iter().collect();
        let holds = replicas.values().map(|node| (*node, Rc::default())).collect();
        Operator(Rc::new(Surface { replicas, holds, ..Surface::default() }))
    }

    /// Asks for a reboot with failover.
    pub fn fail_over(&self) {
        self.order(Command::FailOver);
    }

    /// Has a read replica made the writable server.
    ///
    /// # Errors
    /// There is no such replica.
    pub fn promote_replica(&self, name: &str) -> Result<(), NoSuchReplica> {
        let node = self.replica(name)?;
        self.order(Command::Promote(node));
        Ok(())
    }

    /// Has a replica receive the log only `lag` late from now until `until`. With a `lag` that reaches beyond `until` it
    /// receives nothing till then.
    ///
    /// # Errors
    /// There is no such replica.
    pub fn hold_replication(&self, name: &str, lag: Duration, until: Time) -> Result<(), NoSuchReplica> {
        let node = self.replica(name)?;
        self.hold(node).set(lag, until);
        Ok(())
    }

    fn replica(&self, name: &str) -> Result<NodeId, NoSuchReplica> {
        let unknown = || NoSuchReplica { name: name.to_owned(), known: self.0.replicas.keys().cloned().collect() };
        self.0.replicas.get(name).copied().ok_or_else(unknown)
    }

    pub(super) fn hold(&self, node: NodeId) -> Rc<ReplicationHold> {
        self.0.holds.get(&node).cloned().unwrap_or_default()
    }

    pub(super) fn order(&self, command: Command) {
        self.0.commands.put(command);
    }

    /// The next order. One monitor takes it: whichever lives and is first.
    pub(super) async fn next(&self) -> Command {
        self.0.commands.next().await
    }
}

//! The primary's side of replication: one stream for each copy that asks, and the standby whose word commits wait for.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use runtime::Time;
use runtime::net::Connection;

use super::configuration::NodeId;
use super::protocol::{CopyFrame, PrimaryFrame};
use super::store::{Lsn, WalRecord};

/// A primary's end of a copy's connection.
pub(super) type CopyConnection = Connection<PrimaryFrame, CopyFrame>;

struct Copy {
    connection: Rc<CopyConnection>,
    durable: Lsn,
}

/// The copies of one reign.
#[derive(Default)]
pub(super) struct Copies {
    connected: RefCell<BTreeMap<NodeId, Copy>>,
    /// The standby that commits wait for, and how far its log is durable.
    standby: Cell<Option<(NodeId, Lsn)>>,
}

impl Copies {
    /// A primary whose commits wait for `standby` from the first one on.
    pub fn new(standby: Option<NodeId>) -> Self {
        Copies { connected: RefCell::default(), standby: Cell::new(standby.map(|node| (node, Lsn::default()))) }
    }

    pub fn connect(&self, node: NodeId, connection: Rc<CopyConnection>) {
        self.connected.borrow_mut().insert(node, Copy { connection, durable: Lsn::default() });
    }

    /// The copy's connection broke, unless it has made another since.
    pub fn disconnect(&self, node: NodeId, connection: &Rc<CopyConnection>) {
        let mut connected = self.connected.borrow_mut();
        if connected.get(&node).is_some_and(|copy| Rc::ptr_eq(&copy.connection, connection)) {
            connected.remove(&node);
        }
    }

    pub fn is_connected(&self, node: NodeId) -> bool {
        self.connected.borrow().contains_key(&node)
    }

    /// Sends records to every copy, on their way before the primary's own flush ends.
    pub fn send(&self, records: Vec<WalRecord>) {
        let sent_at = runtime::now().nanos();
        for copy in self.connected.borrow().values() {
            copy.connection.send(PrimaryFrame::Records { records: records.clone(), sent_at });
        }
    }

    pub fn send_checkpoint(&self, lsn: Lsn) {
        for copy in self.connected.borrow().values() {
            copy.connection.send(PrimaryFrame::Checkpointed(lsn));
        }
    }

    /// A copy's log is durable up to here.
    pub fn acknowledge(&self, node: NodeId, lsn: Lsn) {
        if let Some(copy) = self.connected.borrow_mut().get_mut(&node) {
            copy.durable = lsn;
        }
        if let Some((standby, durable)) = self.standby.get()
            && standby == node
        {
            self.standby.set(Some((standby, durable.max(lsn))));
        }
    }

    /// How far the standby's log is durable; none if commits wait for no standby.
    pub fn standby_durable(&self) -> Option<Lsn> {
        self.standby.get().map(|(_, durable)| durable)
    }

    pub fn standby(&self) -> Option<NodeId> {
        self.standby.get().map(|(node, _)| node)
    }

    /// Has commits wait for this standby from now on, or for none.
    pub fn wait_for(&self, standby: Option<NodeId>) {
        let durable = |node| self.connected.borrow().get(&node).map_or(Lsn::default(), |copy| copy.durable);
        self.standby.set(standby.map(|node| (node, durable(node))));
    }

    /// A connected copy among `candidates` whose log is durable up to `lsn`.
    pub fn caught_up(&self, candidates: &[NodeId], lsn: Lsn) -> Option<NodeId> {
        let connected = self.connected.borrow();
        candidates.iter().copied().find(|node| connected.get(node).is_some_and(|copy| copy.durable >= lsn))
    }
}

/// Watches whether the standby keeps up: it does as long as it is connected and within a time-out makes durable what was
/// written before.
pub(super) struct StandbyWatch {
    mark: Lsn,
    marked_at: Time,
}

impl StandbyWatch {
    pub fn new() -> Self {
        StandbyWatch { mark: Lsn::default(), marked_at: runtime::now() }
    }

    /// Since when the standby has been behind.
    pub fn behind_since(&mut self, connected: bool, durable: Lsn, written: Lsn) -> Time {
        if connected && durable >= self.mark {
            self.mark = written;
            self.marked_at = runtime::now();
        }
        self.marked_at
    }
}

//! A server: what it keeps, what it knows of the agreement, and whom it serves.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ports::observe::Observation;
use runtime::JoinHandle;

use super::agreement::Agreement;
use super::configuration::NodeId;
use super::plan::Plan;
use super::protocol::{AgentAnswer, AgentRequest};
use super::server::Server;
use super::storage::Storage;

/// A server.
pub(super) struct Node {
    pub id: NodeId,
    pub plan: Rc<Plan>,
    pub storage: Rc<Storage>,
    pub agreement: Rc<Agreement>,
    /// Who answers clients, if anybody does.
    pub accepting: RefCell<Option<Rc<Server>>>,
    /// The reign that copies follow; it may not accept clients yet.
    pub leading: RefCell<Option<Rc<Server>>>,
    /// The streams to the copies.
    pub streams: RefCell<BTreeMap<NodeId, JoinHandle<()>>>,
    /// While this server accepts writes.
    pub writable: RefCell<Option<Writable>>,
}

/// Accepting writes, from its making until it is dropped: with the process, if that crashes.
pub(super) struct Writable {
    plan: Rc<Plan>,
    node: NodeId,
    epoch: u64,
    agreement: Rc<Agreement>,
}

impl Writable {
    pub fn begin(node: &Node, epoch: u64) -> Self {
        let plan = node.plan.clone();
        plan.observer.observe(&Observation::WritableSince {
            store: plan.store.clone(),
            node: plan.server(node.id).name.clone(),
            epoch,
            at: runtime::now(),
        });
        Writable { plan, node: node.id, epoch, agreement: node.agreement.clone() }
    }

    pub fn epoch(&self) -> u64 {
        self.epoch
    }
}

impl Drop for Writable {
    fn drop(&mut self) {
        self.plan.observer.observe(&Observation::WritableEnded {
            store: self.plan.store.clone(),
            node: self.plan.server(self.node).name.clone(),
            epoch: self.epoch,
            // A process that was paused beyond its lease acknowledged nothing after the lease.
            at: runtime::now().min(self.agreement.lease_end()),
        });
    }
}

impl Node {
    /// Opens what is on this host's volume, and begins to listen for decisions.
    pub fn open(plan: Rc<Plan>, id: NodeId) -> Rc<Self> {
        let monitors: Vec<_> = plan.monitors.iter().map(|(address, _)| *address).collect();
        Rc::new(Node {
            id,
            storage: Rc::new(Storage::open(plan.tables)),
            agreement: Agreement::start(id, &monitors, plan.initial, plan.failover.clone()),
            plan,
            accepting: RefCell::default(),
            leading: RefCell::default(),
            streams: RefCell::default(),
            writable: RefCell::default(),
        })
    }

    /// What the control plane tells this server.
    pub fn obey(&self, request: AgentRequest) -> AgentAnswer {
        match request {
            AgentRequest::Configure(configuration) => {
                self.agreement.learn(configuration);
                AgentAnswer::Done
            }
            AgentRequest::StepDown { epoch } => {
                let holds_it = self.writable.borrow().as_ref().is_some_and(|writable| writable.epoch() == epoch);
                if !holds_it {
                    return AgentAnswer::NotPrimary;
                }
                self.stop_serving();
                self.agreement.step_down(epoch);
                AgentAnswer::Done
            }
        }
    }

    /// Ends every session and every stream: from here on this server acknowledges nothing.
    pub fn stop_serving(&self) {
        let servers = [self.accepting.take(), self.leading.take()];
        for server in servers.into_iter().flatten() {
            server.close();
        }
        for stream in self.streams.take().into_values() {
            stream.abort();
        }
        drop(self.writable.take());
        self.agreement.announce(None);
    }
}

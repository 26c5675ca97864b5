//! A server's process: finds out from the control plane whether it leads or follows, and does that until it changes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use ports::database::DatabaseError;
use ports::observe::Observation;
use runtime::JoinHandle;
use runtime::net::{Connection, Listener};

use super::agreement::Agreement;
use super::configuration::{Configuration, NodeId};
use super::follower::Follower;
use super::plan::Plan;
use super::protocol::{
    AGENT_PORT, AgentAnswer, AgentRequest, CLIENT_PORT, ClientFrame, CopyFrame, PrimaryFrame, REPLICATION_PORT,
    ServerFrame,
};
use super::replication;
use super::server::Server;
use super::session;
use super::storage::Storage;

/// How long a copy waits before it dials a primary again that did not answer. Assumption; PostgreSQL's standbys wait 5 s
/// (`wal_retrieve_retry_interval`), a mirror of a volume less.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// A server's process.
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

/// Runs a server in the current process.
///
/// # Panics
/// If a port is taken: two servers share a host.
pub(super) async fn run(plan: Rc<Plan>, id: NodeId) {
    let monitors: Vec<_> = plan.monitors.iter().map(|(address, _)| *address).collect();
    let node = Rc::new(Node {
        id,
        storage: Rc::new(Storage::open(plan.tables)),
        agreement: Agreement::start(id, &monitors, plan.initial, plan.failover.clone()),
        plan,
        accepting: RefCell::default(),
        leading: RefCell::default(),
        streams: RefCell::default(),
        writable: RefCell::default(),
    });
    let clients = Listener::<ServerFrame, ClientFrame>::bind(CLIENT_PORT).expect("a server has its host to itself");
    let copies = Listener::<PrimaryFrame, CopyFrame>::bind(REPLICATION_PORT).expect("a server has its host to itself");
    let agent = node.clone();
    let _agent = runtime::call::serve(AGENT_PORT, move |request: AgentRequest, _| {
        let node = agent.clone();
        async move { node.obey(request) }
    })
    .expect("a server has its host to itself");
    runtime::select! {
        () = node.accept_clients(clients) => {}
        () = node.accept_copies(copies) => {}
        () = node.play_role() => {}
    }
}

impl Node {
    async fn play_role(self: &Rc<Self>) {
        self.agreement.heard().await;
        loop {
            let configuration = self.agreement.latest();
            if configuration.primary == self.id {
                self.lead(configuration).await;
            } else {
                self.follow(configuration).await;
            }
        }
    }

    async fn accept_clients(self: &Rc<Self>, listener: Listener<ServerFrame, ClientFrame>) {
        for number in 0.. {
            let connection = listener.accept().await;
            let server = self.accepting.borrow().clone();
            match server {
                Some(server) => session::open(&server, number, connection),
                None => session::refuse(&connection, DatabaseError::NotAccepting),
            }
        }
    }

    async fn accept_copies(self: &Rc<Self>, listener: Listener<PrimaryFrame, CopyFrame>) {
        loop {
            let connection: Connection<PrimaryFrame, CopyFrame> = listener.accept().await;
            let node = self.clone();
            drop(runtime::spawn(async move { replication::greet(&node, connection).await }));
        }
    }

    /// What the control plane tells this server.
    fn obey(&self, request: AgentRequest) -> AgentAnswer {
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

    /// Follows the primary of this epoch until another is decided.
    async fn follow(&self, configuration: Configuration) {
        let me = self.plan.server(self.id);
        let server = me.is_read_replica.then(|| {
            let existing = self.accepting.borrow().clone();
            existing.unwrap_or_else(|| Server::new(self.storage.load(), self.plan.server.clone(), None))
        });
        *self.accepting.borrow_mut() = server.clone();
        self.agreement.announce(None);
        let follower = Follower {
            node: self.id,
            epoch: configuration.epoch,
            storage: self.storage.clone(),
            parameters: self.plan.failover.clone(),
            server,
            hold: self.plan.operator.hold(self.id),
        };
        let address = self.plan.replication_address(configuration.primary);
        let following = async {
            loop {
                // Whatever ended the connection, the next one begins with how far the log reaches.
                let _: runtime::net::Closed = follower.follow(address).await;
                runtime::sleep(RECONNECT_PAUSE).await;
            }
        };
        runtime::select! {
            () = self.agreement.until(|latest| latest.epoch > configuration.epoch) => {}
            () = following => {}
        }
        if self.agreement.latest().primary == self.id {
            self.stop_serving();
        }
    }
}

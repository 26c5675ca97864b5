//! A server's process: finds out from the control plane whether it leads or follows, and does that until it changes.

use std::rc::Rc;
use std::time::Duration;

use ports::database::DatabaseError;
use runtime::net::{Connection, Listener};

use super::configuration::{Configuration, NodeId};
use super::follower::Follower;
use super::node::Node;
use super::plan::Plan;
use super::protocol::{
    AGENT_PORT, AgentRequest, CLIENT_PORT, ClientFrame, CopyFrame, PrimaryFrame, REPLICATION_PORT, ServerFrame,
};
use super::replication;
use super::server::Server;
use super::session;

/// How long a copy waits before it dials a primary again that did not answer. Assumption; PostgreSQL's standbys wait 5 s
/// (`wal_retrieve_retry_interval`), a mirror of a volume less.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// Runs a server in the current process.
///
/// # Panics
/// If a port is taken: two servers share a host.
pub(super) async fn run(plan: Rc<Plan>, id: NodeId) {
    let node = Node::open(plan, id);
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

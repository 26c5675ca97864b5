//! A server's process: takes connections and orders, and does what the server's role asks for.

use std::rc::Rc;

use runtime::net::Listener;

use super::cluster::bus;
use super::follower::follow;
use super::node::{Node, Role};
use super::operator::Order;
use super::plan::Plan;
use super::protocol::{CLIENT_PORT, ClientFrame, NodeId, PrimaryFrame, REPLICATION_PORT, ReplicaFrame, ServerFrame};
use super::{agent, replication, session};

/// Runs a server in the current process.
///
/// # Panics
/// If a port is taken: two servers share a host.
pub(super) async fn run(plan: Rc<Plan>, id: NodeId) {
    plan.operator.forget(id);
    let node = Node::open(plan, id);
    let clients = Listener::<ServerFrame, ClientFrame>::bind(CLIENT_PORT).expect("a server has its host to itself");
    let replicas =
        Listener::<PrimaryFrame, ReplicaFrame>::bind(REPLICATION_PORT).expect("a server has its host to itself");
    if let Some(interval) = node.plan.server.snapshot_interval {
        let node = node.clone();
        drop(runtime::spawn(async move { node.take_snapshots(interval).await }));
    }
    let player = node.clone();
    drop(runtime::spawn(async move { player.play_role().await }));
    let governed = async {
        match &node.cluster {
            Some(_) => bus::run(&node).await,
            None => agent::run(&node).await,
        }
    };
    runtime::select! {
        () = node.accept_clients(clients) => {}
        () = node.accept_replicas(replicas) => {}
        () = node.take_orders() => {}
        () = governed => {}
    }
}

impl Node {
    async fn play_role(&self) {
        loop {
            let role = self.role();
            let act = async {
                match role {
                    Role::Unknown => runtime::task::forever().await,
                    Role::Primary { .. } => self.expire_actively().await,
                    Role::Replica { of } => follow(self, of).await,
                }
            };
            runtime::select! {
                () = self.role_ends(role) => {}
                () = act => {}
            }
        }
    }

    async fn accept_clients(self: &Rc<Self>, listener: Listener<ServerFrame, ClientFrame>) {
        loop {
            let connection = listener.accept().await;
            session::open(self, connection);
        }
    }

    async fn accept_replicas(self: &Rc<Self>, listener: Listener<PrimaryFrame, ReplicaFrame>) {
        loop {
            let connection = listener.accept().await;
            let node = self.clone();
            drop(runtime::spawn(async move { replication::greet(&node, connection).await }));
        }
    }

    async fn take_orders(self: &Rc<Self>) {
        loop {
            match self.plan.operator.next(self.id).await {
                Order::Restore => self.restore().await,
                Order::TakeOver => {
                    if let Some(cluster) = &self.cluster {
                        cluster.take_over();
                    }
                }
            }
        }
    }
}

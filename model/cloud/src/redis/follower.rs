//! A replica's side of replication: asks for what it lacks, and repeats what the primary did.

use runtime::net::{Closed, Connection, connect};

use super::node::Node;
use super::protocol::{NodeId, PrimaryFrame, ReplicaFrame};
use super::snapshot::transfer;

/// Follows a primary for ever: whatever ends the connection, the next one begins with what is there.
pub(super) async fn follow(node: &Node, primary: NodeId) {
    loop {
        let _: Closed = follow_once(node, primary).await;
        node.loading.set(false);
        if node.unlinked_since.get().is_none() {
            node.unlinked_since.set(Some(runtime::now()));
        }
        runtime::sleep(node.plan.server.reconnect_pause).await;
    }
}

async fn follow_once(node: &Node, primary: NodeId) -> Closed {
    let parameters = &node.plan.server;
    let dialled = connect::<ReplicaFrame, PrimaryFrame>(node.plan.replication_address(primary));
    let link: Connection<ReplicaFrame, PrimaryFrame> =
        match runtime::timeout(parameters.replication_timeout, dialled).await {
            Ok(Ok(link)) => link,
            Ok(Err(reason)) => return reason,
            Err(runtime::time::Elapsed) => return Closed::TimedOut,
        };
    link.keepalive(parameters.replication_timeout / 2, parameters.replication_timeout / 2);
    let position = node.data.borrow().position();
    link.send(ReplicaFrame::Hello { node: node.id, position });
    loop {
        match link.recv().await {
            Ok(PrimaryFrame::Continue { history }) => {
                node.unlinked_since.set(None);
                node.data.borrow_mut().history = history;
            }
            Ok(PrimaryFrame::Full { history, offset, contents }) => {
                node.loading.set(true);
                runtime::sleep(transfer(contents.bytes(), parameters.resync_bytes_per_s)).await;
                node.data.borrow_mut().load(history, offset, *contents);
                node.loading.set(false);
                node.unlinked_since.set(None);
            }
            Ok(PrimaryFrame::Records(records)) => {
                for record in records {
                    let _thread = node.thread.lock().await;
                    let touched = {
                        let mut data = node.data.borrow_mut();
                        let touched = data.repeat(record, parameters.backlog_bytes);
                        node.gauges.show(&data.store);
                        touched
                    };
                    runtime::cpu::work(node.work(touched)).await;
                }
            }
            Err(reason) => return reason,
        }
    }
}

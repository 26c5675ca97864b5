//! A copy's connection at the primary: where its log parts from the primary's, what it is sent, how far it came.

use std::rc::Rc;

use runtime::net::Connection;

use super::history::is_part_of;
use super::node::Node;
use super::protocol::{CopyFrame, PrimaryFrame};
use super::server::Server;

/// Hears a copy out and streams to it, unless it belongs to another epoch: then it, or this server, has yet to learn.
pub(super) async fn greet(node: &Rc<Node>, connection: Connection<PrimaryFrame, CopyFrame>) {
    let Ok(CopyFrame::Hello { node: copy, epoch, position }) = connection.recv().await else { return };
    let server = node.leading.borrow().clone();
    let Some(server) = server.filter(|server| server.reigning.as_ref().is_some_and(|own| own.epoch == epoch)) else {
        return;
    };
    let suspicion = node.plan.failover.suspicion();
    connection.keepalive(suspicion, suspicion);

    // Nothing is awaited from here until the copy is connected: it misses no record in between.
    let storage = &node.storage;
    let history = storage.history();
    let is_behind = position.lsn <= storage.position().lsn;
    let missing = if is_behind && is_part_of(&history, position) { storage.records_after(position.lsn) } else { None };
    match missing {
        Some(records) => {
            connection.send(PrimaryFrame::Continue { history });
            if !records.is_empty() {
                connection.send(PrimaryFrame::Records { records, sent_at: runtime::now().nanos() });
            }
        }
        None => {
            let base = Box::new(server.store.borrow().checkpoint());
            let zone = &node.plan.server(copy).zone;
            let name = &node.plan.server(copy).name;
            let detail = format!("{name} cannot catch up from the log of {}", node.plan.server(node.id).name);
            node.plan.report(zone, "rebuilding a copy", detail, None);
            connection.send(PrimaryFrame::Rebuild { history, base });
        }
    }
    let connection = Rc::new(connection);
    server.reigning.as_ref().expect("checked above").copies.connect(copy, connection.clone());
    let stream = runtime::spawn(async move { listen(&server, copy, &connection).await });
    if let Some(former) = node.streams.borrow_mut().insert(copy, stream) {
        former.abort();
    }
}

async fn listen(
    server: &Server,
    copy: super::configuration::NodeId,
    connection: &Rc<Connection<PrimaryFrame, CopyFrame>>,
) {
    let Some(reigning) = &server.reigning else { return };
    while let Ok(CopyFrame::Durable(lsn)) = connection.recv().await {
        reigning.copies.acknowledge(copy, lsn);
        server.advance();
    }
    reigning.copies.disconnect(copy, connection);
}

//! A replica's connection at the primary: what it lacks, and then everything as it happens.

use std::rc::Rc;

use super::link::{Linked, ReplicaLink};
use super::node::{Node, Role};
use super::protocol::{PrimaryFrame, ReplicaFrame};

/// Hears a replica out and streams to it, unless this server is no primary.
pub(super) async fn greet(node: &Rc<Node>, connection: ReplicaLink) {
    let Ok(ReplicaFrame::Hello { node: replica, position }) = connection.recv().await else { return };
    if !matches!(node.role(), Role::Primary { .. }) || node.loading.get() {
        return;
    }
    let timeout = node.plan.server.replication_timeout;
    connection.keepalive(timeout / 2, timeout / 2);

    // Nothing is awaited from here until the replica is linked: it misses no record in between.
    let missing = position.and_then(|position| node.data.borrow().after(position));
    let history = node.data.borrow().history.clone();
    match &missing {
        Some(_) => connection.send(PrimaryFrame::Continue { history }),
        None => {
            let data = node.data.borrow();
            let contents = Box::new(data.store.contents());
            let frame = PrimaryFrame::Full { history, offset: data.offset, contents };
            let name = &node.plan.server(replica).name;
            let detail = format!("{name} cannot catch up from the backlog of {}", node.name());
            node.plan.report(replica, "full resynchronisation", detail, None);
            connection.send(frame);
        }
    }
    let link = Rc::new(connection);
    let (heard, from) = (node.clone(), link.clone());
    let listening = runtime::spawn(async move {
        // A replica says nothing more; its connection ends, or another takes its place.
        let _: Result<ReplicaFrame, _> = from.recv().await;
        let mut links = heard.links.borrow_mut();
        if links.get(&replica).is_some_and(|linked| linked.is_through(&from)) {
            links.remove(&replica);
        }
    });
    let linked = Linked::new(link, listening, node.plan.operator.hold(replica));
    linked.send(&missing.unwrap_or_default());
    if let Some(former) = node.links.borrow_mut().insert(replica, linked) {
        former.listening.abort();
    }
}

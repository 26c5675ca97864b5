//! A replica's connection at the primary: what it lacks, and then everything as it happens. What is held back waits here, as it would in the
//! primary's output buffer, and is gone with the primary.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use runtime::JoinHandle;
use runtime::net::Connection;

use super::node::{Node, Role};
use super::protocol::{PrimaryFrame, Record, ReplicaFrame};
use crate::operation::ReplicationHold;

/// A primary's end of a replica's connection.
pub(super) type ReplicaLink = Connection<PrimaryFrame, ReplicaFrame>;

/// A replica that follows.
pub(super) struct Linked {
    link: Rc<ReplicaLink>,
    /// Hears the connection end.
    pub listening: JoinHandle<()>,
    hold: Rc<ReplicationHold>,
    /// What is held back.
    waiting: Rc<RefCell<VecDeque<Record>>>,
    /// Sends it, while there is any.
    sending: RefCell<Option<Sending>>,
}

/// A task that ends with whoever holds this.
struct Sending(JoinHandle<()>);

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Linked {
    /// Sends records, those that are held back when they may go; nobody waits for them.
    pub fn send(&self, records: &[Record]) {
        let is_behind = !self.waiting.borrow().is_empty();
        let free = if is_behind { 0 } else { records.partition_point(|record| self.hold.is_free(record.at)) };
        let (now, later) = records.split_at(free);
        if !now.is_empty() {
            self.link.send(PrimaryFrame::Records(now.to_vec()));
        }
        if later.is_empty() {
            return;
        }
        self.waiting.borrow_mut().extend(later.iter().cloned());
        if !is_behind {
            let (link, hold, waiting) = (self.link.clone(), self.hold.clone(), self.waiting.clone());
            let sending = runtime::spawn(async move {
                loop {
                    let Some(record) = waiting.borrow().front().cloned() else { return };
                    hold.wait(record.at).await;
                    link.send(PrimaryFrame::Records(vec![record]));
                    waiting.borrow_mut().pop_front();
                }
            });
            self.sending.replace(Some(Sending(sending)));
        }
    }
}

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
        if links.get(&replica).is_some_and(|linked| Rc::ptr_eq(&linked.link, &from)) {
            links.remove(&replica);
        }
    });
    let (hold, waiting, sending) = (node.plan.operator.hold(replica), Rc::default(), RefCell::default());
    let linked = Linked { link, listening, hold, waiting, sending };
    linked.send(&missing.unwrap_or_default());
    if let Some(former) = node.links.borrow_mut().insert(replica, linked) {
        former.listening.abort();
    }
}

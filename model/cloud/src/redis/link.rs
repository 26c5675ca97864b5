//! A replica that follows, at its primary. What is held back waits here, as it would in the primary's output buffer, and is gone with the
//! primary.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use runtime::JoinHandle;
use runtime::net::Connection;

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
    /// `listening` hears the connection end; `hold` says what may go.
    pub fn new(link: Rc<ReplicaLink>, listening: JoinHandle<()>, hold: Rc<ReplicationHold>) -> Self {
        Linked { link, listening, hold, waiting: Rc::default(), sending: RefCell::default() }
    }

    /// Whether this is the replica's connection, and not one that took its place.
    pub fn is_through(&self, link: &Rc<ReplicaLink>) -> bool {
        Rc::ptr_eq(&self.link, link)
    }

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

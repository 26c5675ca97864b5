//! A server that follows the primary's log: the synchronous standby, which is a mirror of the volume and serves nobody, and the
//! asynchronous read replica, which applies what it receives and answers reads.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use runtime::Time;
use runtime::net::{Address, Closed, Connection, connect};
use tokio::sync::Notify;

use super::configuration::NodeId;
use super::parameters::FailoverParameters;
use super::protocol::{CopyFrame, PrimaryFrame};
use super::server::Server;
use super::storage::{Storage, transfer};
use super::store::{Lsn, WalRecord};
use crate::operation::ReplicationHold;

type PrimaryConnection = Connection<CopyFrame, PrimaryFrame>;

/// What following needs to know.
pub(super) struct Follower {
    pub node: NodeId,
    pub epoch: u64,
    pub storage: Rc<Storage>,
    pub parameters: FailoverParameters,
    /// Where reads are answered from: a read replica's, or none.
    pub server: Option<Rc<Server>>,
    /// What an operator, or a fault, holds back.
    pub hold: Rc<ReplicationHold>,
}

/// What was received, and when it was sent.
struct Received {
    pending: RefCell<Vec<(Time, WalRecord)>>,
    /// The primary's checkpoint that the own one is to follow.
    checkpoint: Cell<Option<Lsn>>,
    arrived: Notify,
}

impl Follower {
    /// Follows the primary at `address` until the connection ends.
    pub async fn follow(&self, address: Address) -> Closed {
        let connection = match connect::<CopyFrame, PrimaryFrame>(address).await {
            Ok(connection) => connection,
            Err(reason) => return reason,
        };
        connection.keepalive(self.parameters.suspicion(), self.parameters.suspicion());
        let hello = CopyFrame::Hello { node: self.node, epoch: self.epoch, position: self.storage.position() };
        connection.send(hello);
        match connection.recv().await {
            Err(reason) => return reason,
            Ok(PrimaryFrame::Continue { history }) => self.storage.adopt(history).await,
            Ok(PrimaryFrame::Rebuild { history, base }) => {
                let bytes = self.parameters.database_bytes;
                self.storage.rebuild(history, *base, transfer(bytes, self.parameters.rebuild_bytes_per_s)).await;
                if let Some(server) = &self.server {
                    server.end_sessions(); // their transactions are on data that is gone
                    *server.store.borrow_mut() = self.storage.load();
                }
            }
            Ok(PrimaryFrame::Records { .. } | PrimaryFrame::Checkpointed(_)) => return Closed::WrongProtocol,
        }
        self.catch_up();
        connection.send(CopyFrame::Durable(self.storage.position().lsn));
        let received = Received { pending: RefCell::default(), checkpoint: Cell::new(None), arrived: Notify::new() };
        runtime::select! {
            reason = self.receive(&connection, &received) => reason,
            () = self.persist(&connection, &received) => Closed::Finished,
        }
    }

    /// Applies what is in the log and was not applied yet when the last connection ended.
    fn catch_up(&self) {
        let Some(server) = &self.server else { return };
        let applied = server.store.borrow().last_lsn();
        match self.storage.records_after(applied) {
            Some(records) => records.iter().for_each(|record| server.store.borrow_mut().apply(record)),
            None => unreachable!("a checkpoint covers what was applied, and no more"),
        }
    }

    /// Takes frames as they come, or as late as they are held back.
    async fn receive(&self, connection: &PrimaryConnection, received: &Received) -> Closed {
        loop {
            match connection.recv().await {
                Ok(PrimaryFrame::Records { records, sent_at }) => {
                    let sent_at = Time(sent_at);
                    self.hold.wait(sent_at).await;
                    for record in records {
                        // What the primary wrote and flushed again after a resend is known already.
                        let last = received.pending.borrow().last().map(|(_, last)| last.lsn);
                        if record.lsn > last.unwrap_or_else(|| self.storage.position().lsn) {
                            received.pending.borrow_mut().push((sent_at, record));
                        }
                    }
                    received.arrived.notify_one();
                }
                Ok(PrimaryFrame::Checkpointed(lsn)) => {
                    received.checkpoint.set(Some(lsn));
                    received.arrived.notify_one();
                }
                Ok(PrimaryFrame::Continue { .. } | PrimaryFrame::Rebuild { .. }) => return Closed::WrongProtocol,
                Err(reason) => return reason,
            }
        }
    }

    /// Makes what arrived durable in groups, says so, and applies it.
    async fn persist(&self, connection: &PrimaryConnection, received: &Received) {
        loop {
            received.arrived.notified().await;
            let records = received.pending.take();
            if let Some((sent_at, last)) = records.last() {
                let (sent_at, last) = (*sent_at, last.lsn);
                for (_, record) in &records {
                    self.storage.append(record.clone());
                }
                self.storage.flush().await;
                connection.send(CopyFrame::Durable(last));
                if let Some(server) = &self.server {
                    runtime::sleep_until(sent_at + self.parameters.replica_apply_delay).await;
                    let mut store = server.store.borrow_mut();
                    for (_, record) in &records {
                        store.apply(record);
                    }
                }
            }
            if let Some(lsn) = received.checkpoint.take()
                && self.storage.position().lsn >= lsn
            {
                // A standby has no server to ask for its rows: its files hold them.
                let checkpoint = match &self.server {
                    Some(server) => server.store.borrow().checkpoint(),
                    None => self.storage.load().checkpoint(),
                };
                self.storage.checkpoint(checkpoint, Duration::ZERO).await;
            }
        }
    }
}

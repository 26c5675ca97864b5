//! The primary's write-ahead log: commits gather in memory, are written and flushed in groups, and are released in the
//! order of the log.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use tokio::sync::{Notify, oneshot};

use super::parameters::Durability;
use super::storage::Storage;
use super::store::{Lsn, WalRecord};

/// A commit that waits until it is durable everywhere it must be.
pub(super) struct Waiting {
    pub record: WalRecord,
    pub done: oneshot::Sender<()>,
}

/// The log of one reign.
pub(super) struct Wal {
    storage: Rc<Storage>,
    durability: Durability,
    /// In the server's memory: a crash of the process loses it.
    buffer: RefCell<Vec<WalRecord>>,
    /// Written here and not yet sent to the copies.
    unsent: RefCell<Vec<WalRecord>>,
    waiting: RefCell<VecDeque<Waiting>>,
    written: Cell<Lsn>,
    flushed: Cell<Lsn>,
    work: Notify,
}

impl Wal {
    pub fn new(storage: Rc<Storage>, durability: Durability) -> Self {
        let start = storage.position().lsn;
        Wal {
            storage,
            durability,
            buffer: RefCell::default(),
            unsent: RefCell::default(),
            waiting: RefCell::default(),
            written: Cell::new(start),
            flushed: Cell::new(start),
            work: Notify::new(),
        }
    }

    /// Adds a commit. Whoever must wait for it to be durable is told through the returned end.
    pub fn add(&self, record: WalRecord) -> Option<oneshot::Receiver<()>> {
        let waits = match self.durability {
            Durability::Synchronous => {
                let (done, told) = oneshot::channel();
                self.waiting.borrow_mut().push_back(Waiting { record: record.clone(), done });
                Some(told)
            }
            Durability::AsynchronousCommit | Durability::NoSync => None,
        };
        self.buffer.borrow_mut().push(record);
        if self.durability == Durability::NoSync {
            self.write();
        }
        self.work.notify_one();
        waits
    }

    /// Returns when there is something to flush.
    pub async fn has_work(&self) {
        self.work.notified().await;
    }

    /// Hands what is in memory to the kernel.
    fn write(&self) {
        for record in self.buffer.borrow_mut().drain(..) {
            assert!(record.lsn > self.written.get(), "the log is written in order");
            self.written.set(record.lsn);
            self.unsent.borrow_mut().push(record.clone());
            self.storage.append(record);
        }
    }

    /// Writes, gives the records to `send` on their way to the copies, and flushes.
    pub async fn flush(&self, send: impl FnOnce(Vec<WalRecord>)) {
        self.write();
        let records = self.unsent.take();
        if !records.is_empty() {
            send(records);
        }
        let target = self.written.get();
        self.storage.flush().await;
        self.flushed.set(self.flushed.get().max(target));
    }

    /// Commits that became durable: `copied` is how far the standby's log is durable, if commits wait for a standby.
    pub fn release(&self, copied: Option<Lsn>) -> Vec<Waiting> {
        let durable = copied.map_or(self.flushed.get(), |copied| copied.min(self.flushed.get()));
        let mut waiting = self.waiting.borrow_mut();
        let ready = waiting.partition_point(|commit| commit.record.lsn <= durable);
        waiting.drain(..ready).collect()
    }

    /// How far the kernel has the log.
    pub fn written(&self) -> Lsn {
        self.written.get()
    }

    /// How far this server's log is durable.
    pub fn flushed(&self) -> Lsn {
        self.flushed.get()
    }
}

//! The page cache of a broker's host: brokers do not flush, the kernel writes back now and then. What was not written back is gone with
//! the host's power; what waits for the volume beyond a limit makes writers wait too.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use ports::event_log::Partition;
use tokio::sync::Notify;

/// What waits to be written back.
pub(super) struct Writeback {
    interval: Duration,
    bytes_max: u64,
    dirty: RefCell<BTreeSet<Partition>>,
    bytes: Cell<u64>,
    begun: Notify,
    /// More waits than may.
    full: Notify,
    written: Notify,
}

impl Writeback {
    pub fn new(interval: Duration, bytes_max: u64) -> Rc<Self> {
        let (dirty, bytes) = (RefCell::default(), Cell::new(0));
        Rc::new(Writeback {
            interval,
            bytes_max,
            dirty,
            bytes,
            begun: Notify::new(),
            full: Notify::new(),
            written: Notify::new(),
        })
    }

    /// A partition's log grew.
    pub fn wrote(&self, partition: Partition, bytes: u32) {
        self.dirty.borrow_mut().insert(partition);
        self.bytes.set(self.bytes.get() + u64::from(bytes));
        self.begun.notify_one();
        if self.bytes.get() > self.bytes_max {
            self.full.notify_waiters();
        }
    }

    /// Returns once a writer may write.
    pub async fn room(&self) {
        loop {
            let written = self.written.notified();
            if self.bytes.get() <= self.bytes_max {
                return;
            }
            written.await;
        }
    }

    /// The next partitions to be written back, with their bytes: waits for the first write, then for the interval.
    pub async fn due(&self) -> (BTreeSet<Partition>, u64) {
        self.begun.notified().await;
        let full = self.full.notified();
        if self.bytes.get() <= self.bytes_max {
            runtime::select! {
                () = full => {}
                () = runtime::sleep(self.interval) => {}
            }
        }
        (self.dirty.take(), self.bytes.get())
    }

    /// So much was written back.
    pub fn done(&self, bytes: u64) {
        self.bytes.set(self.bytes.get() - bytes);
        self.written.notify_waiters();
        if !self.dirty.borrow().is_empty() {
            self.begun.notify_one();
        }
    }
}

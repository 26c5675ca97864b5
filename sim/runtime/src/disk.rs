//! A host's disk: append-only logs that outlive processes. What was written survives a crash of the process; only what
//! was flushed survives a loss of power.

use std::any::Any;
use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;

use serde::Serialize;

use crate::backend;
use crate::digest;
use crate::time::sleep_until;

pub use crate::backend::DurableFile;

#[derive(Debug)]
struct Contents<T> {
    records: RefCell<Vec<T>>,
    /// How many records were ever dropped from the front: positions count from the first ever appended.
    dropped: Cell<usize>,
    /// Position up to which records are durable.
    flushed: Cell<usize>,
    /// Raised by each rewind: a flush that began before one covers nothing that came after it.
    rewinds: Cell<u32>,
    unflushed_bytes: Cell<u64>,
    unflushed_digest: Cell<u64>,
}

impl<T: 'static> DurableFile for Contents<T> {
    fn lose_unflushed(&self) {
        self.records.borrow_mut().truncate(self.flushed.get() - self.dropped.get());
        self.rewinds.set(self.rewinds.get() + 1);
        self.unflushed_bytes.set(0);
        self.unflushed_digest.set(0);
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn Any> {
        self
    }
}

/// An append-only log on the current host's disk.
#[derive(Debug)]
pub struct Log<T>(Rc<Contents<T>>);

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Log(self.0.clone())
    }
}

/// Opens the current host's log of this name; empty if it was never written.
///
/// # Panics
/// If the file holds records of another type: two models share a name.
#[must_use]
pub fn open<T: Serialize + 'static>(name: &str) -> Log<T> {
    let create = || -> Rc<dyn DurableFile> {
        Rc::new(Contents::<T> {
            records: RefCell::new(Vec::new()),
            dropped: Cell::new(0),
            flushed: Cell::new(0),
            rewinds: Cell::new(0),
            unflushed_bytes: Cell::new(0),
            unflushed_digest: Cell::new(0),
        })
    };
    let file = backend::with(|backend| backend.file(name, &create)).as_any();
    Log(file.downcast().unwrap_or_else(|_| panic!("the log {name} holds records of another type")))
}

impl<T: Serialize + 'static> Log<T> {
    /// Appends to the page cache: visible at once, durable after [`flush`](Self::flush).
    pub fn append(&self, record: T, bytes: u32) {
        let (digest, _) = digest::of(&record);
        self.0.unflushed_digest.set(crate::random::mix(self.0.unflushed_digest.get(), digest));
        self.0.unflushed_bytes.set(self.0.unflushed_bytes.get() + u64::from(bytes));
        self.0.records.borrow_mut().push(record);
    }

    /// Makes everything appended so far durable. What is appended while it waits is not covered.
    pub async fn flush(&self) {
        let file = &*self.0;
        let (covered, rewinds) = (file.dropped.get() + file.records.borrow().len(), file.rewinds.get());
        let (bytes, digest) = (file.unflushed_bytes.take(), file.unflushed_digest.take());
        let done = backend::with(|backend| backend.disk_io(operations(bytes), bytes, true, digest));
        sleep_until(done).await;
        if file.rewinds.get() == rewinds {
            file.flushed.set(file.flushed.get().max(covered));
        }
    }

    /// The records, oldest first.
    #[must_use]
    pub fn records(&self) -> Ref<'_, [T]> {
        Ref::map(self.0.records.borrow(), Vec::as_slice)
    }

    /// Reads `bytes` from the volume: only the waiting is modelled, the records are at hand.
    pub async fn charge_read(&self, bytes: u64) {
        let done = backend::with(|backend| backend.disk_io(operations(bytes), bytes, false, 0));
        sleep_until(done).await;
    }

    /// Forgets the `count` oldest records (they were checkpointed elsewhere).
    pub fn drop_oldest(&self, count: usize) {
        let mut records = self.0.records.borrow_mut();
        let count = count.min(records.len());
        records.drain(..count);
        self.0.dropped.set(self.0.dropped.get() + count);
        self.0.flushed.set(self.0.flushed.get().max(self.0.dropped.get()));
    }

    /// Drops every record from index `length` on (a side that lost rewinds).
    pub fn truncate(&self, length: usize) {
        self.0.records.borrow_mut().truncate(length);
        self.0.flushed.set(self.0.flushed.get().min(self.0.dropped.get() + length));
        self.0.rewinds.set(self.0.rewinds.get() + 1);
    }
}

/// gp3 and io2 volumes count operations in units of up to 256 KiB when they are sequential
/// (source: Amazon EBS documentation, I/O characteristics, mid-2023).
fn operations(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(256 * 1024)).unwrap_or(u32::MAX).max(1)
}

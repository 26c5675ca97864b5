//! What the control surfaces of replicated stores have in common: a replica's stream held back, and orders that wait for whoever is to carry
//! them out.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use runtime::Time;
use tokio::sync::Notify;

/// What a replica's stream is held back by.
#[derive(Default)]
pub(crate) struct ReplicationHold {
    /// Records arrive only once they are this old.
    lag: Cell<Duration>,
    until: Cell<Time>,
    changed: Notify,
}

impl ReplicationHold {
    pub fn set(&self, lag: Duration, until: Time) {
        self.lag.set(lag);
        self.until.set(until);
        self.changed.notify_waiters();
    }

    fn free_at(&self, written_at: Time) -> Time {
        (written_at + self.lag.get()).min(self.until.get())
    }

    /// Whether what was written at `written_at` may go its way.
    pub fn is_free(&self, written_at: Time) -> bool {
        runtime::now() >= self.free_at(written_at)
    }

    /// Returns when what was written at `written_at` may go its way.
    pub async fn wait(&self, written_at: Time) {
        loop {
            let changed = self.changed.notified();
            let free_at = self.free_at(written_at);
            if runtime::now() >= free_at {
                return;
            }
            runtime::select! {
                () = changed => {}
                () = runtime::sleep_until(free_at) => {}
            }
        }
    }
}

/// Orders, first come, first served.
pub(crate) struct Orders<T> {
    waiting: RefCell<VecDeque<T>>,
    arrived: Notify,
}

impl<T> Default for Orders<T> {
    fn default() -> Self {
        Orders { waiting: RefCell::default(), arrived: Notify::new() }
    }
}

impl<T> Orders<T> {
    pub fn put(&self, order: T) {
        self.waiting.borrow_mut().push_back(order);
        self.arrived.notify_one();
    }

    /// Drops what waits.
    pub fn forget(&self) {
        self.waiting.borrow_mut().clear();
    }

    /// The next order. One of those who wait takes it: whichever lives and is first.
    pub async fn next(&self) -> T {
        loop {
            let arrived = self.arrived.notified();
            if let Some(order) = self.waiting.borrow_mut().pop_front() {
                return order;
            }
            arrived.await;
        }
    }
}

//! A value that tasks wait on until it is as they want it.
//!
//! Not tokio's `watch`: with that library's runtime linked in, it draws from the thread's own generator where a waiter queues, and so in
//! which order waiters wake.

use std::cell::{Cell, Ref, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// A value and whoever waits for it to change. Waiters wake in the order in which they began to wait.
#[derive(Debug, Default)]
pub struct Watched<T> {
    value: RefCell<T>,
    /// Whoever waits, by number of the wait, in the order of their beginning.
    waiting: RefCell<Vec<(u64, Waker)>>,
    waits: Cell<u64>,
}

/// One wait, which leaves nothing behind when it is dropped.
struct Wait<'a> {
    waiting: &'a RefCell<Vec<(u64, Waker)>>,
    number: u64,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.waiting.borrow_mut().retain(|(number, _)| *number != self.number);
    }
}

impl<T> Watched<T> {
    pub const fn new(value: T) -> Self {
        Watched { value: RefCell::new(value), waiting: RefCell::new(Vec::new()), waits: Cell::new(0) }
    }

    /// The value as it is. Not to be held while anybody may change it.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.value.borrow()
    }

    /// Puts another value in its place.
    pub fn replace(&self, value: T) {
        self.value.replace(value);
        self.wake();
    }

    /// Lets `change` have the value; if that says that it changed anything, everybody who waits looks again.
    pub fn update(&self, change: impl FnOnce(&mut T) -> bool) {
        let changed = change(&mut self.value.borrow_mut());
        if changed {
            self.wake();
        }
    }

    /// Has everybody who waits look again, because something beside the value that they look at has changed.
    pub fn wake(&self) {
        for (_, waker) in self.waiting.take() {
            waker.wake();
        }
    }

    /// Returns when the value is as wanted: at once if it is.
    pub async fn wait_until(&self, mut wanted: impl FnMut(&T) -> bool) {
        if wanted(&self.value.borrow()) {
            return;
        }
        let wait = Wait { waiting: &self.waiting, number: self.waits.replace(self.waits.get() + 1) };
        poll_fn(|context| {
            if wanted(&self.value.borrow()) {
                return Poll::Ready(());
            }
            let mut waiting = self.waiting.borrow_mut();
            match waiting.iter_mut().find(|(number, _)| *number == wait.number) {
                Some((_, waker)) => waker.clone_from(context.waker()),
                None => waiting.push((wait.number, context.waker().clone())),
            }
            Poll::Pending
        })
        .await;
    }
}

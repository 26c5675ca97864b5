//! Timers: each is one of tokio's, registered with the waker it is to wake. No task stands behind it, so that taking it
//! back leaves nothing.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use runtime::backend::TimerId;
use slab::Slab;
use tokio::time::{Instant, Sleep, sleep_until};

struct Timer {
    generation: u32,
    /// Dropped, it takes itself off tokio's wheel.
    _sleep: Pin<Box<Sleep>>,
}

#[derive(Default)]
pub(crate) struct Timers {
    armed: RefCell<Slab<Timer>>,
    generation: Cell<u32>,
}

impl Timers {
    /// Wakes `waker` once at `at`, never before; tokio rounds up to its next millisecond.
    pub(crate) fn arm(&self, at: Instant, waker: &Waker) -> TimerId {
        let mut sleep = Box::pin(sleep_until(at));
        if sleep.as_mut().poll(&mut Context::from_waker(waker)).is_ready() {
            waker.wake_by_ref();
        }
        let generation = self.generation.get().wrapping_add(1);
        self.generation.set(generation);
        let slot = self.armed.borrow_mut().insert(Timer { generation, _sleep: sleep });
        TimerId { slot: u32::try_from(slot).expect("fewer than 2^32 timers"), generation }
    }

    pub(crate) fn disarm(&self, timer: TimerId) {
        let mut armed = self.armed.borrow_mut();
        let slot = timer.slot as usize;
        let taken = match armed.get(slot) {
            Some(found) if found.generation == timer.generation => armed.remove(slot),
            _ => return,
        };
        drop(armed);
        drop(taken); // its waker may own a task, whose destructor takes back timers of its own
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_timer_taken_back_leaves_nothing_and_stale_names_do_no_harm() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let _inside = runtime.enter();
        let timers = Timers::default();
        let far = Instant::now() + Duration::from_secs(3_600);
        let first = timers.arm(far, Waker::noop());
        timers.disarm(first);
        assert_eq!(timers.armed.borrow().len(), 0);
        let second = timers.arm(far, Waker::noop());
        assert_eq!(second.slot, first.slot, "the slot is used again");
        timers.disarm(first);
        assert_eq!(timers.armed.borrow().len(), 1, "a stale name is not the new timer's");
        timers.disarm(second);
        timers.disarm(second);
        assert_eq!(timers.armed.borrow().len(), 0);
    }
}

//! Connections to one server of calls: dialled when needed, shared by requests, given up when they break.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use runtime::call::Caller;
use runtime::net::{Address, Closed, Frame};

struct Slot<Q, A> {
    caller: RefCell<Option<Caller<Q, A>>>,
    /// Raised with each dial, so that a connection is given up only by those who used it.
    dials: Cell<u32>,
    /// Held by whoever dials.
    dialling: tokio::sync::Mutex<()>,
}

pub(crate) struct Pool<Q, A> {
    to: Address,
    slots: Box<[Slot<Q, A>]>,
    next: Cell<usize>,
}

/// A connection out of a pool.
pub(crate) struct Borrowed<Q, A> {
    pub(crate) caller: Caller<Q, A>,
    slot: usize,
    dial: u32,
}

impl<Q: Frame, A: Frame> Pool<Q, A> {
    pub(crate) fn new(to: Address, connections: u16) -> Self {
        let slot = |_| Slot { caller: RefCell::new(None), dials: Cell::new(0), dialling: tokio::sync::Mutex::new(()) };
        Pool { to, slots: (0..connections.max(1)).map(slot).collect(), next: Cell::new(0) }
    }

    /// The next connection in turn, dialled within `limit` if it is not there.
    ///
    /// # Errors
    /// Why there is none.
    #[inline]
    pub(crate) async fn borrow(&self, limit: Duration) -> Result<Borrowed<Q, A>, Closed> {
        let slot = self.next.get();
        self.next.set(if slot + 1 < self.slots.len() { slot + 1 } else { 0 });
        match self.ready(slot) {
            Some(borrowed) => Ok(borrowed),
            None => runtime::timeout(limit, self.dial(slot)).await.unwrap_or(Err(Closed::TimedOut)),
        }
    }

    #[inline]
    fn ready(&self, slot: usize) -> Option<Borrowed<Q, A>> {
        let Slot { caller, dials, .. } = &self.slots[slot];
        let caller = caller.borrow().as_ref().filter(|caller| caller.closed().is_none())?.clone();
        Some(Borrowed { caller, slot, dial: dials.get() })
    }

    async fn dial(&self, slot: usize) -> Result<Borrowed<Q, A>, Closed> {
        let Slot { caller, dials, dialling } = &self.slots[slot];
        let _dialling = dialling.lock().await;
        if let Some(borrowed) = self.ready(slot) {
            return Ok(borrowed);
        }
        let dialled = Caller::connect(self.to).await?;
        dials.set(dials.get().wrapping_add(1));
        *caller.borrow_mut() = Some(dialled.clone());
        Ok(Borrowed { caller: dialled, slot, dial: dials.get() })
    }

    /// A request on this connection went unanswered: the next one gets another. Requests under way keep it until they end.
    pub(crate) fn give_up(&self, borrowed: &Borrowed<Q, A>) {
        let slot = &self.slots[borrowed.slot];
        if slot.dials.get() == borrowed.dial {
            slot.caller.borrow_mut().take();
        }
    }
}

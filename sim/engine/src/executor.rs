//! Tasks and their wakers. A waker is a number - (engine, generation, slot) - so that cloning one is free and a stale
//! one, from an earlier life of the slot, another engine or another thread, is ignored.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{RawWaker, RawWakerVTable, Waker};

use runtime::backend::{LocalFuture, TaskId};
use runtime::world::ProcessId;

const SLOT_BITS: u32 = 24;
const GENERATION_BITS: u32 = 24;
const GENERATION_MASK: u32 = (1 << GENERATION_BITS) - 1;

struct Slot {
    /// Absent while the task is being polled, and in a free slot.
    future: Option<LocalFuture>,
    process: ProcessId,
    generation: u32,
    queued: bool,
    live: bool,
}

/// Every task of a run.
pub(crate) struct Tasks {
    tag: u16,
    slots: RefCell<Vec<Slot>>,
    free: RefCell<Vec<u32>>,
    ready: RefCell<VecDeque<TaskId>>,
}

thread_local! {
    static ACTIVE: RefCell<Option<Rc<Tasks>>> = const { RefCell::new(None) };
}

/// Engines of one program, so that a waker of one never wakes a task of another. It enters no result.
static ENGINES: AtomicU64 = AtomicU64::new(0);

impl Tasks {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Tasks {
            tag: ENGINES.fetch_add(1, Ordering::Relaxed) as u16,
            slots: RefCell::default(),
            free: RefCell::default(),
            ready: RefCell::default(),
        })
    }

    /// Makes this thread's wakers reach these tasks while the returned value lives.
    pub(crate) fn activate(self: &Rc<Self>) -> Active {
        Active(ACTIVE.with(|active| active.replace(Some(self.clone()))))
    }

    #[inline]
    pub(crate) fn insert(&self, process: ProcessId, future: LocalFuture) -> TaskId {
        let mut slots = self.slots.borrow_mut();
        let slot = match self.free.borrow_mut().pop() {
            Some(slot) => slot,
            None => {
                let slot = u32::try_from(slots.len()).expect("tasks are few");
                assert!(slot < 1 << SLOT_BITS, "more than {} tasks at once", 1 << SLOT_BITS);
                slots.push(Slot { future: None, process, generation: 0, queued: false, live: false });
                slot
            }
        };
        let entry = &mut slots[slot as usize];
        (entry.future, entry.process, entry.queued, entry.live) = (Some(future), process, true, true);
        let task = TaskId { slot, generation: entry.generation };
        self.ready.borrow_mut().push_back(task);
        task
    }

    #[inline]
    pub(crate) fn next_ready(&self) -> Option<TaskId> {
        self.ready.borrow_mut().pop_front()
    }

    /// Puts tasks that waited for their paused process back into the ready queue.
    pub(crate) fn requeue(&self, tasks: Vec<TaskId>) {
        self.ready.borrow_mut().extend(tasks);
    }

    /// The process of a live task.
    #[inline]
    pub(crate) fn process(&self, task: TaskId) -> Option<ProcessId> {
        let slots = self.slots.borrow();
        let slot = &slots[task.slot as usize];
        (slot.live && slot.generation == task.generation).then_some(slot.process)
    }

    /// Takes a task's future out to be polled in its process.
    #[inline]
    pub(crate) fn take(&self, task: TaskId) -> Option<(ProcessId, LocalFuture)> {
        let mut slots = self.slots.borrow_mut();
        let slot = &mut slots[task.slot as usize];
        if !slot.live || slot.generation != task.generation {
            return None;
        }
        slot.queued = false;
        slot.future.take().map(|future| (slot.process, future))
    }

    /// Puts a pending future back; gives it back to the caller to drop if the task was aborted meanwhile.
    #[inline]
    pub(crate) fn put_back(&self, task: TaskId, future: LocalFuture) -> Option<LocalFuture> {
        let mut slots = self.slots.borrow_mut();
        let slot = &mut slots[task.slot as usize];
        if !slot.live || slot.generation != task.generation {
            return Some(future);
        }
        slot.future = Some(future);
        None
    }

    /// Ends a task. The future, if it is not being polled, is the caller's to drop outside every borrow.
    #[inline]
    pub(crate) fn remove(&self, task: TaskId) -> Option<LocalFuture> {
        let mut slots = self.slots.borrow_mut();
        let slot = &mut slots[task.slot as usize];
        if !slot.live || slot.generation != task.generation {
            return None;
        }
        slot.live = false;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.borrow_mut().push(task.slot);
        slot.future.take()
    }

    /// Ends every task of a process, in order of slots.
    pub(crate) fn remove_process(&self, process: ProcessId) -> Vec<LocalFuture> {
        let mine: Vec<TaskId> = (0u32..)
            .zip(self.slots.borrow().iter())
            .filter(|(_, slot)| slot.live && slot.process == process)
            .map(|(slot, entry)| TaskId { slot, generation: entry.generation })
            .collect();
        mine.into_iter().filter_map(|task| self.remove(task)).collect()
    }

    /// Every live task's future: what is left when the run ends.
    pub(crate) fn remove_all(&self) -> Vec<LocalFuture> {
        self.slots.borrow_mut().iter_mut().filter_map(|slot| slot.future.take()).collect()
    }

    /// A waker carries the low bits of the generation: one that is stale by exactly 2^24 lives wakes for nothing,
    /// which a future must bear anyway.
    #[inline]
    fn wake(&self, waker: Decoded) {
        if waker.tag != self.tag {
            return;
        }
        let mut slots = self.slots.borrow_mut();
        if let Some(slot) = slots.get_mut(waker.slot as usize)
            && slot.live
            && slot.generation & GENERATION_MASK == waker.generation
            && !slot.queued
        {
            slot.queued = true;
            self.ready.borrow_mut().push_back(TaskId { slot: waker.slot, generation: slot.generation });
        }
    }

    /// The waker of a task, not to be dropped: it owns nothing.
    #[inline]
    pub(crate) fn waker(&self, task: TaskId) -> ManuallyDrop<Waker> {
        let word = u64::from(self.tag) << (SLOT_BITS + GENERATION_BITS)
            | u64::from(task.generation & GENERATION_MASK) << SLOT_BITS
            | u64::from(task.slot);
        let raw = RawWaker::new(word as usize as *const (), &VTABLE);
        // SAFETY: the table's functions only read the number in the pointer and follow RawWaker's contract: they are
        // callable from any thread, and clone and drop own nothing.
        ManuallyDrop::new(unsafe { Waker::from_raw(raw) })
    }

    /// The process behind one of this engine's wakers; `None` for a combinator's own waker.
    #[inline]
    pub(crate) fn process_of(&self, waker: &Waker) -> Option<ProcessId> {
        if !std::ptr::eq(waker.vtable(), &VTABLE) {
            return None;
        }
        let waker = decode(waker.data());
        let slots = self.slots.borrow();
        let slot = &slots[waker.slot as usize];
        (slot.live && slot.generation & GENERATION_MASK == waker.generation).then_some(slot.process)
    }
}

thread_local! {
    static POLLING: Cell<bool> = const { Cell::new(false) };
}

/// Is a simulated process's own code running on this thread? Only its panics are a run's to report.
pub(crate) fn is_polling() -> bool {
    POLLING.try_with(Cell::get).unwrap_or(false)
}

/// Runs a simulated process's own code.
#[inline]
pub(crate) fn polling<R>(body: impl FnOnce() -> R) -> R {
    let former = POLLING.replace(true);
    let result = body();
    POLLING.set(former);
    result
}

/// Restores the thread's former tasks when dropped.
pub(crate) struct Active(Option<Rc<Tasks>>);

impl Drop for Active {
    fn drop(&mut self) {
        let former = self.0.take();
        ACTIVE.with(|active| active.replace(former));
    }
}

struct Decoded {
    tag: u16,
    slot: u32,
    generation: u32,
}

#[inline]
fn decode(pointer: *const ()) -> Decoded {
    let word = pointer as usize as u64;
    Decoded {
        tag: (word >> (SLOT_BITS + GENERATION_BITS)) as u16,
        slot: (word & ((1 << SLOT_BITS) - 1)) as u32,
        generation: (word >> SLOT_BITS) as u32 & GENERATION_MASK,
    }
}

fn wake(pointer: *const ()) {
    // No active tasks: a wake from another thread, or after the run. Both are ignored by design.
    let _ = ACTIVE.try_with(|active| {
        if let Some(tasks) = active.borrow().as_deref() {
            tasks.wake(decode(pointer));
        }
    });
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(|pointer| RawWaker::new(pointer, &VTABLE), wake, wake, |_| {});

/// The instant's count of polls: a guard against tasks that wake each other for ever without time passing.
#[derive(Default)]
pub(crate) struct Backstop {
    polls: Cell<u64>,
}

impl Backstop {
    /// Polls at one instant after which a run is wedged: a hundred times the largest burst of the models (assumption).
    const POLLS_MAX: u64 = 20_000_000;

    #[inline]
    pub(crate) fn poll(&self) -> bool {
        self.polls.set(self.polls.get() + 1);
        self.polls.get() > Self::POLLS_MAX
    }

    #[inline]
    pub(crate) fn time_passed(&self) {
        self.polls.set(0);
    }
}

//! Processes and their tasks on tokio. The core, not tokio, owns each task's future: a crash drops them at once, in
//! the process they belong to, whatever tokio has queued.

mod lives;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use runtime::backend::{LocalFuture, TaskId};
use runtime::world::{ProcessId, ProcessSpec};
use slab::Slab;
use tokio::task::AbortHandle;

pub(crate) struct Process {
    pub(crate) spec: ProcessSpec,
    pub(crate) name: Rc<str>,
    pub(crate) running: bool,
}

impl Process {
    pub(crate) fn new(spec: ProcessSpec) -> Self {
        Process { name: spec.name.as_str().into(), spec, running: false }
    }
}

struct Task {
    process: ProcessId,
    generation: u32,
    ended: Cell<bool>,
    /// Absent while it is polled, and once the task ended.
    future: RefCell<Option<LocalFuture>>,
    shell: RefCell<Option<AbortHandle>>,
}

impl Task {
    /// The future, if it is not being polled, is the caller's to drop outside every borrow.
    fn end(&self) -> Option<LocalFuture> {
        self.ended.set(true);
        if let Some(shell) = self.shell.take() {
            shell.abort();
        }
        self.future.take()
    }
}

/// Every live task of a run.
#[derive(Default)]
pub(crate) struct Tasks {
    live: RefCell<Slab<Rc<Task>>>,
    generation: Cell<u32>,
}

impl Tasks {
    fn insert(&self, process: ProcessId, future: LocalFuture) -> (TaskId, Rc<Task>) {
        let generation = self.generation.get().wrapping_add(1);
        self.generation.set(generation);
        let future = RefCell::new(Some(future));
        let task = Rc::new(Task { process, generation, ended: Cell::new(false), future, shell: RefCell::default() });
        let slot = self.live.borrow_mut().insert(task.clone());
        (TaskId { slot: u32::try_from(slot).expect("tasks are few"), generation }, task)
    }

    /// Ends a task. Its future, if it is not being polled, is the caller's to drop outside every borrow.
    pub(crate) fn remove(&self, id: TaskId) -> Option<LocalFuture> {
        let task = {
            let mut live = self.live.borrow_mut();
            let slot = id.slot as usize;
            match live.get(slot) {
                Some(task) if task.generation == id.generation => live.remove(slot),
                _ => return None,
            }
        };
        task.end()
    }

    fn remove_process(&self, process: ProcessId) -> Vec<LocalFuture> {
        let mut mine = Vec::new();
        self.live.borrow_mut().retain(|_, task| {
            let keep = task.process != process;
            if !keep {
                mine.push(task.clone());
            }
            keep
        });
        mine.iter().filter_map(|task| task.end()).collect()
    }
}

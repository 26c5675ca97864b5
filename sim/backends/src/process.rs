//! Processes and their tasks on tokio. The core, not tokio, owns each task's future: a crash drops them at once, in
//! the process they belong to, whatever tokio has queued.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use runtime::backend::{LocalFuture, TaskId, enter};
use runtime::world::{ProcessId, ProcessSpec};
use slab::Slab;
use tokio::task::AbortHandle;

use crate::core::Core;
use crate::outcome::ProcessPanic;

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

/// What tokio runs for a task: it enters the engine and the process around each poll.
struct Shell {
    core: Rc<Core>,
    id: TaskId,
    task: Rc<Task>,
}

impl Future for Shell {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Shell { core, id, task } = &*self;
        enter(core.clone(), || core.inside(task.process, || core.poll(*id, task, context)))
    }
}

impl Core {
    /// Runs `body` with `process` as the current one.
    fn inside<R>(&self, process: ProcessId, body: impl FnOnce() -> R) -> R {
        let former = self.current.replace(process);
        let result = body();
        self.current.set(former);
        result
    }

    fn poll(&self, id: TaskId, task: &Task, context: &mut Context<'_>) -> Poll<()> {
        let Some(mut future) = task.future.take() else { return Poll::Ready(()) };
        let polled = match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) if !task.ended.get() => {
                *task.future.borrow_mut() = Some(future);
                Poll::Pending
            }
            Ok(_) => {
                drop(self.tasks.remove(id));
                drop(future);
                Poll::Ready(())
            }
            Err(payload) => {
                self.note_panic(task.process, &*payload);
                drop(self.tasks.remove(id));
                drop(future);
                self.crash_current.set(true);
                Poll::Ready(())
            }
        };
        if self.crash_current.take() {
            self.end_process(task.process);
            return Poll::Ready(());
        }
        polled
    }

    fn note_panic(&self, process: ProcessId, payload: &(dyn Any + Send)) {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let message = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
        let process = self.processes.borrow()[process.0 as usize].spec.name.clone();
        self.panics.borrow_mut().push(ProcessPanic { process, at: self.time(), message });
    }

    pub(crate) fn spawn_in(&self, process: ProcessId, future: LocalFuture) -> TaskId {
        if !self.processes.borrow()[process.0 as usize].running {
            // A destructor of a process that ended: there is nobody to run this.
            drop(future);
            return TaskId { slot: u32::MAX, generation: 0 };
        }
        let (id, task) = self.tasks.insert(process, future);
        let core = self.this.upgrade().expect("a running core is shared");
        let shell = tokio::task::spawn_local(Shell { core, id, task: task.clone() });
        *task.shell.borrow_mut() = Some(shell.abort_handle());
        id
    }

    /// Starts a process that does not run. Called outside every process, on the process's host.
    pub(crate) fn start_process(&self, process: ProcessId) {
        let start = {
            let entry = &mut self.processes.borrow_mut()[process.0 as usize];
            if entry.running {
                return;
            }
            entry.running = true;
            entry.spec.start.clone()
        };
        self.spawn_in(process, Box::pin(async move { start().await }));
    }

    /// Ends a process as a crash would: its tasks, memory, ports and connections are gone; its host's files stay.
    /// Called inside the engine, on the process's host.
    pub(crate) fn end_process(&self, process: ProcessId) {
        let name = {
            let entry = &mut self.processes.borrow_mut()[process.0 as usize];
            if !entry.running {
                return;
            }
            entry.running = false;
            entry.name.clone()
        };
        self.ports.borrow_mut().retain(|_, port| port.process != process);
        let futures = self.tasks.remove_process(process);
        self.telemetry.forget(&name);
        // Destructors run as the dead process: what they spawn or send goes nowhere.
        self.crashing.set(true);
        self.inside(process, || drop(futures));
        self.crashing.set(false);
    }
}

//! Processes' lives: how they begin and end on one host, and how tokio polls their tasks.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use runtime::backend::{LocalFuture, TaskId, enter};
use runtime::net::HostId;
use runtime::world::ProcessId;
use tokio::time::Instant;

use super::Task;
use crate::core::Core;
use crate::outcome::ProcessPanic;
use crate::setup::Act;

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
    /// Starts the processes of one host and does to them what is planned. It never ends: the run does.
    pub(crate) async fn supervise(self: Rc<Self>, host: HostId) {
        let started = *self.hosts[host.0 as usize].started.get_or_init(Instant::now);
        let is_mine = |process: &ProcessId| self.processes.borrow()[process.0 as usize].spec.host == host;
        let count = u32::try_from(self.processes.borrow().len()).expect("processes are few");
        for process in (0..count).map(ProcessId).filter(is_mine) {
            self.start_process(process);
        }
        for planned in self.plan.iter().filter(|planned| is_mine(&planned.process)) {
            tokio::time::sleep_until(started + Duration::from_nanos(planned.at.nanos())).await;
            match planned.act {
                Act::Start => self.start_process(planned.process),
                Act::Crash => enter(self.clone(), || self.end_process(planned.process)),
            }
        }
        std::future::pending().await
    }

    /// Ends every process. Tasks hold the engine through what they wait for: they are dropped while it still answers.
    pub(crate) fn end(self: &Rc<Self>) {
        let count = u32::try_from(self.processes.borrow().len()).expect("processes are few");
        enter(self.clone(), || (0..count).map(ProcessId).for_each(|process| self.end_process(process)));
    }

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

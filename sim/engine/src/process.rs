//! Processes: what the engine knows of each, and what is told of one that panicked.

mod lives;

use std::any::Any;
use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Once;

use runtime::Time;
use runtime::backend::TaskId;
use runtime::net::HostId;
use runtime::world::ProcessSpec;

use crate::host::Quota;

/// A process that panicked: it crashed, as a real one would, and the run says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{process} panicked at {at} ({location}): {message}")]
pub struct ProcessPanic {
    pub process: String,
    pub at: Time,
    /// File and line.
    pub location: String,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The kernel lives on and resets the process's connections.
    Crash,
    /// Nobody is left to tell anyone.
    PowerLoss,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Stopped,
    Running,
    Paused,
}

pub(crate) struct Process {
    pub(crate) name: Rc<str>,
    pub(crate) host: HostId,
    pub(crate) quota: Option<Quota>,
    /// Connections dialled in this run: with the seed they key each connection's latency draws.
    pub(crate) dials: u64,
    /// Processor time spent, in nanoseconds.
    pub(crate) busy_ns: u64,
    life: u32,
    state: State,
    parked: Vec<TaskId>,
    /// Another process starts it, and nobody else does.
    is_child: bool,
    spec: Option<ProcessSpec>,
}

impl Process {
    pub(crate) fn new(spec: ProcessSpec) -> Self {
        let quota = spec.cpu_limit_millicores.map(Quota::new);
        Process::stopped(spec.name.as_str().into(), spec.host, quota, Some(spec))
    }

    /// What faults and schedules act as; it never runs.
    pub(crate) fn world() -> Self {
        Process::stopped("world".into(), HostId(u32::MAX), None, None)
    }

    fn stopped(name: Rc<str>, host: HostId, quota: Option<Quota>, spec: Option<ProcessSpec>) -> Self {
        Process {
            name,
            host,
            quota,
            dials: 0,
            busy_ns: 0,
            life: 0,
            state: State::Stopped,
            parked: Vec::new(),
            is_child: false,
            spec,
        }
    }

    pub(crate) fn child(spec: ProcessSpec) -> Self {
        Process { is_child: true, ..Process::new(spec) }
    }

    pub(crate) fn runs(&self) -> bool {
        self.state != State::Stopped
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.state == State::Paused
    }

    pub(crate) fn stop(&mut self) {
        self.state = State::Stopped;
    }

    /// A paused process's ready task waits for it to resume.
    #[inline]
    pub(crate) fn park_if_paused(&mut self, task: TaskId) -> bool {
        let paused = self.state == State::Paused;
        if paused {
            self.parked.push(task);
        }
        paused
    }
}

thread_local! {
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Remembers where a simulated process panicked, instead of printing it in the middle of a run.
pub(crate) fn remember_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let former = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if crate::executor::is_polling() {
                LOCATION.set(info.location().map(Location::to_string));
            } else {
                former(info);
            }
        }));
    });
}

pub(crate) fn panic_report(process: String, at: Time, payload: &(dyn Any + Send)) -> ProcessPanic {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let message = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
    ProcessPanic { process, at, location: LOCATION.take().unwrap_or_default(), message }
}

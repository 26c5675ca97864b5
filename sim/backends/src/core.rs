//! The state that the engines on turmoil and on real tokio share: hosts, processes and connections. An engine gives it a
//! network, and starts a [`Core::supervise`] where its processes are to run.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::time::Duration;

use runtime::Time;
use runtime::backend::TaskId;
use runtime::disk::DurableFile;
use runtime::net::{Address, HostId};
use runtime::telemetry::Telemetry;
use runtime::time::nanos;
use runtime::world::ProcessId;
use tokio::time::Instant;

use crate::outcome::ProcessPanic;
use crate::process::{Process, Tasks};
use crate::setup::{Planned, Setup};
use crate::stream::Network;
use crate::timers::Timers;

pub(crate) struct Host {
    /// Time that one flush of its volume takes.
    pub(crate) flush: Duration,
    /// What tokio's clock showed when the host started: turmoil gives each host a clock of its own.
    pub(crate) started: OnceCell<Instant>,
    pub(crate) files: RefCell<BTreeMap<String, Rc<dyn DurableFile>>>,
}

pub(crate) struct OpenPort {
    pub(crate) process: ProcessId,
    pub(crate) task: TaskId,
}

/// The engine's state, shared with the running code as its backend. Borrows are short: none is held while a task, an
/// endpoint or a destructor runs.
pub(crate) struct Core {
    pub(crate) this: Weak<Core>,
    pub(crate) seed: u64,
    pub(crate) network: Box<dyn Network>,
    /// Raised while the connections of a crashed process are dropped, for a network that can reset them.
    pub(crate) crashing: Rc<Cell<bool>>,
    pub(crate) current: Cell<ProcessId>,
    pub(crate) crash_current: Cell<bool>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) processes: RefCell<Vec<Process>>,
    pub(crate) plan: Vec<Planned>,
    pub(crate) tasks: Tasks,
    pub(crate) timers: Timers,
    pub(crate) ports: RefCell<BTreeMap<Address, OpenPort>>,
    pub(crate) telemetry: Telemetry,
    pub(crate) panics: RefCell<Vec<ProcessPanic>>,
}

impl Core {
    pub(crate) fn new(seed: u64, setup: Setup, network: Box<dyn Network>, crashing: Rc<Cell<bool>>) -> Rc<Core> {
        let Setup { hosts, processes, mut plan, .. } = setup;
        plan.sort_by_key(|planned| planned.at);
        let host = |volume_flush| Host { flush: volume_flush, started: OnceCell::new(), files: RefCell::default() };
        Rc::new_cyclic(|this| Core {
            this: this.clone(),
            seed,
            network,
            crashing,
            current: Cell::new(ProcessId(u32::MAX)),
            crash_current: Cell::new(false),
            hosts: hosts.into_iter().map(|spec| host(spec.volume.flush)).collect(),
            processes: RefCell::new(processes.into_iter().map(Process::new).collect()),
            plan,
            tasks: Tasks::default(),
            timers: Timers::default(),
            ports: RefCell::default(),
            telemetry: Telemetry::default(),
            panics: RefCell::default(),
        })
    }

    pub(crate) fn current_host(&self) -> HostId {
        self.processes.borrow()[self.current.get().0 as usize].spec.host
    }

    /// The current host's clock, which is every host's.
    pub(crate) fn time(&self) -> Time {
        let started = self.hosts[self.current_host().0 as usize].started.get();
        Time(started.map_or(0, |started| nanos(started.elapsed())))
    }
}

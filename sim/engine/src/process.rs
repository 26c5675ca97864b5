//! Processes: their lives, and how they end.

use std::any::Any;
use std::cell::RefCell;
use std::io;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Once;

use runtime::Time;
use runtime::backend::TaskId;
use runtime::child::ChildSpec;
use runtime::net::HostId;
use runtime::world::{ProcessId, ProcessSpec};

use crate::connections::Loss;
use crate::core::{Core, Event, WORLD};
use crate::host::Quota;
use crate::trace::Kind;

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

impl Core {
    pub(crate) fn start_process(&self, process: ProcessId, life: u32) {
        let start = {
            let mut processes = self.processes.borrow_mut();
            let entry = &mut processes[process.0 as usize];
            if entry.state != State::Stopped || entry.life != life {
                return;
            }
            if !self.hosts.borrow()[entry.host.0 as usize].powered {
                return;
            }
            entry.state = State::Running;
            entry.spec.as_ref().expect("only the world has no specification").start.clone()
        };
        self.record(process, Kind::Start, u64::from(life));
        self.current.set(process);
        let main = start();
        self.tasks.insert(process, main);
    }

    /// Ends a process: its tasks, memory, ports and connections are gone; the disk stays.
    pub(crate) fn end_process(&self, process: ProcessId, ending: Ending) {
        let name = {
            let mut processes = self.processes.borrow_mut();
            let entry = &mut processes[process.0 as usize];
            if entry.state == State::Stopped {
                return;
            }
            entry.state = State::Stopped;
            entry.life += 1;
            entry.parked.clear();
            entry.name.clone()
        };
        self.record(process, Kind::Crash, ending as u64);
        let acceptors: Vec<_> = self.ports.borrow_mut().extract_if(.., |_, port| port.process == process).collect();
        let loss = match ending {
            Ending::Crash => Loss::Reset,
            Ending::PowerLoss => Loss::Silence,
        };
        let endpoints = self.lose_connections(process, loss);
        let futures = self.tasks.remove_process(process);
        self.telemetry.forget(&name);
        // Destructors run as the dead process: what they spawn or send goes nowhere.
        let former = self.current.replace(process);
        drop(futures);
        drop(endpoints);
        drop(acceptors);
        self.current.set(former);
    }

    pub(crate) fn pause_process(&self, process: ProcessId) {
        let mut processes = self.processes.borrow_mut();
        let entry = &mut processes[process.0 as usize];
        if entry.state == State::Running {
            entry.state = State::Paused;
            self.record(process, Kind::Pause, 0);
        }
        drop(processes);
        self.look_for_trouble();
    }

    pub(crate) fn resume_process(&self, process: ProcessId) {
        let mut processes = self.processes.borrow_mut();
        let entry = &mut processes[process.0 as usize];
        if entry.state == State::Paused {
            entry.state = State::Running;
            self.record(process, Kind::Resume, 0);
            self.tasks.requeue(std::mem::take(&mut entry.parked));
        }
        drop(processes);
        self.look_for_trouble();
    }

    /// Starts a stopped process after a delay, unless it is started or ended otherwise before. A child is its parent's to start.
    pub(crate) fn schedule_start(&self, process: ProcessId, at: Time) {
        let Process { life, is_child, .. } = self.processes.borrow()[process.0 as usize];
        if !is_child {
            self.schedule(at, Event::Start { process, life });
        }
    }

    /// Starts a child of the current process's host at once, anew if there was one of its name.
    pub(crate) fn start_child(&self, child: ChildSpec) -> io::Result<ProcessId> {
        let parent = self.current.get();
        let (process, life) = {
            let mut processes = self.processes.borrow_mut();
            let ChildSpec { name, cpu_limit_millicores, start } = child;
            let spec = ProcessSpec { name, host: processes[parent.0 as usize].host, cpu_limit_millicores, start };
            match processes.iter().position(|other| *other.name == *spec.name) {
                Some(index) => {
                    let former = &mut processes[index];
                    if former.runs() || !former.is_child || former.host != spec.host {
                        let taken = format!("there is a process called {}", spec.name);
                        return Err(io::Error::new(io::ErrorKind::AlreadyExists, taken));
                    }
                    former.quota = spec.cpu_limit_millicores.map(Quota::new);
                    former.spec = Some(spec);
                    (ProcessId(u32::try_from(index).expect("processes are few")), former.life)
                }
                None => {
                    processes.push(Process::child(spec));
                    (ProcessId(u32::try_from(processes.len() - 1).expect("processes are few")), 0)
                }
            }
        };
        self.start_process(process, life);
        self.current.set(parent);
        Ok(process)
    }

    pub(crate) fn power_off(&self, host: HostId) {
        let mine = self.processes_on(host);
        for process in mine {
            self.end_process(process, Ending::PowerLoss);
        }
        self.hosts.borrow_mut()[host.0 as usize].lose_power();
        self.power_cycles.borrow_mut()[host.0 as usize] += 1;
        self.record(WORLD, Kind::PowerOff, u64::from(host.0));
        self.look_for_trouble();
        self.probe_unreachable();
    }

    pub(crate) fn power_on(&self, host: HostId) {
        let boot = self.hosts.borrow()[host.0 as usize].spec.boot;
        let power_cycle = self.power_cycles.borrow()[host.0 as usize];
        self.record(WORLD, Kind::PowerOn, u64::from(host.0));
        self.schedule(self.clock.get() + boot, Event::Boot { host, power_cycle });
    }

    pub(crate) fn boot(&self, host: HostId, power_cycle: u32) {
        if self.power_cycles.borrow()[host.0 as usize] != power_cycle {
            return; // it lost power again while booting
        }
        self.hosts.borrow_mut()[host.0 as usize].powered = true;
        self.record(WORLD, Kind::Boot, u64::from(host.0));
        self.look_for_trouble();
        for process in self.processes_on(host) {
            self.schedule_start(process, self.clock.get());
        }
    }

    pub(crate) fn processes_on(&self, host: HostId) -> Vec<ProcessId> {
        let processes = self.processes.borrow();
        (0u32..).zip(processes.iter()).filter(|(_, entry)| entry.host == host).map(|(id, _)| ProcessId(id)).collect()
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

//! A world before it runs: what was added, and what is planned to happen to it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use runtime::Time;
use runtime::net::HostId;
use runtime::world::{HostSpec, ProcessId, ProcessSpec};

/// Something that is to happen to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Crash,
    Start,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    pub(crate) at: Time,
    pub(crate) process: ProcessId,
    pub(crate) act: Act,
}

#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) hosts: Vec<HostSpec>,
    pub(crate) processes: Vec<ProcessSpec>,
    pub(crate) plan: Vec<Planned>,
    pub(crate) interrupt: Arc<AtomicBool>,
}

impl Setup {
    pub(crate) fn add_host(&mut self, host: HostSpec) -> HostId {
        assert!(self.hosts.iter().all(|other| other.name != host.name), "two hosts are called {}", host.name);
        self.hosts.push(host);
        HostId(u32::try_from(self.hosts.len() - 1).expect("hosts are few"))
    }

    pub(crate) fn add_process(&mut self, process: ProcessSpec) -> ProcessId {
        let name = &process.name;
        assert!(self.processes.iter().all(|other| other.name != *name), "two processes are called {name}");
        assert!((process.host.0 as usize) < self.hosts.len(), "process {name} is on a host that was never added");
        self.processes.push(process);
        ProcessId(u32::try_from(self.processes.len() - 1).expect("processes are few"))
    }

    pub(crate) fn crash(&mut self, process: ProcessId, at: Time, restart_after: Option<Duration>) {
        assert!((process.0 as usize) < self.processes.len(), "a crash of a process that was never added");
        self.plan.push(Planned { at, process, act: Act::Crash });
        if let Some(delay) = restart_after {
            self.plan.push(Planned { at: at + delay, process, act: Act::Start });
        }
    }
}

//! Processes' lives: how they begin, pause and end, by themselves or with their host's power.

use std::io;

use runtime::Time;
use runtime::child::ChildSpec;
use runtime::net::HostId;
use runtime::world::{ProcessId, ProcessSpec};

use super::{Ending, Process, State};
use crate::connections::Loss;
use crate::core::{Core, Event, WORLD};
use crate::host::Quota;
use crate::trace::Kind;

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

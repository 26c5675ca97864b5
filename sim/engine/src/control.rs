//! The surface through which faults, schedules and observers act on a running world. No service can reach it.

use std::rc::Rc;
use std::time::Duration;

use runtime::Time;
use runtime::net::HostId;
use runtime::telemetry::Telemetry;
use runtime::world::{HostSpec, ProcessId};

use crate::core::{Core, Event, FaultPointPlan, WORLD, word};
use crate::host::{Quota, WallClock};
use crate::network::{LinkFault, LinkFaultId};
use crate::process::{Ending, ProcessPanic};
use crate::trace::{Checkpoint, Kind, TraceEvent};

/// Acts on a world. Clones act on the same one.
#[derive(Clone)]
pub struct Control {
    pub(crate) core: Rc<Core>,
}

impl Control {
    #[must_use]
    pub fn now(&self) -> Time {
        self.core.clock.get()
    }

    /// Has `act` called at a moment of the run; at once if it is past.
    pub fn at(&self, at: Time, act: impl FnOnce(&Control) + 'static) {
        self.core.schedule(at, Event::Act(Box::new(|core: &Rc<Core>| act(&Control { core: core.clone() }))));
    }

    /// Ends a process: its connections are reset. It starts afresh after `restart_after`, if that is given.
    pub fn crash(&self, process: ProcessId, restart_after: Option<Duration>) {
        self.core.end_process(process, Ending::Crash);
        if let Some(delay) = restart_after {
            self.core.schedule_start(process, self.now() + delay);
        }
    }

    /// Starts a process that is not running.
    pub fn start(&self, process: ProcessId) {
        self.core.schedule_start(process, self.now());
    }

    /// Stops a process where it stands: its connections stay, its timers come late.
    pub fn pause(&self, process: ProcessId) {
        self.core.pause_process(process);
    }

    pub fn resume(&self, process: ProcessId) {
        self.core.resume_process(process);
    }

    /// Cuts a host's power: silence, and only what was flushed stays on its disk.
    pub fn power_off(&self, host: HostId) {
        self.core.power_off(host);
    }

    /// Restores a host's power: its processes start once it has booted.
    pub fn power_on(&self, host: HostId) {
        self.core.power_on(host);
    }

    /// Nothing on the host's volume finishes for `span`.
    pub fn stall_volume(&self, host: HostId, span: Duration) {
        self.core.record(WORLD, Kind::Disk, word(&[u64::from(host.0), runtime::time::nanos(span)]));
        self.core.hosts.borrow_mut()[host.0 as usize].stall_volume(self.now() + span);
    }

    /// Work on the host's processors takes `slowness` times as long as undisturbed, until it is set again: 1 is
    /// undisturbed.
    pub fn slow_processors(&self, host: HostId, slowness: f64) {
        self.core.record(WORLD, Kind::Degrade, word(&[0, u64::from(host.0), slowness.to_bits()]));
        self.core.hosts.borrow_mut()[host.0 as usize].slow_cores(slowness);
    }

    /// Everything on the host's volume takes `slowness` times as long as undisturbed, until it is set again: 1 is
    /// undisturbed.
    pub fn slow_volume(&self, host: HostId, slowness: f64) {
        self.core.record(WORLD, Kind::Degrade, word(&[1, u64::from(host.0), slowness.to_bits()]));
        self.core.hosts.borrow_mut()[host.0 as usize].slow_volume(slowness);
    }

    /// The host sends at most so many bytes a second, and never more than its own bandwidth; `None` lifts the limit.
    pub fn limit_egress(&self, host: HostId, bytes_per_s: Option<u64>) {
        self.core.record(WORLD, Kind::Degrade, word(&[2, u64::from(host.0), bytes_per_s.unwrap_or(0)]));
        self.core.hosts.borrow_mut()[host.0 as usize].limit_egress(bytes_per_s);
    }

    /// The process may use so many thousandths of a core, and never more than its own quota; `None` lifts the limit.
    pub fn limit_processor(&self, process: ProcessId, millicores: Option<u32>) {
        self.core.record(process, Kind::Degrade, word(&[3, u64::from(millicores.unwrap_or(0))]));
        Quota::limit(&mut self.core.processes.borrow_mut()[process.0 as usize].quota, millicores);
    }

    /// Sets a host's wall clock off by `offset_ns` (behind, where negative), gaining `drift_ppm` millionths from now on. Timers and
    /// the order of events know nothing of it. Zero twice sets it right.
    pub fn skew_clock(&self, host: HostId, offset_ns: i64, drift_ppm: i32) {
        let setting = word(&[4, u64::from(host.0), offset_ns.cast_unsigned(), u64::from(drift_ppm.cast_unsigned())]);
        self.core.record(WORLD, Kind::Degrade, setting);
        self.core.hosts.borrow_mut()[host.0 as usize].clock = WallClock::off_by(self.now(), offset_ns, drift_ppm);
    }

    /// Arms a fault point: whoever reaches it crashes, and starts afresh after `restart_after`, if that is given. A point that is armed
    /// already is armed anew.
    pub fn arm_fault_point(&self, name: &str, plan: FaultPointPlan, restart_after: Option<Duration>) {
        self.core.arm_fault_point(name.to_owned(), plan, restart_after);
    }

    /// Disarms a fault point.
    pub fn disarm_fault_point(&self, name: &str) {
        self.core.fault_points.borrow_mut().remove(name);
    }

    /// Starts a fault on every link from one set of hosts to another, in that direction only.
    pub fn begin_link_fault(&self, from: &[HostId], to: &[HostId], fault: LinkFault) -> LinkFaultId {
        let hosts = self.core.hosts.borrow().len();
        let set = |members: &[HostId]| {
            let mut set = vec![false; hosts];
            for member in members {
                set[member.0 as usize] = true;
            }
            set
        };
        let id = self.core.network.borrow_mut().begin(set(from), set(to), fault);
        self.core.record(WORLD, Kind::Network, 1);
        self.core.look_for_trouble();
        if fault == LinkFault::Cut {
            self.core.probe_unreachable();
        }
        id
    }

    pub fn end_link_fault(&self, id: LinkFaultId) {
        self.core.network.borrow_mut().end(id);
        self.core.record(WORLD, Kind::Network, 0);
        self.core.look_for_trouble();
    }

    /// Every host, in the order they were added.
    #[must_use]
    pub fn hosts(&self) -> Vec<(HostId, HostSpec)> {
        let hosts = self.core.hosts.borrow();
        (0u32..).map(HostId).zip(hosts.iter().map(|host| host.spec.clone())).collect()
    }

    /// Every process with its name and host, in the order they were added.
    #[must_use]
    pub fn processes(&self) -> Vec<(ProcessId, Rc<str>, HostId)> {
        let processes = self.core.processes.borrow();
        let named = (0u32..).zip(processes.iter()).skip(1);
        named.map(|(id, process)| (ProcessId(id), process.name.clone(), process.host)).collect()
    }

    #[must_use]
    pub fn is_running(&self, process: ProcessId) -> bool {
        self.core.processes.borrow()[process.0 as usize].runs()
    }

    /// Processor time that a process has used since the run began.
    #[must_use]
    pub fn processor_time(&self, process: ProcessId) -> Duration {
        Duration::from_nanos(self.core.processes.borrow()[process.0 as usize].busy_ns)
    }

    /// Cores that a process may use at most: its quota, or else its host's cores. None while its host has no power.
    #[must_use]
    pub fn processor_capacity(&self, process: ProcessId) -> Option<f64> {
        let processes = self.core.processes.borrow();
        let entry = &processes[process.0 as usize];
        let hosts = self.core.hosts.borrow();
        let host = hosts.get(entry.host.0 as usize).filter(|host| host.powered)?;
        Some(entry.quota.as_ref().map_or(f64::from(host.spec.cores), |quota| quota.cores()))
    }

    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.core.telemetry
    }

    /// Processes that panicked so far.
    #[must_use]
    pub fn panics(&self) -> Vec<ProcessPanic> {
        self.core.panics.borrow().clone()
    }

    /// Events so far.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.core.trace.borrow().events()
    }

    /// The trace's hash over every event so far.
    #[must_use]
    pub fn trace_hash(&self) -> u128 {
        self.core.trace.borrow().hash()
    }

    #[must_use]
    pub fn checkpoints(&self) -> Vec<Checkpoint> {
        self.core.trace.borrow().checkpoints().to_vec()
    }

    /// The events that fell into the trace's window.
    #[must_use]
    pub fn trace_window(&self) -> Vec<TraceEvent> {
        self.core.trace.borrow().kept().to_vec()
    }
}

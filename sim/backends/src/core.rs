//! The engine that turmoil and live share: the seam's `Backend` over tokio tasks and timers. An engine gives it a
//! network, and starts a [`Core::supervise`] where its processes are to run.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::rc::{Rc, Weak};
use std::task::Waker;
use std::time::Duration;

use runtime::Time;
use runtime::backend::{Accept, Backend, ConnectionId, Dial, Endpoint, LocalFuture, Side, TaskId, TimerId, enter};
use runtime::disk::DurableFile;
use runtime::net::{Address, HostId};
use runtime::telemetry::Telemetry;
use runtime::time::nanos;
use runtime::world::ProcessId;
use tokio::time::Instant;

use crate::outcome::ProcessPanic;
use crate::process::{Process, Tasks};
use crate::setup::{Act, Planned, Setup};
use crate::stream::Network;
use crate::timers::Timers;

struct Host {
    /// Time that one flush of its volume takes.
    flush: Duration,
    /// What tokio's clock showed when the host started: turmoil gives each host a clock of its own.
    started: OnceCell<Instant>,
    files: RefCell<BTreeMap<String, Rc<dyn DurableFile>>>,
}

pub(crate) struct OpenPort {
    pub(crate) process: ProcessId,
    task: TaskId,
}

/// The engine's state, shared with the running code as its backend. Borrows are short: none is held while a task, an
/// endpoint or a destructor runs.
pub(crate) struct Core {
    pub(crate) this: Weak<Core>,
    seed: u64,
    network: Box<dyn Network>,
    /// Raised while the connections of a crashed process are dropped, for a network that can reset them.
    pub(crate) crashing: Rc<Cell<bool>>,
    pub(crate) current: Cell<ProcessId>,
    pub(crate) crash_current: Cell<bool>,
    hosts: Vec<Host>,
    pub(crate) processes: RefCell<Vec<Process>>,
    plan: Vec<Planned>,
    pub(crate) tasks: Tasks,
    timers: Timers,
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

    pub(crate) fn current_host(&self) -> HostId {
        self.processes.borrow()[self.current.get().0 as usize].spec.host
    }

    /// The current host's clock, which is every host's.
    pub(crate) fn time(&self) -> Time {
        let started = self.hosts[self.current_host().0 as usize].started.get();
        Time(started.map_or(0, |started| nanos(started.elapsed())))
    }
}

impl Backend for Core {
    fn now(&self) -> Time {
        self.time()
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn process_name(&self) -> Rc<str> {
        self.processes.borrow()[self.current.get().0 as usize].name.clone()
    }

    fn arm(&self, at: Time, waker: Waker) -> TimerId {
        let host = &self.hosts[self.current_host().0 as usize];
        let started = *host.started.get().expect("processes run on started hosts");
        // A wait beyond what the clock can show is a wait for ever; 30 years is tokio's own idea of far away.
        let far = Duration::from_secs(30 * 365 * 86_400);
        self.timers.arm(started + Duration::from_nanos(at.nanos()).min(far), &waker)
    }

    fn disarm(&self, timer: TimerId) {
        self.timers.disarm(timer);
    }

    fn spawn(&self, task: LocalFuture) -> TaskId {
        self.spawn_in(self.current.get(), task)
    }

    fn abort(&self, task: TaskId) {
        drop(self.tasks.remove(task));
    }

    fn crash_process(&self) {
        self.crash_current.set(true);
    }

    fn listen(&self, port: u16, acceptor: Rc<dyn Accept>) -> io::Result<()> {
        let address = Address { host: self.current_host(), port };
        if self.ports.borrow().contains_key(&address) {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, format!("port {port} is taken")));
        }
        let process = self.current.get();
        let task = self.spawn_in(process, self.network.listen(address, acceptor)?);
        self.ports.borrow_mut().insert(address, OpenPort { process, task });
        Ok(())
    }

    fn close_port(&self, port: u16) {
        let address = Address { host: self.current_host(), port };
        let mine = self.ports.borrow().get(&address).is_some_and(|open| open.process == self.current.get());
        if mine {
            let open = self.ports.borrow_mut().remove(&address);
            drop(open.and_then(|open| self.tasks.remove(open.task)));
        }
    }

    fn dial(&self, to: Address, _: Rc<dyn Any>, _: Rc<dyn Endpoint>) -> Dial {
        Dial::Bytes(self.network.connect(to))
    }

    fn sent(&self, _: ConnectionId, _: Side, _: u64, _: u32) {
        unreachable!("a byte engine has no typed connections");
    }

    fn close(&self, _: ConnectionId, _: Side) {
        unreachable!("a byte engine has no typed connections");
    }

    /// Does nothing: no peer falls silent on these engines.
    fn keepalive(&self, _: ConnectionId, _: Side, _: Duration, _: Duration) {}

    /// No: every frame goes through serde anyway.
    fn wire_check(&self) -> bool {
        false
    }

    /// Takes the work's own time: nothing queues for cores or a quota.
    fn work(&self, work: Duration) -> Time {
        self.time() + work
    }

    /// Files are in memory, for the length of the run.
    fn file(&self, name: &str, create: &dyn Fn() -> Rc<dyn DurableFile>) -> Rc<dyn DurableFile> {
        let mut files = self.hosts[self.current_host().0 as usize].files.borrow_mut();
        files.entry(name.to_owned()).or_insert_with(create).clone()
    }

    /// A flush takes the volume's flush time; nothing queues for operations or throughput.
    fn disk_io(&self, _: u32, _: u64, flush: bool, _: u64) -> Time {
        let host = &self.hosts[self.current_host().0 as usize];
        if flush { self.time() + host.flush } else { self.time() }
    }

    /// Never: no site is armed on these engines.
    fn fault_point(&self, _: &'static str) -> bool {
        false
    }

    fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }
}

//! The run: takes the next event, hands it on, and lets every task that became ready run before the next.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use runtime::Time;
use runtime::backend::{TaskId, enter};
use runtime::net::HostId;
use runtime::random::derive;
use runtime::telemetry::Telemetry;
use runtime::world::{HostSpec, ProcessId, ProcessSpec, World};

use crate::control::Control;
use crate::core::{Core, Event, FaultPointPlan, WORLD};
use crate::executor::{Backstop, Tasks, polling};
use crate::host::Host;
use crate::latency::LatencySpec;
use crate::network::{Distances, Network, Transport};
use crate::process::{Ending, Process, panic_report, remember_panics};
use crate::queue::Queue;
use crate::trace::{Kind, Trace};

/// What a run is made with.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    pub seed: u64,
    pub distances: Distances,
    /// Send every frame through serde and back; the trace must not change.
    pub wire_check: bool,
    /// Draw the order of what is runnable at one instant, instead of first come, first served.
    pub draw_order: bool,
    /// Positions of the trace's events to keep whole.
    pub trace_window: Range<u64>,
    /// Fault points that are armed in this run.
    pub fault_points: BTreeMap<String, FaultPointPlan>,
}

/// Why a run stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Every event up to the moment asked for was handled.
    Reached,
    /// The interrupt flag was raised.
    Interrupted,
    /// Tasks wake each other without time passing: the last of them belonged to this process.
    Wedged { process: String, at: Time },
}

impl Core {
    fn poll(&self, task: TaskId) {
        if self.troubled.get() && self.park_if_paused(task) {
            return;
        }
        let Some((process, mut future)) = self.tasks.take(task) else { return };
        self.current.set(process);
        let waker = self.tasks.waker(task);
        let context = &mut Context::from_waker(&waker);
        let polled = polling(|| catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))));
        match polled {
            Ok(Poll::Pending) => drop(self.tasks.put_back(task, future)),
            Ok(Poll::Ready(())) => {
                self.tasks.remove(task);
                drop(future);
            }
            Err(payload) => {
                self.tasks.remove(task);
                let name = self.processes.borrow()[process.0 as usize].name.to_string();
                self.panics.borrow_mut().push(panic_report(name, self.clock.get(), &*payload));
                drop(future);
                self.crash_current.set(true);
            }
        }
        if self.crash_current.take() {
            self.end_process(process, Ending::Crash);
            if let Some(restart_after) = self.restart_current.take() {
                self.schedule_start(process, self.clock.get() + restart_after);
            }
        }
    }

    fn park_if_paused(&self, task: TaskId) -> bool {
        let process = self.tasks.process(task);
        process.is_some_and(|process| self.processes.borrow_mut()[process.0 as usize].park_if_paused(task))
    }

    fn handle(self: &Rc<Self>, event: Event) {
        match event {
            Event::Wake(waker) => {
                self.record(self.tasks.process_of(&waker).unwrap_or(WORLD), Kind::Timer, 0);
                waker.wake();
            }
            Event::Deliver { connection, to, digest } => self.deliver(connection, to, digest),
            Event::Dial { connection, attempt } => self.arrive(connection, attempt),
            Event::Open { connection } => self.open(connection),
            Event::Close { connection, to, reason, attempt } => self.hear_close(connection, to, reason, attempt),
            Event::Retransmit { connection, to } => self.retransmit(connection, to),
            Event::Probe { connection, of, given_up } => self.probe(connection, of, given_up),
            Event::Start { process, life } => self.start_process(process, life),
            Event::Boot { host, power_cycle } => self.boot(host, power_cycle),
            Event::Act(act) => {
                self.record(WORLD, Kind::Schedule, 0);
                self.current.set(WORLD);
                act(self);
            }
        }
    }

    fn run_until(self: &Rc<Self>, until: Time, interrupt: &AtomicBool) -> Stopped {
        let backstop = Backstop::default();
        loop {
            while let Some(task) = self.tasks.next_ready() {
                self.poll(task);
                if backstop.poll() {
                    let process = self.processes.borrow()[self.current.get().0 as usize].name.to_string();
                    return Stopped::Wedged { process, at: self.clock.get() };
                }
            }
            let Some((time, event)) = self.queue.borrow_mut().pop(until) else { break };
            debug_assert!(time >= self.clock.get(), "time never runs backwards");
            if time > self.clock.get() {
                self.clock.set(time);
                backstop.time_passed();
            }
            self.handle(event);
            if interrupt.load(Ordering::Relaxed) {
                return Stopped::Interrupted;
            }
        }
        self.clock.set(until);
        Stopped::Reached
    }
}

/// A simulated world and its run.
pub struct Engine {
    core: Rc<Core>,
    interrupt: Arc<AtomicBool>,
}

impl Engine {
    #[must_use]
    pub fn new(config: EngineConfig) -> Self {
        remember_panics();
        let EngineConfig { seed, distances, wire_check, draw_order, trace_window, fault_points } = config;
        let core = Core {
            seed,
            wire_check,
            clock: Cell::new(Time::ZERO),
            current: Cell::new(WORLD),
            crash_current: Cell::new(false),
            restart_current: Cell::new(None),
            queue: RefCell::default(),
            draws_order: draw_order,
            troubled: Cell::new(false),
            order: RefCell::new(draw_order.then(|| derive(seed, "engine", "order"))),
            tasks: Tasks::new(),
            hosts: RefCell::default(),
            power_cycles: RefCell::default(),
            processes: RefCell::new(vec![Process::world()]),
            ports: RefCell::default(),
            connections: RefCell::default(),
            network: RefCell::new(Network::new(distances)),
            trace: RefCell::new(Trace::new(trace_window)),
            fault_points: RefCell::default(),
            telemetry: Telemetry::default(),
            panics: RefCell::default(),
        };
        for (name, plan) in fault_points {
            core.arm_fault_point(name, plan, None);
        }
        Engine { core: Rc::new(core), interrupt: Arc::default() }
    }

    /// The run stops after the event under way once this flag is raised, from whichever thread.
    pub fn interrupted_by(&mut self, flag: Arc<AtomicBool>) {
        self.interrupt = flag;
    }

    /// Latency and loss between the cloud and the hosts of [`runtime::world::INTERNET`]. Until it is called they are as
    /// far away as another region, and lose nothing.
    pub fn set_internet(&mut self, latency: LatencySpec, loss: f64) {
        self.core.network.borrow_mut().set_internet(latency, loss);
    }

    /// How TCP holds out, and the share of packets lost between different hosts of the cloud while nothing is broken. Until it is called
    /// Linux's defaults hold, and nothing is lost.
    ///
    /// # Panics
    /// If a number of retries is 255, which would be for ever.
    pub fn set_transport(&mut self, transport: Transport, loss: f64) {
        assert!(transport.syn_retries < u8::MAX && transport.retries < u8::MAX, "retries end some day");
        let mut network = self.core.network.borrow_mut();
        network.transport = transport;
        network.set_loss(loss);
    }

    /// The surface through which faults, schedules and observers act.
    #[must_use]
    pub fn control(&self) -> Control {
        Control { core: self.core.clone() }
    }

    /// Handles every event up to and including `until`.
    pub fn run_until(&mut self, until: Time) -> Stopped {
        let _active = self.core.tasks.activate();
        let core = self.core.clone();
        enter(core.clone(), || core.run_until(until, &self.interrupt))
    }
}

impl World for Engine {
    fn add_host(&mut self, host: HostSpec) -> HostId {
        let mut hosts = self.core.hosts.borrow_mut();
        assert!(hosts.iter().all(|other| other.spec.name != host.name), "two hosts are called {}", host.name);
        hosts.push(Host::new(host));
        self.core.power_cycles.borrow_mut().push(0);
        HostId(u32::try_from(hosts.len() - 1).expect("hosts are few"))
    }

    fn add_process(&mut self, process: ProcessSpec) -> ProcessId {
        let mut processes = self.core.processes.borrow_mut();
        assert!(
            processes.iter().all(|other| *other.name != *process.name),
            "two processes are called {}",
            process.name
        );
        let id = ProcessId(u32::try_from(processes.len()).expect("processes are few"));
        processes.push(Process::new(process));
        self.core.schedule(self.core.clock.get(), Event::Start { process: id, life: 0 });
        id
    }
}

impl Drop for Engine {
    /// Tasks hold the engine through what they wait for: they are dropped while it still answers.
    fn drop(&mut self) {
        let core = self.core.clone();
        let endpoints = core.connections.borrow_mut().close_all();
        let acceptors = std::mem::take(&mut *core.ports.borrow_mut());
        for process in core.processes.borrow_mut().iter_mut() {
            process.stop();
        }
        let _active = self.core.tasks.activate();
        enter(core.clone(), || {
            drop(core.tasks.remove_all());
            drop((endpoints, acceptors));
            *core.queue.borrow_mut() = Queue::default();
        });
    }
}

//! What the small worlds of tests and of the bench are made of: a network, hosts, processes, and notes of what these saw and when. No
//! number in here models anything.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use runtime::Time;
use runtime::backend::LocalFuture;
use runtime::net::HostId;
use runtime::world::{HostSpec, ProcessId, ProcessSpec, VolumeSpec, World};

use crate::{Distances, Engine, EngineConfig, LatencySpec, LinkFault, Stopped};

/// A run in which nothing is checked beside the run itself, over a network whose latencies are spread.
#[must_use]
pub fn config(seed: u64) -> EngineConfig {
    let spread = |median_us, p99_us| LatencySpec {
        median: Duration::from_micros(median_us),
        p99: Duration::from_micros(p99_us),
        max: Duration::from_micros(p99_us * 5),
    };
    EngineConfig {
        seed,
        distances: Distances {
            same_host: spread(20, 60),
            same_zone: spread(100, 300),
            cross_zone: spread(400, 1_000),
            cross_region: spread(30_000, 38_000),
        },
        wire_check: false,
        draw_order: false,
        trace_window: 0..0,
        fault_points: BTreeMap::new(),
    }
}

/// Distances at which every frame takes as long as the last one: 20 µs on a host, 100 µs in a zone, 400 µs between zones and 30 ms
/// between regions.
#[must_use]
pub fn steady_distances() -> Distances {
    let steady = |us| LatencySpec::constant(Duration::from_micros(us));
    Distances { same_host: steady(20), same_zone: steady(100), cross_zone: steady(400), cross_region: steady(30_000) }
}

/// A host of two cores in the one region that most worlds have.
#[must_use]
pub fn host_spec(name: &str, zone: &str) -> HostSpec {
    HostSpec {
        name: name.to_owned(),
        zone: zone.to_owned(),
        region: "us-east-1".to_owned(),
        cores: 2,
        egress_bytes_per_s: None,
        boot: Duration::from_secs(30),
        volume: VolumeSpec { iops: 1_000, throughput_bytes_per_s: 100 << 20, flush: Duration::from_millis(1) },
    }
}

/// Adds a host as [`host_spec`] has it.
pub fn host(world: &mut dyn World, name: &str, zone: &str) -> HostId {
    world.add_host(host_spec(name, zone))
}

/// Adds a process that only its host's cores bound.
pub fn process<F: Future<Output = ()> + 'static>(
    world: &mut dyn World,
    name: &str,
    host: HostId,
    start: impl Fn() -> F + 'static,
) -> ProcessId {
    let start = Rc::new(move || -> LocalFuture { Box::pin(start()) });
    world.add_process(ProcessSpec { name: name.to_owned(), host, cpu_limit_millicores: None, start })
}

/// Adds a process on a host of its own, of the same name.
pub fn lone_process<F: Future<Output = ()> + 'static>(
    world: &mut dyn World,
    name: &str,
    zone: &str,
    start: impl Fn() -> F + 'static,
) -> ProcessId {
    let host = host(world, name, zone);
    process(world, name, host, start)
}

/// Adds a process that notes what it sees, and returns its notes.
pub fn noting<T: Clone + 'static, F: Future<Output = ()> + 'static>(
    world: &mut dyn World,
    name: &str,
    host: HostId,
    start: impl Fn(Notes<T>) -> F + 'static,
) -> Notes<T> {
    let notes = Notes::new();
    let noted = notes.clone();
    process(world, name, host, move || start(noted.clone()));
    notes
}

/// All hosts of a zone.
#[must_use]
pub fn hosts_in(engine: &Engine, zone: &str) -> Vec<HostId> {
    engine.control().hosts().into_iter().filter(|(_, host)| host.zone == zone).map(|(id, _)| id).collect()
}

/// A process by its name.
///
/// # Panics
/// If there is none of this name.
#[must_use]
pub fn named(engine: &Engine, name: &str) -> ProcessId {
    let processes = engine.control().processes();
    processes.into_iter().find(|(_, of, _)| &**of == name).unwrap_or_else(|| panic!("there is no process {name}")).0
}

/// Cuts a zone off from all others, both ways, between two moments.
pub fn cut_off_zone(engine: &Engine, zone: &str, from: Time, to: Time) {
    let (inside, outside): (Vec<_>, Vec<_>) =
        engine.control().hosts().into_iter().partition(|(_, host)| host.zone == zone);
    let [inside, outside] = [inside, outside].map(|hosts| hosts.into_iter().map(|(id, _)| id).collect::<Vec<_>>());
    engine.control().at(from, move |control| {
        let faults = [(&inside, &outside), (&outside, &inside)]
            .map(|(one, other)| control.begin_link_fault(one, other, LinkFault::Cut));
        control.at(to, move |control| faults.into_iter().for_each(|fault| control.end_link_fault(fault)));
    });
}

/// Switches a zone off at a moment, and on again at another, if there is one.
pub fn power_off_zone(engine: &Engine, zone: &str, from: Time, to: Option<Time>) {
    for host in hosts_in(engine, zone) {
        engine.control().at(from, move |control| control.power_off(host));
        if let Some(to) = to {
            engine.control().at(to, move |control| control.power_on(host));
        }
    }
}

/// Runs to a moment, in seconds.
///
/// # Panics
/// If the run stops before, or a process has panicked by then.
pub fn run(engine: &mut Engine, seconds: u64) {
    run_until(engine, Time::from_secs(seconds));
}

/// Runs to a moment.
///
/// # Panics
/// See [`run`].
pub fn run_until(engine: &mut Engine, until: Time) {
    assert_eq!(engine.run_until(until), Stopped::Reached);
    assert_eq!(engine.control().panics(), []);
}

/// Runs on for `limit`, and returns what a new process on a host of its own in `zone` found out meanwhile.
///
/// # Panics
/// If it found nothing out; else see [`run`].
pub fn ask<T: 'static, F: Future<Output = T> + 'static>(
    engine: &mut Engine,
    zone: &str,
    limit: Duration,
    question: impl Fn() -> F + 'static,
) -> T {
    let answer = Rc::new(Cell::new(None));
    let noted = answer.clone();
    let now = engine.control().now();
    let name = format!("asker at {now}");
    lone_process(engine, &name, zone, move || {
        let (noted, asked) = (noted.clone(), question());
        async move { noted.set(Some(asked.await)) }
    });
    run_until(engine, now + limit);
    answer.take().expect("the question is answered in time")
}

/// Notes of what happened and when, for a test to read.
pub struct Notes<T>(Rc<RefCell<Vec<(Time, T)>>>);

impl<T> Clone for Notes<T> {
    fn clone(&self) -> Self {
        Notes(self.0.clone())
    }
}

impl<T> Default for Notes<T> {
    fn default() -> Self {
        Notes(Rc::default())
    }
}

impl<T: Clone> Notes<T> {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub fn add(&self, note: T) {
        self.0.borrow_mut().push((runtime::now(), note));
    }

    /// All there is, in order.
    #[must_use]
    pub fn all(&self) -> Vec<(Time, T)> {
        self.0.borrow().clone()
    }

    /// All there is, without its moments.
    #[must_use]
    pub fn values(&self) -> Vec<T> {
        self.0.borrow().iter().map(|(_, note)| note.clone()).collect()
    }

    /// What was noted between two moments, in seconds.
    #[must_use]
    pub fn between(&self, from: u64, until: u64) -> Vec<T> {
        let within = Time::from_secs(from)..Time::from_secs(until);
        self.0.borrow().iter().filter(|(at, _)| within.contains(at)).map(|(_, note)| note.clone()).collect()
    }
}

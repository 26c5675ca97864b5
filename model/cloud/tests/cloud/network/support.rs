//! A small world to try things in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use engine::{Distances, Engine, EngineConfig, LatencySpec, Stopped};
use ports::observe::{ComponentState, Observation, Observer};
use runtime::Time;
use runtime::net::HostId;
use runtime::world::{HostSpec, ProcessId, ProcessSpec, VolumeSpec, World};

pub const REGION: &str = "us-east-1";
pub const ZONES: [&str; 3] = ["a", "b", "c"];
pub const MS: Duration = Duration::from_millis(1);

pub fn engine(seed: u64) -> Engine {
    let constant = |us| LatencySpec::constant(Duration::from_micros(us));
    Engine::new(EngineConfig {
        seed,
        distances: Distances {
            same_host: constant(20),
            same_zone: constant(100),
            cross_zone: constant(400),
            cross_region: constant(30_000),
        },
        wire_check: true,
        draw_order: false,
        trace_window: 0..0,
        fault_points: BTreeMap::new(),
    })
}

pub fn host(engine: &mut Engine, name: &str, zone: &str) -> HostId {
    engine.add_host(HostSpec {
        name: name.into(),
        zone: zone.into(),
        region: REGION.into(),
        cores: 2,
        egress_bytes_per_s: None,
        boot: Duration::from_secs(30),
        volume: VolumeSpec { iops: 1_000, throughput_bytes_per_s: 100 << 20, flush: MS },
    })
}

pub fn process<F: Future<Output = ()> + 'static>(
    engine: &mut Engine,
    name: &str,
    host: HostId,
    start: impl Fn() -> F + 'static,
) -> ProcessId {
    let start = Rc::new(move || -> runtime::backend::LocalFuture { Box::pin(start()) });
    engine.add_process(ProcessSpec { name: name.into(), host, cpu_limit_millicores: None, start })
}

/// A process by its name.
pub fn named(engine: &Engine, name: &str) -> ProcessId {
    let processes = engine.control().processes();
    processes.iter().find(|(_, of, _)| &**of == name).expect("a process has this name").0
}

/// All hosts of a zone.
pub fn hosts_in(engine: &Engine, zone: &str) -> Vec<HostId> {
    engine.control().hosts().into_iter().filter(|(_, host)| host.zone == zone).map(|(id, _)| id).collect()
}

/// Runs to a moment; no process may have panicked on the way.
pub fn run(engine: &mut Engine, seconds: u64) {
    assert_eq!(engine.run_until(Time::from_secs(seconds)), Stopped::Reached);
    assert_eq!(engine.control().panics(), []);
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Notes of what happened and when, for a test to read.
pub struct Notes<T>(Rc<RefCell<Vec<(Time, T)>>>);

impl<T> Clone for Notes<T> {
    fn clone(&self) -> Self {
        Notes(self.0.clone())
    }
}

impl<T: Clone> Notes<T> {
    pub fn new() -> Self {
        Notes(Rc::default())
    }

    pub fn add(&self, note: T) {
        self.0.borrow_mut().push((runtime::now(), note));
    }

    pub fn all(&self) -> Vec<(Time, T)> {
        self.0.borrow().clone()
    }

    pub fn values(&self) -> Vec<T> {
        self.all().into_iter().map(|(_, value)| value).collect()
    }

    /// What was noted between two moments, in seconds.
    pub fn between(&self, from: u64, until: u64) -> Vec<T> {
        let within = |at: Time| at >= Time::from_secs(from) && at < Time::from_secs(until);
        self.all().into_iter().filter(|(at, _)| within(*at)).map(|(_, value)| value).collect()
    }
}

/// Keeps everything it observes.
#[derive(Default)]
pub struct Watcher(RefCell<Vec<Observation>>);

impl Observer for Watcher {
    fn observe(&self, observation: &Observation) {
        self.0.borrow_mut().push(observation.clone());
    }
}

impl Watcher {
    pub fn all(&self) -> Vec<Observation> {
        self.0.borrow().clone()
    }

    /// Changes of components, in order.
    pub fn states(&self) -> Vec<ComponentState> {
        let state = |observation| match observation {
            Observation::ComponentState(state) => Some(state),
            _ => None,
        };
        self.all().into_iter().filter_map(state).collect()
    }
}

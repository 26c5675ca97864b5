//! A small world: one host of phones, one or two gateways of one platform, and somebody who watches.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use city::phones::{Crowd, Demand, Patience, PhonesConfig, Resolvers};
use city::{City, DriverSeed, Traffic, TrafficModel, WeekMinute, drivers};
use engine::{Distances, Engine, EngineConfig, LatencySpec, Stopped};
use ports::observe::{AttemptFailed, JourneyEnded, JourneyOutcome, Observation, Observer};
use ports::resolver::{ResolveError, Resolver};
use runtime::Time;
use runtime::net::{Address, HostId};
use runtime::world::{HostSpec, ProcessId, ProcessSpec, VolumeSpec, World};

use crate::platform::Platform;

pub const PORT: u16 = 443;
pub const SEED: u64 = 5;

/// Names that never change.
#[derive(Clone)]
struct Fixed(Rc<[Address]>);

impl Resolver for Fixed {
    async fn resolve(&self, _: &str) -> Result<Vec<Address>, ResolveError> {
        Ok(self.0.to_vec())
    }
}

/// Remembers what it sees, or only counts it.
#[derive(Default)]
pub struct Watcher {
    pub journeys: RefCell<Vec<JourneyEnded>>,
    pub retries: RefCell<Vec<AttemptFailed>>,
    /// By kind, of journeys meant since `counts_from`.
    pub counts: RefCell<BTreeMap<&'static str, u64>>,
    /// Of those, looks that the push channel spared.
    pub spared: Cell<u64>,
    pub counts_from: Time,
    pub remembers: bool,
    pub positions: RefCell<Vec<ports::observe::DriverPosition>>,
}

impl Observer for Watcher {
    fn observe(&self, observation: &Observation) {
        match observation {
            Observation::JourneyEnded(ended) => {
                if ended.intended_at >= self.counts_from {
                    *self.counts.borrow_mut().entry(ended.kind).or_default() += 1;
                    self.spared.set(self.spared.get() + u64::from(ended.kept.spared));
                }
                if self.remembers {
                    self.journeys.borrow_mut().push(ended.clone());
                }
            }
            Observation::AttemptFailed(failed) if self.remembers => self.retries.borrow_mut().push(*failed),
            Observation::Position(position) if self.remembers => self.positions.borrow_mut().push(*position),
            _ => {}
        }
    }
}

impl Watcher {
    pub fn remembering() -> Watcher {
        Watcher { remembers: true, ..Watcher::default() }
    }

    pub fn of_kind(&self, kind: &str) -> Vec<JourneyEnded> {
        self.journeys.borrow().iter().filter(|ended| ended.kind == kind).cloned().collect()
    }

    pub fn failed(&self) -> Vec<JourneyEnded> {
        self.journeys.borrow().iter().filter(|ended| ended.outcome == JourneyOutcome::Failed).cloned().collect()
    }
}

pub struct Run {
    pub engine: Engine,
    pub gateways: Vec<(HostId, ProcessId)>,
    pub phones: HostId,
    pub platform: Rc<Platform>,
    pub crowd: Rc<Crowd>,
    pub watcher: Rc<Watcher>,
}

impl Run {
    pub fn new(config: PhonesConfig, gateways: usize, watcher: Watcher) -> Run {
        let mut engine = Engine::new(engine_config());
        let platform = Platform::new();
        let gateways: Vec<(HostId, ProcessId)> = (1..=gateways)
            .map(|number| {
                let host = host(&mut engine, &format!("gateway-host-{number}"));
                let platform = platform.clone();
                (host, process(&mut engine, &format!("gateway-{number}"), host, move || platform.clone().serve(PORT)))
            })
            .collect();
        let addresses = gateways.iter().map(|(host, _)| Address { host: *host, port: PORT }).collect();
        let (crowd, watcher) = (Rc::new(Crowd::new()), Rc::new(watcher));
        let phones = host(&mut engine, "phones-host");
        let resolver = Fixed(addresses);
        let (for_phones, observer) = (crowd.clone(), watcher.clone());
        process(&mut engine, "phones", phones, move || {
            let (config, resolver) = (config.clone(), resolver.clone());
            let (observer, crowd) = (observer.clone(), for_phones.clone());
            async move {
                city::phones::run(config, Resolvers { usual: resolver, overstaying: None }, "api", observer, crowd)
                    .await
            }
        });
        Run { engine, gateways, phones, platform, crowd, watcher }
    }

    pub fn until(&mut self, seconds: u64) {
        assert_eq!(self.engine.run_until(Time::from_secs(seconds)), Stopped::Reached);
        assert!(self.engine.control().panics().is_empty(), "{:?}", self.engine.control().panics());
    }
}

/// The default city with plain Poisson demand, so that rates can be held against their means.
pub fn new_york() -> Arc<City> {
    let text = include_str!("../../../../scenarios/cities/nyc.toml");
    let line = text.lines().find(|line| line.starts_with("overdispersion")).expect("the city says how demand varies");
    Arc::new(City::parse(&text.replacen(line, "overdispersion = 0", 1), "nyc.toml").expect("still a city"))
}

pub fn village() -> Arc<City> {
    let text = include_str!("../../../../scenarios/cities/village.toml");
    Arc::new(City::parse(text, "village.toml").expect("a city"))
}

/// Phones that make `requests_per_s` in the `window` that begins `warm_up` after `start`.
pub fn phones_of(
    city: &Arc<City>,
    requests_per_s: f64,
    start: WeekMinute,
    warm_up: Duration,
    window: Duration,
) -> (PhonesConfig, Traffic) {
    let window_start = start.after(runtime::time::nanos(warm_up));
    let habits = city.habits().clone();
    let model = TrafficModel::new(city, habits.clone(), window_start, window).expect("sound habits");
    let traffic = model.from_requests(requests_per_s).expect("a traffic");
    let mut stream = runtime::random::derive(SEED, "test", "drivers");
    let config = PhonesConfig {
        city: city.clone(),
        habits,
        patience: Patience::default(),
        start,
        demand: Demand::Drawn { riders_per_hour: traffic.riders_per_hour / city.mean_demand(window_start, window) },
        riders: city::phones::riders_needed(&traffic),
        drivers: drivers::place(city, start, traffic.drivers.round() as u32, traffic.busy_share(), &mut stream),
        push: false,
    };
    (config, traffic)
}

/// A village with a few riders and drivers, none on the road yet.
pub fn village_phones(riders_per_hour: f64, drivers: usize) -> PhonesConfig {
    let city = village();
    let mut stream = runtime::random::derive(SEED, "test", "village");
    let places = (0..drivers).map(|_| DriverSeed::Idle { at: city.draw_pickup(&mut stream) }).collect();
    PhonesConfig {
        habits: city.habits().clone(),
        city,
        patience: Patience::default(),
        start: WeekMinute::new(0),
        demand: Demand::Drawn { riders_per_hour },
        riders: 10_000,
        drivers: places,
        push: false,
    }
}

fn engine_config() -> EngineConfig {
    let spread = |median_us, p99_us| LatencySpec {
        median: Duration::from_micros(median_us),
        p99: Duration::from_micros(p99_us),
        max: Duration::from_micros(p99_us * 5),
    };
    EngineConfig {
        seed: SEED,
        distances: Distances {
            same_host: spread(20, 60),
            same_zone: spread(100, 300),
            cross_zone: spread(400, 1_000),
            cross_region: spread(20_000, 50_000),
        },
        wire_check: false,
        draw_order: false,
        trace_window: 0..0,
        fault_points: BTreeMap::new(),
    }
}

fn host(engine: &mut Engine, name: &str) -> HostId {
    engine.add_host(HostSpec {
        name: name.into(),
        zone: name.into(),
        region: if name.starts_with("phones") { "outside".into() } else { "us-east-1".into() },
        cores: 2,
        egress_bytes_per_s: None,
        boot: Duration::from_secs(30),
        volume: VolumeSpec { iops: 1_000, throughput_bytes_per_s: 100 << 20, flush: Duration::from_millis(1) },
    })
}

fn process<F: Future<Output = ()> + 'static>(
    engine: &mut Engine,
    name: &str,
    host: HostId,
    start: impl Fn() -> F + 'static,
) -> ProcessId {
    let start = Rc::new(move || -> runtime::backend::LocalFuture { Box::pin(start()) });
    engine.add_process(ProcessSpec { name: name.into(), host, cpu_limit_millicores: None, start })
}

//! A small world: one host of phones, one or two gateways of one platform, and somebody who watches.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use city::phones::{Crowd, Demand, Patience, PhonesConfig, Resolvers};
use city::{City, DriverSeed, Traffic, TrafficModel, WeekMinute, drivers};
use engine::testing::{config, host, host_spec, process, run};
use engine::{Distances, Engine, EngineConfig, LatencySpec};
use ports::observe::{AttemptFailed, JourneyEnded, JourneyOutcome, Observation, Observer};
use ports::resolver::{ResolveError, Resolver};
use runtime::Time;
use runtime::net::{Address, HostId};
use runtime::world::{HostSpec, ProcessId, World};

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
        let mut engine = engine();
        let platform = Platform::new();
        let gateways: Vec<(HostId, ProcessId)> = (1..=gateways)
            .map(|number| {
                let name = format!("gateway-host-{number}");
                let host = host(&mut engine, &name, &name);
                let platform = platform.clone();
                (host, process(&mut engine, &format!("gateway-{number}"), host, move || platform.clone().serve(PORT)))
            })
            .collect();
        let addresses = gateways.iter().map(|(host, _)| Address { host: *host, port: PORT }).collect();
        let (crowd, watcher) = (Rc::new(Crowd::new()), Rc::new(watcher));
        let phones = engine.add_host(HostSpec { region: "outside".into(), ..host_spec("phones-host", "phones-host") });
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
        run(&mut self.engine, seconds);
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

fn engine() -> Engine {
    let usual = config(SEED);
    let cross_region = LatencySpec {
        median: Duration::from_millis(20),
        p99: Duration::from_millis(50),
        max: Duration::from_millis(250),
    };
    Engine::new(EngineConfig { distances: Distances { cross_region, ..usual.distances }, ..usual })
}

//! Eight services of three replicas over three zones, and a host for phones.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use engine::{Distances, Engine, EngineConfig, FaultPointPlan, LatencySpec, Stopped};
use platform::deploy::{
    Service, Wiring, start, start_gateway, start_geo, start_matching, start_pricing, start_trips, start_users,
};
use platform::domain::schema::Trip;
use platform::domain::session::SessionKey;
use platform::services::{API_PORT, Config};
use ports::endpoints::Endpoints;
use runtime::Time;
use runtime::backend::LocalFuture;
use runtime::net::{Address, HostId};
use runtime::world::{HostSpec, ProcessId, ProcessSpec, VolumeSpec, World as _};

use crate::cache::Shelf;
use crate::database::Memory;
use crate::processor::Desk;

pub const SESSION_SECRET: [u8; 32] = [7; 32];

pub struct World {
    pub engine: Engine,
    pub database: Memory,
    /// What the trips service reads receipts from; it is as it was when somebody last copied the database.
    pub copy: Memory,
    pub processor: Desk,
    pub cache: Shelf,
    pub replicas: BTreeMap<Service, Vec<ProcessId>>,
    others: Vec<ProcessId>,
    addresses: BTreeMap<Service, Vec<Address>>,
    phones: HostId,
}

/// What test code in the world found out.
#[derive(Clone)]
pub struct Notes<T>(Rc<RefCell<Vec<T>>>);

impl<T: Clone> Notes<T> {
    pub fn new() -> Self {
        Self(Rc::default())
    }

    pub fn add(&self, note: T) {
        self.0.borrow_mut().push(note);
    }

    pub fn all(&self) -> Vec<T> {
        self.0.borrow().clone()
    }
}

pub fn config(seed: u64, fault_points: &[&str]) -> EngineConfig {
    let spread = |median_us| LatencySpec {
        median: Duration::from_micros(median_us),
        p99: Duration::from_micros(median_us * 3),
        max: Duration::from_micros(median_us * 10),
    };
    let once = FaultPointPlan { probability: 1.0, at_most: 1 };
    EngineConfig {
        seed,
        distances: Distances {
            same_host: spread(20),
            same_zone: spread(100),
            cross_zone: spread(400),
            cross_region: spread(30_000),
        },
        wire_check: true,
        draw_order: true,
        trace_window: 0..0,
        fault_points: fault_points.iter().map(|name| (name.to_string(), once)).collect(),
    }
}

pub fn host(name: String, zone: &str) -> HostSpec {
    HostSpec {
        name,
        zone: zone.into(),
        region: "us-east-1".into(),
        cores: 2,
        egress_bytes_per_s: None,
        boot: Duration::from_secs(30),
        volume: VolumeSpec { iops: 3_000, throughput_bytes_per_s: 125 << 20, flush: Duration::from_millis(1) },
    }
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self::with(seed, &[], Config::default())
    }

    /// A world in which each of these fault points ends the first process that gets there.
    pub fn with(seed: u64, fault_points: &[&str], config: Config) -> Self {
        let mut engine = Engine::new(self::config(seed, fault_points));
        let mut host = |name: String, zone: &str| engine.add_host(host(name, zone));
        let mut hosts: BTreeMap<Service, Vec<HostId>> = BTreeMap::new();
        for service in Service::ALL {
            for zone in ["a", "b", "c"] {
                hosts.entry(service).or_default().push(host(format!("{service}-{zone}"), zone));
            }
        }
        let phones = host("phones".into(), "city");
        let at = |&host: &HostId| Address { host, port: API_PORT };
        let addresses = hosts.iter().map(|(service, hosts)| (*service, hosts.iter().map(at).collect()));
        let addresses: BTreeMap<Service, Vec<Address>> = addresses.collect();
        let (database, copy) = (Memory::default(), Memory::default());
        let (processor, cache) = (Desk::new(), Shelf::default());
        let (config, session_key) = (Rc::new(config), SessionKey::new(SESSION_SECRET));
        let endpoints = addresses.iter().map(|(service, at)| (*service, Endpoints::fixed(at.clone()))).collect();
        let wiring = Rc::new(Wiring { config, session_key, endpoints, follower: None });
        let mut replicas: BTreeMap<Service, Vec<ProcessId>> = BTreeMap::new();
        for (service, hosts) in hosts {
            for host in hosts {
                let (database, processor, cache) = (database.clone(), processor.clone(), cache.clone());
                let shared = wiring.config.shared_locations;
                let (database, cache, copy) = (move || database.clone(), move || cache.clone(), copy.clone());
                let start = match service {
                    Service::Gateway if shared => start_gateway(wiring.clone(), cache),
                    Service::Users if shared => start_users(wiring.clone(), database, cache),
                    Service::Geo if shared => start_geo(wiring.config.clone(), cache),
                    Service::Matching if shared => start_matching(wiring.clone(), database, cache),
                    Service::Pricing if shared => start_pricing(wiring.clone(), database, cache),
                    Service::Trips => {
                        start_trips(wiring.clone(), database, Some(move || copy.clone()), shared.then_some(cache))
                    }
                    _ => start(service, wiring.clone(), database, move || processor.clone()),
                };
                let process = engine.add_process(ProcessSpec {
                    name: format!("{service}-{}", host.0),
                    host,
                    cpu_limit_millicores: None,
                    start,
                });
                replicas.entry(service).or_default().push(process);
            }
        }
        Self { engine, database, copy, processor, cache, replicas, others: Vec::new(), addresses, phones }
    }

    /// Adds a process on a host of its own, restarted with the others.
    pub fn add(&mut self, name: &str, zone: &str, start: Rc<dyn Fn() -> LocalFuture>) -> ProcessId {
        let host = self.engine.add_host(host(name.into(), zone));
        let process =
            self.engine.add_process(ProcessSpec { name: name.into(), host, cpu_limit_millicores: None, start });
        self.others.push(process);
        process
    }

    /// Where the replicas of a service answer.
    pub fn addresses(&self, service: Service) -> &[Address] {
        &self.addresses[&service]
    }

    /// Where the first replica of a service answers.
    pub fn address(&self, service: Service) -> Address {
        self.addresses[&service][0]
    }

    /// Runs `script` on the phones' host. It gets the gateways' addresses.
    pub fn script<F: Future<Output = ()> + 'static>(
        &mut self,
        name: &str,
        script: impl FnOnce(Vec<Address>) -> F + 'static,
    ) -> ProcessId {
        let gateways = self.addresses[&Service::Gateway].clone();
        let script = RefCell::new(Some(script));
        self.engine.add_process(ProcessSpec {
            name: name.into(),
            host: self.phones,
            cpu_limit_millicores: None,
            start: Rc::new(move || {
                let script = script.take().expect("nothing restarts a phone");
                Box::pin(script(gateways.clone()))
            }),
        })
    }

    /// Restarts whatever crashes, as a supervisor would.
    pub fn supervise(&mut self, until_s: u64) {
        let processes: Vec<ProcessId> = self.replicas.values().flatten().chain(&self.others).copied().collect();
        let control = self.engine.control();
        for second in 1..until_s {
            let processes = processes.clone();
            control.at(Time::from_secs(second), move |control| {
                for process in processes {
                    if !control.is_running(process) {
                        control.crash(process, Some(Duration::from_millis(500)));
                    }
                }
            });
        }
    }

    /// The one trip of this world.
    pub fn only_trip(&self) -> Trip {
        let trips = self.database.all::<Trip>();
        assert_eq!(trips.len(), 1, "{trips:?}");
        trips.into_iter().next().expect("one trip")
    }

    pub fn run(&mut self, seconds: u64) {
        assert_eq!(self.engine.run_until(Time::from_secs(seconds)), Stopped::Reached);
        let panics = self.engine.control().panics();
        assert!(panics.is_empty(), "{panics:?}");
    }
}

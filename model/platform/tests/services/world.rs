//! Eight services of three replicas over three zones, and a host for phones.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use engine::testing::{self, Notes, host};
use engine::{Distances, Engine, EngineConfig, FaultPointPlan, LatencySpec};
use platform::deploy::{Clients, Connect, Service, Wiring, start};
use platform::domain::schema::Trip;
use platform::domain::session::SessionKey;
use platform::services::{API_PORT, Config};
use ports::endpoints::Endpoints;
use runtime::Time;
use runtime::backend::LocalFuture;
use runtime::net::{Address, HostId};
use runtime::world::{ProcessId, ProcessSpec, World as _};

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

/// An engine's configuration in which frames go through serde, what is runnable runs in any order, and each of these fault points
/// fires once.
pub fn config(seed: u64, fault_points: &[&str]) -> EngineConfig {
    let spread = |median_us| LatencySpec {
        median: Duration::from_micros(median_us),
        p99: Duration::from_micros(median_us * 3),
        max: Duration::from_micros(median_us * 10),
    };
    let once = FaultPointPlan { probability: 1.0, at_most: 1 };
    EngineConfig {
        wire_check: true,
        draw_order: true,
        fault_points: fault_points.iter().map(|name| (name.to_string(), once)).collect(),
        distances: Distances {
            same_host: spread(20),
            same_zone: spread(100),
            cross_zone: spread(400),
            cross_region: spread(30_000),
        },
        ..testing::config(seed)
    }
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self::with(seed, &[], Config::default())
    }

    /// A world in which each of these fault points ends the first process that gets there.
    pub fn with(seed: u64, fault_points: &[&str], config: Config) -> Self {
        let mut engine = Engine::new(self::config(seed, fault_points));
        let mut hosts: BTreeMap<Service, Vec<HostId>> = BTreeMap::new();
        for service in Service::ALL {
            for zone in ["a", "b", "c"] {
                hosts.entry(service).or_default().push(host(&mut engine, &format!("{service}-{zone}"), zone));
            }
        }
        let phones = host(&mut engine, "phones", "city");
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
                let (shared, copy) = (wiring.config.shared_locations, copy.clone());
                let clients = Clients {
                    database: Box::new(move || database.clone()),
                    copy: Some(Box::new(move || copy.clone())),
                    processor: Box::new(move || processor.clone()),
                    cache: shared.then(|| -> Connect<Shelf> { Box::new(move || cache.clone()) }),
                };
                let start = start(service, wiring.clone(), clients);
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
        let host = host(&mut self.engine, name, zone);
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
        testing::process(&mut self.engine, name, self.phones, move || {
            let script = script.take().expect("nothing restarts a phone");
            script(gateways.clone())
        })
    }

    /// Runs `script` on the phones' host, and returns what it notes.
    pub fn noting<T: Clone + 'static, F: Future<Output = ()> + 'static>(
        &mut self,
        name: &str,
        script: impl FnOnce(Vec<Address>, Notes<T>) -> F + 'static,
    ) -> Notes<T> {
        let notes = Notes::new();
        let noted = notes.clone();
        self.script(name, move |gateways| script(gateways, noted));
        notes
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
        testing::run(&mut self.engine, seconds);
    }
}

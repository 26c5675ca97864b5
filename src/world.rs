//! The world of a scenario, on whichever engine: hosts and processes of the cloud, the platform on them, the payment
//! processor and the phones outside.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use city::phones::Crowd;
use cloud::{dns, load_balancer, processor, rds};
use engine::{Distances, Engine, EngineConfig, LatencySpec, Transport};
use faults::Surfaces;
use platform::api::gateway;
use platform::deploy::{Service, Wiring, start};
use platform::domain::session::SessionKey;
use platform::services::{API_PORT, HEALTH_PORT};
use ports::observe::Observer;
use runtime::backend::LocalFuture;
use runtime::net::{Address, HostId};
use runtime::world::{HostSpec, INTERNET, ProcessSpec, VolumeSpec, World};
use scenarios::blueprint::{self, Blueprint, Latency, Role};

use crate::prepare::Prepared;
use crate::rehearsal::Options;

mod observed;
mod parameters;

pub use observed::{declared_loss, record_losses, rules};

/// What the load balancer is called, in DNS too.
const API: &str = "load-balancer";

/// A world that was built: what acts on it and what to ask of it.
pub struct Assembled {
    /// Riders and drivers, as far as the run asks them anything.
    pub crowd: Rc<Crowd>,
    pub surfaces: Surfaces,
    /// The hosts that each service, store and blueprint host's name stands for.
    pub groups: BTreeMap<String, Vec<HostId>>,
}

/// The native engine's settings for a scenario.
#[must_use]
pub fn engine_config(prepared: &Prepared, options: &Options<'_>) -> EngineConfig {
    let network = &prepared.loaded.blueprint.network;
    EngineConfig {
        seed: options.seed,
        distances: Distances {
            same_host: one_way(&network.same_host),
            same_zone: one_way(&network.same_zone),
            cross_zone: one_way(&network.cross_zone),
            cross_region: one_way(&network.cross_region),
        },
        wire_check: options.wire_check,
        draw_order: false,
        trace_window: options.window.clone(),
        fault_points: BTreeMap::new(),
    }
}

/// How far phones and the payment processor are from the cloud, and how TCP holds out everywhere.
pub fn set_network(engine: &mut Engine, prepared: &Prepared) {
    let network = &prepared.loaded.blueprint.network;
    engine.set_internet(one_way(&network.internet), network.internet_loss);
    let transport = Transport {
        retransmission_timeout: network.retransmission_timeout,
        syn_retries: network.tcp_syn_retries,
        retries: network.tcp_retries2,
    };
    engine.set_transport(transport, network.loss);
}

/// Blueprints state round trips, as people measure them; a frame makes half of one.
fn one_way(round_trip: &Latency) -> LatencySpec {
    LatencySpec { median: round_trip.median / 2, p99: round_trip.p99 / 2, max: round_trip.maximum() / 2 }
}

/// Builds the scenario's world.
pub fn assemble(world: &mut dyn World, prepared: &Prepared, observer: Rc<dyn Observer>) -> Assembled {
    let blueprint = &prepared.loaded.blueprint;
    let region = blueprint.regions[0].name.as_str();
    let zones: Vec<&str> = blueprint.zones().collect();
    let mut groups: BTreeMap<String, Vec<HostId>> = BTreeMap::new();

    // Phones ask a resolver of their carrier, which no zone takes with it.
    let resolvers: Vec<&str> = zones.iter().copied().chain([INTERNET]).collect();
    let names = dns::deploy(world, region, &resolvers, &dns::ServerParameters::default());
    let database = Rc::new(rds::deploy(world, parameters::store(blueprint, region), &names, observer.clone()));
    for server in &database.servers {
        groups.entry(blueprint::DATABASE.to_owned()).or_default().push(server.host);
        groups.insert(server.name.to_string(), vec![server.host]);
    }
    let processor = processor::deploy(world, parameters::processor(blueprint), observer.clone());
    groups.insert(blueprint::PAYMENT_PROCESSOR.to_owned(), vec![processor.address.host]);

    let stores = Stores { names, database, processor };
    let targets = services(world, prepared, region, &stores, &mut groups);
    let balancer_zones = blueprint.spread(&blueprint.load_balancer.zones);
    let plan = load_balancer::Plan {
        name: API,
        region,
        zones: &balancer_zones,
        targets,
        parameters: parameters::load_balancer(blueprint),
        error: parameters::proxy_error,
    };
    let balancer = load_balancer::deploy::<gateway::Request, _>(world, plan, &stores.names, observer.clone());
    for (zone, address) in &balancer.nodes {
        groups.entry(API.to_owned()).or_default().push(address.host);
        groups.insert(format!("{API}-{zone}"), vec![address.host]);
    }

    #[cfg(feature = "canary")]
    crate::canary::plant(world);
    let (crowd, phones) = phones(world, prepared, &stores.names, observer);
    groups.insert(blueprint::PHONES.to_owned(), vec![phones]);
    let surfaces = Surfaces {
        database: stores.database.operator.clone(),
        read_replicas: blueprint.rds.read_replicas.iter().map(|replica| replica.name.clone()).collect(),
        processor: stores.processor.control.clone(),
        crowd: crowd.clone(),
    };
    Assembled { crowd, surfaces, groups }
}

/// What services keep their data in, and how they find it.
struct Stores {
    names: dns::Deployed,
    database: Rc<rds::Deployed>,
    processor: processor::Deployed,
}

/// The platform's services, each replica on a host of its own; the gateway's replicas as targets of the load balancer.
fn services(
    world: &mut dyn World,
    prepared: &Prepared,
    region: &str,
    stores: &Stores,
    groups: &mut BTreeMap<String, Vec<HostId>>,
) -> Vec<load_balancer::Target> {
    let blueprint = &prepared.loaded.blueprint;
    let mut addresses: BTreeMap<Service, Vec<Address>> = BTreeMap::new();
    let mut replicas = Vec::new();
    for host in blueprint.hosts() {
        let Role::Service(name) = &host.role else { continue };
        let service = Service::named(name).expect("the loader checked the service's name");
        let id = world.add_host(service_host(&host, region, blueprint));
        addresses.entry(service).or_default().push(Address { host: id, port: API_PORT });
        groups.entry(name.clone()).or_default().push(id);
        groups.insert(host.name.clone(), vec![id]);
        replicas.push((service, id, host));
    }
    let mut targets = Vec::new();
    let mut wirings: BTreeMap<Service, Rc<Wiring>> = BTreeMap::new();
    for (service, id, host) in replicas {
        let deployed = blueprint.service(service.name()).expect("its hosts come from it");
        let wiring = wirings.entry(service).or_insert_with(|| {
            let config = Rc::new(parameters::service_config(prepared, deployed));
            Rc::new(Wiring {
                config,
                session_key: SessionKey::new(*b"a rehearsal's key, not a secret!"),
                addresses: addresses.clone(),
            })
        });
        let (database, pool) = (stores.database.clone(), parameters::pool(deployed));
        let (servers, resolver) = (stores.names.servers_from(&host.zone), parameters::resolver(blueprint));
        let database = move || database.client(dns::Client::new(servers.clone(), resolver.clone()), pool.clone());
        let (processor, client) = (stores.processor.address, parameters::processor_client(blueprint));
        let processor = move || processor::Client::new(processor, client.clone());
        world.add_process(ProcessSpec {
            name: host.name.clone(),
            host: id,
            cpu_limit_millicores: Some((deployed.cores * 1_000.0) as u32),
            start: delayed(deployed.start_time, start(service, wiring.clone(), database, processor)),
        });
        if service == Service::Gateway {
            targets.push(load_balancer::Target {
                name: host.name.as_str().into(),
                zone: host.zone.as_str().into(),
                address: Address { host: id, port: API_PORT },
                health: Address { host: id, port: HEALTH_PORT },
            });
        }
    }
    targets
}

/// A process that takes its time to start.
fn delayed(start_time: Duration, start: Rc<dyn Fn() -> LocalFuture>) -> Rc<dyn Fn() -> LocalFuture> {
    Rc::new(move || {
        let main = start.clone();
        Box::pin(async move {
            runtime::sleep(start_time).await;
            main().await;
        })
    })
}

/// A host of a service: c5.2xlarge, the document's node type (8 vCPU; AWS EC2 documentation, mid-2023). Boot time and
/// volume are assumptions.
fn service_host(host: &blueprint::Host, region: &str, blueprint: &Blueprint) -> HostSpec {
    HostSpec {
        name: host.name.clone(),
        zone: host.zone.clone(),
        region: region.to_owned(),
        cores: 8,
        egress_bytes_per_s: Some(blueprint.network.host_bandwidth),
        boot: Duration::from_secs(60),
        volume: VolumeSpec { iops: 3_000, throughput_bytes_per_s: 125 << 20, flush: Duration::from_millis(1) },
    }
}

/// All phones, in one process outside the cloud: what they share is the simulation's, not theirs.
fn phones(
    world: &mut dyn World,
    prepared: &Prepared,
    names: &dns::Deployed,
    observer: Rc<dyn Observer>,
) -> (Rc<Crowd>, HostId) {
    let host = world.add_host(HostSpec {
        name: blueprint::PHONES.to_owned(),
        zone: INTERNET.to_owned(),
        region: INTERNET.to_owned(),
        cores: u16::MAX,
        egress_bytes_per_s: None,
        boot: Duration::ZERO,
        volume: VolumeSpec { iops: 1, throughput_bytes_per_s: 1, flush: Duration::ZERO },
    });
    let crowd = Rc::new(Crowd::new());
    let config = parameters::phones(prepared);
    let (servers, resolver, people) = (names.servers_from(INTERNET), dns::ClientParameters::default(), crowd.clone());
    world.add_process(ProcessSpec {
        name: blueprint::PHONES.to_owned(),
        host,
        cpu_limit_millicores: None,
        start: Rc::new(move || {
            let resolver = dns::Client::new(servers.clone(), resolver.clone());
            Box::pin(city::phones::run(config.clone(), resolver, API, observer.clone(), people.clone()))
        }),
    });
    (crowd, host)
}

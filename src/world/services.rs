//! The platform's services: each replica on a host of its own, started with clients of what the blueprint deploys.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use cloud::{dns, kafka, load_balancer, processor};
use platform::deploy::{Clients, Connect, Service, Wiring, start, start_notifications, start_relay};
use platform::domain::session::SessionKey;
use platform::services::following::Follower;
use platform::services::{API_PORT, HEALTH_PORT};
use ports::endpoints::Endpoints;
use runtime::backend::LocalFuture;
use runtime::net::{Address, HostId};
use runtime::world::{HostSpec, ProcessSpec, VolumeSpec, World};
use scenarios::blueprint::{self, Blueprint, Role};

use super::carrier::Provider;
use super::parameters;
use super::stores::Stores;
use crate::prepare::Prepared;

/// The platform's services, each replica on a host of its own; the gateway's replicas as targets of the load balancer.
pub fn deploy(
    world: &mut dyn World,
    prepared: &Prepared,
    region: &str,
    stores: &Stores,
    follower: Option<&Rc<dyn Follower>>,
    groups: &mut BTreeMap<String, Vec<HostId>>,
) -> Vec<load_balancer::Target> {
    let blueprint = &prepared.loaded.blueprint;
    let mut addresses: BTreeMap<Service, Vec<Address>> = BTreeMap::new();
    let mut replicas = Vec::new();
    for host in blueprint.replicas() {
        let Role::Service(name) = &host.role else { continue };
        let id = world.add_host(service_host(&host, region, blueprint));
        if let Some(service) = Service::named(name) {
            addresses.entry(service).or_default().push(Address { host: id, port: API_PORT });
        }
        groups.entry(name.clone()).or_default().push(id);
        groups.insert(host.name.clone(), vec![id]);
        replicas.push((name.clone(), id, host));
    }
    let endpoints: BTreeMap<Service, Endpoints> =
        addresses.into_iter().map(|(service, at)| (service, Endpoints::fixed(at))).collect();
    let mut targets = Vec::new();
    let mut wirings: BTreeMap<String, Rc<Wiring>> = BTreeMap::new();
    for (name, id, host) in replicas {
        let deployed = blueprint.service(&name).expect("its hosts come from it");
        let wiring = wirings.entry(name.clone()).or_insert_with(|| {
            Rc::new(Wiring {
                config: Rc::new(parameters::service_config(prepared, deployed)),
                session_key: session_key(),
                endpoints: endpoints.clone(),
                follower: follower.cloned(),
            })
        });
        let start = main(deployed, wiring, blueprint, stores, &host.zone);
        world.add_process(ProcessSpec {
            name: host.name.clone(),
            host: id,
            cpu_limit_millicores: Some((deployed.cores * 1_000.0) as u32),
            start: delayed(deployed.start_time, start),
        });
        if name == Service::Gateway.name() {
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

/// What sessions of phones are signed with.
pub(super) fn session_key() -> SessionKey {
    SessionKey::new(*b"a rehearsal's key, not a secret!")
}

/// What one replica of a service in `zone` runs.
pub(super) fn main(
    deployed: &blueprint::Service,
    wiring: &Rc<Wiring>,
    blueprint: &Blueprint,
    stores: &Stores,
    zone: &str,
) -> Rc<dyn Fn() -> LocalFuture> {
    let (servers, finding) = (stores.names.servers_from(zone), parameters::resolver(blueprint));
    let resolver = move || dns::Client::new(servers.clone(), finding.clone());
    let (store, pool, resolve) = (stores.database.clone(), parameters::pool(deployed), resolver.clone());
    let (copies, at_copy) = (store.clone(), (resolver.clone(), pool.clone()));
    let database = move || store.client(resolve(), pool.clone());
    let config = wiring.config.clone();
    match (deployed.name.as_str(), &stores.cache, &stores.event_log) {
        (blueprint::RELAY, _, Some(log)) => {
            let log = log.clone();
            start_relay(config, database, move || log.client(kafka::ClientParameters::default()))
        }
        (blueprint::NOTIFICATIONS, _, Some(log)) => {
            let (log, provider) = (log.clone(), stores.carrier.expect("it is there where notifications are"));
            let log = move || log.client(kafka::ClientParameters::default());
            start_notifications(config, database, log, move || Provider::new(provider))
        }
        (name, cache, _) => {
            let service = Service::named(name).expect("the loader checked the service's name");
            let cache = cache.clone().zip(blueprint.redis.as_ref()).map(|(cache, stated)| -> Connect<_> {
                let client = parameters::cache_client(stated);
                Box::new(move || cache.client(resolver(), client))
            });
            let copy = nearest_copy(blueprint, zone).map(|copy| -> Connect<_> {
                Box::new(move || copies.client_of(&copy, at_copy.0(), at_copy.1.clone()))
            });
            let (processor, client) = (stores.processor.address, parameters::processor_client(blueprint));
            let processor = Box::new(move || processor::Client::new(processor, client.clone()));
            start(service, wiring.clone(), Clients { database: Box::new(database), copy, processor, cache })
        }
    }
}

/// The read replica of the database for a process in `zone`: one of the same zone, or else the first; none if there is none.
fn nearest_copy(blueprint: &Blueprint, zone: &str) -> Option<String> {
    let copies = &blueprint.rds.read_replicas;
    copies.iter().find(|copy| copy.zone == zone).or(copies.first()).map(|copy| copy.name.clone())
}

/// A process that takes its time to start.
pub(super) fn delayed(start_time: Duration, start: Rc<dyn Fn() -> LocalFuture>) -> Rc<dyn Fn() -> LocalFuture> {
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

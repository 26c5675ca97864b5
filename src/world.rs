//! The world of a scenario, on whichever engine: hosts and processes of the cloud, the platform on them, and whoever is outside:
//! phones, payment processor, carrier of notifications.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use city::phones::{Crowd, Resolvers};
use cloud::{dns, load_balancer};
use faults::Surfaces;
use platform::api::gateway;
use platform::services::following::Follower;
use ports::observe::{Name, Observer};
use runtime::net::HostId;
use runtime::world::{HostSpec, INTERNET, ProcessSpec, VolumeSpec, World};
use scenarios::blueprint;

use crate::prepare::Prepared;

mod carrier;
mod cluster;
mod observed;
mod parameters;
mod services;
mod stores;

pub use observed::{first_leaders, record_losses, rules, stores};

/// What the load balancer is called, in DNS too.
const API: &str = "load-balancer";

/// A world that was built: what acts on it and what to ask of it.
pub struct Assembled {
    /// Riders and drivers, as far as the run asks them anything.
    pub crowd: Rc<Crowd>,
    pub surfaces: Surfaces,
    /// The hosts that each service, store and blueprint host's name stands for.
    pub groups: BTreeMap<String, Vec<HostId>>,
    /// Services whose replicas are pods.
    pub pods_of: Vec<String>,
    /// Who watches over which part of the cloud, or keeps its names.
    pub watchers: Vec<Watchers>,
}

/// Hosts that serve no request themselves: what they notice and decide is what recoveries rest on.
pub struct Watchers {
    /// What reports call them, such as `rds monitors`.
    pub group: &'static str,
    /// What each of them is, such as `monitor`.
    pub role: &'static str,
    pub hosts: Vec<HostId>,
}

/// Builds the scenario's world. A `follower` is told of the calls between services that it follows.
pub fn assemble(
    world: &mut dyn World,
    prepared: &Prepared,
    observer: Rc<dyn Observer>,
    follower: Option<Rc<dyn Follower>>,
) -> Assembled {
    let blueprint = &prepared.loaded.blueprint;
    let region = blueprint.regions[0].name.as_str();
    let zones: Vec<&str> = blueprint.zones().collect();
    let mut groups: BTreeMap<String, Vec<HostId>> = BTreeMap::new();

    // Phones ask a resolver of their carrier, which no zone takes with it.
    let resolvers: Vec<&str> = zones.iter().copied().chain([INTERNET]).collect();
    let names = dns::deploy(world, region, &resolvers, &dns::ServerParameters::default());
    let stores = Rc::new(stores::deploy(world, blueprint, names, &observer, &mut groups));
    let targets = match blueprint.kubernetes {
        Some(_) => Vec::new(),
        None => services::deploy(world, prepared, region, &stores, follower.as_ref(), &mut groups),
    };
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

    let mut watchers = watchers(&stores, blueprint.route53.is_some(), balancer.controllers.clone());
    let cluster = blueprint.kubernetes.as_ref().map(|stated| {
        let registers = balancer.registers();
        let cluster = cluster::deploy(world, prepared, stated, &stores, registers, observer.clone(), follower);
        groups.insert(blueprint::CLUSTER.to_owned(), cluster.nodes);
        let hosts = vec![cluster.control_plane];
        watchers.push(Watchers { group: "kubernetes-control-plane", role: "", hosts });
        cluster.operator
    });
    let pods_of = cluster.iter().flat_map(|_| blueprint.services.iter().map(|service| service.name.clone())).collect();

    #[cfg(feature = "canary")]
    crate::canary::plant(world);
    let (crowd, phones) = phones(world, prepared, &stores.names, observer);
    groups.insert(blueprint::PHONES.to_owned(), vec![phones]);
    let surfaces = Surfaces {
        database: stores.database.operator.clone(),
        read_replicas: blueprint.rds.read_replicas.iter().map(|replica| replica.name.clone()).collect(),
        cache: stores.cache.as_ref().map(|cache| cache.operator.clone()).unwrap_or_default(),
        event_log: stores.event_log.as_ref().map(|log| log.operator.clone()).unwrap_or_default(),
        cluster: cluster.unwrap_or_default(),
        processor: stores.processor.control.clone(),
        crowd: crowd.clone(),
    };
    Assembled { crowd, surfaces, groups, pods_of, watchers }
}

/// Who watches over the stores and the load balancer, and who keeps names; groups without hosts are left out.
fn watchers(stores: &stores::Stores, checked_from_outside: bool, controllers: Vec<HostId>) -> Vec<Watchers> {
    let hosts = |watchers: &[(HostId, Name)]| watchers.iter().map(|(host, _)| *host).collect::<Vec<_>>();
    let of_balancer =
        if checked_from_outside { ("route 53 checkers", "checker") } else { ("health controllers", "controller") };
    let of_cache = stores.cache.as_ref().map_or(Vec::new(), |cache| hosts(&cache.monitors));
    let of_log = stores.event_log.as_ref().map_or(Vec::new(), |log| hosts(&log.ensemble));
    let all = [
        ("rds monitors", "monitor", hosts(&stores.database.monitors)),
        ("redis monitors", "monitor", of_cache),
        ("kafka ensemble", "zookeeper", of_log),
        (of_balancer.0, of_balancer.1, controllers),
        ("dns", "name server", stores.names.servers().iter().map(|server| server.host).collect()),
    ];
    let standing = all.into_iter().filter(|(.., hosts)| !hosts.is_empty());
    standing.map(|(group, role, hosts)| Watchers { group, role, hosts }).collect()
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
    let (servers, people) = (names.servers_from(INTERNET), crowd.clone());
    let overstaying = prepared.loaded.blueprint.route53.as_ref().map(|stated| (stated.overstaying, stated.overstay));
    world.add_process(ProcessSpec {
        name: blueprint::PHONES.to_owned(),
        host,
        cpu_limit_millicores: None,
        start: Rc::new(move || {
            let resolver = |client_cache| {
                dns::Client::new(
                    servers.clone(),
                    dns::ClientParameters { client_cache, ..dns::ClientParameters::default() },
                )
            };
            let resolvers = Resolvers {
                usual: resolver(Duration::ZERO),
                overstaying: overstaying.map(|(share, longer)| (share, resolver(longer))),
            };
            Box::pin(city::phones::run(config.clone(), resolvers, API, observer.clone(), people.clone()))
        }),
    });
    (crowd, host)
}

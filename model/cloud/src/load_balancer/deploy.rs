//! Puts a load balancer into a world: in each zone a node and a controller, each on a host of its own.

use std::rc::Rc;
use std::time::Duration;

use ports::observe::{Name, Observer};
use runtime::net::{Address, Frame, HostId};
use runtime::world::{HostSpec, INTERNET, ProcessSpec, VolumeSpec, World};

use super::controller::{self, ControllerPlan, WatchedNode};
use super::node::{self, HEALTH_PORT, NodePlan, PORT, ProxyError};
use super::parameters::{Parameters, Vantage};
use super::registration;
use super::target::Target;
use crate::dns;

/// What a load balancer is to be.
pub struct Plan<'a, A> {
    /// What people call it and what DNS knows it by.
    pub name: &'a str,
    pub region: &'a str,
    pub zones: &'a [&'a str],
    /// Targets at first; nodes may be told of others ([`register`](super::register)).
    pub targets: Vec<Target>,
    pub parameters: Parameters,
    /// The response for a request that no target answered.
    pub error: fn(ProxyError) -> A,
}

/// A load balancer of a world.
#[derive(Clone, Debug)]
pub struct Deployed {
    /// Zone and address of each node, as DNS names them at first.
    pub nodes: Vec<(Name, Address)>,
    /// Hosts of whoever checks the nodes and withdraws them from DNS.
    pub controllers: Vec<HostId>,
}

impl Deployed {
    /// Where each node is told of its targets.
    #[must_use]
    pub fn registers(&self) -> Vec<Address> {
        self.nodes.iter().map(|(_, node)| Address { port: registration::PORT, ..*node }).collect()
    }
}

/// Adds the load balancer's hosts and processes, `<name>-node-<zone>` and `<name>-controller-<zone or checker>`, and declares its name in DNS.
/// It takes requests of type `Q` on [`PORT`] and answers with `A`.
pub fn deploy<Q: Frame, A: Frame>(
    world: &mut dyn World,
    plan: Plan<'_, A>,
    names: &dns::Deployed,
    observer: Rc<dyn Observer>,
) -> Deployed {
    let Plan { name, region, zones, targets, parameters, error } = plan;
    let (component, targets): (Name, Rc<[Target]>) = (name.into(), targets.into());
    let node_host = |world: &mut dyn World, zone: &&str| {
        let host = host(format!("{name}-node-{zone}"), zone, region, parameters.node.cores, parameters.node.boot);
        world.add_host(host)
    };
    let node_hosts: Vec<HostId> = zones.iter().map(|zone| node_host(world, zone)).collect();
    let controllers = places(parameters.controller.vantage, zones);
    let controller_host = |world: &mut dyn World, place: &String| {
        let region = if parameters.controller.vantage == Vantage::InZones { region } else { INTERNET };
        let host =
            host(format!("{name}-controller-{place}"), place, region, parameters.node.cores, parameters.node.boot);
        world.add_host(host)
    };
    let controller_hosts: Vec<HostId> = controllers.iter().map(|place| controller_host(world, place)).collect();

    for (zone, host) in zones.iter().zip(&node_hosts) {
        let plan = NodePlan {
            component: component.clone(),
            zone: (*zone).into(),
            targets: targets.clone(),
            node: parameters.node.clone(),
            health_check: parameters.health_check.clone(),
            error,
            observer: observer.clone(),
        };
        world.add_process(ProcessSpec {
            name: format!("{name}-node-{zone}"),
            host: *host,
            cpu_limit_millicores: None,
            start: Rc::new(move || Box::pin(node::run::<Q, A>(plan.clone()))),
        });
    }

    let watched = |(zone, host): (&&str, &HostId)| WatchedNode {
        zone: (*zone).into(),
        address: Address { host: *host, port: PORT },
        health: Address { host: *host, port: HEALTH_PORT },
    };
    let nodes: Rc<[WatchedNode]> = zones.iter().zip(&node_hosts).map(watched).collect();
    for (zone, &host) in controllers.iter().zip(&controller_hosts) {
        let others = controller_hosts.iter().filter(|other| **other != host);
        let plan = ControllerPlan {
            component: component.clone(),
            zone: zone.as_str().into(),
            nodes: nodes.clone(),
            others: others.map(|&host| Address { host, port: controller::PORT }).collect(),
            name_servers: names.servers_from(zone),
            parameters: parameters.controller.clone(),
            observer: observer.clone(),
        };
        world.add_process(ProcessSpec {
            name: format!("{name}-controller-{zone}"),
            host,
            cpu_limit_millicores: None,
            start: Rc::new(move || Box::pin(controller::run(plan.clone()))),
        });
    }

    names.declare(name, nodes.iter().map(|node| node.address).collect(), parameters.controller.ttl);
    let nodes = nodes.iter().map(|node| (node.zone.clone(), node.address)).collect();
    Deployed { nodes, controllers: controller_hosts }
}

/// Where the controllers are, each in a zone of this name.
fn places(vantage: Vantage, zones: &[&str]) -> Vec<String> {
    match vantage {
        Vantage::InZones => zones.iter().map(|&zone| zone.to_owned()).collect(),
        Vantage::Outside(count) => (0..count.max(1)).map(|number| format!("checker-{number}")).collect(),
    }
}

/// A host that keeps nothing on its disk.
fn host(name: String, zone: &str, region: &str, cores: u16, boot: Duration) -> HostSpec {
    HostSpec {
        name,
        zone: zone.to_owned(),
        region: region.to_owned(),
        cores,
        egress_bytes_per_s: None,
        boot,
        volume: VolumeSpec { iops: 3_000, throughput_bytes_per_s: 125 << 20, flush: Duration::from_millis(1) },
    }
}

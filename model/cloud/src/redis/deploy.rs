//! Puts a store into a world: its servers, each on a host of its own, and without cluster mode a monitor of its control plane in every
//! zone.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ports::observe::{Name, Observer};
use ports::resolver::Resolver;
use runtime::net::HostId;
use runtime::world::{HostSpec, ProcessId, ProcessSpec, World};

use super::client::Client;
use super::operator::Operator;
use super::parameters::{ClientParameters, Mode, ServerParameters};
use super::plan::{Plan, ServerPlan};
use super::protocol::{MONITOR_PORT, NodeId, ShardId};
use super::{monitor, process};
use crate::dns;
use crate::placement::{ServerSpec, add_monitor_hosts, monitor_name};

/// Time to live of a name whose addresses never change. Assumption.
const MEMBERS_TTL: Duration = Duration::from_secs(60);

/// A store to be deployed.
pub struct StoreSpec {
    /// Its name in records and reports.
    pub store: String,
    /// The name under which clients find the primary; in cluster mode every member. Each server is found under its own besides.
    pub endpoint: String,
    pub region: String,
    /// Each with its servers, the first of which is the primary at the start. Without cluster mode there is one.
    pub shards: Vec<Vec<ServerSpec>>,
    pub mode: Mode,
    /// Without cluster mode, a monitor `<store>-control-<zone>` runs in each. Three are needed for one to be lost.
    pub monitor_zones: Vec<String>,
    pub server: ServerParameters,
    /// How the control plane changes DNS records.
    pub publisher: dns::PublisherParameters,
}

/// A server of a deployed store.
#[derive(Clone, Debug)]
pub struct DeployedServer {
    pub name: Name,
    pub zone: Name,
    /// The name of its shard in observations.
    pub shard: Name,
    pub host: HostId,
    pub process: ProcessId,
}

/// A deployed store.
pub struct Deployed {
    pub store: Name,
    pub endpoint: String,
    /// Shard by shard, in the order of the specification.
    pub servers: Vec<DeployedServer>,
    /// Hosts of the control plane, with their zones.
    pub monitors: Vec<(HostId, Name)>,
    /// What an operator, or a fault, may ask of the store.
    pub operator: Operator,
    plan: Rc<Plan>,
}

impl Deployed {
    /// A client of the store, for the process that calls this.
    pub fn client<R: Resolver>(&self, resolver: R, parameters: ClientParameters) -> Client<R> {
        Client::new(self.plan.clone(), self.endpoint.clone(), resolver, parameters)
    }

    /// A client of the server of this name, for the process that calls this; in cluster mode the server says who else there is.
    pub fn client_of<R: Resolver>(&self, server: &str, resolver: R, parameters: ClientParameters) -> Client<R> {
        Client::new(self.plan.clone(), server.to_owned(), resolver, parameters)
    }
}

/// Adds the store's hosts and processes, and its names to the zone file.
///
/// # Panics
/// If a host's name is taken, a shard has no server, or without cluster mode there is more than one shard or no monitor.
pub fn deploy(world: &mut dyn World, spec: StoreSpec, dns: &dns::Deployed, observer: Rc<dyn Observer>) -> Deployed {
    let controlled = matches!(spec.mode, Mode::Controlled(_));
    assert!(!spec.shards.is_empty() && spec.shards.iter().all(|shard| !shard.is_empty()), "a shard has a primary");
    assert!(!controlled || (spec.shards.len() == 1 && !spec.monitor_zones.is_empty()), "one shard, and monitors");
    let mut shards = Vec::new();
    let mut servers: Vec<ServerPlan> = Vec::new();
    for (number, members) in (0u16..).zip(&spec.shards) {
        let name = if controlled { spec.store.clone() } else { format!("{}/{number}", spec.store) };
        shards.push((name.as_str().into(), NodeId(servers.len() as u16)));
        for member in members {
            let host = world.add_host(HostSpec {
                name: member.name.clone(),
                zone: member.zone.clone(),
                region: spec.region.clone(),
                cores: spec.server.cores,
                egress_bytes_per_s: Some(spec.server.egress_bytes_per_s),
                boot: spec.server.boot,
                volume: spec.server.volume,
            });
            let (name, zone) = (member.name.as_str().into(), member.zone.as_str().into());
            servers.push(ServerPlan { name, zone, host, shard: ShardId(number) });
        }
    }
    let monitor_zones = if controlled { spec.monitor_zones.as_slice() } else { &[] };
    let monitors = add_monitor_hosts(world, &spec.store, &spec.region, monitor_zones, MONITOR_PORT);
    let operator = Operator::new(servers.iter().map(|server| (server.name.to_string(), server.shard)), controlled);
    let (name_servers, publisher) = (dns.servers(), spec.publisher.clone());
    let plan = Rc::new(Plan {
        store: spec.store.as_str().into(),
        endpoint: spec.endpoint.clone(),
        servers,
        shards,
        monitors,
        mode: spec.mode,
        server: spec.server,
        publisher: Rc::new(move || dns::Publisher::new(name_servers.clone(), publisher.clone())),
        observer,
        operator: operator.clone(),
        snapshots: RefCell::default(),
        detected: RefCell::default(),
        sessions: Cell::new(0),
    });
    if let Mode::Controlled(parameters) = spec.mode {
        for (number, (address, zone)) in plan.monitors.iter().enumerate() {
            let told = plan.clone();
            world.add_process(ProcessSpec {
                name: monitor_name(&spec.store, zone),
                host: address.host,
                cpu_limit_millicores: None,
                start: Rc::new(move || Box::pin(monitor::run(told.clone(), number, parameters))),
            });
        }
    }
    let servers = plan.nodes().map(|node| add_server(world, &plan, node)).collect();
    for node in plan.nodes() {
        dns.declare(&plan.server(node).name, vec![plan.client_address(node)], MEMBERS_TTL);
    }
    let (found, ttl) = match spec.mode {
        Mode::Cluster(_) => (plan.nodes().map(|node| plan.client_address(node)).collect(), MEMBERS_TTL),
        Mode::Controlled(parameters) => (vec![plan.client_address(NodeId(0))], parameters.dns_ttl),
    };
    dns.declare(&spec.endpoint, found, ttl);
    Deployed {
        store: plan.store.clone(),
        endpoint: spec.endpoint,
        servers,
        monitors: plan.monitors.iter().map(|(address, zone)| (address.host, zone.clone())).collect(),
        operator,
        plan,
    }
}

fn add_server(world: &mut dyn World, plan: &Rc<Plan>, node: NodeId) -> DeployedServer {
    let ServerPlan { name, zone, host, shard } = plan.server(node).clone();
    let told = plan.clone();
    let process = world.add_process(ProcessSpec {
        name: name.to_string(),
        host,
        cpu_limit_millicores: None,
        start: Rc::new(move || Box::pin(process::run(told.clone(), node))),
    });
    DeployedServer { name, zone, shard: plan.shard_name(shard).clone(), host, process }
}

//! Puts a store into a world: its servers, each on a host of its own, and a monitor of its control plane in every zone.

use std::cell::Cell;
use std::rc::Rc;

use ports::database::TableSchema;
use ports::observe::{Name, Observer};
use ports::resolver::Resolver;
use runtime::net::HostId;
use runtime::world::{HostSpec, ProcessId, ProcessSpec, World};

use super::client::Client;
use super::configuration::{Configuration, NodeId};
use super::operator::Operator;
use super::parameters::{Durability, FailoverParameters, PoolParameters, ServerParameters};
use super::plan::{Plan, ServerPlan};
use super::protocol::MONITOR_PORT;
use super::{monitor, process};
use crate::dns;
use crate::placement::{ServerSpec, add_monitor_hosts, monitor_name};

/// A store to be deployed.
pub struct StoreSpec {
    /// Its name in records and reports.
    pub store: String,
    /// The name under which clients find the writable server. A read replica is found under its own.
    pub endpoint: String,
    pub region: String,
    pub primary: ServerSpec,
    /// None: Single-AZ.
    pub standby: Option<ServerSpec>,
    pub read_replicas: Vec<ServerSpec>,
    /// A monitor `<store>-control-<zone>` runs in each. Three are needed for one to be lost.
    pub monitor_zones: Vec<String>,
    pub tables: &'static [&'static TableSchema],
    pub server: ServerParameters,
    pub failover: FailoverParameters,
    /// How the control plane changes DNS records.
    pub publisher: dns::PublisherParameters,
}

/// A server of a deployed store.
#[derive(Clone, Debug)]
pub struct DeployedServer {
    pub name: Name,
    pub zone: Name,
    pub host: HostId,
    pub process: ProcessId,
    pub is_read_replica: bool,
}

/// A deployed store.
pub struct Deployed {
    pub store: Name,
    pub endpoint: String,
    /// The primary at the start, its standby, the read replicas.
    pub servers: Vec<DeployedServer>,
    /// Hosts of the control plane, with their zones.
    pub monitors: Vec<(HostId, Name)>,
    /// What an operator, or a fault, may ask of the store.
    pub operator: Operator,
    observer: Rc<dyn Observer>,
}

impl Deployed {
    /// A client of the writable server, for the process that calls this.
    pub fn client<R: Resolver>(&self, resolver: R, parameters: PoolParameters) -> Client<R> {
        Client::new(self.store.clone(), self.endpoint.clone(), resolver, parameters, self.observer.clone())
    }

    /// A client that reads from the server of this name, for the process that calls this.
    pub fn client_of<R: Resolver>(&self, server: &str, resolver: R, parameters: PoolParameters) -> Client<R> {
        Client::new(self.store.clone(), server.to_owned(), resolver, parameters, self.observer.clone())
    }
}

/// Adds the store's hosts and processes, and its names to the zone file.
///
/// # Panics
/// If a host's name is taken, or there is no monitor.
pub fn deploy(world: &mut dyn World, spec: StoreSpec, dns: &dns::Deployed, observer: Rc<dyn Observer>) -> Deployed {
    assert!(!spec.monitor_zones.is_empty(), "a store needs a monitor");
    let host = |server: &ServerSpec| HostSpec {
        name: server.name.clone(),
        zone: server.zone.clone(),
        region: spec.region.clone(),
        cores: spec.server.cores,
        egress_bytes_per_s: Some(spec.server.egress_bytes_per_s),
        boot: spec.server.boot,
        volume: spec.server.volume,
    };
    let members = std::iter::once(&spec.primary).chain(&spec.standby).map(|server| (server, false));
    let all = members.chain(spec.read_replicas.iter().map(|server| (server, true)));
    let servers: Vec<ServerPlan> = all
        .map(|(server, is_read_replica)| ServerPlan {
            name: server.name.as_str().into(),
            zone: server.zone.as_str().into(),
            host: world.add_host(host(server)),
            is_read_replica,
        })
        .collect();
    let monitors = add_monitor_hosts(world, &spec.store, &spec.region, &spec.monitor_zones, MONITOR_PORT);
    let node_ids = || (0u8..).map(NodeId);
    let replicas = node_ids().zip(&servers).filter(|(_, server)| server.is_read_replica);
    let operator = Operator::new(replicas.map(|(node, server)| (server.name.to_string(), node)));
    let (name_servers, publisher) = (dns.servers(), spec.publisher.clone());
    let plan = Rc::new(Plan {
        store: spec.store.as_str().into(),
        endpoint: spec.endpoint.clone(),
        tables: spec.tables,
        initial: Configuration::initial(NodeId(0), spec.standby.as_ref().map(|_| NodeId(1))),
        servers,
        monitors,
        server: Rc::new(match runtime::planted::is("commit-not-synced") {
            true => ServerParameters { durability: Durability::AsynchronousCommit, ..spec.server.clone() },
            false => spec.server.clone(),
        }),
        failover: spec.failover.clone(),
        publisher: Rc::new(move || dns::Publisher::new(name_servers.clone(), publisher.clone())),
        observer: observer.clone(),
        operator: operator.clone(),
        detected: Cell::new(None),
        observed: Rc::default(),
    });
    for (number, (address, zone)) in plan.monitors.iter().enumerate() {
        let told = plan.clone();
        world.add_process(ProcessSpec {
            name: monitor_name(&spec.store, zone),
            host: address.host,
            cpu_limit_millicores: None,
            start: Rc::new(move || Box::pin(monitor::run(told.clone(), number))),
        });
    }
    let deployed: Vec<DeployedServer> = node_ids()
        .zip(&plan.servers)
        .map(|(node, server)| {
            let told = plan.clone();
            let process = world.add_process(ProcessSpec {
                name: server.name.to_string(),
                host: server.host,
                cpu_limit_millicores: None,
                start: Rc::new(move || Box::pin(process::run(told.clone(), node))),
            });
            if server.is_read_replica {
                dns.declare(&server.name, vec![plan.client_address(node)], spec.failover.dns_ttl);
            }
            let ServerPlan { name, zone, host, is_read_replica } = server.clone();
            DeployedServer { name, zone, host, process, is_read_replica }
        })
        .collect();
    dns.declare(&spec.endpoint, vec![plan.client_address(NodeId(0))], spec.failover.dns_ttl);
    Deployed {
        store: plan.store.clone(),
        endpoint: spec.endpoint,
        servers: deployed,
        monitors: plan.monitors.iter().map(|(address, zone)| (address.host, zone.clone())).collect(),
        operator,
        observer,
    }
}

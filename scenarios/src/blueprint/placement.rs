//! Which host stands where: every host of a blueprint has a name, a zone and a role.

use super::{
    Blueprint, CACHE, CARRIER, CLUSTER, DATABASE, DATABASE_PRIMARY, DATABASE_STANDBY, EVENT_LOG, NOTIFICATIONS,
    PAYMENT_PROCESSOR, PHONES,
};

/// What runs on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// A replica of the service of this name.
    Service(String),
    /// A node of the load balancer.
    LoadBalancer,
    /// The database's primary at the start.
    DatabasePrimary,
    /// The database's synchronous standby at the start.
    DatabaseStandby,
    /// An asynchronous read replica of the database.
    DatabaseReplica,
    /// A server of the cache.
    Cache {
        /// The number of its shard.
        shard: usize,
        /// Whether it is the shard's primary at the start; a replica otherwise.
        primary: bool,
    },
    /// A broker of the event log.
    Broker,
    /// A node of the cluster that services run in.
    Node,
}

/// A host of the cloud; its one process bears its name. On a node of a cluster that is its agent, and the pods are processes beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Unique name: `gateway-0`, `rds-primary`, `load-balancer-us-east-1a`, `redis-2-1` (of the third shard, the second server), `kafka-0`,
    /// `node-0`.
    pub name: String,
    /// Its availability zone.
    pub zone: String,
    /// What runs there.
    pub role: Role,
}

impl Blueprint {
    /// Every host: the load balancer's nodes; the cluster's nodes, or else the services' replicas, dealt to their zones in turn; the servers of
    /// the database and of the cache; and the event log's brokers, dealt likewise.
    pub fn hosts(&self) -> Vec<Host> {
        let mut hosts: Vec<Host> = Vec::new();
        for zone in self.spread(&self.load_balancer.zones) {
            hosts.push(Host { name: format!("load-balancer-{zone}"), zone: zone.to_owned(), role: Role::LoadBalancer });
        }
        match &self.kubernetes {
            Some(kubernetes) => hosts.extend(self.machines().into_iter().take(kubernetes.nodes as usize)),
            None => hosts.extend(self.replicas()),
        }
        let mut database = |name: &str, zone: &str, role| {
            hosts.push(Host { name: name.to_owned(), zone: zone.to_owned(), role });
        };
        database(DATABASE_PRIMARY, &self.rds.primary_zone, Role::DatabasePrimary);
        if let (true, Some(zone)) = (self.rds.multi_az, &self.rds.standby_zone) {
            database(DATABASE_STANDBY, zone, Role::DatabaseStandby);
        }
        for replica in &self.rds.read_replicas {
            database(&replica.name, &replica.zone, Role::DatabaseReplica);
        }
        for (shard, zones) in self.redis.iter().flat_map(|redis| &redis.shards).enumerate() {
            for (index, zone) in zones.iter().enumerate() {
                let role = Role::Cache { shard, primary: index == 0 };
                hosts.push(Host { name: format!("{CACHE}-{shard}-{index}"), zone: zone.clone(), role });
            }
        }
        if let Some(kafka) = &self.kafka {
            let zones = self.spread(&kafka.zones);
            let brokers = zones.len() * kafka.brokers_per_zone as usize;
            for (index, zone) in zones.iter().cycle().take(brokers).enumerate() {
                let name = format!("{EVENT_LOG}-{index}");
                hosts.push(Host { name, zone: (*zone).to_owned(), role: Role::Broker });
            }
        }
        hosts
    }

    /// The services' replicas, dealt to their zones in turn. In a cluster these are the pods that there are at first, each where it would be if
    /// it had a host of its own.
    pub fn replicas(&self) -> Vec<Host> {
        let mut replicas = Vec::new();
        for service in &self.services {
            let zones = self.spread(&service.zones);
            for (index, zone) in zones.iter().cycle().take(service.replicas as usize).enumerate() {
                let name = format!("{}-{index}", service.name);
                replicas.push(Host { name, zone: (*zone).to_owned(), role: Role::Service(service.name.clone()) });
            }
        }
        replicas
    }

    /// The machines of the cluster, dealt to its zones in turn: its nodes, and after them those that the autoscaler may order.
    pub fn machines(&self) -> Vec<Host> {
        let Some(kubernetes) = &self.kubernetes else { return Vec::new() };
        let zones = self.spread(&kubernetes.zones);
        let count = kubernetes.nodes_max.map_or(kubernetes.nodes, |most| most.max(kubernetes.nodes));
        let dealt = zones.iter().cycle().take(count as usize).enumerate();
        dealt
            .map(|(index, zone)| Host { name: format!("node-{index}"), zone: (*zone).to_owned(), role: Role::Node })
            .collect()
    }

    /// The servers of those shards of the cache that have replicas.
    pub fn replicated_cache_hosts(&self) -> Vec<Host> {
        let mut hosts = self.hosts();
        let has_replicas = |shard: usize| self.redis.as_ref().is_some_and(|redis| redis.shards[shard].len() > 1);
        hosts.retain(|host| matches!(host.role, Role::Cache { shard, .. } if has_replicas(shard)));
        hosts
    }

    /// The hosts that a name stands for: a zone's, a service's, a store's, the load balancer's, or the host's own.
    /// `phones`, `payment-processor` and `carrier` are outside the cloud and stand for no host.
    pub fn hosts_named(&self, name: &str) -> Vec<Host> {
        let mut hosts = self.hosts();
        hosts.retain(|host| {
            host.name == name
                || host.zone == name
                || match &host.role {
                    Role::Service(service) => service == name,
                    Role::LoadBalancer => name == "load-balancer",
                    Role::DatabasePrimary | Role::DatabaseStandby | Role::DatabaseReplica => name == DATABASE,
                    Role::Cache { .. } => name == CACHE,
                    Role::Broker => name == EVENT_LOG,
                    Role::Node => name == CLUSTER,
                }
        });
        hosts
    }

    /// Every name that stands for one or more processes: services, hosts, and the pods that a cluster has at first.
    pub(crate) fn process_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.services.iter().map(|service| service.name.clone()).collect();
        names.extend(self.hosts().into_iter().map(|host| host.name));
        if self.kubernetes.is_some() {
            names.extend(self.replicas().into_iter().map(|pod| pod.name));
        }
        names
    }

    /// Every name that stands for an end of a link: zones, services, stores, hosts, and what lies outside the cloud.
    pub(crate) fn place_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.zones().map(str::to_owned).collect();
        names.extend(self.process_names());
        names.extend(["load-balancer", DATABASE, PAYMENT_PROCESSOR, PHONES].map(str::to_owned));
        let others = [
            (CACHE, self.redis.is_some()),
            (EVENT_LOG, self.kafka.is_some()),
            (CARRIER, self.service(NOTIFICATIONS).is_some()),
            (CLUSTER, self.kubernetes.is_some()),
        ];
        names.extend(others.into_iter().filter(|(_, exists)| *exists).map(|(name, _)| name.to_owned()));
        names
    }
}

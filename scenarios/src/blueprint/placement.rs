//! Which host stands where: every host of a blueprint has a name, a zone and a role.

use super::{Blueprint, DATABASE, DATABASE_PRIMARY, DATABASE_STANDBY, PAYMENT_PROCESSOR, PHONES};

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
}

/// A host of the cloud; its one process bears its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Unique name: `gateway-0`, `rds-primary`, `load-balancer-us-east-1a`.
    pub name: String,
    /// Its availability zone.
    pub zone: String,
    /// What runs there.
    pub role: Role,
}

impl Blueprint {
    /// Every host: the load balancer's nodes, the services' replicas dealt to their zones in turn, the database's servers.
    pub fn hosts(&self) -> Vec<Host> {
        let mut hosts: Vec<Host> = Vec::new();
        for zone in self.spread(&self.load_balancer.zones) {
            hosts.push(Host { name: format!("load-balancer-{zone}"), zone: zone.to_owned(), role: Role::LoadBalancer });
        }
        for service in &self.services {
            let zones = self.spread(&service.zones);
            for (index, zone) in zones.iter().cycle().take(service.replicas as usize).enumerate() {
                let name = format!("{}-{index}", service.name);
                hosts.push(Host { name, zone: (*zone).to_owned(), role: Role::Service(service.name.clone()) });
            }
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
        hosts
    }

    /// The hosts that a name stands for: a zone's, a service's, the database's, the load balancer's, or the host's own.
    /// `phones` and `payment-processor` are outside the cloud and stand for no host.
    pub fn hosts_named(&self, name: &str) -> Vec<Host> {
        let mut hosts = self.hosts();
        hosts.retain(|host| {
            host.name == name
                || host.zone == name
                || match &host.role {
                    Role::Service(service) => service == name,
                    Role::LoadBalancer => name == "load-balancer",
                    Role::DatabasePrimary | Role::DatabaseStandby | Role::DatabaseReplica => name == DATABASE,
                }
        });
        hosts
    }

    /// Every name that stands for one or more processes: services and hosts.
    pub(crate) fn process_names(&self) -> Vec<String> {
        let services = self.services.iter().map(|service| service.name.clone());
        services.chain(self.hosts().into_iter().map(|host| host.name)).collect()
    }

    /// Every name that stands for an end of a link: zones, services, stores, hosts, and what lies outside the cloud.
    pub(crate) fn place_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.zones().map(str::to_owned).collect();
        names.extend(self.process_names());
        names.extend(["load-balancer", DATABASE, PAYMENT_PROCESSOR, PHONES].map(str::to_owned));
        names
    }
}

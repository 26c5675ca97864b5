//! One architecture: regions and zones, network, services, load balancer, stores, who is outside, promises.

mod balancer;
mod carrier;
mod check;
mod kafka;
mod kubernetes;
mod network;
mod placement;
mod processor;
mod rds;
mod redis;
mod retention;
mod route53;
mod service;
mod tiers;

pub use balancer::LoadBalancer;
pub use carrier::Carrier;
pub use kafka::Kafka;
pub use kubernetes::{Autoscale, Kubernetes, Probe};
pub use network::{Latency, Network};
pub use placement::{Host, Role};
pub use processor::PaymentProcessor;
pub use rds::{Rds, ReadReplica};
pub use redis::{Eviction, Redis};
pub use retention::Retention;
pub use route53::Route53;
pub use service::{Calls, Service};
pub use tiers::{ServiceLevel, Tiers};

pub(crate) use check::check;

use notation::section;
use notation::section::Nested;
use notation::value::{List, Maybe, Text};

use crate::objective::{Objective, Objectives};

/// The name of the database among stores.
pub const DATABASE: &str = "rds";

/// The host of the database's primary at the start of a run.
pub const DATABASE_PRIMARY: &str = "rds-primary";

/// The host of the database's synchronous standby at the start of a run.
pub const DATABASE_STANDBY: &str = "rds-standby";

/// The name of the cache among stores.
pub const CACHE: &str = "redis";

/// The name of the event log among stores.
pub const EVENT_LOG: &str = "kafka";

/// The name of the cluster that services run in.
pub const CLUSTER: &str = "kubernetes";

/// The service that writes what the database committed into the event log.
pub const RELAY: &str = "relay";

/// The service that tells people what the event log says.
pub const NOTIFICATIONS: &str = "notifications";

/// The external provider of messages to people, as a place on the network.
pub const CARRIER: &str = "carrier";

/// The external payment processor, as a place on the network.
pub const PAYMENT_PROCESSOR: &str = "payment-processor";

/// Everything outside the cloud that riders and drivers hold in their hands, as a place on the network.
pub const PHONES: &str = "phones";

section! {
    /// One architecture. Every number of a model is a key here; what a file leaves out has the documented default.
    pub struct Blueprint {
        /// What reports call this architecture.
        title: String as Text,
        /// Regions of the cloud, each with its zones.
        regions("region"): Vec<Region> as List<Nested>,
        /// Latencies, bandwidth and what the transport does about loss.
        network: Network as Nested,
        /// The platform's services: how many replicas, where, with what resources.
        services("service"): Vec<Service> as List<Nested>,
        /// The cluster that services run in. Left out, each replica has a host of its own, and nobody starts what ended.
        kubernetes: Option<Kubernetes> as Maybe<Nested>,
        /// How services call each other.
        calls: Calls as Nested,
        /// How long the database keeps what is over.
        retention: Retention as Nested,
        /// The load balancer between phones and the gateway.
        load_balancer: LoadBalancer as Nested,
        /// The name service that phones ask.
        route53: Option<Route53> as Maybe<Nested>,
        /// The relational database.
        rds: Rds as Nested,
        /// The cache. Left out, there is none, and each replica of the geo service knows what it hears.
        redis: Option<Redis> as Maybe<Nested>,
        /// The event log. Left out, there is none, and nobody is told what was committed.
        kafka: Option<Kafka> as Maybe<Nested>,
        /// The external company that moves the money.
        payment_processor: PaymentProcessor as Nested,
        /// The external provider of messages to people.
        carrier: Carrier as Nested,
        /// What counts as good service, tier by tier.
        tiers: Tiers as Nested,
        /// What the architecture's own document promises.
        objectives: Vec<Objective> as Objectives = Vec::new(),
    }
}

section! {
    /// A region and its zones. Zones of one region are joined by cross-zone links, regions by cross-region links.
    pub struct Region {
        /// The region's name, such as `us-east-1`.
        name: String as Text,
        /// The names of its availability zones, such as `us-east-1a`.
        zones: Vec<String> as List<Text>,
    }
}

impl Blueprint {
    /// All availability zones, region by region.
    pub fn zones(&self) -> impl Iterator<Item = &str> {
        self.regions.iter().flat_map(|region| region.zones.iter().map(String::as_str))
    }

    /// The zones over which a service, or the load balancer, is spread: those it names, or else all.
    pub fn spread<'a>(&'a self, named: &'a [String]) -> Vec<&'a str> {
        if named.is_empty() { self.zones().collect() } else { named.iter().map(String::as_str).collect() }
    }

    /// The service of this name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }
}

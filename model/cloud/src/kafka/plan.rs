//! What every process of a deployed cluster is told when it starts.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use ports::event_log::{Partition, TopicId};
use ports::observe::{Mark, Name, Observer};
use runtime::net::{Address, HostId};

use super::cluster::{BrokerId, Cluster};
use super::operator::Operator;
use super::parameters::{BrokerParameters, EnsembleParameters, GroupParameters};
use super::partitioner::partition_of;
use super::protocol::{BROKER_PORT, CLIENT_PORT, WATCH_PORT};

/// The topic in which coordinators remember what groups do; Kafka calls it `__consumer_offsets`.
pub(super) const GROUPS: TopicId = TopicId(u16::MAX);

/// A broker.
pub(super) struct BrokerPlan {
    pub name: Name,
    pub zone: Name,
    pub host: HostId,
}

/// A topic's settings.
#[derive(Clone, Debug)]
pub(super) struct TopicPlan {
    pub name: Name,
    pub partitions: u16,
    pub min_in_step: usize,
    pub retention: Option<Duration>,
}

/// What every process of the cluster knows.
pub(super) struct Plan {
    pub store: Name,
    pub servers: Vec<BrokerPlan>,
    /// Servers of the ensemble with their zones.
    pub ensemble: Vec<(Address, Name)>,
    pub topics: BTreeMap<TopicId, TopicPlan>,
    /// The replicas of each partition; the first should lead.
    pub replicas: BTreeMap<Partition, Vec<BrokerId>>,
    pub initial: Cluster,
    pub broker: BrokerParameters,
    pub ensemble_parameters: EnsembleParameters,
    pub groups: GroupParameters,
    pub observer: Rc<dyn Observer>,
    pub operator: Operator,
    /// Sessions whose end was reported. Observation only: nobody acts on it.
    pub buried: RefCell<BTreeSet<u64>>,
}

impl Plan {
    pub fn brokers(&self) -> impl Iterator<Item = BrokerId> + use<> {
        (0u8..).map(BrokerId).take(self.servers.len())
    }

    fn address(&self, broker: BrokerId, port: u16) -> Address {
        Address { host: self.servers[usize::from(broker.0)].host, port }
    }

    pub fn client_address(&self, broker: BrokerId) -> Address {
        self.address(broker, CLIENT_PORT)
    }

    pub fn broker_address(&self, broker: BrokerId) -> Address {
        self.address(broker, BROKER_PORT)
    }

    pub fn watch_address(&self, broker: BrokerId) -> Address {
        self.address(broker, WATCH_PORT)
    }

    pub fn named(&self, broker: BrokerId) -> (Name, Name) {
        let server = &self.servers[usize::from(broker.0)];
        (server.name.clone(), server.zone.clone())
    }

    pub fn replicas(&self, partition: Partition) -> &[BrokerId] {
        &self.replicas[&partition]
    }

    pub fn topic(&self, topic: TopicId) -> &TopicPlan {
        &self.topics[&topic]
    }

    /// The partition for people: its topic's name and its number.
    pub fn describe(&self, partition: Partition) -> String {
        format!("{}-{}", self.topic(partition.topic).name, partition.number)
    }

    /// Tells whoever watches that a part of the cluster in `zone` changed its state.
    pub fn report(&self, zone: &Name, state: &'static str, detail: String, mark: Option<Mark>) {
        self.observer.changed(&self.store, zone, state, detail, mark);
    }
}

/// The partition of the groups' topic that remembers this group; its leader coordinates the group.
pub(super) fn partition_of_group(group: &str, partitions: u16) -> Partition {
    Partition { topic: GROUPS, number: partition_of(group.as_bytes(), partitions) }
}

//! Puts a cluster into a world: brokers and the servers of the ensemble, each on a host of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use ports::event_log::{Partition, Topic, TopicId};
use ports::observe::{Name, Observer};
use runtime::net::{Address, HostId};
use runtime::world::{HostSpec, ProcessId, ProcessSpec, VolumeSpec, World};

use super::client::{Client, Introduction};
use super::cluster::{BrokerId, Cluster, PartitionState};
use super::operator::Operator;
use super::parameters::{BrokerParameters, ClientParameters, EnsembleParameters, GroupParameters};
use super::plan::{BrokerPlan, GROUPS, Plan, TopicPlan};
use super::protocol::ENSEMBLE_PORT;
use super::{ensemble, process};
use crate::placement::ServerSpec;

/// A topic to be deployed.
#[derive(Clone, Debug)]
pub struct TopicSpec {
    pub topic: Topic,
    pub partitions: u16,
    /// Amazon MSK documentation, default configuration: `default.replication.factor` = 3 in three zones.
    pub replicas: usize,
    /// Replicas that must be in step for [`Acks::All`](ports::event_log::Acks::All). Amazon MSK documentation, default configuration:
    /// `min.insync.replicas` = 2.
    pub min_in_step: usize,
    /// Records older than this go; none stay for ever. Kafka documentation: `log.retention.hours` = 168.
    pub retention: Option<Duration>,
}

impl TopicSpec {
    /// A topic as MSK's default configuration has it.
    #[must_use]
    pub fn new(topic: Topic, partitions: u16) -> Self {
        TopicSpec { topic, partitions, replicas: 3, min_in_step: 2, retention: Some(Duration::from_secs(168 * 3_600)) }
    }
}

/// A cluster to be deployed.
pub struct ClusterSpec {
    /// Its name in records and reports.
    pub store: String,
    pub region: String,
    pub brokers: Vec<ServerSpec>,
    /// A server `<store>-zookeeper-<zone>` of the ensemble runs in each. Three are needed for one to be lost.
    pub ensemble_zones: Vec<String>,
    pub topics: Vec<TopicSpec>,
    pub broker: BrokerParameters,
    pub ensemble: EnsembleParameters,
    pub groups: GroupParameters,
}

/// A broker of a deployed cluster.
#[derive(Clone, Debug)]
pub struct DeployedBroker {
    pub name: Name,
    pub zone: Name,
    pub host: HostId,
    pub process: ProcessId,
}

/// A deployed cluster.
pub struct Deployed {
    pub store: Name,
    pub brokers: Vec<DeployedBroker>,
    /// Hosts of the ensemble, with their zones.
    pub ensemble: Vec<(HostId, Name)>,
    /// The names of the brokers that have each partition; the first is to lead it.
    pub replicas: BTreeMap<Partition, Vec<Name>>,
    /// What an operator, or a fault, may ask of the cluster.
    pub operator: Operator,
    introduction: Introduction,
}

impl Deployed {
    /// A client of the cluster, for the process that calls this: it makes producers and consumers.
    #[must_use]
    pub fn client(&self, parameters: ClientParameters) -> Client {
        Client::new(self.introduction.clone(), parameters)
    }
}

/// Brokers in an order in which neighbours are in different zones, as far as that goes.
fn alternate(brokers: &[ServerSpec]) -> Vec<BrokerId> {
    let mut zones: BTreeMap<&str, Vec<BrokerId>> = BTreeMap::new();
    for (broker, spec) in (0u8..).map(BrokerId).zip(brokers) {
        zones.entry(&spec.zone).or_default().push(broker);
    }
    let most = zones.values().map(Vec::len).max().unwrap_or(0);
    (0..most).flat_map(|round| zones.values().filter_map(move |members| members.get(round).copied())).collect()
}

/// The replicas of a partition: brokers of as many zones as there are, beginning with another one for each partition.
fn place(brokers: &[ServerSpec], partition: usize, replicas: usize) -> Vec<BrokerId> {
    let ring = alternate(brokers);
    let from = |start: usize| (0..ring.len()).map(move |step| start + step);
    let zone = |broker: BrokerId| &brokers[usize::from(broker.0)].zone;
    let mut chosen: Vec<BrokerId> = Vec::new();
    for spread in [true, false] {
        for index in from(partition) {
            let broker = ring[index % ring.len()];
            let elsewhere = chosen.iter().all(|other| zone(*other) != zone(broker));
            if chosen.len() < replicas && !chosen.contains(&broker) && (elsewhere || !spread) {
                chosen.push(broker);
            }
        }
    }
    chosen
}

impl ClusterSpec {
    /// The partitions that each broker is to lead, by its name; those of a topic one after the other.
    #[must_use]
    pub fn first_leaders(&self) -> BTreeMap<&str, Vec<(Topic, u16)>> {
        let mut led: BTreeMap<&str, Vec<(Topic, u16)>> = BTreeMap::new();
        for (index, spec) in self.topics.iter().enumerate() {
            for number in 0..spec.partitions {
                let first = place(&self.brokers, index + usize::from(number), spec.replicas)[0];
                led.entry(&self.brokers[usize::from(first.0)].name).or_default().push((spec.topic, number));
            }
        }
        led
    }
}

/// Adds the cluster's hosts and processes.
///
/// # Panics
/// If a host's name is taken, there is no broker or no server of the ensemble, or a topic wants more replicas than there are brokers.
pub fn deploy(world: &mut dyn World, spec: ClusterSpec, observer: Rc<dyn Observer>) -> Deployed {
    assert!(!spec.brokers.is_empty() && !spec.ensemble_zones.is_empty(), "a cluster needs brokers and an ensemble");
    let host = |name: &str, zone: &str, cores, egress_bytes_per_s, boot, volume: VolumeSpec| HostSpec {
        name: name.to_owned(),
        zone: zone.to_owned(),
        region: spec.region.clone(),
        cores,
        egress_bytes_per_s,
        boot,
        volume,
    };
    let of_brokers = &spec.broker;
    let servers: Vec<BrokerPlan> = spec
        .brokers
        .iter()
        .map(|ServerSpec { name, zone }| BrokerPlan {
            name: name.as_str().into(),
            zone: zone.as_str().into(),
            host: world.add_host(host(
                name,
                zone,
                of_brokers.cores,
                Some(of_brokers.egress_bytes_per_s),
                of_brokers.boot,
                of_brokers.volume,
            )),
        })
        .collect();
    let ensemble_name = |zone: &str| format!("{}-zookeeper-{zone}", spec.store);
    let ensemble: Vec<(Address, Name)> = spec
        .ensemble_zones
        .iter()
        .map(|zone| {
            let EnsembleParameters { boot, volume, .. } = spec.ensemble;
            let host = world.add_host(host(&ensemble_name(zone), zone, 2, None, boot, volume));
            (Address { host, port: ENSEMBLE_PORT }, zone.as_str().into())
        })
        .collect();
    let groups = TopicSpec {
        topic: Topic { id: GROUPS, name: "__consumer_offsets" },
        partitions: spec.groups.partitions,
        replicas: spec.groups.replicas.min(spec.brokers.len()),
        min_in_step: spec.groups.min_in_step.min(spec.brokers.len()),
        retention: None,
    };
    let mut topics = BTreeMap::new();
    let mut replicas = BTreeMap::new();
    for (index, topic) in spec.topics.iter().chain([&groups]).enumerate() {
        let TopicSpec { topic: Topic { id, name }, partitions, min_in_step, retention, .. } = *topic;
        assert!(topic.replicas <= spec.brokers.len(), "topic {name} has more replicas than there are brokers");
        let known = topics.insert(id, TopicPlan { name: name.into(), partitions, min_in_step, retention });
        assert!(known.is_none(), "topic {name} has a number of its own");
        for number in 0..partitions {
            let chosen = place(&spec.brokers, index + usize::from(number), topic.replicas);
            replicas.insert(Partition { topic: id, number }, chosen);
        }
    }
    let unled = |in_step: &Vec<BrokerId>| PartitionState {
        leader: None,
        epoch: 0,
        in_step: in_step.clone(),
        clean: true,
        revision: 0,
    };
    let initial = Cluster {
        partitions: replicas.iter().map(|(partition, chosen)| (*partition, unled(chosen))).collect(),
        ..Cluster::default()
    };
    let named = (0u8..).map(BrokerId).zip(&servers).map(|(broker, server)| (server.name.to_string(), broker));
    let operator = Operator::new(named);
    let plan = Rc::new(Plan {
        store: spec.store.as_str().into(),
        servers,
        ensemble,
        topics,
        replicas,
        initial,
        broker: spec.broker.clone(),
        ensemble_parameters: spec.ensemble.clone(),
        groups: spec.groups.clone(),
        observer: observer.clone(),
        operator: operator.clone(),
        buried: RefCell::default(),
    });
    for (number, (address, zone)) in plan.ensemble.iter().enumerate() {
        let told = plan.clone();
        world.add_process(ProcessSpec {
            name: ensemble_name(zone),
            host: address.host,
            cpu_limit_millicores: None,
            start: Rc::new(move || Box::pin(ensemble::run(told.clone(), number))),
        });
    }
    let brokers = plan
        .brokers()
        .zip(&plan.servers)
        .map(|(broker, server)| {
            let told = plan.clone();
            let process = world.add_process(ProcessSpec {
                name: server.name.to_string(),
                host: server.host,
                cpu_limit_millicores: None,
                start: Rc::new(move || Box::pin(process::run(told.clone(), broker))),
            });
            DeployedBroker { name: server.name.clone(), zone: server.zone.clone(), host: server.host, process }
        })
        .collect();
    let names = |chosen: &Vec<BrokerId>| chosen.iter().map(|broker| plan.named(*broker).0).collect();
    let services = plan.topics.iter().filter(|(topic, _)| **topic != GROUPS);
    Deployed {
        store: plan.store.clone(),
        brokers,
        ensemble: plan.ensemble.iter().map(|(address, zone)| (address.host, zone.clone())).collect(),
        replicas: plan.replicas.iter().map(|(partition, chosen)| (*partition, names(chosen))).collect(),
        operator,
        introduction: Introduction {
            store: plan.store.clone(),
            bootstrap: plan.brokers().map(|broker| plan.client_address(broker)).collect(),
            topics: services.map(|(topic, plan)| (*topic, plan.partitions)).collect::<BTreeMap<TopicId, u16>>(),
            record_bytes_max: plan.broker.record_bytes_max,
            groups: spec.groups,
            observer,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_in_different_zones_and_first_ones_are_spread() {
        let broker = |number: usize, zone: &str| ServerSpec { name: format!("broker-{number}"), zone: zone.to_owned() };
        // Two brokers in each zone, neighbours in the same.
        let brokers: Vec<ServerSpec> =
            ["a", "a", "b", "b", "c", "c"].iter().enumerate().map(|(number, zone)| broker(number, zone)).collect();
        let mut firsts = BTreeMap::new();
        for partition in 0..12 {
            let chosen = place(&brokers, partition, 3);
            let mut zones: Vec<&str> = chosen.iter().map(|id| brokers[usize::from(id.0)].zone.as_str()).collect();
            zones.sort_unstable();
            assert_eq!(zones, ["a", "b", "c"]);
            *firsts.entry(chosen[0]).or_insert(0) += 1;
        }
        assert!(firsts.len() == 6 && firsts.values().all(|count| *count == 2), "{firsts:?}");
        assert_eq!(place(&brokers, 0, 5).len(), 5, "more replicas than zones");
    }
}

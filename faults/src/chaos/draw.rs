//! One fault of a kind, drawn: where it strikes and for how long.

use std::time::Duration;

use runtime::random::{RngExt, Stream};
use scenarios::blueprint::{Blueprint, CLUSTER, DATABASE, EVENT_LOG, Host, PAYMENT_PROCESSOR, PHONES, Role};
use scenarios::fault::{
    ClockSkew, ConnectionStorm, ControlPlaneOutage, CpuStress, CpuThrottle, Defect, DemandSurge, Deploy, Direction,
    DiskSlow, DiskStall, DnsOutage, DrainNode, DriversLeave, FAULT_POINTS, FaultKind, FaultPoint, HostNetworkBlackhole,
    HostPowerLoss, KafkaReplicationStall, KillPod, LoadBalancerNodeLoss, NetworkBandwidth, NetworkDelay, NetworkFlap,
    NetworkPartition, PacketLoss, ProcessCrash, ProcessPause, ProcessRestartLoop, ProcessorDeclines,
    ProcessorDuplicates, ProcessorOutage, ProcessorRefusal, ProcessorSlow, ProcessorThrottle, PromoteReplica,
    RdsFailover, RedisFailover, RedisReplicationStall, ReplicationStall, Skew, ZoneNetworkBlackhole, ZonePowerLoss,
};

/// What can be broken.
pub struct Ground<'a> {
    blueprint: &'a Blueprint,
    pub duration: Duration,
    zones: Vec<&'a str>,
    /// Hosts that a fault may strike: those of one zone, in a seed whose faults are correlated.
    hosts: Vec<Host>,
}

impl<'a> Ground<'a> {
    /// One seed in three strikes a single zone.
    pub fn of(blueprint: &'a Blueprint, duration: Duration, stream: &mut Stream) -> Self {
        let mut zones: Vec<&str> = blueprint.zones().collect();
        let mut hosts = blueprint.hosts();
        let focus = zones[stream.random_range(0..zones.len())];
        if stream.random_range(0..3) == 0 {
            zones = vec![focus];
            hosts.retain(|host| host.zone == focus);
        }
        Ground { blueprint, duration, zones, hosts }
    }

    /// Whether this blueprint has what the kind breaks.
    pub fn has(&self, key: &str) -> bool {
        let rds = &self.blueprint.rds;
        match key {
            "replication-stall" | "promote-replica" => !rds.read_replicas.is_empty(),
            "rds-failover" => rds.multi_az,
            "redis-failover" | "redis-replication-stall" => !self.blueprint.replicated_cache_hosts().is_empty(),
            "kafka-replication-stall" => self.blueprint.kafka.is_some(),
            "drain-node" | "kill-pod" | "deploy" => self.blueprint.kubernetes.is_some(),
            _ => !self.hosts.is_empty(),
        }
    }

    /// A fault of the kind; none if there is nothing that it could break.
    pub fn draw(&self, key: &str, stream: &mut Stream) -> Option<FaultKind> {
        if !self.has(key) {
            return None;
        }
        let duration = self.span(stream);
        Some(match key {
            "zone-power-loss" => FaultKind::ZonePowerLoss(ZonePowerLoss { zone: self.zone(stream), duration }),
            "host-power-loss" => FaultKind::HostPowerLoss(HostPowerLoss { host: self.host(stream).name, duration }),
            "zone-network-blackhole" => {
                FaultKind::ZoneNetworkBlackhole(ZoneNetworkBlackhole { zone: self.zone(stream), duration })
            }
            "host-network-blackhole" => host_blackhole(self.host(stream).name, duration),
            "network-partition" => {
                let (from, to) = self.ends(stream);
                let direction = if stream.random() { Direction::Both } else { Direction::OneWay };
                FaultKind::NetworkPartition(NetworkPartition { from, to, direction, duration })
            }
            "packet-loss" => {
                let (from, to) = self.ends(stream);
                let percent = f64::from(stream.random_range(1..=30)) / 100.0;
                FaultKind::PacketLoss(PacketLoss { from, to, percent, duration })
            }
            "process-crash" => {
                FaultKind::ProcessCrash(ProcessCrash { process: self.process(stream), restart_after: Some(duration) })
            }
            "process-pause" => FaultKind::ProcessPause(ProcessPause { process: self.process(stream), duration }),
            "replication-stall" => FaultKind::ReplicationStall(ReplicationStall {
                store: DATABASE.to_owned(),
                replica: stream.random::<bool>().then(|| self.replica(stream)),
                duration,
            }),
            "rds-failover" => FaultKind::RdsFailover(RdsFailover { store: DATABASE.to_owned() }),
            "promote-replica" => {
                FaultKind::PromoteReplica(PromoteReplica { store: DATABASE.to_owned(), replica: self.replica(stream) })
            }
            "redis-failover" => FaultKind::RedisFailover(RedisFailover { server: self.cache_server(stream) }),
            "redis-replication-stall" => {
                FaultKind::RedisReplicationStall(RedisReplicationStall { server: self.cache_server(stream), duration })
            }
            "kafka-replication-stall" => {
                FaultKind::KafkaReplicationStall(KafkaReplicationStall { broker: self.broker(stream), duration })
            }
            "processor-outage" => FaultKind::ProcessorOutage(ProcessorOutage { duration }),
            "network-delay" => {
                let (from, to) = self.ends(stream);
                let added = Duration::from_millis(stream.random_range(5..=1_500));
                FaultKind::NetworkDelay(NetworkDelay { from, to, added, duration })
            }
            "network-bandwidth" => FaultKind::NetworkBandwidth(NetworkBandwidth {
                place: self.host(stream).name,
                limit: stream.random_range(10..=500) * 1_000,
                duration,
            }),
            "network-flap" => {
                let (from, to) = self.ends(stream);
                let every = Duration::from_secs(stream.random_range(2..=30));
                FaultKind::NetworkFlap(NetworkFlap { from, to, every, duration })
            }
            "process-restart-loop" => {
                let every = Duration::from_secs(stream.random_range(5..=60));
                FaultKind::ProcessRestartLoop(ProcessRestartLoop { process: self.process(stream), every, duration })
            }
            "fault-point" => FaultKind::FaultPoint(FaultPoint {
                point: FAULT_POINTS[stream.random_range(0..FAULT_POINTS.len())].to_owned(),
                probability: f64::from(stream.random_range(1..=100)) / 100.0,
                at_most: stream.random_range(1..=5),
                restart_after: Duration::from_secs(stream.random_range(0..=20)),
                duration,
            }),
            "cpu-stress" => {
                let share = f64::from(stream.random_range(50..=98)) / 100.0;
                FaultKind::CpuStress(CpuStress { place: self.host(stream).name, share, duration })
            }
            "cpu-throttle" => {
                let cores = f64::from(stream.random_range(1..=20)) / 100.0;
                FaultKind::CpuThrottle(CpuThrottle { process: self.process(stream), cores, duration })
            }
            "clock-skew" => FaultKind::ClockSkew(ClockSkew {
                place: self.host(stream).name,
                direction: if stream.random() { Skew::Ahead } else { Skew::Behind },
                by: Duration::from_millis(stream.random_range(1..=2_000)),
                drift_ppm: stream.random::<bool>().then(|| stream.random_range(1..=200)),
                duration,
            }),
            "drain-node" => FaultKind::DrainNode(DrainNode { node: self.node(stream), duration }),
            "kill-pod" => {
                FaultKind::KillPod(KillPod { service: self.service(stream), pods: stream.random_range(1..=2) })
            }
            "deploy" => FaultKind::Deploy(Deploy {
                service: self.service(stream),
                defect: [None, Some(Defect::NeverReady), Some(Defect::FailsRequests)][stream.random_range(0..3)],
                rollback_after: Some(duration),
            }),
            "disk-stall" => FaultKind::DiskStall(DiskStall { host: self.database_host(stream), duration }),
            "disk-slow" => {
                let factor = f64::from(stream.random_range(2..=200));
                FaultKind::DiskSlow(DiskSlow { host: self.database_host(stream), factor, duration })
            }
            "control-plane-outage" => FaultKind::ControlPlaneOutage(ControlPlaneOutage {
                store: DATABASE.to_owned(),
                zone: stream.random::<bool>().then(|| self.zone(stream)),
                duration,
            }),
            "dns-outage" => {
                let zone = stream.random::<bool>().then(|| self.zone(stream));
                FaultKind::DnsOutage(DnsOutage { zone, duration })
            }
            "load-balancer-node-loss" => {
                let zones = self.blueprint.spread(&self.blueprint.load_balancer.zones);
                let zone = zones[stream.random_range(0..zones.len())].to_owned();
                FaultKind::LoadBalancerNodeLoss(LoadBalancerNodeLoss { zone, duration })
            }
            "processor-refusal" => FaultKind::ProcessorRefusal(ProcessorRefusal { duration }),
            "processor-slow" => {
                let factor = f64::from(stream.random_range(2..=50));
                FaultKind::ProcessorSlow(ProcessorSlow { factor, duration })
            }
            "processor-declines" => {
                let share = f64::from(stream.random_range(10..=100)) / 100.0;
                FaultKind::ProcessorDeclines(ProcessorDeclines { share, duration })
            }
            "processor-duplicates" => {
                let share = f64::from(stream.random_range(10..=100)) / 100.0;
                FaultKind::ProcessorDuplicates(ProcessorDuplicates { share, duration })
            }
            "processor-throttle" => {
                let requests_per_s = stream.random_range(1..=5);
                FaultKind::ProcessorThrottle(ProcessorThrottle { requests_per_s, duration })
            }
            "connection-storm" => {
                let share = f64::from(stream.random_range(20..=100)) / 100.0;
                FaultKind::ConnectionStorm(ConnectionStorm { share })
            }
            "demand-surge" => {
                let factor = f64::from(stream.random_range(3..=10)) / 2.0;
                FaultKind::DemandSurge(DemandSurge { factor, duration })
            }
            "drivers-leave" => {
                let share = f64::from(stream.random_range(20..=90)) / 100.0;
                FaultKind::DriversLeave(DriversLeave { share, duration })
            }
            _ => return None,
        })
    }

    /// Between two and half of the hosts, in a drawn order.
    pub fn some_hosts(&self, stream: &mut Stream) -> Vec<String> {
        let mut names: Vec<String> = self.hosts.iter().map(|host| host.name.clone()).collect();
        shuffle(&mut names, stream);
        names.truncate(stream.random_range(2..=(names.len() / 2).max(2)));
        names
    }

    /// How long a fault lasts: mostly some seconds, now and then minutes - as many short as long ones by their logarithm
    /// (assumption), from one second to a third of the run.
    fn span(&self, stream: &mut Stream) -> Duration {
        let longest = self.duration.as_secs_f64() / 3.0;
        let seconds = libm::pow(longest.max(1.0), stream.random::<f64>());
        Duration::from_secs(seconds.round().max(1.0) as u64)
    }

    fn zone(&self, stream: &mut Stream) -> String {
        self.zones[stream.random_range(0..self.zones.len())].to_owned()
    }

    fn host(&self, stream: &mut Stream) -> Host {
        self.hosts[stream.random_range(0..self.hosts.len())].clone()
    }

    fn node(&self, stream: &mut Stream) -> String {
        let nodes = self.blueprint.hosts_named(CLUSTER);
        nodes[stream.random_range(0..nodes.len())].name.clone()
    }

    fn service(&self, stream: &mut Stream) -> String {
        self.blueprint.services[stream.random_range(0..self.blueprint.services.len())].name.clone()
    }

    /// One process, or in one draw of four all replicas of a service. On a node of a cluster it is mostly a pod, wherever that is.
    fn process(&self, stream: &mut Stream) -> String {
        let host = self.host(stream);
        match host.role {
            Role::Node if stream.random_range(0..8) != 0 => {
                let pods = self.blueprint.replicas();
                let pod = pods[stream.random_range(0..pods.len())].clone();
                if stream.random_range(0..4) == 0 { self.service(stream) } else { pod.name }
            }
            Role::Service(service) if stream.random_range(0..4) == 0 => service,
            _ => host.name,
        }
    }

    /// A host whose volume matters: one of the database's, wherever it stands.
    fn database_host(&self, stream: &mut Stream) -> String {
        let hosts = self.blueprint.hosts_named(DATABASE);
        hosts[stream.random_range(0..hosts.len())].name.clone()
    }

    /// A server of the cache that has, or is, a replica.
    fn cache_server(&self, stream: &mut Stream) -> String {
        let hosts = self.blueprint.replicated_cache_hosts();
        hosts[stream.random_range(0..hosts.len())].name.clone()
    }

    fn broker(&self, stream: &mut Stream) -> String {
        let hosts = self.blueprint.hosts_named(EVENT_LOG);
        hosts[stream.random_range(0..hosts.len())].name.clone()
    }

    fn replica(&self, stream: &mut Stream) -> String {
        let replicas = &self.blueprint.rds.read_replicas;
        replicas[stream.random_range(0..replicas.len())].name.clone()
    }

    /// Two places that talk to each other, or might.
    fn ends(&self, stream: &mut Stream) -> (String, String) {
        let from = match stream.random_range(0..3) {
            0 => self.zone(stream),
            _ => self.process(stream),
        };
        let services = self.blueprint.services.iter().map(|service| service.name.as_str());
        let places: Vec<&str> = self
            .blueprint
            .zones()
            .chain(services)
            .chain([DATABASE, PAYMENT_PROCESSOR, PHONES])
            .filter(|place| *place != from)
            .collect();
        (from, places[stream.random_range(0..places.len())].to_owned())
    }
}

/// A host whose links are all cut.
pub fn host_blackhole(host: String, duration: Duration) -> FaultKind {
    FaultKind::HostNetworkBlackhole(HostNetworkBlackhole { host, duration })
}

/// Fisher and Yates.
pub(super) fn shuffle<T>(items: &mut [T], stream: &mut Stream) {
    for last in (1..items.len()).rev() {
        items.swap(last, stream.random_range(0..=last));
    }
}

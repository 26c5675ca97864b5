//! Faults: what breaks, where, when, and how it heals.
//!
//! A kind of fault is a table of parameters in the file of its family, and one line of [`fault_kinds!`]. What it does to a
//! running world is the matter of another crate.

use std::time::Duration;

use notation::name;
use notation::report::Report;
use notation::section::{Section, check_table, describe, describe_table, read_key};
use notation::tree::Node;
use notation::units;
use notation::value::Length;
use serde_json::{Map, json};

mod cluster;
mod control_plane;
mod demand;
mod disk;
mod explain;
mod kind;
mod network;
mod power;
mod process;
mod processor;
mod replicated;
mod store;

pub use cluster::{Defect, Deploy, DrainNode, KillPod};
pub use control_plane::{ControlPlaneOutage, DnsOutage, LoadBalancerNodeLoss};
pub use demand::{DemandSurge, DriversLeave};
pub use disk::{DiskSlow, DiskStall};
pub use explain::{Explanation, Parameter};
pub use kind::{Family, Target, TargetRole};
pub use network::{
    ConnectionStorm, Direction, HostNetworkBlackhole, NetworkBandwidth, NetworkDelay, NetworkFlap, NetworkPartition,
    PacketLoss, ZoneNetworkBlackhole,
};
pub use power::{HostPowerLoss, ZonePowerLoss};
pub use process::{
    ClockSkew, CpuStress, CpuThrottle, FAULT_POINTS, FaultPoint, ProcessCrash, ProcessPause, ProcessRestartLoop, Skew,
};
pub use processor::{
    ProcessorDeclines, ProcessorDuplicates, ProcessorOutage, ProcessorRefusal, ProcessorSlow, ProcessorThrottle,
};
pub use replicated::{KafkaReplicationStall, RedisFailover, RedisReplicationStall};
pub use store::{PromoteReplica, RdsFailover, ReplicationStall};

use kind::Kind;

/// One entry of `[[fault]]`: what breaks, and when.
///
/// The onset must lie before the end of the run; the healing may lie after it (the run then ends with the fault still there,
/// and heals it before it demands convergence).
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The onset, from the end of the warm-up.
    pub at: Duration,
    /// What breaks.
    pub kind: FaultKind,
}

/// Declares the kinds of faults by family: the key in a file, and the table of its parameters.
macro_rules! fault_kinds {
    ($( $family:ident { $( $(#[doc = $doc:literal])+ $key:literal => $name:ident ),* $(,)? } )*) => {
        /// What breaks.
        #[derive(Clone, Debug, PartialEq)]
        pub enum FaultKind {
            $($( $(#[doc = $doc])+ $name($name), )*)*
        }

        impl FaultKind {
            /// The key of every kind, as written in `[[fault]]`.
            pub const KEYS: &'static [&'static str] = &[$($($key),*),*];

            /// The kind's key, as written in `[[fault]]`.
            pub fn key(&self) -> &'static str {
                match self { $($( FaultKind::$name(_) => $key, )*)* }
            }

            /// What this kind of fault is, in a sentence or two.
            pub fn meaning(&self) -> String {
                let lines: &[&str] = match self { $($( FaultKind::$name(_) => &[$($doc),+], )*)* };
                lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
            }

            /// An example of the kind of this key, with names out of the blueprint `aws-microservice`; those of a cache with replicas are out of `aws-microservice-as-commanded`.
            pub fn example(key: &str) -> Option<FaultKind> {
                match key {
                    $($( $key => Some(FaultKind::$name($name::example())), )*)*
                    _ => None,
                }
            }

            /// When the fault heals by itself, from its onset; `None` when it does not, or is over at once.
            pub fn heals_after(&self) -> Option<Duration> {
                match self { $($( FaultKind::$name(fault) => fault.heals_after(), )*)* }
            }

            /// Has the fault heal so long after its onset. Nothing changes where it does not heal by itself.
            pub fn heal_after(&mut self, span: Duration) {
                match self { $($( FaultKind::$name(fault) => fault.heal_after(span), )*)* }
            }

            /// Every name out of the blueprint that this fault refers to.
            pub fn targets(&self) -> Vec<Target<'_>> {
                match self { $($( FaultKind::$name(fault) => fault.targets(), )*)* }
            }

            /// What kind of thing breaks.
            pub fn family(&self) -> Family {
                match self { $($( FaultKind::$name(_) => Family::$family, )*)* }
            }

            /// How it acts on a run, and what heals it.
            fn acts_and_heals(&self) -> (&'static str, &'static str) {
                match self { $($( FaultKind::$name(_) => ($name::ACTS, $name::HEALS), )*)* }
            }

            fn schema_of(key: &str) -> Option<serde_json::Value> {
                match key {
                    $($( $key => Some(describe::<$name, notation::section::Nested>(&[$($doc),+], None)), )*)*
                    _ => None,
                }
            }

            fn read(key: &str, node: &Node, report: &mut Report) -> Option<FaultKind> {
                match key {
                    $($( $key => $name::read(node, None, report).map(FaultKind::$name), )*)*
                    _ => None,
                }
            }

            fn show(&self) -> serde_json::Value {
                match self { $($( FaultKind::$name(parameters) => parameters.show(), )*)* }
            }
        }
    };
}

fault_kinds! {
    Power {
        /// Every host of a zone loses power at once: what was not synced to disk is gone, peers hear nothing.
        "zone-power-loss" => ZonePowerLoss,
        /// One host loses power.
        "host-power-loss" => HostPowerLoss,
    }
    Network {
        /// Every link into and out of a zone drops everything, silently; hosts go on running, and links within the zone work.
        "zone-network-blackhole" => ZoneNetworkBlackhole,
        /// Every link of one host drops everything, silently; the host goes on running.
        "host-network-blackhole" => HostNetworkBlackhole,
        /// Two sets of hosts cannot hear each other, or one cannot hear the other.
        "network-partition" => NetworkPartition,
        /// A share of the frames between two places is lost; each costs a retransmission.
        "packet-loss" => PacketLoss,
        /// Frames between two places take longer.
        "network-delay" => NetworkDelay,
        /// Hosts can send only so much.
        "network-bandwidth" => NetworkBandwidth,
        /// The links between two places go down and come up, over and over.
        "network-flap" => NetworkFlap,
        /// The connections of many phones are closed in one moment, and they come back together.
        "connection-storm" => ConnectionStorm,
    }
    Process {
        /// Processes end at once: connections are reset, memory is gone, the disk stays.
        "process-crash" => ProcessCrash,
        /// Processes stand still, as under SIGSTOP or a long garbage collection, and then go on as if nothing had happened.
        "process-pause" => ProcessPause,
        /// Processes crash, start and crash again.
        "process-restart-loop" => ProcessRestartLoop,
        /// Whoever reaches a named place in the code crashes there: between a commit and its consequence, for instance.
        "fault-point" => FaultPoint,
        /// Something else takes a share of the hosts' processors.
        "cpu-stress" => CpuStress,
        /// Processes get less of their processors than they were promised.
        "cpu-throttle" => CpuThrottle,
        /// Wall clocks are wrong, and may drift.
        "clock-skew" => ClockSkew,
    }
    Cluster {
        /// A node is drained, as for maintenance: its pods are evicted, and no new ones are put on it.
        "drain-node" => DrainNode,
        /// Pods of a service are deleted without a word to them.
        "kill-pod" => KillPod,
        /// Another release of a service takes the place of the one that runs, pod by pod; it may be a bad one.
        "deploy" => Deploy,
    }
    Disk {
        /// A volume finishes nothing for a while.
        "disk-stall" => DiskStall,
        /// A volume is slow.
        "disk-slow" => DiskSlow,
    }
    Store {
        /// Read replicas stop applying what the primary sends.
        "replication-stall" => ReplicationStall,
        /// The control plane is told to fail over to the standby, as by a reboot with failover: nothing needs to be detected.
        "rds-failover" => RdsFailover,
        /// An operator makes a read replica the primary; what it has not applied is lost.
        "promote-replica" => PromoteReplica,
        /// The cache is told to fail over to a replica, as by a test: nothing needs to be detected.
        "redis-failover" => RedisFailover,
        /// A server of the cache stops receiving what its primary sends.
        "redis-replication-stall" => RedisReplicationStall,
        /// A broker of the event log stops fetching what others lead.
        "kafka-replication-stall" => KafkaReplicationStall,
    }
    ControlPlane {
        /// Who watches the database and decides who is primary does not: no failover happens.
        "control-plane-outage" => ControlPlaneOutage,
        /// Resolvers answer nothing.
        "dns-outage" => DnsOutage,
        /// The load balancer loses its node in a zone.
        "load-balancer-node-loss" => LoadBalancerNodeLoss,
    }
    Processor {
        /// The payment processor takes requests and answers none.
        "processor-outage" => ProcessorOutage,
        /// The payment processor refuses every request at once.
        "processor-refusal" => ProcessorRefusal,
        /// The payment processor takes its time.
        "processor-slow" => ProcessorSlow,
        /// The bank behind the payment processor declines more cards than usual.
        "processor-declines" => ProcessorDeclines,
        /// The payment processor takes operations up twice.
        "processor-duplicates" => ProcessorDuplicates,
        /// The payment processor grants fewer requests a second.
        "processor-throttle" => ProcessorThrottle,
    }
    Demand {
        /// More people open the app than usual.
        "demand-surge" => DemandSurge,
        /// Drivers stop looking for offers.
        "drivers-leave" => DriversLeave,
    }
}

impl FaultKind {
    /// The fault in one line: its kind and parameters as they would be written.
    pub fn describe(&self) -> String {
        let mut line = self.key().to_owned();
        if let serde_json::Value::Object(parameters) = self.show() {
            for (key, value) in parameters.iter().filter(|(_, value)| !value.is_null()) {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                line.push_str(&format!(" {key} {value}"));
            }
        }
        line
    }
}

/// The kind of fault whose key is nearest to a text, if one is near.
pub fn nearest(text: &str) -> Option<&'static str> {
    name::nearest(text, FaultKind::KEYS.iter().copied())
}

impl Section for Fault {
    const KEYS: &'static [&'static str] = &["at"];

    fn read(node: &Node, _: Option<Fault>, report: &mut Report) -> Option<Fault> {
        let keys: Vec<&str> = Self::KEYS.iter().chain(FaultKind::KEYS).copied().collect();
        if !check_table(node, &keys, report) {
            return None;
        }
        let at = read_key::<Duration, Length>(node, "at", None, report);
        let kinds: Vec<_> =
            node.entries().iter().filter(|entry| FaultKind::KEYS.contains(&entry.key.as_str())).collect();
        let unknown = node.entries().iter().any(|entry| !keys.contains(&entry.key.as_str()));
        let kinds_read: Vec<_> = kinds.iter().map(|entry| FaultKind::read(&entry.key, &entry.node, report)).collect();
        match kinds.as_slice() {
            [_] => {}
            // The unknown key is the kind, misspelt, and has been reported as such.
            [] if unknown => {}
            [] => {
                let suggestion = Some(format!("one of: {}", FaultKind::KEYS.join(", ")));
                report.problem(&node.place, "this fault does not say what breaks".to_owned(), suggestion);
            }
            [_, second, ..] => {
                let suggestion = Some("write another [[fault]] for it".to_owned());
                report.problem(&second.key_place, "one fault breaks one thing".to_owned(), suggestion);
            }
        }
        let kind = kinds_read.into_iter().next().flatten();
        Some(Fault { at: at?, kind: kind? })
    }

    fn schema() -> serde_json::Value {
        let kinds = FaultKind::KEYS.iter().filter_map(|key| Some(((*key).to_owned(), FaultKind::schema_of(key)?)));
        let mut properties: Map<_, _> = kinds.collect();
        let at = describe::<Duration, Length>(&["The onset, from the end of the warm-up."], None);
        properties.insert("at".to_owned(), at);
        let mut schema = describe_table(properties, &["at"]);
        schema["minProperties"] = json!(2);
        schema["maxProperties"] = json!(2);
        schema
    }

    fn show(&self) -> serde_json::Value {
        let mut shown = Map::new();
        shown.insert("at".to_owned(), json!(units::duration_text(self.at)));
        shown.insert(self.kind.key().to_owned(), self.kind.show());
        serde_json::Value::Object(shown)
    }

    fn required() -> bool {
        true
    }
}

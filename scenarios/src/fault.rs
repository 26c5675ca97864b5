//! Faults: what breaks, where, when, and how it heals.

use std::time::Duration;

use serde_json::{Map, json};

use crate::format::report::Report;
use crate::format::section::{Section, check_table, describe, describe_table, read_key, section};
use crate::format::tree::Node;
use crate::format::units;
use crate::format::value::{Length, Maybe, PositiveLength, Ratio, Text, Word, Words};

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

/// Declares the kinds of faults: the key in a file, and the table of its parameters.
macro_rules! fault_kinds {
    ($( $(#[doc = $doc:literal])+ $key:literal => $name:ident ),* $(,)?) => {
        /// What breaks.
        #[derive(Clone, Debug, PartialEq)]
        pub enum FaultKind {
            $( $(#[doc = $doc])+ $name($name), )*
        }

        impl FaultKind {
            /// The key of every kind, as written in `[[fault]]`.
            pub const KEYS: &'static [&'static str] = &[$($key),*];

            /// The kind's key, as written in `[[fault]]`.
            pub fn key(&self) -> &'static str {
                match self { $( FaultKind::$name(_) => $key, )* }
            }

            /// What this kind of fault is, in a sentence or two.
            pub fn meaning(&self) -> String {
                let lines: &[&str] = match self { $( FaultKind::$name(_) => &[$($doc),+], )* };
                lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
            }

            fn read(key: &str, node: &Node, report: &mut Report) -> Option<FaultKind> {
                match key {
                    $( $key => $name::read(node, None, report).map(FaultKind::$name), )*
                    _ => None,
                }
            }

            fn show(&self) -> serde_json::Value {
                match self { $( FaultKind::$name(parameters) => parameters.show(), )* }
            }

            fn schemas() -> Map<String, serde_json::Value> {
                let mut schemas = Map::new();
                $( schemas.insert($key.to_owned(), describe::<$name, crate::format::section::Nested>(&[$($doc),+], None)); )*
                schemas
            }
        }
    };
}

fault_kinds! {
    /// Every host of a zone loses power at once: what was not synced to disk is gone, peers hear nothing.
    "zone-power-loss" => ZonePowerLoss,
    /// Every link into and out of a zone drops everything, silently; hosts go on running, and links within the zone work.
    "zone-network-blackhole" => ZoneNetworkBlackhole,
    /// Two sets of hosts cannot hear each other, or one cannot hear the other.
    "network-partition" => NetworkPartition,
    /// One host loses power.
    "host-power-loss" => HostPowerLoss,
    /// Processes end at once: connections are reset, memory is gone, the disk stays.
    "process-crash" => ProcessCrash,
    /// Processes stand still, as under SIGSTOP or a long garbage collection, and then go on as if nothing had happened.
    "process-pause" => ProcessPause,
    /// Read replicas stop applying what the primary sends.
    "replication-stall" => ReplicationStall,
    /// The control plane is told to fail over to the standby, as by a reboot with failover: nothing needs to be detected.
    "rds-failover" => RdsFailover,
    /// An operator makes a read replica the primary; what it has not applied is lost.
    "promote-replica" => PromoteReplica,
    /// The payment processor takes requests and answers none.
    "processor-outage" => ProcessorOutage,
    /// A share of the frames between two places is lost; each costs a retransmission.
    "packet-loss" => PacketLoss,
}

section! {
    /// Parameters of `zone-power-loss`.
    pub struct ZonePowerLoss {
        /// The availability zone.
        zone: String as Text,
        /// When power comes back, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

section! {
    /// Parameters of `zone-network-blackhole`.
    pub struct ZoneNetworkBlackhole {
        /// The availability zone.
        zone: String as Text,
        /// When the network comes back, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

/// Which of two places stop hearing the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Nothing passes either way.
    Both,
    /// What `from` sends does not reach `to`; the way back works.
    OneWay,
}

impl Words for Direction {
    const WORDS: &'static [(&'static str, Self)] = &[("both", Direction::Both), ("one-way", Direction::OneWay)];
}

section! {
    /// Parameters of `network-partition`.
    pub struct NetworkPartition {
        /// One side: a zone, service, store or host, `phones` or `payment-processor`.
        from: String as Text,
        /// The other side.
        to: String as Text,
        /// Whether both ways are cut, or only the way from `from` to `to`.
        direction: Direction as Word = Direction::Both,
        /// When the link heals, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

section! {
    /// Parameters of `host-power-loss`.
    pub struct HostPowerLoss {
        /// The host, such as `rds-primary` or `trips-0`.
        host: String as Text,
        /// When power comes back, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

section! {
    /// Parameters of `process-crash`.
    pub struct ProcessCrash {
        /// A service, for all its replicas, or the host of one process.
        process: String as Text,
        /// When the process is started again, from the onset. Left out: the fault starts nothing; whatever watches the
        /// process may.
        restart_after: Option<Duration> as Maybe<Length>,
    }
}

section! {
    /// Parameters of `process-pause`.
    pub struct ProcessPause {
        /// A service, for all its replicas, or the host of one process.
        process: String as Text,
        /// When it goes on, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

section! {
    /// Parameters of `replication-stall`.
    pub struct ReplicationStall {
        /// The store.
        store: String as Text,
        /// The read replica. Left out: all of the store's.
        replica: Option<String> as Maybe<Text>,
        /// When replication goes on, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

section! {
    /// Parameters of `rds-failover`.
    pub struct RdsFailover {
        /// The store; it needs a standby.
        store: String as Text,
    }
}

section! {
    /// Parameters of `promote-replica`.
    pub struct PromoteReplica {
        /// The store.
        store: String as Text,
        /// The read replica that becomes the primary.
        replica: String as Text,
    }
}

section! {
    /// Parameters of `processor-outage`.
    pub struct ProcessorOutage {
        /// When it answers again, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

section! {
    /// Parameters of `packet-loss`.
    pub struct PacketLoss {
        /// One end: a zone, service, store or host, `phones` or `payment-processor`.
        from: String as Text,
        /// The other end.
        to: String as Text,
        /// The share of frames that is lost, both ways.
        percent: f64 as Ratio,
        /// When the loss ends, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

/// What a fault's parameter names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetRole {
    /// An availability zone.
    Zone,
    /// One host.
    Host,
    /// A service, or the host of one process.
    Process,
    /// A store.
    Store,
    /// A read replica of the database.
    Replica,
    /// Any end of a link: a zone, service, store, host, or what lies outside the cloud.
    Place,
}

/// A name out of the blueprint that a fault refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The parameter that names it.
    pub parameter: &'static str,
    /// What it must be.
    pub role: TargetRole,
    /// The name.
    pub name: &'a str,
}

impl FaultKind {
    /// When the fault heals by itself, from its onset; `None` when it does not, or is over at once.
    pub fn heals_after(&self) -> Option<Duration> {
        match self {
            FaultKind::ZonePowerLoss(fault) => Some(fault.duration),
            FaultKind::ZoneNetworkBlackhole(fault) => Some(fault.duration),
            FaultKind::NetworkPartition(fault) => Some(fault.duration),
            FaultKind::HostPowerLoss(fault) => Some(fault.duration),
            FaultKind::ProcessCrash(fault) => fault.restart_after,
            FaultKind::ProcessPause(fault) => Some(fault.duration),
            FaultKind::ReplicationStall(fault) => Some(fault.duration),
            FaultKind::ProcessorOutage(fault) => Some(fault.duration),
            FaultKind::PacketLoss(fault) => Some(fault.duration),
            FaultKind::RdsFailover(_) | FaultKind::PromoteReplica(_) => None,
        }
    }

    /// Every name out of the blueprint that this fault refers to.
    pub fn targets(&self) -> Vec<Target<'_>> {
        use TargetRole::{Host, Place, Process, Replica, Store, Zone};
        let named = |parameter, role, name| Target { parameter, role, name };
        match self {
            FaultKind::ZonePowerLoss(fault) => vec![named("zone", Zone, &fault.zone)],
            FaultKind::ZoneNetworkBlackhole(fault) => vec![named("zone", Zone, &fault.zone)],
            FaultKind::NetworkPartition(fault) => {
                vec![named("from", Place, &fault.from), named("to", Place, &fault.to)]
            }
            FaultKind::HostPowerLoss(fault) => vec![named("host", Host, &fault.host)],
            FaultKind::ProcessCrash(fault) => vec![named("process", Process, &fault.process)],
            FaultKind::ProcessPause(fault) => vec![named("process", Process, &fault.process)],
            FaultKind::ReplicationStall(fault) => {
                let replica = fault.replica.iter().map(|replica| named("replica", Replica, replica));
                std::iter::once(named("store", Store, &fault.store)).chain(replica).collect()
            }
            FaultKind::RdsFailover(fault) => vec![named("store", Store, &fault.store)],
            FaultKind::PromoteReplica(fault) => {
                vec![named("store", Store, &fault.store), named("replica", Replica, &fault.replica)]
            }
            FaultKind::ProcessorOutage(_) => Vec::new(),
            FaultKind::PacketLoss(fault) => vec![named("from", Place, &fault.from), named("to", Place, &fault.to)],
        }
    }

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
        let mut properties = FaultKind::schemas();
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

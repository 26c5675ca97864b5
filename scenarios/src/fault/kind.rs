//! What every kind of fault says of itself, besides its parameters.

use std::time::Duration;

use notation::section::Section;

/// What kind of thing breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Electricity.
    Power,
    /// Links between hosts.
    Network,
    /// Programs, and the processors and clocks they run by.
    Process,
    /// Pods and nodes, by what people do to them.
    Cluster,
    /// Volumes.
    Disk,
    /// Database, cache and event log, and their copies.
    Store,
    /// What decides and directs.
    ControlPlane,
    /// The company that moves the money.
    Processor,
    /// What people do, all at once.
    Demand,
}

impl Family {
    /// Its name in lists of faults.
    pub fn name(self) -> &'static str {
        match self {
            Family::Power => "power",
            Family::Network => "network",
            Family::Process => "process",
            Family::Cluster => "cluster",
            Family::Disk => "disk",
            Family::Store => "store",
            Family::ControlPlane => "control plane",
            Family::Processor => "payment processor",
            Family::Demand => "demand",
        }
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
    /// What has a control plane: the database, or the cluster.
    Controlled,
    /// A service of a cluster.
    Deployment,
    /// A node of a cluster.
    Node,
    /// A read replica of the database.
    Replica,
    /// A server of the cache whose shard has several.
    CacheServer,
    /// A broker of the event log.
    Broker,
    /// A zone with a node of the load balancer.
    BalancedZone,
    /// A named place in the services' code.
    FaultPoint,
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

/// The parameters of one kind of fault.
pub(crate) trait Kind: Section {
    /// Through what it acts on a run, in a sentence: no model is told of the fault itself.
    const ACTS: &'static str;

    /// What takes it away again, in a sentence.
    const HEALS: &'static str;

    /// See [`FaultKind::heals_after`](super::FaultKind::heals_after).
    fn heals_after(&self) -> Option<Duration>;

    /// See [`FaultKind::heal_after`](super::FaultKind::heal_after).
    fn heal_after(&mut self, span: Duration);

    /// See [`FaultKind::targets`](super::FaultKind::targets).
    fn targets(&self) -> Vec<Target<'_>>;

    /// See [`FaultKind::example`](super::FaultKind::example).
    fn example() -> Self;
}

/// Says of a kind with a field `duration` ("for") what [`Kind`] wants to know; every target is a text of its own.
macro_rules! lasts {
    ($name:ident { $( $target:ident: $role:ident ),* }, acts $acts:literal, heals $heals:literal, example $example:expr) => {
        impl $crate::fault::kind::Kind for $name {
            const ACTS: &'static str = $acts;
            const HEALS: &'static str = $heals;

            fn heals_after(&self) -> Option<std::time::Duration> {
                Some(self.duration)
            }

            fn heal_after(&mut self, span: std::time::Duration) {
                self.duration = span;
            }

            fn targets(&self) -> Vec<$crate::fault::kind::Target<'_>> {
                vec![$( $crate::fault::kind::Target {
                    parameter: stringify!($target),
                    role: $crate::fault::kind::TargetRole::$role,
                    name: &self.$target,
                } ),*]
            }

            fn example() -> Self {
                $example
            }
        }
    };
}
pub(crate) use lasts;

/// So many seconds, for examples.
pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

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
    fn heals_after(&self) -> Option<Duration> {
        None
    }

    /// See [`FaultKind::heal_after`](super::FaultKind::heal_after).
    fn heal_after(&mut self, _: Duration) {}

    /// See [`FaultKind::targets`](super::FaultKind::targets).
    fn targets(&self) -> Vec<Target<'_>>;

    /// See [`FaultKind::example`](super::FaultKind::example).
    fn example() -> Self;
}

/// A parameter that names something, if it is given.
pub(crate) trait Name {
    fn name(&self) -> Option<&str>;
}

impl Name for String {
    fn name(&self) -> Option<&str> {
        Some(self)
    }
}

impl Name for Option<String> {
    fn name(&self) -> Option<&str> {
        self.as_deref()
    }
}

/// Says of a kind that acts in one moment what [`Kind`] wants to know.
macro_rules! once {
    (
        $name:ident { $( $target:ident: $role:ident ),* },
        acts $acts:literal,
        heals $heals:literal,
        example $example:expr $(, { $($lasting:tt)* })?
    ) => {
        impl $crate::fault::kind::Kind for $name {
            const ACTS: &'static str = $acts;
            const HEALS: &'static str = $heals;

            $($($lasting)*)?

            fn targets(&self) -> Vec<$crate::fault::kind::Target<'_>> {
                let targets: &[(&'static str, $crate::fault::kind::TargetRole, Option<&str>)] = &[$((
                    stringify!($target),
                    $crate::fault::kind::TargetRole::$role,
                    $crate::fault::kind::Name::name(&self.$target),
                )),*];
                $crate::fault::kind::given(targets)
            }

            fn example() -> Self {
                $example
            }
        }
    };
}
pub(crate) use once;

/// The same of a kind with a field `duration` ("for").
macro_rules! lasts {
    ($($said:tt)*) => {
        $crate::fault::kind::once! {
            $($said)*, {
                fn heals_after(&self) -> Option<std::time::Duration> {
                    Some(self.duration)
                }

                fn heal_after(&mut self, span: std::time::Duration) {
                    self.duration = span;
                }
            }
        }
    };
}
pub(crate) use lasts;

/// Of these parameters, those that name something.
pub(crate) fn given<'a>(parameters: &[(&'static str, TargetRole, Option<&'a str>)]) -> Vec<Target<'a>> {
    let target = |&(parameter, role, name): &(&'static str, TargetRole, Option<&'a str>)| {
        Some(Target { parameter, role, name: name? })
    };
    parameters.iter().filter_map(target).collect()
}

/// So many seconds, for examples.
pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

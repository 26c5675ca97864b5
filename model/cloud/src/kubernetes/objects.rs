//! What a cluster consists of, as its control plane has it on record.

use std::time::Duration;

use ports::observe::Mark;
use runtime::Time;
use runtime::net::HostId;
use serde::{Deserialize, Serialize};

use super::pod_autoscaler::{Autoscaling, PodAutoscaler};
use super::request_rate::RequestRate;

/// What is wrong with a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Defect {
    /// It starts and hangs before it opens a port.
    NeverReady,
    /// It says that it is well and fails every request.
    FailsRequests,
}

/// What a pod runs, besides which service it is: another number is another image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// From 0, what was deployed before the run.
    pub number: u32,
    pub defect: Option<Defect>,
}

impl Release {
    /// What was deployed before the run.
    pub const FIRST: Release = Release { number: 0, defect: None };
}

/// A deployment and the service that selects its pods, as their manifests have them.
#[derive(Clone, Debug)]
pub struct DeploymentSpec {
    /// The service's name; its pods are `<name>-0` and so on.
    pub name: String,
    pub replicas: u32,
    /// Zones that its pods may run in; empty is everywhere.
    pub zones: Vec<String>,
    /// What each pod requests of a node's processors.
    pub cpu_request_millicores: u32,
    /// What it may use, by CFS quota.
    pub cpu_limit_millicores: u32,
    pub autoscaling: Option<Autoscaling>,
}

/// A machine that may be a node of the cluster.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    pub name: String,
    pub zone: String,
    pub host: HostId,
    /// Whether it joins by itself; otherwise the group has to grow first.
    pub joins: bool,
}

pub(super) struct Deployment {
    pub spec: DeploymentSpec,
    pub replicas: u32,
    pub release: Release,
    /// The last one without a defect, to roll back to.
    pub good: Release,
    /// The highest release number yet.
    pub releases: u32,
    /// Pods created so far.
    pub pods_born: u32,
    pub scaler: PodAutoscaler,
    /// While releases change: when the change last got anywhere, how far, and whether its stalling was told.
    pub rollout: Option<Rollout>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Rollout {
    pub ready: usize,
    pub progressed_at: Time,
    pub told: bool,
}

/// What is known of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contact {
    /// It has not joined yet, or was given back.
    Absent,
    /// It was ordered, and is expected by then.
    Launching {
        by: Time,
    },
    Ready {
        heard_at: Time,
    },
    /// Its lease has run out. Once condemned, its pods are given up when they have borne that for long enough.
    Unreachable {
        condemned_at: Option<Time>,
    },
}

pub(super) struct Node {
    pub spec: NodeSpec,
    pub contact: Contact,
    /// Takes no new pods: it is being drained, or was.
    pub cordoned: bool,
    /// When whoever drains it looks next.
    pub drain_at: Option<Time>,
    /// Since when its pods would fit elsewhere.
    pub unneeded_since: Option<Time>,
    /// Since when it is drained to be given back.
    pub leaving_since: Option<Time>,
}

impl Node {
    pub fn is_ready(&self) -> bool {
        matches!(self.contact, Contact::Ready { .. })
    }

    /// Whether new pods may be put on it.
    pub fn takes_pods(&self) -> bool {
        self.is_ready() && !self.cordoned
    }
}

pub(super) struct Pod {
    /// Unique in the cluster, in order of creation.
    pub id: u32,
    pub name: String,
    pub deployment: usize,
    pub release: Release,
    pub node: Option<usize>,
    /// As its node last said, or as is concluded from the node's silence.
    pub ready: bool,
    /// Since when its node reports a container that runs.
    pub running_since: Option<Time>,
    /// It is to end, within this.
    pub deleting: Option<Duration>,
    /// The last report of what it has used: when and how much, and what that came to in thousandths of a core.
    pub used: Option<(Time, Duration)>,
    pub usage_millicores: Option<u32>,
    /// The requests that it takes; read only where replicas follow them.
    pub requests: RequestRate,
}

/// Something that people may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    pub zone: String,
    pub state: &'static str,
    pub detail: String,
    pub mark: Option<Mark>,
}

//! What travels between the control plane and the nodes' agents.

use std::time::Duration;

use runtime::net::Address;
use serde::{Deserialize, Serialize};

use super::objects::Release;

/// Where the control plane listens.
pub(super) const CONTROL_PLANE_PORT: u16 = 443;

/// Where a node's agent listens (source: Kubernetes documentation, "Ports and Protocols").
pub(super) const KUBELET_PORT: u16 = 10_250;

/// Where a node tells what its pods have counted (source: Kubernetes documentation, `--read-only-port`).
pub(super) const METRICS_PORT: u16 = 10_255;

/// Prometheus to a node: what have its pods counted? A pod's own page is read through its node: one question a node instead of one a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scrape;

/// The answer, for one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PodCount {
    pub id: u32,
    /// Requests that its container has taken since it started.
    pub requests: u64,
}

/// A node's agent to the control plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Request {
    /// Renews the node's lease and says how each of its pods is.
    Report { node: u16, pods: Vec<PodReport> },
    /// Asks for what is newer than was seen; answered when there is such a thing.
    Watch { node: u16, seen: Seen },
}

/// Versions of what a node has been told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub pods: u64,
    pub endpoints: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PodReport {
    pub id: u32,
    pub phase: Phase,
    /// Processor time that it has used.
    pub used: Duration,
}

/// How a pod is, as its node's agent sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// Its container does not run, and will be started again.
    Waiting,
    Running {
        ready: bool,
    },
    /// It ended as it was told to.
    Gone,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Response {
    Noted,
    /// What the node does not know yet.
    News {
        pods: Option<NodeOrders>,
        endpoints: Option<ServiceEndpoints>,
    },
}

/// What a node is to run, and the version of it.
pub(super) type NodeOrders = (u64, Vec<PodOrder>);

/// Where each service is ready, by its name, and the version of it.
pub(super) type ServiceEndpoints = (u64, Vec<(String, Vec<Address>)>);

/// A pod that a node is to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PodOrder {
    pub id: u32,
    pub name: String,
    pub service: String,
    pub release: Release,
    pub cpu_limit_millicores: u32,
    /// It is to end, within this.
    pub deleting: Option<Duration>,
}

/// The control plane to a node's agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum GroupOrder {
    /// Boots, and joins the cluster.
    Join,
    /// Leaves it: the instance is given back.
    Leave,
}

/// Ports of pods begin here: a pod's own address is modelled as two ports of its node that no other pod of the cluster has.
const POD_PORTS: u32 = 10_300;

/// Pods whose ports are told apart: after so many, the first one's are used again.
const POD_PORTS_MAX: u32 = 27_000;

/// Where a pod answers calls. Its health check is on the next port.
pub(super) fn api_port(pod: u32) -> u16 {
    let port = POD_PORTS + 2 * (pod % POD_PORTS_MAX);
    u16::try_from(port).expect("the last pod's ports are ports")
}

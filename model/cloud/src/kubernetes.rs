//! Amazon EKS: a cluster of nodes that runs services as pods, and a control plane that has as many of them as are wanted where there is room.
//!
//! *Behaviour*: a deployment's pods are spread over zones and nodes; those that their node's agent has probed and found ready are endpoints,
//! which callers on every node, and the load balancer, learn of a little later. Another release replaces the old one pod by pod. *Limits*: a
//! pod's CFS quota; what pods request of nodes; how fast nodes are condemned, autoscalers act and machines boot. *Failure*: a container that
//! ends is restarted on its node, ever more rarely; a node that falls silent is unreachable after its lease and its grace period, and its
//! pods get no requests from then on. *Recovery*: pods that bore an unreachable node for long enough are replaced elsewhere, zone by zone at a
//! limited rate, and not at all where most of a zone, or every zone, seems to be gone.
//!
//! The control plane is one server in a zone of its own. AWS runs it over several zones behind one address, and what that costs is not
//! modelled: not etcd's elections and disks, not a lost write, not an API server that is slow. Prometheus and its adapter run beside it.
//! Neither are modelled: pulling images, preemption, affinities, StatefulSets, a pod's own network (its address is two ports of its node, and
//! its links and clock are the node's).

mod budget;
mod cluster;
mod collector;
mod control_plane;
mod deploy;
mod disruption;
mod kubelet;
mod node_autoscaler;
mod objects;
mod operator;
mod parameters;
mod pod_autoscaler;
mod protocol;
mod records;
mod registrar;
mod request_rate;
mod rollout;
mod scheduler;

pub use deploy::{Deployed, Machine, Plan, deploy};
pub use kubelet::{Images, Workload};
pub use objects::{Defect, DeploymentSpec, Release};
pub use operator::Operator;
pub use parameters::{
    Autoscaling, GrowthParameters, LifecycleParameters, NodeParameters, Parameters, PodParameters, Probe,
    RolloutParameters, ScalingParameters,
};
pub use registrar::Balanced;

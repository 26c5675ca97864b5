//! The cluster that services run in: Amazon EKS, with its nodes and what its manifests say of every service.

use std::time::Duration;

use notation::section;
use notation::section::Nested;
use notation::value::{Amount, Count, Flag, Length, List, Maybe, PositiveLength, Rate, Ratio, Speed, Text};

section! {
    /// An EKS cluster. With it, every service is a deployment whose pods share the cluster's nodes; without it each replica has a host of its
    /// own. "Kubernetes documentation" is that of 1.28.
    pub struct Kubernetes {
        /// Zones with nodes. Empty: every zone of the blueprint.
        zones: Vec<String> as List<Text> = Vec::new(),
        /// Nodes, dealt to the zones in turn; the group never has fewer.
        nodes: u32 as Count = 3,
        /// Nodes that the cluster autoscaler may have. Left out: there is no cluster autoscaler, and the group stays as it is.
        nodes_max: Option<u32> as Maybe<Count>,
        /// Virtual CPUs of a node. AWS EC2 documentation: c5.2xlarge has 8.
        cores: u32 as Count = 8,
        /// Cores that pods may request of a node. Amazon EKS's formula for what the kubelet keeps: 7.91 of 8.
        allocatable: f64 as Amount = 7.91,
        /// Egress of a node that lasts. AWS EC2 documentation: c5.2xlarge has a baseline of 2.5 Gbit/s.
        bandwidth: u64 as Speed = 312_500_000,
        /// From power to the node's agent, on a machine that comes back. Assumption.
        boot: Duration as Length = Duration::from_secs(60),
        /// From the autoscaler's order of a machine to its agent's first word. Assumption: with what else is in the way, Cluster Autoscaler
        /// takes 3 to 5 minutes.
        launch: Duration as Length = Duration::from_secs(120),

        /// Whether a pod gets requests only while its health check succeeds. Assumption: the document's manifests are not in it.
        readiness_probe: bool as Flag = true,
        /// Whether a pod whose health check fails is restarted. Assumption, as above.
        liveness_probe: bool as Flag = true,
        /// Whether both wait until a health check has succeeded once. Assumption, as above.
        startup_probe: bool as Flag = false,
        /// How all of them ask.
        probe: Probe as Nested,
        /// How long a pod that is to end waits first, so that callers can learn of it: a preStop hook that sleeps. Kubernetes documentation:
        /// nothing, unless a manifest asks for it.
        pre_stop: Duration as Length = Duration::ZERO,

        /// Pods of a service beyond its replicas while releases change. Kubernetes documentation: `maxSurge` 25 %, rounded up.
        surge: f64 as Ratio = 0.25,
        /// Replicas of a service that may be unavailable while releases change. Kubernetes documentation: `maxUnavailable` 25 %, rounded down.
        unavailable: f64 as Ratio = 0.25,
        /// Pods of a service that an eviction may leave unavailable, by a disruption budget. Left out: no budget, and any number.
        disruption_budget: Option<u32> as Maybe<Count>,

        /// A node that is not heard of for this long is unreachable. Kubernetes documentation: `--node-monitor-grace-period` 40 s.
        node_grace: Duration as PositiveLength = Duration::from_secs(40),
        /// Pods bear an unreachable node for this long before they are replaced. Kubernetes documentation: 300 s.
        toleration: Duration as Length = Duration::from_secs(300),
        /// From a change of a service's pods until callers on the nodes use it. Kubernetes documentation: kube-proxy writes its rules at most
        /// once a second.
        endpoint_propagation: Duration as Length = Duration::from_secs(1),
        /// From a change of the gateway's pods until the load balancer is told. Assumption.
        registration: Duration as Length = Duration::from_secs(2),
    }
}

section! {
    /// How a node's agent asks a pod how it is.
    pub struct Probe {
        /// From the beginning of one probe to that of the next. Kubernetes documentation: 10 s.
        period: Duration as PositiveLength = Duration::from_secs(10),
        /// No answer within this is a failure. Kubernetes documentation: 1 s.
        timeout: Duration as PositiveLength = Duration::from_secs(1),
        /// Failures in a row that count. Kubernetes documentation: 3.
        failures: u32 as Count = 3,
        /// Successes in a row that count. Kubernetes documentation: 1.
        successes: u32 as Count = 1,
        /// Failures in a row after which a pod that has not succeeded yet is restarted, with a startup probe. Kubernetes documentation, in its
        /// example: 30.
        startup_failures: u32 as Count = 30,
    }
}

section! {
    /// How many replicas of a service there are, by what they use: a horizontal pod autoscaler.
    pub struct Autoscale {
        /// The fewest.
        min: u32 as Count,
        /// The most.
        max: u32 as Count,
        /// Processor time used, as a share of what the pods request. Kubernetes documentation, in its examples: 50 %; 70 % is an assumption.
        cpu: f64 as Ratio = 0.7,
        /// Requests that a replica takes a second, such as `"50/s"`: a `Pods` metric of autoscaling/v2, read every 15 s and averaged over two
        /// minutes (Prometheus Adapter documentation, walkthroughs). Of the two, the one that wants more replicas decides. Left out: processor
        /// time alone does.
        requests: Option<f64> as Maybe<Rate>,
    }
}

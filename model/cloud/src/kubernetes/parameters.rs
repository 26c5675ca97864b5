//! Every number of a cluster, with its unit and its source. "Kubernetes documentation" is that of 1.28, the version of mid-2023.

use std::time::Duration;

use runtime::world::VolumeSpec;

pub use super::pod_autoscaler::{Autoscaling, ScalingParameters};

#[derive(Clone, Debug, Default)]
pub struct Parameters {
    pub node: NodeParameters,
    pub lifecycle: LifecycleParameters,
    pub pod: PodParameters,
    pub rollout: RolloutParameters,
    pub scaling: ScalingParameters,
    pub growth: GrowthParameters,
    /// How many pods of a deployment an eviction may leave unavailable, by a disruption budget; without one, any number.
    pub budget: Option<u32>,
    /// After an eviction was refused, whoever drains tries again: `kubectl drain` after 5 s (source: kubectl 1.28).
    pub eviction_retry: Duration,
    /// From a change of endpoints until a node's callers use it: kube-proxy writes its rules at most once a second (source: Kubernetes
    /// documentation, `--iptables-min-sync-period` 1 s).
    pub endpoint_propagation: Duration,
    /// From a change of endpoints until the load balancer is told (assumption: reconciliation and an API call of the AWS Load Balancer
    /// Controller).
    pub registration: Duration,
}

/// A node of the cluster's group.
#[derive(Clone, Debug)]
pub struct NodeParameters {
    /// c5.2xlarge: 8 vCPU (source: AWS EC2 documentation, mid-2023).
    pub cores: u16,
    /// Of which pods may request 7.91 (source: Amazon EKS's formula for what the kubelet reserves: 60 m of the first core, 10 m of the
    /// second, 5 m each of the next two, 2.5 m each of the rest: 90 m of eight).
    pub allocatable_millicores: u32,
    /// Egress bandwidth, bytes per second; none is unlimited. c5.2xlarge has a baseline of 2.5 Gbit/s (source: AWS EC2 documentation).
    pub egress_bytes_per_s: Option<u64>,
    /// From power-on until the kubelet runs (assumption).
    pub boot: Duration,
    /// gp3's baseline (source: Amazon EBS documentation, mid-2023; the flush time is an assumption).
    pub volume: VolumeSpec,
}

/// How the control plane tells that nodes are gone, and what it does about it (source of all: Kubernetes documentation, "Nodes" and
/// kube-controller-manager).
#[derive(Clone, Debug)]
pub struct LifecycleParameters {
    /// A kubelet renews its lease this often: 10 s.
    pub lease_interval: Duration,
    /// A node that has not been heard of for this long is unreachable: `--node-monitor-grace-period` 40 s.
    pub grace: Duration,
    /// Leases are looked at this often: `--node-monitor-period` 5 s.
    pub monitor_period: Duration,
    /// Pods bear an unreachable node for this long: 300 s (`DefaultTolerationSeconds`).
    pub toleration: Duration,
    /// Between two nodes of a zone whose pods are condemned: `--node-eviction-rate` 0.1 a second.
    pub eviction_interval: Duration,
    /// The same in a large cluster whose zone is partly disrupted: `--secondary-node-eviction-rate` 0.01 a second.
    pub secondary_eviction_interval: Duration,
    /// A zone is partly disrupted if at least so many hundredths of its nodes, and more than two, are not ready:
    /// `--unhealthy-zone-threshold` 0.55.
    pub partial_percent: usize,
    /// Up to so many nodes a cluster is small: in a zone that is partly disrupted nothing is evicted (`--large-cluster-size-threshold` 50).
    pub small_cluster: usize,
}

/// How a kubelet asks a pod how it is (source of the defaults: Kubernetes documentation, "Configure Probes").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// From the beginning of one probe to that of the next: 10 s.
    pub period: Duration,
    /// No answer within this is a failure: 1 s.
    pub timeout: Duration,
    /// Failures in a row that count: 3.
    pub failures: u32,
    /// Successes in a row that count: 1.
    pub successes: u32,
}

impl Default for Probe {
    fn default() -> Self {
        Probe { period: Duration::from_secs(10), timeout: Duration::from_secs(1), failures: 3, successes: 1 }
    }
}

/// A pod's life on its node.
#[derive(Clone, Debug)]
pub struct PodParameters {
    /// Until it has succeeded nothing else is probed; when it fails the container is restarted. None unless asked for, as in a manifest.
    pub startup: Option<Probe>,
    /// While it fails the pod gets no requests. Without one, a container that runs is ready.
    pub readiness: Option<Probe>,
    /// When it fails the container is restarted.
    pub liveness: Option<Probe>,
    /// How long a pod that is deleted waits before its container is told to end, so that callers can learn of it: a `preStop` hook that
    /// sleeps. None unless asked for, as in a manifest.
    pub pre_stop: Duration,
    /// How long a pod may take to end: `terminationGracePeriodSeconds` 30 s (source: Kubernetes documentation). Services end at once when
    /// they are told to, so only `pre_stop` counts against it.
    pub grace: Duration,
    /// A container that ended is restarted at once, then after this, then after twice this and so on: 10 s (source: Kubernetes
    /// documentation, "Pod Lifecycle").
    pub restart_backoff: Duration,
    /// And after this at most: 5 min.
    pub restart_backoff_max: Duration,
    /// A container that ran for this long is restarted at once again: 10 min.
    pub restart_reset: Duration,
}

/// How a deployment changes from one release to the next (source: Kubernetes documentation, "Deployments": 25 % and 25 %).
#[derive(Clone, Debug)]
pub struct RolloutParameters {
    /// Hundredths of the replicas that may be there in addition; rounded up.
    pub surge_percent: u32,
    /// Hundredths of the replicas that may be unavailable; rounded down.
    pub unavailable_percent: u32,
    /// A rollout that has got nowhere for this long has stalled: `progressDeadlineSeconds` 600 s. Nothing follows from it but the news.
    pub progress_deadline: Duration,
}

/// How the group of nodes grows and shrinks (source unless said otherwise: Cluster Autoscaler documentation, FAQ).
#[derive(Clone, Debug)]
pub struct GrowthParameters {
    /// Pods without a node are looked for this often: `--scan-interval` 10 s.
    pub scan_interval: Duration,
    /// From the order of an instance to its kubelet's first word: 2 min (assumption; 3 to 5 min with what else is in the way of it).
    pub launch: Duration,
    /// A node whose pods request less than so many hundredths of it is not needed if they fit elsewhere:
    /// `--scale-down-utilization-threshold` 0.5.
    pub unneeded_percent: u32,
    /// A node that was not needed for this long is given back: `--scale-down-unneeded-time` 10 min.
    pub unneeded_for: Duration,
    /// But none for this long after another was ordered: `--scale-down-delay-after-add` 10 min.
    pub delay_after_growth: Duration,
    /// A node whose pods budgets have kept for this long since it was to be given back is kept: 2 min (source: Cluster Autoscaler 1.28,
    /// `MaxPodEvictionTime`).
    pub eviction_timeout: Duration,
    /// A node that was ordered and has not come after this failed: `--max-node-provision-time` 15 min.
    pub launch_timeout: Duration,
    /// After a node failed to launch none is ordered in its zone for this long: `--initial-node-group-backoff-duration` 5 min, here without the
    /// doubling that follows.
    pub backoff: Duration,
}

impl Default for NodeParameters {
    fn default() -> Self {
        NodeParameters {
            cores: 8,
            allocatable_millicores: 7_910,
            egress_bytes_per_s: Some(312_500_000),
            boot: Duration::from_secs(60),
            volume: VolumeSpec { iops: 3_000, throughput_bytes_per_s: 125 << 20, flush: Duration::from_millis(1) },
        }
    }
}

impl Default for LifecycleParameters {
    fn default() -> Self {
        LifecycleParameters {
            lease_interval: Duration::from_secs(10),
            grace: Duration::from_secs(40),
            monitor_period: Duration::from_secs(5),
            toleration: Duration::from_secs(300),
            eviction_interval: Duration::from_secs(10),
            secondary_eviction_interval: Duration::from_secs(100),
            partial_percent: 55,
            small_cluster: 50,
        }
    }
}

impl Default for PodParameters {
    fn default() -> Self {
        PodParameters {
            startup: None,
            readiness: Some(Probe::default()),
            liveness: Some(Probe::default()),
            pre_stop: Duration::ZERO,
            grace: Duration::from_secs(30),
            restart_backoff: Duration::from_secs(10),
            restart_backoff_max: Duration::from_secs(300),
            restart_reset: Duration::from_secs(600),
        }
    }
}

impl Default for RolloutParameters {
    fn default() -> Self {
        RolloutParameters { surge_percent: 25, unavailable_percent: 25, progress_deadline: Duration::from_secs(600) }
    }
}

impl Default for GrowthParameters {
    fn default() -> Self {
        GrowthParameters {
            scan_interval: Duration::from_secs(10),
            launch: Duration::from_secs(120),
            unneeded_percent: 50,
            unneeded_for: Duration::from_secs(600),
            delay_after_growth: Duration::from_secs(600),
            eviction_timeout: Duration::from_secs(120),
            launch_timeout: Duration::from_secs(900),
            backoff: Duration::from_secs(300),
        }
    }
}

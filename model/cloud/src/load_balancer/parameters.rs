//! Every number of a load balancer.

use std::time::Duration;

/// How a node picks a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Routing {
    /// In turn (source: Elastic Load Balancing documentation, mid-2023: the default).
    #[default]
    RoundRobin,
    /// The one with the fewest requests that this node has not heard the answer of.
    LeastOutstanding,
}

#[derive(Clone, Debug, Default)]
pub struct Parameters {
    pub node: NodeParameters,
    pub health_check: HealthCheckParameters,
    pub controller: ControllerParameters,
}

/// A node and the host it runs on.
#[derive(Clone, Debug)]
pub struct NodeParameters {
    pub routing: Routing,
    /// Processor time of one request and its response (assumption).
    pub request_work: Duration,
    /// Cores of the node's host (assumption; a real node is replaced by a larger one as load grows).
    pub cores: u16,
    /// From power-on until the node serves (assumption).
    pub boot: Duration,
    /// Requests that a node holds at once; more are refused (assumption).
    pub requests_in_flight_max: u32,
    /// Connections that a node keeps to each target, at least one; requests share them (assumption).
    pub connections_per_target: u16,
    /// Give a target this long to accept a connection (source: Elastic Load Balancing documentation, mid-2023, on error 504: 10 s).
    pub connect_timeout: Duration,
    /// Give a target this long to answer (source: Elastic Load Balancing documentation, mid-2023: idle time-out 60 s).
    pub idle_timeout: Duration,
}

impl Default for NodeParameters {
    fn default() -> Self {
        NodeParameters {
            routing: Routing::default(),
            request_work: Duration::from_micros(40),
            cores: 2,
            boot: Duration::from_secs(60),
            requests_in_flight_max: 50_000,
            connections_per_target: 4,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
        }
    }
}

/// How each node checks each target (source of all: Elastic Load Balancing documentation, mid-2023: the defaults).
#[derive(Clone, Debug)]
pub struct HealthCheckParameters {
    /// From the beginning of one check to that of the next.
    pub interval: Duration,
    pub timeout: Duration,
    /// Failures in a row that make a target unhealthy.
    pub unhealthy_threshold: u32,
    /// Successes in a row that make an unhealthy target healthy.
    pub healthy_threshold: u32,
    /// Successes in a row that make a new target healthy.
    pub new_target_threshold: u32,
}

impl Default for HealthCheckParameters {
    fn default() -> Self {
        HealthCheckParameters {
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            unhealthy_threshold: 2,
            healthy_threshold: 5,
            new_target_threshold: 1,
        }
    }
}

/// Where the controllers are, who check the nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vantage {
    /// One in each of the load balancer's zones, which a zone takes with it.
    #[default]
    InZones,
    /// So many outside the cloud, each in a place of its own, as Route 53's checkers are: "in locations around the world" (source: Route 53
    /// documentation, mid-2023; in eight regions unless fewer are chosen).
    Outside(u16),
}

/// How the controllers check nodes and keep DNS. What AWS does inside is not published; that it is like Route 53's own health
/// checks, and the numbers with it, is an assumption (source of the numbers: Route 53 documentation, mid-2023).
#[derive(Clone, Debug)]
pub struct ControllerParameters {
    pub vantage: Vantage,
    /// From the beginning of one check of a node to that of the next: 10 s ("fast"). Controllers also compare their opinions this often.
    pub interval: Duration,
    /// Give a node this long to accept a connection: 4 s.
    pub connect_timeout: Duration,
    /// Give it this long to answer after that: 2 s.
    pub response_timeout: Duration,
    /// Results in a row that change a controller's opinion of a node, either way: 3.
    pub threshold: u32,
    /// A node is alive if more than this share of the controllers says so, in hundredths: 18.
    pub alive_above_percent: u32,
    /// How long clients may remember the nodes' addresses: 60 s (source: Elastic Load Balancing documentation, mid-2023).
    pub ttl: Duration,
}

impl Default for ControllerParameters {
    fn default() -> Self {
        ControllerParameters {
            vantage: Vantage::InZones,
            interval: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(4),
            response_timeout: Duration::from_secs(2),
            threshold: 3,
            alive_above_percent: 18,
            ttl: Duration::from_secs(60),
        }
    }
}

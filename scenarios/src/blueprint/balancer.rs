//! The load balancer between phones and the gateway: an application load balancer with a node in each zone.

use std::time::Duration;

use notation::section;
use notation::value::{Count, Length, List, PositiveLength, Text};

section! {
    /// An application load balancer. Defaults are those of the AWS Elastic Load Balancing documentation, mid-2023, unless
    /// they say otherwise. When no target is healthy, requests go to all of them, as AWS documents.
    pub struct LoadBalancer {
        /// Zones with a node of the balancer. Empty: every zone of the blueprint.
        zones: Vec<String> as List<Text> = Vec::new(),
        /// Time between health checks of one target. AWS: 30 s.
        interval: Duration as PositiveLength = Duration::from_secs(30),
        /// A health check without answer has failed after this. AWS: 5 s.
        timeout: Duration as PositiveLength = Duration::from_secs(5),
        /// Failed checks in a row that make a target unhealthy. AWS: 2.
        unhealthy_threshold: u32 as Count = 2,
        /// Passed checks in a row that make a target healthy again; a new target needs one. AWS: 5.
        healthy_threshold: u32 as Count = 5,
        /// How long phones may keep the balancer's addresses. AWS: 60 s.
        dns_ttl: Duration as Length = Duration::from_secs(60),
        /// From a node's death to its address leaving DNS. Assumption: three checks ten seconds apart, as Route 53's fast
        /// health checks are documented.
        node_withdrawal: Duration as Length = Duration::from_secs(30),
        /// A request that no target answers is refused after this; phones then see a gateway time-out. AWS: idle time-out 60 s.
        request_timeout: Duration as PositiveLength = Duration::from_secs(60),
    }
}

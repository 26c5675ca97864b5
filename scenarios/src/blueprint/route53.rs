//! The name service that phones ask: who checks the load balancer's nodes, and how long their resolvers keep what they were told.

use std::time::Duration;

use notation::section;
use notation::value::{Count, Length, Ratio};

section! {
    /// Route 53, for the names of the load balancer's nodes. Left out, one checker in each of the balancer's zones decides, and every resolver
    /// keeps to the time to live. How often nodes are checked follows from `load_balancer.node_withdrawal`: with three checks, 30 s is a fast
    /// health check and 90 s a standard one.
    pub struct Route53 {
        /// Checkers, each in a place of its own outside the cloud; they are not coordinated. Route 53 documentation: in eight regions, unless
        /// fewer are chosen.
        checkers: u32 as Count = 8,
        /// Checks in a row that change a checker's opinion. Route 53 documentation: 3.
        threshold: u32 as Count = 3,
        /// A node is healthy if more than this share of the checkers says so. Route 53 documentation: 18 %.
        healthy_above: f64 as Ratio = 0.18,
        /// The share of phones whose resolver keeps answers beyond their time to live. Assumption.
        overstaying: f64 as Ratio = 0.05,
        /// How much longer such a resolver keeps them. Assumption.
        overstay: Duration as Length = Duration::from_secs(300),
    }
}

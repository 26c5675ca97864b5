//! What decides and directs, and carries no rider's request itself.

use std::time::Duration;

use notation::section;
use notation::value::{Maybe, PositiveLength, Text};

use crate::fault::kind::{lasts, seconds};

section! {
    /// Parameters of `control-plane-outage`.
    pub struct ControlPlaneOutage {
        /// The store whose monitors stand still; or `kubernetes`, the cluster.
        store: String as Text,
        /// The zone of the one monitor that does. Left out: all of them.
        zone: Option<String> as Maybe<Text>,
        /// When they go on, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    ControlPlaneOutage { store: Controlled, zone: Zone },
    acts "Stops the monitors that watch the store and agree on its primary: they answer nothing, and nobody is promoted. Of a cluster, \
           stops the control plane: what runs goes on, and nothing is replaced, moved or told to callers.",
    heals "They go on after `for` with what they knew.",
    example ControlPlaneOutage { store: "rds".to_owned(), zone: None, duration: seconds(60) }
}

section! {
    /// Parameters of `dns-outage`.
    pub struct DnsOutage {
        /// The zone of the resolver that is gone. Left out: those of all zones; phones have their carrier's.
        zone: Option<String> as Maybe<Text>,
        /// When it answers again, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    DnsOutage { zone: Zone },
    acts "Stops the zones' resolvers: they answer nothing, and callers live on what they have cached until it expires.",
    heals "They answer again after `for`.",
    example DnsOutage { zone: Some("us-east-1a".to_owned()), duration: seconds(60) }
}

section! {
    /// Parameters of `load-balancer-node-loss`.
    pub struct LoadBalancerNodeLoss {
        /// The zone of the node.
        zone: String as Text,
        /// When the node is back, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    LoadBalancerNodeLoss { zone: BalancedZone },
    acts "Switches the load balancer's node in the zone off: phones that were sent to it hear nothing until DNS says otherwise.",
    heals "A node boots in its place after `for`.",
    example LoadBalancerNodeLoss { zone: "us-east-1a".to_owned(), duration: seconds(60) }
}

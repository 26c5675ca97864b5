//! The database and its copies.

use std::time::Duration;

use notation::section;
use notation::value::{Maybe, PositiveLength, Text};

use crate::fault::kind::{Kind, Target, TargetRole, seconds};

section! {
    /// Parameters of `replication-stall`.
    pub struct ReplicationStall {
        /// The store.
        store: String as Text,
        /// The read replica. Left out: all of the store's.
        replica: Option<String> as Maybe<Text>,
        /// When replication goes on, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

impl Kind for ReplicationStall {
    const ACTS: &'static str =
        "Holds the log back from the replicas, as an operator of the store could; the primary goes on.";
    const HEALS: &'static str = "The log flows again after `for`, and the replicas catch up.";

    fn heals_after(&self) -> Option<Duration> {
        Some(self.duration)
    }

    fn heal_after(&mut self, span: Duration) {
        self.duration = span;
    }

    fn targets(&self) -> Vec<Target<'_>> {
        let replica = self.replica.iter().map(|name| Target { parameter: "replica", role: TargetRole::Replica, name });
        std::iter::once(store(&self.store)).chain(replica).collect()
    }

    fn example() -> Self {
        ReplicationStall { store: "rds".to_owned(), replica: None, duration: seconds(60) }
    }
}

section! {
    /// Parameters of `rds-failover`.
    pub struct RdsFailover {
        /// The store; it needs a standby.
        store: String as Text,
    }
}

impl Kind for RdsFailover {
    const ACTS: &'static str =
        "Gives the control plane the order that an operator gives by `RebootDBInstance` with failover.";
    const HEALS: &'static str = "The failover itself: it is over when clients find the new primary.";

    fn heals_after(&self) -> Option<Duration> {
        None
    }

    fn heal_after(&mut self, _: Duration) {}

    fn targets(&self) -> Vec<Target<'_>> {
        vec![store(&self.store)]
    }

    fn example() -> Self {
        RdsFailover { store: "rds".to_owned() }
    }
}

section! {
    /// Parameters of `promote-replica`.
    pub struct PromoteReplica {
        /// The store.
        store: String as Text,
        /// The read replica that becomes the primary.
        replica: String as Text,
    }
}

impl Kind for PromoteReplica {
    const ACTS: &'static str = "Gives the control plane the order that an operator gives by `PromoteReadReplica`.";
    const HEALS: &'static str = "Nothing: the replica stays the primary, and what it had not received is lost.";

    fn heals_after(&self) -> Option<Duration> {
        None
    }

    fn heal_after(&mut self, _: Duration) {}

    fn targets(&self) -> Vec<Target<'_>> {
        vec![store(&self.store), Target { parameter: "replica", role: TargetRole::Replica, name: &self.replica }]
    }

    fn example() -> Self {
        PromoteReplica { store: "rds".to_owned(), replica: "rds-replica-1".to_owned() }
    }
}

fn store(name: &str) -> Target<'_> {
    Target { parameter: "store", role: TargetRole::Store, name }
}

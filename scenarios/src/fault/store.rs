//! The database and its copies.

use std::time::Duration;

use notation::section;
use notation::value::{Maybe, PositiveLength, Text};

use crate::fault::kind::{lasts, once, seconds};

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

lasts! {
    ReplicationStall { store: Store, replica: Replica },
    acts "Holds the log back from the replicas, as an operator of the store could; the primary goes on.",
    heals "The log flows again after `for`, and the replicas catch up.",
    example ReplicationStall { store: "rds".to_owned(), replica: None, duration: seconds(60) }
}

section! {
    /// Parameters of `rds-failover`.
    pub struct RdsFailover {
        /// The store; it needs a standby.
        store: String as Text,
    }
}

once! {
    RdsFailover { store: Store },
    acts "Gives the control plane the order that an operator gives by `RebootDBInstance` with failover.",
    heals "The failover itself: it is over when clients find the new primary.",
    example RdsFailover { store: "rds".to_owned() }
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

once! {
    PromoteReplica { store: Store, replica: Replica },
    acts "Gives the control plane the order that an operator gives by `PromoteReadReplica`.",
    heals "Nothing: the replica stays the primary, and what it had not received is lost.",
    example PromoteReplica { store: "rds".to_owned(), replica: "rds-replica-1".to_owned() }
}

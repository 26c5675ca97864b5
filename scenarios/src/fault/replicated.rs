//! The cache and the event log, and their copies.

use std::time::Duration;

use notation::section;
use notation::value::{PositiveLength, Text};

use crate::fault::kind::{lasts, once, seconds};

section! {
    /// Parameters of `redis-failover`.
    pub struct RedisFailover {
        /// A server of the shard, which needs a replica.
        server: String as Text,
    }
}

once! {
    RedisFailover { server: CacheServer },
    acts "Gives the cache the order that an operator gives by `TestFailover`: a replica takes over from a primary that is well.",
    heals "The failover itself: it is over when clients find the new primary. What had not reached it is lost.",
    example RedisFailover { server: "redis-0-0".to_owned() }
}

section! {
    /// Parameters of `redis-replication-stall`.
    pub struct RedisReplicationStall {
        /// The server that receives nothing from its primary; it stalls nothing while it is the primary itself.
        server: String as Text,
        /// When replication goes on, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    RedisReplicationStall { server: CacheServer },
    acts "Holds the stream back from one server, as a slow link would; its primary goes on acknowledging writes that only it has.",
    heals "The stream flows again after `for`, and the server catches up, or copies everything where the backlog is too short.",
    example RedisReplicationStall { server: "redis-0-1".to_owned(), duration: seconds(60) }
}

section! {
    /// Parameters of `kafka-replication-stall`.
    pub struct KafkaReplicationStall {
        /// The broker that fetches nothing from the leaders that it follows.
        broker: String as Text,
        /// When replication goes on, from the onset.
        duration("for"): Duration as PositiveLength,
    }
}

lasts! {
    KafkaReplicationStall { broker: Broker },
    acts "Holds a broker's fetching back: leaders wait for it until it counts as out of step, and then go on without it.",
    heals "It fetches again after `for`, and is in step once it has caught up.",
    example KafkaReplicationStall { broker: "kafka-0".to_owned(), duration: seconds(60) }
}

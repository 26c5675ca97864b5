//! The cache: Amazon ElastiCache for Redis, in cluster mode or with one shard under a control plane.

use std::time::Duration;

use notation::section;
use notation::value::{Count, Flag, Length, List, Maybe, PositiveLength, Size, Speed, Text, Word, Words};

/// What goes when the cache's memory is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// Nothing: commands that need memory are refused.
    Nothing,
    /// What was used least recently.
    LeastRecentlyUsed,
    /// What expires soonest, and nothing that never does.
    SoonestToExpire,
}

impl Words for Eviction {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("noeviction", Eviction::Nothing),
        ("allkeys-lru", Eviction::LeastRecentlyUsed),
        ("volatile-ttl", Eviction::SoonestToExpire),
    ];
}

section! {
    /// An ElastiCache replication group. With it, the geo service's replicas share where drivers wait. Replication is asynchronous: a
    /// failover loses what was acknowledged and had not reached the replica.
    pub struct Redis {
        /// Whether cluster mode is on: the members themselves elect a replica. Off, there is one shard, and a control plane.
        cluster_mode: bool as Flag,
        /// The shards: of each, the zones of its primary and of its replicas, in this order.
        shards: Vec<Vec<String>> as List<List<Text>>,
        /// Without cluster mode, whether a replica takes over without an operator. AWS ElastiCache documentation: not unless it is asked for.
        automatic_failover: bool as Flag = false,

        /// Virtual CPUs, of which commands use one. AWS ElastiCache documentation: cache.r6g.xlarge has 4.
        cores: u32 as Count = 4,
        /// Memory for data and for what replication needs. AWS ElastiCache documentation: `maxmemory` of cache.r6g.xlarge is 26.32 GiB.
        memory: u64 as Size = 28_261_849_702,
        /// Percentage of the memory that is not for data. AWS ElastiCache documentation: `reserved-memory-percent` = 25.
        reserved_memory_percent: u32 as Count = 25,
        /// What goes when memory is full. AWS ElastiCache documentation: `volatile-lru`, which is not modelled; of those that are,
        /// `volatile-ttl` is nearest, since it spares keys that do not expire.
        eviction: Eviction as Word = Eviction::SoonestToExpire,
        /// Egress that lasts. AWS EC2 documentation: r6g.xlarge has a baseline of 1.25 Gbit/s.
        bandwidth: u64 as Speed = 156_250_000,
        /// Time between snapshots. AWS ElastiCache documentation: none unless a retention is asked for; left out, never.
        snapshot_interval: Option<Duration> as Maybe<PositiveLength>,
        /// From power to a server process, on a host that comes back. Assumption.
        boot: Duration as Length = Duration::from_secs(60),

        /// With cluster mode: a member that does not answer for this long is suspected. Redis documentation, 7.0: 15 s.
        node_timeout: Duration as PositiveLength = Duration::from_secs(15),
        /// Without cluster mode: time between the control plane's checks of each server. Assumption.
        check_interval: Duration as PositiveLength = Duration::from_secs(3),
        /// Without cluster mode: checks missed in a row after which a server is suspected. Assumption.
        missed_checks: u32 as Count = 5,
        /// Without cluster mode: from the decision until the successor is told. Assumption; with detection, the size of the 63 s that a
        /// published test failover took in all.
        promote: Duration as Length = Duration::from_secs(10),
        /// Without cluster mode: time to live of the primary endpoint's name. Assumption: RDS documents 5 s.
        dns_ttl: Duration as Length = Duration::from_secs(5),

        /// Connections of one process to one server at most. Assumption: Jedis's pool has 8.
        client_connections: u32 as Count = 8,
        /// How long one command of a service may take: a cache that does not answer at once is of no use. Assumption.
        command_timeout: Duration as PositiveLength = Duration::from_millis(250),

        /// How old, at a disaster's onset, an acknowledged write may be that is lost: what is older is a bug. Left out: of any age, since
        /// replication is asynchronous.
        rpo: Option<Duration> as Maybe<Length>,
    }
}

impl Redis {
    /// Bytes of data at most: the memory without what is reserved.
    pub fn data_bytes(&self) -> u64 {
        self.memory / 100 * u64::from(100 - self.reserved_memory_percent.min(100))
    }
}

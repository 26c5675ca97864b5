//! The event log: Amazon MSK, which is Apache Kafka with a ZooKeeper ensemble beside it.

use std::time::Duration;

use notation::section;
use notation::value::{Count, Flag, Length, List, Maybe, PositiveLength, Speed, Text};

section! {
    /// An MSK cluster of Kafka 3.5. The services `relay` and `notifications` need one.
    pub struct Kafka {
        /// Zones with brokers. Empty: every zone of the blueprint. A server of the ensemble runs in each.
        zones: Vec<String> as List<Text> = Vec::new(),
        /// Brokers in each of them.
        brokers_per_zone: u32 as Count = 1,
        /// Partitions of the topic of trips' events; a trip's events are all in one. Assumption: two for each of three consumers.
        partitions: u32 as Count = 6,
        /// Replicas of each partition. Amazon MSK documentation, default configuration: 3 in three zones.
        replicas: u32 as Count = 3,
        /// Replicas that must be in step for a write that waits for all. Amazon MSK documentation, default configuration: 2.
        min_in_sync: u32 as Count = 2,
        /// For how long records are kept. Kafka documentation: `log.retention.hours` = 168.
        retention: Duration as PositiveLength = Duration::from_secs(168 * 3_600),
        /// Whether a replica that is out of step may lead when no other lives: service before records. Amazon MSK documentation, default
        /// configuration: on.
        unclean_election: bool as Flag = true,

        /// Virtual CPUs of a broker. Amazon MSK documentation: kafka.m5.large has 2.
        cores: u32 as Count = 2,
        /// Egress of a broker that lasts. AWS EC2 documentation: m5.large has a baseline of 0.75 Gbit/s.
        bandwidth: u64 as Speed = 93_750_000,
        /// Operations a second of a broker's volume. Amazon EBS documentation: gp3 has 3,000.
        iops: u32 as Count = 3_000,
        /// Bytes a second of a broker's volume. Amazon EBS documentation: gp3 has 125 MiB/s.
        throughput: u64 as Speed = 125 << 20,
        /// A broker that the ensemble does not hear for this long is dead. Kafka documentation, 3.5: `zookeeper.session.timeout.ms` = 18 s.
        session_timeout: Duration as PositiveLength = Duration::from_secs(18),
        /// A follower that has not caught up for this long is out of step. Kafka documentation, 3.5: `replica.lag.time.max.ms` = 30 s.
        lag_max: Duration as PositiveLength = Duration::from_secs(30),
        /// From power to a broker's process, on a host that comes back. Assumption.
        boot: Duration as Length = Duration::from_secs(120),

        /// How old, at a disaster's onset, an acknowledged record may be that is lost: what is older is a bug. Left out: of any age with
        /// `unclean_election`, and none without.
        rpo: Option<Duration> as Maybe<Length>,
    }
}

//! The relational database: Amazon RDS for PostgreSQL with a synchronous standby and asynchronous read replicas.

use std::time::Duration;

use notation::section;
use notation::section::Nested;
use notation::value::{Count, Flag, Length, List, Maybe, PositiveLength, Size, Speed, Text};

section! {
    /// An RDS PostgreSQL instance: where it is, how large, what it costs to use, and how it fails over.
    pub struct Rds {
        /// Zone of the primary at the start.
        primary_zone: String as Text,
        /// Zone of the synchronous standby; required when `multi_az` is true, unused otherwise.
        standby_zone: Option<String> as Maybe<Text>,
        /// Whether a synchronous standby exists, to which the control plane fails over.
        multi_az: bool as Flag = true,
        /// Asynchronous read replicas.
        read_replicas: Vec<ReadReplica> as List<Nested> = Vec::new(),

        /// Virtual CPUs. AWS RDS documentation: db.r5.2xlarge has 8.
        cores: u32 as Count = 8,
        /// Memory of the instance class. AWS RDS documentation: db.r5.2xlarge has 64 GiB.
        memory: u64 as Size = 64 << 30,
        /// Connection limit. Left out: LEAST(memory / 9531392, 5000), as in the AWS RDS documentation.
        max_connections: Option<u32> as Maybe<Count>,
        /// CPU time of a statement that touches one row. Assumption: pgbench's single-row reads reach some 16,000 a second
        /// and core.
        statement_cpu: Duration as Length = Duration::from_micros(60),
        /// How long establishing a connection keeps the server busy: fork, TLS, authentication. Assumption.
        connection_cpu: Duration as Length = Duration::from_millis(5),

        /// Allocated storage. AWS RDS documentation: a gp3 volume below 400 GiB is not striped, and has 3,000 operations a second and
        /// 125 MiB/s whatever is asked for.
        storage: u64 as Size = 1_000 << 30,
        /// Operations a second of the volume. AWS RDS documentation: gp3 from 400 GiB has a baseline of 12,000.
        iops: u32 as Count = 12_000,
        /// Operations a second that the instance sustains to its volumes. AWS EC2 documentation: r5.2xlarge 12,000.
        instance_iops: u32 as Count = 12_000,
        /// Bytes a second of the volume. AWS RDS documentation: gp3 from 400 GiB has a baseline of 500 MiB/s.
        throughput: u64 as Speed = 500 << 20,
        /// Bytes a second that the instance sustains to its volumes. AWS EC2 documentation: r5.2xlarge 2,300 Mbit/s.
        instance_throughput: u64 as Speed = 287_500_000,
        /// One write and flush of the volume, waiting apart. AWS EBS documentation: gp3 has single-digit milliseconds; 1 ms is an
        /// assumption.
        sync_latency: Duration as PositiveLength = Duration::from_millis(1),

        /// Whether a commit is flushed before it is acknowledged. PostgreSQL documentation: on.
        fsync: bool as Flag = true,
        /// Whether a commit waits for its flush and for the standby. PostgreSQL documentation: on.
        synchronous_commit: bool as Flag = true,
        /// Time between checkpoints, from which crash recovery starts. PostgreSQL documentation: 5 minutes.
        checkpoint_interval: Duration as PositiveLength = Duration::from_secs(300),
        /// A waiting transaction looks for a deadlock after this. PostgreSQL documentation: 1 s.
        deadlock_timeout: Duration as PositiveLength = Duration::from_secs(1),
        /// A statement gives up waiting for a lock after this. PostgreSQL documentation: never, when left out.
        lock_timeout: Option<Duration> as Maybe<PositiveLength>,
        /// A statement is cancelled after this. PostgreSQL documentation: never, when left out.
        statement_timeout: Option<Duration> as Maybe<PositiveLength>,
        /// An idle connection is probed after this. Linux, and PostgreSQL's default: 7,200 s.
        tcp_keepalive_idle: Duration as PositiveLength = Duration::from_secs(7_200),
        /// Time between probes. Linux: 75 s.
        tcp_keepalive_interval: Duration as PositiveLength = Duration::from_secs(75),
        /// Unanswered probes after which the peer is taken for dead. Linux: 9.
        tcp_keepalive_count: u32 as Count = 9,

        /// Time between heartbeats of the control plane. Assumption: with the next number, detection within the 0-30 s that
        /// published failovers leave for it.
        heartbeat_interval: Duration as PositiveLength = Duration::from_secs(3),
        /// Missed heartbeats after which the primary is suspected. Assumption.
        missed_heartbeats: u32 as Count = 5,
        /// From suspicion until the old primary can write no more. Assumption.
        fence: Duration as Length = Duration::from_secs(2),
        /// From the fence until the standby starts its recovery. Published failover timeline, PostgreSQL 16: about 10 s.
        promote: Duration as Length = Duration::from_secs(10),
        /// Write-ahead log replayed a second in crash recovery. Assumption: a fraction of the volume's throughput.
        replay_rate: u64 as Speed = 100 << 20,
        /// From power to a server process, on a host that comes back. Assumption; a published single-AZ host recovery took
        /// 4 min 06 s in all.
        boot: Duration as Length = Duration::from_secs(120),
        /// From a crashed server process to its successor on the same host. Assumption.
        process_restart: Duration as Length = Duration::from_secs(2),
        /// Time to live of the endpoint's name. AWS RDS documentation: 5 s.
        dns_ttl: Duration as Length = Duration::from_secs(5),
        /// How much longer clients cache the name. Assumption: the pools resolve at every connect.
        client_dns_cache: Duration as Length = Duration::ZERO,

        /// How far a read replica applies behind the primary while all is well. Assumption; AWS documents no figure.
        replica_lag: Duration as Length = Duration::from_millis(20),
        /// Promotion of a read replica, its reboot included. Common knowledge, not verified: minutes.
        replica_promote: Duration as Length = Duration::from_secs(180),
    }
}

section! {
    /// An asynchronous read replica.
    pub struct ReadReplica {
        /// Its name, which is also its host's.
        name: String as Text,
        /// Its zone.
        zone: String as Text,
    }
}

impl Rds {
    /// Connections the server accepts: the explicit limit, or LEAST(memory / 9531392, 5000) (AWS RDS documentation).
    pub fn connection_limit(&self) -> u32 {
        let by_memory = (self.memory / 9_531_392).min(5_000);
        self.max_connections.unwrap_or(u32::try_from(by_memory).unwrap_or(5_000)).max(1)
    }

    /// Operations a second that reach the disk: the smaller of the volume's and the instance's.
    pub fn effective_iops(&self) -> u32 {
        let volume = if self.is_striped() { self.iops } else { self.iops.min(3_000) };
        volume.min(self.instance_iops)
    }

    /// Bytes a second that reach the disk: the smaller of the volume's and the instance's.
    pub fn effective_throughput(&self) -> u64 {
        let volume = if self.is_striped() { self.throughput } else { self.throughput.min(125 << 20) };
        volume.min(self.instance_throughput)
    }

    fn is_striped(&self) -> bool {
        self.storage >= 400 << 30
    }

    /// From the last heartbeat to suspicion.
    pub fn suspicion(&self) -> Duration {
        self.heartbeat_interval * self.missed_heartbeats
    }
}

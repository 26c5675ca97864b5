//! Every number of the model, with its unit and its source.

use std::time::Duration;

use runtime::world::VolumeSpec;

use super::store::EvictionPolicy;

/// A Redis server on an ElastiCache node.
#[derive(Clone, Debug)]
pub struct ServerParameters {
    /// Virtual CPUs; commands use one. AWS ElastiCache documentation, mid-2023: cache.r6g.large has 2.
    pub cores: u16,
    /// The volume, for little more than the cluster's own file. Assumption.
    pub volume: VolumeSpec,
    /// Egress bandwidth, bytes per second. AWS ElastiCache documentation, mid-2023: cache.r6g.large "up to 10 Gbit/s"; the baseline of
    /// 0.75 Gbit/s is what lasts.
    pub egress_bytes_per_s: u64,
    /// From power to a server process. Assumption.
    pub boot: Duration,
    /// Processor time to read a request and write its answer. Redis documentation, benchmarks: some 74,000 `SET` a second without
    /// pipelining and 400,000 to 500,000 with it: 13.5 us in all, of which this is what pipelining saves.
    pub request_cpu: Duration,
    /// Processor time of a command that touches one element: what is left with pipelining, from the same benchmark.
    pub command_cpu: Duration,
    /// Processor time of each further element that a command touches. Assumption: a `SMEMBERS` of a million takes about half a second
    /// with its answer.
    pub element_cpu: Duration,
    /// Processor time to accept a client, TLS included. Assumption.
    pub connection_cpu: Duration,
    /// Clients that the server accepts. AWS ElastiCache documentation: `maxclients` = 65,000.
    pub max_clients: u32,
    /// Bytes of data at most. AWS ElastiCache documentation, mid-2023: `maxmemory` of cache.r6g.large is 13.07 GiB, of which
    /// `reserved-memory-percent` = 25 is not for data.
    pub max_memory_bytes: u64,
    /// What goes when memory is full. AWS ElastiCache documentation: `volatile-lru`, which is not modelled; of those that are,
    /// `volatile-ttl` is nearest, since it spares keys that do not expire.
    pub eviction: EvictionPolicy,
    /// Time between rounds of active expiry, while anything is expired. Redis documentation, 7.0: `hz` = 10.
    pub expiry_interval: Duration,
    /// Keys that one round removes at most. Redis 7.0, `expire.c`: a quarter of the interval at some microseconds a key; assumption.
    pub expiry_keys_max: usize,
    /// A silent client is probed after this. Redis documentation, 7.0: `tcp-keepalive` = 300 s.
    pub keepalive_idle: Duration,
    /// A client that answers no probe for this long is dropped. Redis 7.0, `anet.c`: three probes, a third of the above apart.
    pub keepalive_give_up: Duration,
    /// Bytes of the replication stream that a primary keeps for replicas that come back. AWS ElastiCache documentation:
    /// `repl-backlog-size` = 1 MiB.
    pub backlog_bytes: u64,
    /// A primary and a replica that hear nothing from each other for this long part. Redis documentation, 7.0: `repl-timeout` = 60 s.
    pub replication_timeout: Duration,
    /// How long a replica waits before it dials its primary again. Redis 7.0, `replicationCron`: 1 s.
    pub reconnect_pause: Duration,
    /// Bytes a second of a full resynchronisation: dump, transfer and load in one. Assumption.
    pub resync_bytes_per_s: u64,
    /// Time between snapshots; never if none. AWS ElastiCache documentation: automatic backups are daily.
    pub snapshot_interval: Option<Duration>,
}

impl Default for ServerParameters {
    fn default() -> Self {
        ServerParameters {
            cores: 2,
            volume: VolumeSpec { iops: 3_000, throughput_bytes_per_s: 125 << 20, flush: Duration::from_millis(1) },
            egress_bytes_per_s: 93_750_000,
            boot: Duration::from_secs(60),
            request_cpu: Duration::from_nanos(11_300),
            command_cpu: Duration::from_nanos(2_200),
            element_cpu: Duration::from_nanos(500),
            connection_cpu: Duration::from_micros(200),
            max_clients: 65_000,
            max_memory_bytes: (13_384 << 20) / 4 * 3,
            eviction: EvictionPolicy::VolatileTtl,
            expiry_interval: Duration::from_millis(100),
            expiry_keys_max: 5_000,
            keepalive_idle: Duration::from_secs(300),
            keepalive_give_up: Duration::from_secs(300),
            backlog_bytes: 1 << 20,
            replication_timeout: Duration::from_secs(60),
            reconnect_pause: Duration::from_secs(1),
            resync_bytes_per_s: 50 << 20,
            snapshot_interval: Some(Duration::from_secs(24 * 3_600)),
        }
    }
}

/// How members of a cluster notice and mend the failure of a primary (cluster mode on).
#[derive(Clone, Copy, Debug)]
pub struct ClusterParameters {
    /// A member that does not answer for this long is suspected; a primary that reaches no majority for this long serves no more. Redis
    /// documentation, 7.0: `cluster-node-timeout` = 15 s.
    pub node_timeout: Duration,
    /// Time between pings to a member drawn at random. Redis 7.0, `clusterCron`: 1 s; whoever was not heard of for half a node time-out is
    /// pinged besides.
    pub ping_interval: Duration,
    /// A link that broke is dialled again after this. Redis 7.0, `clusterCron`: 100 ms; assumption of a gentler second.
    pub relink_pause: Duration,
    /// A replica waits this long, and up to as long again, before it asks for votes. Redis cluster specification: 500 ms.
    pub election_delay: Duration,
    /// And this much longer for each replica of the same primary that has more data. Redis cluster specification: 1 s.
    pub rank_delay: Duration,
    /// A replica that lost its primary longer ago than this many node time-outs does not ask for votes. Redis documentation, 7.0:
    /// `cluster-replica-validity-factor` = 10.
    pub validity_factor: u32,
    /// Whether all slots must be served for any to be. AWS ElastiCache documentation: `cluster-require-full-coverage` = no (Redis's own
    /// default is yes).
    pub require_full_coverage: bool,
    /// A primary that starts serves nobody for this long. Redis 7.0, `cluster.c`: `CLUSTER_WRITABLE_DELAY` = 2 s.
    pub writable_delay: Duration,
    /// A primary that was cut off serves nobody for this long after it reaches a majority again. Redis 7.0, `cluster.c`: the node
    /// time-out, within 500 ms and 5 s.
    pub rejoin_delay: Duration,
}

impl Default for ClusterParameters {
    fn default() -> Self {
        ClusterParameters {
            node_timeout: Duration::from_secs(15),
            ping_interval: Duration::from_secs(1),
            relink_pause: Duration::from_secs(1),
            election_delay: Duration::from_millis(500),
            rank_delay: Duration::from_secs(1),
            validity_factor: 10,
            require_full_coverage: false,
            writable_delay: Duration::from_secs(2),
            rejoin_delay: Duration::from_secs(5),
        }
    }
}

/// How the control plane notices and mends the failure of a primary (cluster mode off). AWS documents no figure but the outcome: a test
/// failover took 63 s from order to completion in one published measurement.
#[derive(Clone, Copy, Debug)]
pub struct ControlParameters {
    /// Whether a replica takes over without an operator. AWS ElastiCache documentation: off unless Multi-AZ with automatic failover is
    /// asked for.
    pub automatic_failover: bool,
    /// Time between a monitor's checks of each server. Assumption.
    pub check_interval: Duration,
    /// Checks missed in a row after which a server is suspected. Assumption.
    pub missed_checks: u32,
    /// From the decision until the successor is told. Assumption.
    pub promote: Duration,
    /// Time to live of the primary endpoint's name. Assumption: RDS documents 5 s.
    pub dns_ttl: Duration,
}

impl ControlParameters {
    /// From the last answered check to suspicion.
    #[must_use]
    pub fn suspicion(&self) -> Duration {
        self.check_interval * self.missed_checks
    }
}

impl Default for ControlParameters {
    fn default() -> Self {
        ControlParameters {
            automatic_failover: true,
            check_interval: Duration::from_secs(3),
            missed_checks: 5,
            promote: Duration::from_secs(10),
            dns_ttl: Duration::from_secs(5),
        }
    }
}

/// How replicas take over from a primary.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// Cluster mode on: servers agree among themselves.
    Cluster(ClusterParameters),
    /// Cluster mode off: one shard, and a control plane with monitors.
    Controlled(ControlParameters),
}

/// A client's connections.
#[derive(Clone, Copy, Debug)]
pub struct ClientParameters {
    /// Connections of one process to one server at most. Assumption: Jedis's pool has 8.
    pub connections_per_server: usize,
    /// How long a dial and its handshake may take. Assumption: Jedis allows 2 s.
    pub connect_timeout: Duration,
    /// How often one command follows a redirection. Jedis: 5 attempts.
    pub redirections_max: u32,
    /// The map of slots is asked for again at most this often. Assumption.
    pub refresh_interval: Duration,
}

impl Default for ClientParameters {
    fn default() -> Self {
        ClientParameters {
            connections_per_server: 8,
            connect_timeout: Duration::from_secs(2),
            redirections_max: 5,
            refresh_interval: Duration::from_secs(1),
        }
    }
}

//! Every number of the model, with its unit and its source.

use std::time::Duration;

use runtime::world::VolumeSpec;

/// When a commit may be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// `synchronous_commit = on`: once the log is flushed here and, if there is one, on the standby.
    Synchronous,
    /// `synchronous_commit = off`: at once. The log waits in the server's memory until its writer comes round, so a crash
    /// of the process loses what was acknowledged since.
    AsynchronousCommit,
    /// `fsync = off`: at once. The log is in the page cache until the kernel writes it back, so a loss of power loses
    /// what was acknowledged since.
    NoSync,
}

/// A PostgreSQL server on an RDS instance.
#[derive(Clone, Debug)]
pub struct ServerParameters {
    /// Virtual CPUs. AWS RDS documentation, mid-2023: db.r5.2xlarge has 8.
    pub cores: u16,
    /// The volume behind the instance. AWS RDS documentation, mid-2023: gp3 from 400 GiB has a baseline of 12,000
    /// operations a second and 500 MiB/s; db.r5.2xlarge sustains 2,300 Mbit/s of it (AWS EC2 documentation). The flush of
    /// about a millisecond is an assumption within "single-digit milliseconds" (AWS EBS documentation).
    pub volume: VolumeSpec,
    /// Egress bandwidth, bytes per second. AWS EC2 documentation, mid-2023: r5.2xlarge "up to 10 Gbit/s".
    pub egress_bytes_per_s: u64,
    /// From power to a server process on a host that comes back. Assumption; one published single-AZ host recovery took
    /// 4 min 06 s in all.
    pub boot: Duration,
    /// Connections that the server accepts: see [`max_connections_for`].
    pub max_connections: u32,
    /// Processor time to establish a connection: fork, TLS, authentication. Assumption.
    pub connection_cpu: Duration,
    /// Processor time of a statement that touches one row. Assumption: pgbench's single-row reads reach some 16,000 a
    /// second and core.
    pub statement_cpu: Duration,
    /// Processor time of each row beyond the first that a statement reads or writes. Assumption.
    pub row_cpu: Duration,
    /// Processor time of a commit. Assumption: half a statement.
    pub commit_cpu: Duration,
    /// What a commit waits for. PostgreSQL documentation: `fsync` and `synchronous_commit` are on.
    pub durability: Durability,
    /// Time between rounds of the log's writer when commits do not wait for it. PostgreSQL documentation:
    /// `wal_writer_delay` = 200 ms.
    pub wal_writer_delay: Duration,
    /// Time until the kernel writes dirty pages back when nobody flushes. Linux documentation:
    /// `dirty_writeback_centisecs` = 5 s.
    pub writeback_interval: Duration,
    /// Time between checkpoints, from which crash recovery starts. PostgreSQL documentation: `checkpoint_timeout` = 5 min.
    pub checkpoint_interval: Duration,
    /// Share of the interval over which a checkpoint spreads its writes. PostgreSQL documentation:
    /// `checkpoint_completion_target` = 0.9.
    pub checkpoint_spread: f64,
    /// A waiting transaction looks for a deadlock after this. PostgreSQL documentation: `deadlock_timeout` = 1 s.
    pub deadlock_timeout: Duration,
    /// A statement gives up waiting for a lock after this; never if none. PostgreSQL documentation: `lock_timeout` = 0.
    pub lock_timeout: Option<Duration>,
    /// A statement is cancelled after this; never if none. PostgreSQL documentation: `statement_timeout` = 0.
    pub statement_timeout: Option<Duration>,
    /// A silent client is probed after this. Linux documentation, and PostgreSQL's default: `tcp_keepalive_time` = 7,200 s.
    pub keepalive_idle: Duration,
    /// A client that answers no probe for this long is taken for dead: its locks and its slot come free. Linux
    /// documentation: 9 probes, 75 s apart.
    pub keepalive_give_up: Duration,
    /// From a crashed server process, or from a fence, to its successor on the same host. Assumption.
    pub process_restart: Duration,
    /// Bytes of write-ahead log replayed a second in crash recovery. Assumption: a fraction of the volume's throughput,
    /// since replay is one process.
    pub replay_bytes_per_s: u64,
}

impl Default for ServerParameters {
    fn default() -> Self {
        ServerParameters {
            cores: 8,
            volume: VolumeSpec { iops: 12_000, throughput_bytes_per_s: 287_500_000, flush: Duration::from_millis(1) },
            egress_bytes_per_s: 1_250_000_000,
            boot: Duration::from_secs(120),
            max_connections: max_connections_for(64 << 30),
            connection_cpu: Duration::from_millis(5),
            statement_cpu: Duration::from_micros(60),
            row_cpu: Duration::from_micros(2),
            commit_cpu: Duration::from_micros(30),
            durability: Durability::Synchronous,
            wal_writer_delay: Duration::from_millis(200),
            writeback_interval: Duration::from_secs(5),
            checkpoint_interval: Duration::from_secs(300),
            checkpoint_spread: 0.9,
            deadlock_timeout: Duration::from_secs(1),
            lock_timeout: None,
            statement_timeout: None,
            keepalive_idle: Duration::from_secs(7_200),
            keepalive_give_up: Duration::from_secs(9 * 75),
            process_restart: Duration::from_secs(2),
            replay_bytes_per_s: 100 << 20,
        }
    }
}

/// How a failure of the primary is noticed and mended, and how copies follow it.
#[derive(Clone, Debug)]
pub struct FailoverParameters {
    /// Time between heartbeats of a server to each monitor. Assumption: with the next number, detection within the
    /// 0-30 s that published failovers leave for it.
    pub heartbeat_interval: Duration,
    /// Missed heartbeats after which a server is suspected. Assumption.
    pub missed_heartbeats: u32,
    /// From suspicion until the old primary can write no more. Assumption. Together with the two above it is the lease
    /// that heartbeats renew.
    pub fence: Duration,
    /// From the fence until the standby starts its recovery: volumes and addresses change hands. A published failover
    /// timeline (RDS PostgreSQL 16, forced): about 10 s.
    pub promote: Duration,
    /// A commit that waits this long for the standby makes the primary ask for leave to go on without it. Assumption.
    pub standby_timeout: Duration,
    /// Promotion of a read replica, its reboot included. Common knowledge, not verified: minutes.
    pub replica_promote: Duration,
    /// A read replica applies this much later than it could. Assumption; AWS documents no figure for a healthy replica.
    pub replica_apply_delay: Duration,
    /// Bytes a second at which a copy that cannot catch up from the log is rebuilt. Assumption: gp3's baseline throughput
    /// without stripes (AWS EBS documentation, mid-2023: 125 MiB/s).
    pub rebuild_bytes_per_s: u64,
    /// Bytes on the volume that such a rebuild copies, whatever the model's own rows take. Assumption.
    pub database_bytes: u64,
    /// Time to live of the endpoint's name. AWS RDS documentation: 5 s.
    pub dns_ttl: Duration,
}

impl FailoverParameters {
    /// From the last heartbeat to suspicion.
    #[must_use]
    pub fn suspicion(&self) -> Duration {
        self.heartbeat_interval * self.missed_heartbeats
    }

    /// How long a primary may go on after a heartbeat that a majority of monitors answered.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.suspicion() + self.fence
    }
}

impl Default for FailoverParameters {
    fn default() -> Self {
        FailoverParameters {
            heartbeat_interval: Duration::from_secs(3),
            missed_heartbeats: 5,
            fence: Duration::from_secs(2),
            promote: Duration::from_secs(10),
            standby_timeout: Duration::from_secs(10),
            replica_promote: Duration::from_secs(180),
            replica_apply_delay: Duration::from_millis(20),
            rebuild_bytes_per_s: 125 << 20,
            database_bytes: 20 << 30,
            dns_ttl: Duration::from_secs(5),
        }
    }
}

/// A client's pool of connections.
#[derive(Clone, Debug)]
pub struct PoolParameters {
    /// Connections of one process at most. Assumption: HikariCP's documentation proposes 10.
    pub size: usize,
    /// How long a transaction waits for a connection of the pool. HikariCP documentation: `connectionTimeout` = 30 s, which
    /// outlives any rider's patience; 2 s is an assumption.
    pub acquire_timeout: Duration,
    /// How many transactions may wait for a connection; more are refused at once. Assumption.
    pub queue: usize,
    /// How long a dial and its handshake may take. Assumption: PostgreSQL's JDBC driver allows 10 s.
    pub connect_timeout: Duration,
    /// A connection that was idle for longer is asked for a sign of life before use. HikariCP documentation:
    /// `aliveBypassWindowMs` = 500 ms.
    pub validate_after: Duration,
    /// How long that sign of life may take. HikariCP documentation: `validationTimeout` = 5 s; 1 s is an assumption.
    pub validation_timeout: Duration,
}

impl Default for PoolParameters {
    fn default() -> Self {
        PoolParameters {
            size: 10,
            acquire_timeout: Duration::from_secs(2),
            queue: 200,
            connect_timeout: Duration::from_secs(2),
            validate_after: Duration::from_millis(500),
            validation_timeout: Duration::from_secs(1),
        }
    }
}

/// `max_connections` of an instance class: LEAST(memory / 9531392, 5000) (AWS RDS documentation, mid-2023).
#[must_use]
pub fn max_connections_for(memory_bytes: u64) -> u32 {
    u32::try_from(memory_bytes / 9_531_392).unwrap_or(u32::MAX).clamp(1, 5_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_follow_memory_up_to_five_thousand() {
        assert_eq!(max_connections_for(1 << 30), 112);
        assert_eq!(max_connections_for(16 << 30), 1_802);
        assert_eq!(max_connections_for(64 << 30), 5_000);
        assert_eq!(max_connections_for(0), 1);
    }
}

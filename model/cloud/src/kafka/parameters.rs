//! Every number of the model, with its unit and its source. "Kafka documentation" is that of 3.5.

use std::time::Duration;

use runtime::world::VolumeSpec;

/// A broker on its MSK instance.
#[derive(Clone, Debug)]
pub struct BrokerParameters {
    /// Virtual CPUs. Amazon MSK documentation, mid-2023: kafka.m5.large, the smallest instance for production, has 2.
    pub cores: u16,
    /// The volume for the log. Amazon EBS documentation, mid-2023: gp3 has 3,000 operations a second and 125 MiB/s. The flush of about a
    /// millisecond is an assumption within "single-digit milliseconds".
    pub volume: VolumeSpec,
    /// Egress bandwidth, bytes per second. AWS EC2 documentation, mid-2023: m5.large has a baseline of 0.75 Gbit/s.
    pub egress_bytes_per_s: u64,
    /// From power to a broker's process on a host that comes back. Assumption.
    pub boot: Duration,
    /// Processor time of one request, whatever it asks. Assumption.
    pub request_cpu: Duration,
    /// Processor time for each KiB of records that are written, or copied from one broker to another. Assumption: some 100 MiB/s and core.
    pub kibibyte_cpu: Duration,
    /// Time until the kernel writes dirty pages back, since brokers do not flush. Linux documentation: `dirty_writeback_centisecs` = 5 s;
    /// Kafka documentation: `log.flush.interval.messages` is unlimited.
    pub writeback_interval: Duration,
    /// Bytes that wait for the volume before the kernel makes writers wait for it too. Linux documentation: `dirty_ratio` = 20 %
    /// of memory; kafka.m5.large has 8 GiB, of which the process takes about half (assumption).
    pub dirty_bytes_max: u64,
    /// Session with the ensemble: a broker that is silent for this long is dead. Kafka documentation:
    /// `zookeeper.session.timeout.ms` = 18,000.
    pub session_timeout: Duration,
    /// A live follower that has not caught up for this long is put out of step. Looked at every half of it. Kafka documentation:
    /// `replica.lag.time.max.ms` = 30,000.
    pub lag_max: Duration,
    /// How long a leader keeps a fetch of a follower or a consumer that finds nothing new. Kafka documentation: 500 ms
    /// (`replica.fetch.wait.max.ms`, `fetch.max.wait.ms`). Longer here, so that an idle cluster costs next to nothing: a
    /// leader answers at once when there is news, whatever this is.
    pub fetch_wait: Duration,
    /// A follower waits this long after a fetch that failed. Kafka documentation: `replica.fetch.backoff.ms` = 1,000.
    pub fetch_backoff: Duration,
    /// A request between brokers that is not answered for this long has failed. Kafka documentation: `replica.socket.timeout.ms`,
    /// `controller.socket.timeout.ms` = 30,000.
    pub socket_timeout: Duration,
    /// Bytes of records that one fetch brings for one partition. Kafka documentation: `replica.fetch.max.bytes`,
    /// `max.partition.fetch.bytes` = 1 MiB.
    pub partition_fetch_bytes: usize,
    /// The largest record. Kafka documentation: `message.max.bytes` = 1,048,588.
    pub record_bytes_max: usize,
    /// Whether a replica that is not in step may lead when none that is lives: service before records. Amazon MSK documentation, default
    /// configuration, mid-2023: `unclean.leader.election.enable` = true.
    pub unclean_election: bool,
    /// How often the controller moves leaders back to their first replicas. Kafka documentation:
    /// `leader.imbalance.check.interval.seconds` = 300, `auto.leader.rebalance.enable` = true.
    pub rebalance_leaders_every: Duration,
    /// How often records are looked at for their age. Kafka documentation: `log.retention.check.interval.ms` = 300,000.
    pub retention_check: Duration,
}

impl Default for BrokerParameters {
    fn default() -> Self {
        BrokerParameters {
            cores: 2,
            volume: VolumeSpec { iops: 3_000, throughput_bytes_per_s: 125 << 20, flush: Duration::from_millis(1) },
            egress_bytes_per_s: 93_750_000,
            boot: Duration::from_secs(120),
            request_cpu: Duration::from_micros(40),
            kibibyte_cpu: Duration::from_micros(10),
            writeback_interval: Duration::from_secs(5),
            dirty_bytes_max: 800 << 20,
            session_timeout: Duration::from_secs(18),
            lag_max: Duration::from_secs(30),
            fetch_wait: Duration::from_secs(5),
            fetch_backoff: Duration::from_secs(1),
            socket_timeout: Duration::from_secs(30),
            partition_fetch_bytes: 1 << 20,
            record_bytes_max: 1_048_588,
            unclean_election: true,
            rebalance_leaders_every: Duration::from_secs(300),
            retention_check: Duration::from_secs(300),
        }
    }
}

/// The ZooKeeper ensemble that MSK runs beside its brokers.
#[derive(Clone, Debug)]
pub struct EnsembleParameters {
    /// Sessions are looked at on multiples of this. ZooKeeper documentation: `tickTime` = 2,000 ms.
    pub tick: Duration,
    /// How long a server is waited for before another is asked. ZooKeeper's client divides the session by the number of servers: 6 s of 18.
    pub connect_timeout: Duration,
    /// The volume for votes. Assumption: as quick as any gp3.
    pub volume: VolumeSpec,
    /// From power to a server's process. Assumption.
    pub boot: Duration,
}

impl Default for EnsembleParameters {
    fn default() -> Self {
        EnsembleParameters {
            tick: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(6),
            volume: VolumeSpec { iops: 3_000, throughput_bytes_per_s: 125 << 20, flush: Duration::from_millis(1) },
            boot: Duration::from_secs(60),
        }
    }
}

/// How coordinators look after groups.
#[derive(Clone, Debug)]
pub struct GroupParameters {
    /// A member that is silent for this long is dead. Kafka documentation: `session.timeout.ms` = 45,000.
    pub session_timeout: Duration,
    /// Time between heartbeats of a member. Kafka documentation: `heartbeat.interval.ms` = 3,000.
    pub heartbeat_interval: Duration,
    /// A member that does not poll for this long leaves; a rebalance waits no longer for members. Kafka documentation:
    /// `max.poll.interval.ms` = 300,000.
    pub poll_interval_max: Duration,
    /// An empty group waits this long for more members before it shares out. Kafka documentation:
    /// `group.initial.rebalance.delay.ms` = 3,000.
    pub initial_rebalance_delay: Duration,
    /// Partitions of the topic that remembers what groups do; each is coordinated by its leader. Kafka documentation:
    /// `offsets.topic.num.partitions` = 50. Three spread the work over three brokers as well.
    pub partitions: u16,
    /// Replicas of that topic. Kafka documentation: `offsets.topic.replication.factor` = 3.
    pub replicas: usize,
    /// Replicas that must be in step for a commit. Amazon MSK documentation, default configuration: `min.insync.replicas` = 2.
    pub min_in_step: usize,
    /// Records after which such a partition's groups are written afresh and older records dropped, as compaction would. Assumption.
    pub snapshot_every: u32,
}

impl Default for GroupParameters {
    fn default() -> Self {
        GroupParameters {
            session_timeout: Duration::from_secs(45),
            heartbeat_interval: Duration::from_secs(3),
            poll_interval_max: Duration::from_secs(300),
            initial_rebalance_delay: Duration::from_secs(3),
            partitions: 3,
            replicas: 3,
            min_in_step: 2,
            snapshot_every: 1_000,
        }
    }
}

/// A process's client.
#[derive(Clone, Debug)]
pub struct ClientParameters {
    /// A record that is not acknowledged for this long has failed. Kafka documentation: `delivery.timeout.ms` = 120,000.
    pub delivery_timeout: Duration,
    /// A request that is not answered for this long has failed. Kafka documentation: `request.timeout.ms` = 30,000.
    pub request_timeout: Duration,
    /// Time until a connection is there. Kafka documentation: `socket.connection.setup.timeout.ms` = 10,000.
    pub connect_timeout: Duration,
    /// Pause before what failed is tried again. Kafka documentation: `retry.backoff.ms` = 100.
    pub retry_backoff: Duration,
    /// Bytes of records that go to a partition at once. Kafka documentation: `batch.size` = 16,384.
    pub batch_bytes: usize,
    /// Bytes of records that may wait. Kafka documentation: `buffer.memory` = 32 MiB.
    pub buffer_bytes: usize,
    /// Records that one poll returns at most. Kafka documentation: `max.poll.records` = 500.
    pub poll_records_max: usize,
}

impl Default for ClientParameters {
    fn default() -> Self {
        ClientParameters {
            delivery_timeout: Duration::from_secs(120),
            request_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            retry_backoff: Duration::from_millis(100),
            batch_bytes: 16_384,
            buffer_bytes: 32 << 20,
            poll_records_max: 500,
        }
    }
}

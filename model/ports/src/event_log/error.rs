//! Everything that an event log may refuse or fail to do, and what a caller may do about each. The names in brackets are Kafka's.
//!
//! A leader that lost records of an idempotent producer (OUT_OF_ORDER_SEQUENCE_NUMBER) is not among them: since Kafka 2.5 (KIP-360) the
//! producer's client begins a new numbering and goes on, and the caller never hears of it.

use serde::{Deserialize, Serialize};

use super::{Partition, TopicId};
use crate::Retry;

/// Why a record was not sent, or a poll or a commit failed, after the client's own attempts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum EventLogError {
    /// The options contradict each other: an idempotent producer waits for every replica in step. [ConfigException]
    #[error("failed to make a producer: an idempotent one has to wait for all replicas in step")]
    Options,
    /// The brokers have no such topic. [UNKNOWN_TOPIC_OR_PARTITION]
    #[error("failed to find topic {}: the brokers do not have it", topic.0)]
    UnknownTopic { topic: TopicId },
    /// The record is larger than brokers accept. [MESSAGE_TOO_LARGE]
    #[error("failed to send a record of {bytes} bytes: brokers accept at most {limit}")]
    RecordTooLarge { bytes: usize, limit: usize },
    /// The producer holds as much as it may that is not acknowledged yet. [BufferExhaustedException]
    #[error("failed to send: too many records are waiting to be sent")]
    BufferExhausted,
    /// Fewer replicas are in step than the topic demands: nothing was written. [NOT_ENOUGH_REPLICAS]
    #[error("failed to write to {partition:?}: too few replicas are in step")]
    NotEnoughReplicas { partition: Partition },
    /// The leader wrote the record, and then too few replicas were in step: it may survive. [NOT_ENOUGH_REPLICAS_AFTER_APPEND]
    #[error("failed to have a record of {partition:?} replicated: too few replicas are in step")]
    NotEnoughReplicasAfterAppend { partition: Partition },
    /// No broker leads the partition, or none was found that says so: nothing was written.
    /// [NOT_LEADER_OR_FOLLOWER, LEADER_NOT_AVAILABLE]
    #[error("failed to find the leader of {partition:?}")]
    NoLeader { partition: Partition },
    /// The deadline passed and the record, or the commit, was never sent.
    #[error("failed to send before the deadline")]
    Expired,
    /// It was sent, and the deadline passed without an answer: it may have been written. [TimeoutException]
    #[error("failed to hear before the deadline whether it was written")]
    TimedOut,
    /// The group's coordinator was not found or did not answer. [COORDINATOR_NOT_AVAILABLE]
    #[error("failed to reach the coordinator of the group")]
    CoordinatorUnavailable,
    /// The group gave the partitions away: what this consumer did will be done again by another.
    /// [ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, CommitFailedException]
    #[error("failed to commit: the group has given the partitions to another consumer")]
    Fenced,
    /// The group is sharing its partitions out anew: poll first. [REBALANCE_IN_PROGRESS]
    #[error("failed to commit: the group is rebalancing")]
    Rebalancing,
    /// The other side answered something that does not fit what was asked.
    #[error("failed to understand the broker's answer")]
    Protocol,
}

impl EventLogError {
    /// Whether the same record may be sent, or the same progress committed, again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::BufferExhausted
            | Self::NotEnoughReplicas { .. }
            | Self::NoLeader { .. }
            | Self::Expired
            | Self::CoordinatorUnavailable => Retry::Safe,
            Self::NotEnoughReplicasAfterAppend { .. } | Self::TimedOut => Retry::OnlyIdempotent,
            Self::Options
            | Self::UnknownTopic { .. }
            | Self::RecordTooLarge { .. }
            | Self::Fenced
            | Self::Rebalancing
            | Self::Protocol => Retry::Useless,
        }
    }
}

//! Why a broker did not do what a client asked: what it answers, and what a group refuses.

use serde::{Deserialize, Serialize};

/// Why a broker did not do what a client asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// Another broker leads the partition; nothing was written.
    NotLeader,
    /// It led the partition when it wrote, and no longer: what it wrote may survive.
    Deposed,
    NotEnoughReplicas,
    NotEnoughReplicasAfterAppend,
    /// It was written, and was not safe in time.
    TimedOut,
    OutOfOrderSequence,
    /// The producer began a newer numbering.
    StaleProducer,
    TooLarge,
    /// The broker coordinates no such group.
    NotCoordinator,
    UnknownMember,
    IllegalGeneration,
    /// The group is sharing its partitions out anew.
    Rebalancing,
}

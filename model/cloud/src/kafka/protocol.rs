//! Frames between brokers and the ensemble, between brokers, and between clients and brokers.

use std::collections::BTreeMap;

use ports::event_log::{Acks, Event, Offset, Partition, TopicId};
use runtime::net::Address;
use serde::{Deserialize, Serialize};

use super::cluster::{BrokerId, Change, Cluster, Refusal, Transition};
use super::ensemble::vote::{Ballot, Vote};
use super::failure::Failure;
use super::group::Assignment;
use super::log::{Batch, Record, Stamp};

/// Where a broker listens to clients. Kafka documentation: 9092.
pub const CLIENT_PORT: u16 = 9092;
/// Where a broker listens to brokers.
pub(super) const BROKER_PORT: u16 = 9093;
/// Where a server of the ensemble listens. ZooKeeper documentation: 2181.
pub(super) const ENSEMBLE_PORT: u16 = 2181;
/// Where a broker is told what the ensemble decided.
pub(super) const WATCH_PORT: u16 = 9094;

/// To a server of the ensemble.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum EnsembleRequest {
    /// From a broker, with its session if it has one, and the latest version that it knows.
    Heartbeat {
        broker: BrokerId,
        session: Option<u64>,
        version: u64,
    },
    /// From a broker that wants something changed.
    Propose(Change),
    /// From another server: for how long has this broker been silent?
    Silence(BrokerId),
    Prepare {
        base: Box<Cluster>,
        ballot: Ballot,
    },
    Accept {
        base: Box<Cluster>,
        ballot: Ballot,
        value: Box<Cluster>,
    },
    Learn(Box<Cluster>),
}

/// From a server of the ensemble.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum EnsembleAnswer {
    /// What the broker did not know yet.
    Heard {
        newer: Option<Box<Cluster>>,
    },
    /// The change was made: this is the state after it.
    Changed(Box<Cluster>),
    /// The change does not fit the latest state.
    Refused(Refusal, Box<Cluster>),
    /// No majority answered.
    Undecided,
    Silent {
        for_ns: u64,
    },
    Vote(Vote),
    Learnt,
}

/// To a broker that watches the ensemble: the latest state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Changed(pub Box<Cluster>);

/// It was heard.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Noted;

/// Where a follower's log of a partition ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReplicaPosition {
    pub partition: Partition,
    /// The reign in which the follower believes.
    pub epoch: u64,
    pub end: Offset,
    /// The reign in which its last record was written.
    pub last_epoch: u64,
}

/// From broker to broker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum BrokerRequest {
    /// From the controller: this is how things are.
    Instruct(Box<Cluster>),
    /// To the controller, from a leader: others are in step now.
    Alter(Vec<Transition>),
    /// From a follower: everything after these positions, or an empty answer after a while.
    Fetch { broker: BrokerId, positions: Vec<ReplicaPosition> },
}

/// What a leader has for a follower.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Fetched {
    Batches {
        batches: Vec<Batch>,
        high_watermark: Offset,
        start: Offset,
    },
    /// The follower's log may agree with the leader's up to the end of this reign, and not behind.
    Diverged {
        epoch: u64,
        end: Offset,
    },
    /// What the follower asks for went for its age: it is to begin here.
    Begin(Offset),
    NotLeader,
}

/// From broker to broker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum BrokerAnswer {
    Done,
    /// The latest state that the controller knows, whether or not it is what was asked for. None from who is not the controller.
    Altered(Option<Box<Cluster>>),
    Fetched(Vec<(Partition, Fetched)>),
}

/// From a client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ClientRequest {
    /// Who leads what?
    Metadata,
    /// A number for a producer that numbers its records.
    ProducerId,
    Produce {
        partition: Partition,
        acks: Acks,
        stamp: Option<Stamp>,
        records: Vec<Record>,
    },
    /// Everything that is safe from these offsets on, or an empty answer after a while.
    Fetch {
        reader: u64,
        from: Vec<(Partition, Offset)>,
    },
    /// Where does this partition begin and end for a reader?
    Bounds(Partition),
    Group {
        group: String,
        request: GroupRequest,
    },
}

/// From a member of a group to its coordinator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum GroupRequest {
    /// Answered once the group has shared its partitions out.
    Join {
        member: u64,
        topics: Vec<TopicId>,
    },
    Heartbeat {
        member: u64,
        generation: u64,
    },
    Leave {
        member: u64,
    },
    Commit {
        member: u64,
        generation: u64,
        offsets: Vec<(Partition, Offset)>,
    },
}

/// Who leads each partition.
pub type Leaders = BTreeMap<Partition, Address>;

/// To a client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ClientAnswer {
    Metadata(Leaders),
    ProducerId(u64),
    /// The first record's offset and the reign that wrote it.
    Produced {
        base: Offset,
        epoch: u64,
    },
    Fetched(Vec<(Partition, Read)>),
    Bounds {
        start: Offset,
        end: Offset,
    },
    Joined {
        generation: u64,
        assignment: Assignment,
    },
    /// The heartbeat, the commit or the leave was heard.
    Done,
    Failed(Failure),
}

/// What a leader has for a reader.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Read {
    /// Records from the offset on that was asked for.
    Events(Vec<Event>),
    /// There is no such offset: it went for its age, or an unclean election took it.
    OutOfRange,
    NotLeader,
}

impl Read {
    /// Bytes of keys and values.
    pub(super) fn size_bytes(&self) -> usize {
        match self {
            Read::Events(events) => events.iter().map(|event| event.key.len() + event.value.len()).sum(),
            Read::OutOfRange | Read::NotLeader => 0,
        }
    }
}

//! What models and phones tell whoever watches: oracles and records. Watching changes nothing and costs no simulated time.
//!
//! Times are moments of the run, on the run's clock and not on a host's.

use std::rc::Rc;
use std::time::Duration;

use runtime::Time;

use crate::IdempotencyKey;
use crate::cache::Command;
use crate::database::{Key, Row, TableId};
use crate::event_log::{Offset, Partition};
use crate::processor::{Operation, Outcome};

/// A name of a store or of a node, shared by all observations of it.
pub type Name = Rc<str>;

/// Something that happened and that a check or a record may want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// A transaction became durable and visible on the node that accepts writes.
    Committed(CommittedTransaction),
    /// A client was told that its commit took effect.
    CommitAcknowledged(CommitPosition),
    /// The node accepts writes from now on.
    WritableSince { store: Name, node: Name, epoch: u64, at: Time },
    /// The node accepts no more writes.
    WritableEnded { store: Name, node: Name, epoch: u64, at: Time },
    /// The node that begins `epoch` has, of the epoch before it, all that was committed up to `lsn` and nothing after.
    RecoveredTo { store: Name, node: Name, epoch: u64, lsn: u64, at: Time },
    /// A producer was told that its record is in an event log.
    EventAcknowledged(EventPosition),
    /// A replica leads a partition of an event log from now on: what the partition holds is what this replica holds.
    PartitionLed(PartitionLed),
    /// A replica threw away the records `from..to` of a partition, because its leader does not have them.
    EventsTruncated { store: Name, node: Name, partition: Partition, from: Offset, to: Offset, at: Time },
    /// A client of a cache was told that its write took effect.
    CacheWriteAcknowledged(CacheWrite),
    /// The node that begins `epoch` as a cache's primary has, of `base`'s epoch, all up to its offset, with what that epoch itself began
    /// with, and nothing else; without a base it has nothing. One of an older epoch than is known was superseded before it began.
    CacheRecoveredTo { store: Name, node: Name, epoch: u64, base: Option<(u64, u64)>, at: Time },
    /// The external payment processor decided something.
    ProcessorOperation { key: IdempotencyKey, operation: Operation, outcome: Outcome, at: Time },
    /// Something that a person wanted came to an end.
    JourneyEnded(JourneyEnded),
    /// A phone did not get what it asked for and will ask again.
    AttemptFailed(AttemptFailed),
    /// A rider's phone was shown what a trip came to.
    ReceiptRead(ReceiptRead),
    /// A driver's phone said where it is, or tried to.
    Position(DriverPosition),
    /// A component of the infrastructure went into another state, as far as whoever reports it can tell.
    ComponentState(ComponentState),
}

/// A component's new state, for people to read: what broke, who noticed and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentState {
    /// The component, such as `orders-db` or `api load balancer`.
    pub component: Name,
    /// The zone of the part that changed.
    pub zone: Name,
    /// A word or two, such as `failing over`.
    pub state: &'static str,
    /// A sentence: who noticed, by what, and what follows.
    pub detail: String,
    /// The boundary of a recovery's phases that this change is, if it is one.
    pub mark: Option<Mark>,
    pub at: Time,
}

/// Ends of the phases of a recovery, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// Somebody knows that something is broken.
    Detected,
    /// What is to take over is chosen, and what broke can do no more harm.
    Decided,
    /// What took over serves.
    Promoted,
    /// Clients find what took over.
    Propagated,
}

/// A place in a store's history: `lsn`, the position in the write-ahead log, orders commits within one `epoch`, the reign of one writable node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitPosition {
    pub store: Name,
    pub epoch: u64,
    pub lsn: u64,
    pub at: Time,
}

/// A record's place in the history of an event log: `epoch` is the reign of the leader that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPosition {
    pub store: Name,
    pub partition: Partition,
    /// The record's key.
    pub key: Rc<[u8]>,
    pub epoch: u64,
    pub offset: Offset,
    pub at: Time,
}

/// What the log of a partition's new leader holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionLed {
    pub store: Name,
    pub node: Name,
    pub partition: Partition,
    /// The reign that begins.
    pub epoch: u64,
    /// Earlier reigns of which the log holds records, each with the offset of its first, in their order.
    pub reigns: Vec<(u64, Offset)>,
    /// The offset at which the reign that begins will write first.
    pub end: Offset,
    /// Whether the leader had been in step, so that it has every record that [`Acks::All`](crate::event_log::Acks::All) vouched for.
    pub clean: bool,
    pub at: Time,
}

impl PartitionLed {
    /// Whether the log held this record of the partition when the reign began, or has thrown it away only for its age.
    #[must_use]
    pub fn holds(&self, epoch: u64, offset: Offset) -> bool {
        if let Some(&(oldest, start)) = self.reigns.first()
            && offset < start
        {
            return epoch <= oldest; // before the log's beginning: it went for its age
        }
        let later = self.reigns.partition_point(|(reign, _)| *reign <= epoch);
        let Some(&(reign, start)) = later.checked_sub(1).and_then(|index| self.reigns.get(index)) else { return false };
        let end = self.reigns.get(later).map_or(self.end, |(_, start)| *start);
        reign == epoch && (start..end).contains(&offset)
    }
}

/// A write that a cache acknowledged: `lsn` is the offset in the primary's replication stream, counted in writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheWrite {
    /// Its store is the [history](history_of) of the shard that the keys are in.
    pub position: CommitPosition,
    /// What was done; shared by all who remember it.
    pub command: Rc<Command>,
}

/// The store whose history bears this name, and which of its shards: each shard of a cluster has a history of its own, called such as
/// `redis/2`.
#[must_use]
pub fn history_of(name: &str) -> (&str, Option<&str>) {
    name.split_once('/').map_or((name, None), |(store, shard)| (store, Some(shard)))
}

/// What one transaction changed, in the order in which it changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedTransaction {
    pub position: CommitPosition,
    pub node: Name,
    pub changes: Vec<Change>,
}

/// One row before and after: none before is an insertion, none after a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub table: TableId,
    pub key: Key,
    pub before: Option<Row>,
    pub after: Option<Row>,
}

/// How much a journey matters to the people who set objectives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    Critical,
    Important,
    Standard,
}

/// One thing that a person's phone meant to get done, over all attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JourneyEnded {
    /// What it was, such as `quote` or `request`.
    pub kind: &'static str,
    pub tier: Tier,
    /// Whose it was: the rider's or driver's number.
    pub actor: u64,
    /// The number of the trip it was about, if the phone knew it at the end.
    pub trip: Option<i64>,
    /// When the person meant to act: latency counts from here, however late the phone came to it.
    pub intended_at: Time,
    pub ended_at: Time,
    /// What came before: the platform kept the request because there was nothing to say, as its phone wanted, and nobody waited for an answer
    /// until `intended_at`.
    pub kept: Kept,
    pub attempts: u32,
    pub outcome: JourneyOutcome,
    /// The code of what the last attempt met; none if it succeeded.
    pub error: Option<&'static str>,
}

/// For how long a request was kept on the push channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub span: Duration,
    /// Requests that the phone would have sent meanwhile if it had to look by itself.
    pub spared: u32,
}

/// One attempt of a journey, when another follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptFailed {
    /// The journey's.
    pub kind: &'static str,
    /// The journey's.
    pub actor: u64,
    /// From 1.
    pub number: u32,
    pub began_at: Time,
    pub ended_at: Time,
    /// The code of what it met.
    pub error: &'static str,
}

/// What a rider's phone was shown of a trip, beside what it had been shown before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptRead {
    pub trip: i64,
    /// The newest version of the trip that the phone had seen when it asked.
    pub seen_version: i64,
    /// The version that it was shown.
    pub shown_version: i64,
    pub at: Time,
}

/// How a journey ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JourneyOutcome {
    Succeeded,
    /// The platform answered as it should, and the answer was no: a declined card, no driver near.
    Refused,
    /// The phone gave up.
    Failed,
}

/// Where a driver was when a ping was sent: where they really were, whether or not the platform heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriverPosition {
    pub driver: i64,
    pub at: Time,
    pub latitude_microdegrees: i32,
    pub longitude_microdegrees: i32,
}

/// Whoever watches.
pub trait Observer {
    fn observe(&self, observation: &Observation);

    /// Observes that a component in `zone` has just gone into another state.
    fn changed(&self, component: &Name, zone: &Name, state: &'static str, detail: String, mark: Option<Mark>) {
        self.observe(&Observation::ComponentState(ComponentState {
            component: component.clone(),
            zone: zone.clone(),
            state,
            detail,
            mark,
            at: runtime::now(),
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_log::TopicId;

    #[test]
    fn a_leader_holds_what_its_reigns_say() {
        let led = PartitionLed {
            store: "kafka".into(),
            node: "broker-1".into(),
            partition: Partition { topic: TopicId(1), number: 0 },
            epoch: 6,
            reigns: vec![(1, Offset(3)), (4, Offset(10))],
            end: Offset(15),
            clean: false,
            at: Time::ZERO,
        };
        let held = [(1, 3), (1, 9), (4, 10), (4, 14), (1, 2)];
        let missing = [(2, 0), (1, 10), (2, 9), (4, 9), (4, 15), (5, 12), (6, 15)];
        assert!(held.iter().all(|(epoch, offset)| led.holds(*epoch, Offset(*offset))));
        assert!(!missing.iter().any(|(epoch, offset)| led.holds(*epoch, Offset(*offset))));
    }
}

//! The log of domain events: what a service may ask of Kafka, or of the model of it.
//!
//! A topic is split into partitions, and a record's key decides its partition: records of one key are read in the order in which they
//! were written, and nothing is promised between keys. A consumer belongs to a group; each partition is read by one consumer of the
//! group at a time, and what was read and not committed is read again by whoever has the partition next. Effects therefore happen once
//! only if consumers remember what they did.

mod error;
mod record;

pub use error::EventLogError;
pub use record::{Delivery, Event, NewEvent, Offset, Partition, Position, Progress, Topic, TopicId};

use std::future::Future;

use runtime::Time;
use serde::{Deserialize, Serialize};

/// What a producer waits for before it calls a record sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Acks {
    /// Nothing: sent is what left, and nobody knows where it went.
    None,
    /// The leader has it. It is gone if the leader dies before a follower has it too.
    Leader,
    /// Every replica in step has it, and at least as many as the topic demands are in step. The default since Kafka 3.0.
    #[default]
    All,
}

/// How a producer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerOptions {
    pub acks: Acks,
    /// Records are numbered, so that a leader knows a repeated one: what the producer itself sends again is written once and in order.
    /// It takes [`Acks::All`]. The default since Kafka 3.0. It says nothing about a record that the *caller* sends again.
    pub idempotent: bool,
}

impl Default for ProducerOptions {
    fn default() -> Self {
        ProducerOptions { acks: Acks::All, idempotent: true }
    }
}

/// Where a group begins in a partition in which it has committed nothing, or whose committed place is no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Start {
    /// With the oldest record that is still there.
    #[default]
    Earliest,
    /// With what is written from now on. Kafka's default.
    Latest,
}

/// Which group a consumer joins, for which topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerOptions {
    pub group: String,
    pub topics: Vec<TopicId>,
    pub start: Start,
}

/// A log of events that services write to and read from. Cloning shares what it knows of the brokers.
pub trait EventLog: Clone + 'static {
    type Producer: Producer;
    type Consumer: Consumer;

    /// A producer of the process that calls this. An idempotent one is a new producer in each life of its process.
    ///
    /// # Errors
    /// The options contradict each other.
    fn producer(&self, options: ProducerOptions) -> Result<Self::Producer, EventLogError>;

    /// A consumer of the process that calls this. It joins its group with the first [`poll`](Consumer::poll).
    fn consumer(&self, options: ConsumerOptions) -> Self::Consumer;
}

/// Writes records. Cloning shares the numbering and the order.
pub trait Producer: Clone + 'static {
    /// Writes one record. Its place among the records of its key is that of the call, not of the first poll: several may be under way,
    /// and each is tried again as long as that is safe and `deadline` allows. Dropping the future does not take the record back.
    ///
    /// When a record fails, later ones may be written: a caller that needs the order of a key across failures waits for
    /// each record of the key before it sends the next.
    fn send(&self, event: NewEvent, deadline: Time) -> impl Future<Output = Result<Delivery, EventLogError>> + 'static;
}

/// What a poll found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// Records of the partitions that this consumer has, in the order of each partition. Empty if the deadline passed first.
    Events(Vec<Event>),
    /// The consumer has these partitions from now on.
    Assigned(Vec<Partition>),
    /// The group shares its partitions out anew: these will be taken away by the next poll. What was polled of them can
    /// still be committed until then; what is not will be read again, perhaps by another consumer.
    Revoking(Vec<Partition>),
    /// The group has given these partitions away without asking: the consumer was silent, or slow, for too long. What was polled of
    /// them and not committed is read by another consumer, perhaps already; to commit it is refused.
    Lost(Vec<Partition>),
}

/// Reads records as a member of a group.
#[expect(async_fn_in_trait, reason = "futures of services stay on one thread, so no `Send` bound is wanted")]
pub trait Consumer: Sized {
    /// The next records, or news of the group, waiting until `deadline` for either. A consumer that does not poll for long enough is
    /// taken for stuck and loses its partitions. Dropping the future loses nothing.
    async fn poll(&mut self, deadline: Time) -> Result<Polled, EventLogError>;

    /// Remembers, for the group, where to go on.
    async fn commit(&mut self, progress: &Progress, deadline: Time) -> Result<(), EventLogError>;

    /// Leaves the group, so that others take its partitions at once. A consumer that is dropped instead is missed only after its session.
    async fn leave(self, deadline: Time) -> Result<(), EventLogError>;
}

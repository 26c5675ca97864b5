//! Topics, partitions and places in them, and the records that are written and read.

use std::collections::BTreeMap;

use runtime::Time;
use serde::{Deserialize, Serialize};

/// A topic's number, the same for services and for the brokers that they are deployed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TopicId(pub u16);

/// A topic as services declare it. How many partitions and replicas it has is up to whoever deploys it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    pub id: TopicId,
    pub name: &'static str,
}

/// One partition of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Partition {
    pub topic: TopicId,
    pub number: u16,
}

/// A record's place in its partition; they are counted from zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Offset(pub u64);

impl Offset {
    #[must_use]
    pub const fn next(self) -> Offset {
        Offset(self.0 + 1)
    }
}

/// A record's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    pub partition: Partition,
    pub offset: Offset,
}

/// A record to be written. Records with equal keys go to one partition. The value is opaque: services agree on what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NewEvent {
    pub topic: TopicId,
    #[serde(with = "serde_bytes")]
    pub key: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub value: Vec<u8>,
}

impl NewEvent {
    /// Bytes of key and value.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.key.len() + self.value.len()
    }
}

/// Where a record went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Delivery {
    pub partition: Partition,
    /// None if nobody was waited for ([`Acks::None`](super::Acks::None)).
    pub offset: Option<Offset>,
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Event {
    pub position: Position,
    /// When its producer sent it, on that one's clock.
    pub sent_at: Time,
    #[serde(with = "serde_bytes")]
    pub key: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub value: Vec<u8>,
}

/// How far a group has come: the next offset to be read in each partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress(BTreeMap<Partition, Offset>);

impl Progress {
    /// Everything up to the last of these records in each partition is done.
    pub fn after<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut progress = Progress::default();
        for event in events {
            progress.done(event.position);
        }
        progress
    }

    /// Everything up to this record of its partition is done.
    pub fn done(&mut self, position: Position) {
        let next = self.0.entry(position.partition).or_default();
        *next = position.offset.next().max(*next);
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next offset to be read in each partition, in the order of partitions.
    pub fn iter(&self) -> impl Iterator<Item = (Partition, Offset)> + '_ {
        self.0.iter().map(|(partition, next)| (*partition, *next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_points_behind_the_last_record_of_each_partition() {
        let partition = |number| Partition { topic: TopicId(7), number };
        let position = |number, offset| Position { partition: partition(number), offset: Offset(offset) };
        let mut progress = Progress::default();
        assert!(progress.is_empty());
        for (number, offset) in [(1, 4), (0, 9), (1, 6), (1, 5)] {
            progress.done(position(number, offset));
        }
        let next: Vec<_> = progress.iter().collect();
        assert_eq!(next, [(partition(0), Offset(10)), (partition(1), Offset(7))]);
    }
}

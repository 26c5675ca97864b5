//! What a replica knows of its log: how far it reaches, who wrote which part of it, and which records of idempotent producers it has.
//! Pure: the batches themselves lie on a disk, or in a test.
//!
//! A *reign* is the span of one leader epoch. Two logs that end in the same epoch at the same offset are equal up to there, so a follower
//! finds where it left its leader's history by comparing reigns (KIP-101, KIP-595), and a leader never has to.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use ports::event_log::Offset;
use serde::{Deserialize, Serialize};

use super::group::GroupRecord;
use runtime::Time;

/// Batches of each producer that a leader can recognise. Kafka 3.5: `ProducerStateEntry.NUM_BATCHES_TO_RETAIN` = 5.
const BATCHES_REMEMBERED: usize = 5;
/// Bytes of a batch besides its records. Kafka documentation, message format 2: 61.
const BATCH_OVERHEAD_BYTES: usize = 61;
/// Bytes of a record besides key and value. Kafka documentation, message format 2: about 7 for short records.
const RECORD_OVERHEAD_BYTES: usize = 7;

/// What a producer that numbers its records says of the first one of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    pub producer: u64,
    /// Raised by the producer when it begins a new numbering.
    pub epoch: u32,
    pub sequence: u64,
}

/// A record in a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When the producer sent it.
    pub sent_at: Time,
    pub content: Content,
}

/// What a record holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    Event {
        #[serde(with = "serde_bytes")]
        key: Vec<u8>,
        #[serde(with = "serde_bytes")]
        value: Vec<u8>,
    },
    /// Of the topic in which coordinators remember groups.
    Group(GroupRecord),
}

/// Records that were appended together, by one leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The offset of its first record.
    pub base: Offset,
    /// The epoch of the leader that appended it.
    pub epoch: u64,
    pub stamp: Option<Stamp>,
    /// When the leader appended it, on that one's clock.
    pub appended_at: Time,
    pub records: Vec<Record>,
}

impl Record {
    pub fn size_bytes(&self) -> usize {
        let content = match &self.content {
            Content::Event { key, value } => key.len() + value.len(),
            Content::Group(record) => record.size_bytes(),
        };
        RECORD_OVERHEAD_BYTES + content
    }
}

impl Batch {
    /// The offset after its last record.
    pub fn end(&self) -> Offset {
        Offset(self.base.0 + self.records.len() as u64)
    }

    pub fn size_bytes(&self) -> usize {
        BATCH_OVERHEAD_BYTES + self.records.iter().map(Record::size_bytes).sum::<usize>()
    }
}

/// A batch of one producer that a log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    sequence: u64,
    count: u64,
    base: Offset,
    leader_epoch: u64,
}

/// One producer's latest batches, all of one numbering.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Numbering {
    epoch: u32,
    batches: VecDeque<Known>,
}

/// What is to be done with a batch that a producer sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    New,
    /// The log has it already: appended at this offset in this reign.
    Duplicate {
        base: Offset,
        epoch: u64,
    },
    /// Records of this producer that belong before it are missing.
    OutOfOrder,
    /// The producer has begun a newer numbering.
    Stale,
}

/// What a replica knows of its log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogState {
    start: Offset,
    end: Offset,
    /// The first offset of each reign that wrote something, in order. Kept when records go for their age.
    reigns: Vec<(u64, Offset)>,
    producers: BTreeMap<u64, Numbering>,
}

impl LogState {
    /// What a replica knows that reads these batches from its disk.
    pub fn load(batches: &[Batch]) -> Self {
        let mut log = LogState::default();
        if let Some(first) = batches.first() {
            log.reset(first.base);
        }
        for batch in batches {
            log.append(batch);
        }
        log
    }

    /// The oldest offset that is there.
    pub fn start(&self) -> Offset {
        self.start
    }

    /// The offset that will be written next.
    pub fn end(&self) -> Offset {
        self.end
    }

    /// The reign in which the last record was written; zero if there is none.
    pub fn last_epoch(&self) -> u64 {
        self.reigns.last().map_or(0, |(epoch, _)| *epoch)
    }

    pub fn reigns(&self) -> &[(u64, Offset)] {
        &self.reigns
    }

    /// What to do with a batch of `count` records that a producer sends.
    pub fn admit(&self, stamp: Stamp, count: u64) -> Admission {
        // Whoever is not known may begin anywhere: its records may have gone for their age.
        let Some(numbering) = self.producers.get(&stamp.producer) else { return Admission::New };
        if stamp.epoch < numbering.epoch {
            return Admission::Stale;
        }
        if stamp.epoch > numbering.epoch {
            return if stamp.sequence == 0 { Admission::New } else { Admission::OutOfOrder };
        }
        let same = |known: &&Known| known.sequence == stamp.sequence && known.count == count;
        if let Some(known) = numbering.batches.iter().find(same) {
            return Admission::Duplicate { base: known.base, epoch: known.leader_epoch };
        }
        let next = numbering.batches.back().map_or(0, |last| last.sequence + last.count);
        if stamp.sequence == next { Admission::New } else { Admission::OutOfOrder }
    }

    /// Takes note of a batch that was appended.
    pub fn append(&mut self, batch: &Batch) {
        assert_eq!(batch.base, self.end, "a log has no gaps");
        assert!(batch.epoch >= self.last_epoch(), "reigns follow one another");
        assert!(!batch.records.is_empty(), "a batch holds a record");
        if self.reigns.is_empty() || batch.epoch > self.last_epoch() {
            self.reigns.push((batch.epoch, batch.base));
        }
        self.end = batch.end();
        let Some(stamp) = batch.stamp else { return };
        let fresh = || Numbering { epoch: stamp.epoch, batches: VecDeque::new() };
        let numbering = self.producers.entry(stamp.producer).or_insert_with(fresh);
        if numbering.epoch != stamp.epoch {
            *numbering = fresh();
        }
        if numbering.batches.len() == BATCHES_REMEMBERED {
            numbering.batches.pop_front();
        }
        numbering.batches.push_back(Known {
            sequence: stamp.sequence,
            count: batch.records.len() as u64,
            base: batch.base,
            leader_epoch: batch.epoch,
        });
    }

    /// The latest reign up to `epoch` and where it ended.
    fn end_of(&self, epoch: u64) -> (u64, Offset) {
        let later = self.reigns.partition_point(|(reign, _)| *reign <= epoch);
        let end = self.reigns.get(later).map_or(self.end, |(_, start)| *start);
        let reign = later.checked_sub(1).map_or(0, |index| self.reigns[index].0);
        (reign, end)
    }

    /// Where the history of another log, which ends at `end` with a record of `last_epoch`, may last have been this one's: none if it
    /// is a part of this one. The other log is to be cut by [`agree`](Self::agree) and compared again.
    pub fn divergence(&self, last_epoch: u64, end: Offset) -> Option<(u64, Offset)> {
        if last_epoch == 0 {
            return None; // it holds no record that could differ
        }
        let (reign, reign_end) = self.end_of(last_epoch);
        (reign != last_epoch || reign_end < end).then_some((reign, reign_end))
    }

    /// The offset at which to cut this log, given the leader's latest reign that this one's last may be and that reign's end there.
    pub fn agree(&self, leader_reign: u64, leader_end: Offset) -> Offset {
        let (_, own_end) = self.end_of(leader_reign);
        own_end.min(leader_end)
    }

    /// Forgets everything from `to` on. `rest` is what is left on the disk.
    pub fn truncate(&mut self, to: Offset, rest: &[Batch]) {
        assert!(to <= self.end && rest.last().is_none_or(|last| last.end() <= to), "what is cut is behind what stays");
        let reigns = std::mem::take(&mut self.reigns);
        let start = self.start.min(to);
        *self = LogState::load(rest);
        self.start = start;
        self.end = to;
        self.reigns = reigns.into_iter().take_while(|(_, first)| *first < to).collect();
    }

    /// Starts afresh at `start`: everything before it is gone.
    pub fn reset(&mut self, start: Offset) {
        *self = LogState { start, end: start, ..LogState::default() };
    }

    /// Records before `start` went for their age.
    pub fn advance_start(&mut self, start: Offset) {
        assert!(start <= self.end, "only what is there can go");
        self.start = self.start.max(start);
    }
}

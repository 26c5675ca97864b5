//! What a server holds, and the end of its replication stream.

use std::collections::VecDeque;

use runtime::Time;

use super::history::{Position, Reign, is_part_of};
use super::protocol::{Effect, Record};
use super::store::{As, Contents, Milliseconds, Outcome, Store};

/// The server's clock as the store wants it.
pub(super) fn milliseconds(at: Time) -> Milliseconds {
    (at.nanos() / 1_000_000) as Milliseconds
}

/// A store and where it is in its shard's past.
#[derive(Default)]
pub(super) struct Data {
    pub store: Store,
    /// Empty as long as it belongs to no past.
    pub history: Vec<Reign>,
    pub offset: u64,
    /// The newest records, each with its bytes.
    backlog: VecDeque<(u64, Record)>,
    backlog_bytes: u64,
}

impl Data {
    pub fn position(&self) -> Option<Position> {
        self.history.last().map(|reign| Position { reign: reign.id, offset: self.offset })
    }

    pub fn begin_reign(&mut self, id: u64) {
        self.history.push(Reign { id, after: self.offset });
    }

    /// Takes over another server's data, or a snapshot.
    pub fn load(&mut self, history: Vec<Reign>, offset: u64, contents: Contents) {
        let store = Store::holding(contents, milliseconds(runtime::now()));
        *self = Data { store, history, offset, ..Data::default() };
    }

    /// A primary's record of what it just did.
    pub fn record(&mut self, effect: Effect, at: Time, backlog_bytes_max: u64) -> Record {
        let record = Record { offset: self.offset + 1, at, effect };
        self.keep(record.clone(), backlog_bytes_max);
        record
    }

    fn keep(&mut self, record: Record, backlog_bytes_max: u64) {
        assert_eq!(record.offset, self.offset + 1, "a stream has no gaps");
        self.offset = record.offset;
        let bytes = u64::from(runtime::digest::of(&record).1);
        self.backlog_bytes += bytes;
        self.backlog.push_back((bytes, record));
        while self.backlog_bytes > backlog_bytes_max {
            let Some((bytes, _)) = self.backlog.pop_front() else { break };
            self.backlog_bytes -= bytes;
        }
    }

    /// Repeats what the primary did; how many elements that touched.
    pub fn repeat(&mut self, record: Record, backlog_bytes_max: u64) -> u64 {
        let touched = match &record.effect {
            Effect::Run(command) => {
                let Outcome { touched, .. } = self.store.execute(command, milliseconds(record.at), As::Repeat);
                touched
            }
            Effect::Remove(keys) => keys.iter().map(|key| u64::from(self.store.remove(key))).sum(),
        };
        self.keep(record, backlog_bytes_max);
        touched
    }

    /// What a replica at `position` lacks, if the backlog still has all of it.
    pub fn after(&self, position: Position) -> Option<Vec<Record>> {
        let lacks = self.offset.checked_sub(position.offset)?;
        let kept = self.backlog.len() as u64;
        if !is_part_of(&self.history, position) || lacks > kept {
            return None;
        }
        let first = usize::try_from(kept - lacks).ok()?;
        Some(self.backlog.iter().skip(first).map(|(_, record)| record.clone()).collect())
    }
}

/// What a shard held at one moment.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub history: Vec<Reign>,
    pub offset: u64,
    pub contents: Contents,
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use ports::cache::Command;

    use super::*;

    #[test]
    fn a_backlog_serves_those_that_are_not_too_far_behind_on_the_same_past() {
        let mut data = Data::default();
        data.begin_reign(1);
        for by in 1..=10 {
            let command = Command::IncrBy { key: b"k".to_vec(), by };
            let _ = data.store.execute(&command, 0, As::Primary);
            data.record(Effect::Run(command), Time::ZERO, 60);
        }
        let after = |reign, offset| data.after(Position { reign, offset });
        assert_eq!(after(1, 10), Some(Vec::new()));
        assert_eq!(after(1, 9).map(|records| records[0].offset), Some(10));
        assert_eq!(after(1, 0), None, "the backlog is sixty bytes");
        assert_eq!(after(1, 11), None, "it is ahead");
        assert_eq!(after(2, 9), None, "another past");
    }
}

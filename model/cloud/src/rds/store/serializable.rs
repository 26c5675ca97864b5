//! SERIALIZABLE, as PostgreSQL has it: snapshots, and a refusal where transactions that read what others overwrite may have no order.
//!
//! That T read something without seeing what W wrote there, while both were open, is noted as an edge from T to W: T comes before
//! W in any order. Every cycle has two such edges in a row, in -> pivot -> out, with `out` the first of the cycle to commit (Fekete
//! et al., "Making snapshot isolation serializable", 2005; Ports and Grittner, "Serializable snapshot isolation in
//! PostgreSQL", 2012). Whoever completes such a pair fails, or the pivot is doomed to. What was read is remembered by key and by
//! range of an index, where PostgreSQL remembers pages and tables too and refuses more.

use std::collections::{BTreeMap, BTreeSet};

use ports::database::{DatabaseError, Index, Key, TableSchema, Value};

use super::index::{entry_of, is_left_out, same_values};
use super::shared::Shared;
use super::transaction_id::TransactionId;
use super::wal::Change;

/// Something that a transaction has read, or found absent.
#[derive(Clone, Debug)]
pub(super) enum Read {
    /// Whatever has this primary key.
    Key { table: usize, key: Key },
    /// All entries of an index that begin with `prefix`, up to this one if there is one.
    Range { table: usize, index: usize, prefix: Key, up_to: Option<Box<[Value]>> },
    /// A unique value that the transaction had and gave up. Uniqueness is checked against what is committed, outside any snapshot, so
    /// whoever takes the value, or waits for it, comes after this transaction like whoever overwrites what it read.
    GivenUp { table: usize, index: usize, values: Key },
}

/// A change that a transaction made.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub table: usize,
    pub schema: &'static TableSchema,
    pub change: Change,
}

/// The serializable transactions that are open, and those that ended and still matter to one that is.
#[derive(Debug, Default)]
pub(super) struct Serializable {
    transactions: BTreeMap<TransactionId, Tracked>,
    /// Counts beginnings, preparations and ends, to tell which was first.
    moment: u64,
}

#[derive(Debug)]
struct Tracked {
    began: u64,
    /// When its place among the commits was decided.
    prepared: Option<u64>,
    /// When what it wrote became visible.
    ended: Option<u64>,
    /// It is the pivot that has to go.
    is_doomed: bool,
    reads: Vec<Read>,
    writes: Vec<Write>,
    /// Those who wrote what this one read without seeing that.
    successors: BTreeSet<TransactionId>,
    /// Those who read, without seeing it, what this one wrote.
    predecessors: BTreeSet<TransactionId>,
}

impl Tracked {
    fn is_concurrent_with(&self, other: &Self) -> bool {
        let began_before_end = |one: &Self, other: &Self| other.ended.is_none_or(|ended| one.began < ended);
        began_before_end(self, other) && began_before_end(other, self)
    }

    /// Whether it can come to an end before which nothing of `moment` and later is committed.
    fn may_follow(&self, moment: u64) -> bool {
        !self.is_doomed && self.prepared.is_none_or(|prepared| moment <= prepared)
    }
}

impl Read {
    /// Whether one who read this and did not see the change has missed something.
    fn covers(&self, write: &Write) -> bool {
        match self {
            Self::Key { table, key } => *table == write.table && **key == *write.change.key,
            Self::Range { table, .. } if *table != write.table => false,
            Self::Range { index, prefix, up_to, .. } => {
                let index = &write.schema.indexes[*index];
                let is_in_range = |row: &[Value]| {
                    let entry = entry_of(index, row, &write.change.key);
                    !is_left_out(index, row)
                        && entry.starts_with(prefix)
                        && up_to.as_ref().is_none_or(|up_to| entry <= *up_to)
                };
                let versions = [&write.change.before, &write.change.after];
                versions.into_iter().flatten().any(|row| is_in_range(row))
            }
            Self::GivenUp { table, index, values } => {
                let takes = |row: &Shared<Value>| write.schema.indexes[*index].key_of(row) == *values;
                *table == write.table && write.change.after.as_ref().is_some_and(takes)
            }
        }
    }
}

impl Write {
    /// The unique values that the row has no more.
    fn given_up(&self) -> impl Iterator<Item = Read> {
        let (table, schema) = (self.table, self.schema);
        self.change.before.iter().flat_map(move |row| {
            let keeps =
                |index: &Index| self.change.after.as_ref().is_some_and(|after| same_values(row, after, index.columns));
            let given_up = move |index: &Index| index.unique && !is_left_out(index, row) && !keeps(index);
            let indexes = schema.indexes.iter().enumerate().filter(move |(_, index)| given_up(index));
            indexes.map(move |(index, schema)| Read::GivenUp { table, index, values: schema.key_of(row) })
        })
    }
}

impl Serializable {
    fn next_moment(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }

    /// A transaction took its snapshot.
    pub fn begin(&mut self, id: TransactionId) {
        let tracked = Tracked {
            began: self.next_moment(),
            prepared: None,
            ended: None,
            is_doomed: false,
            reads: Vec::new(),
            writes: Vec::new(),
            successors: BTreeSet::new(),
            predecessors: BTreeSet::new(),
        };
        self.transactions.insert(id, tracked);
    }

    /// Whether the transaction may go on.
    pub fn check(&self, id: TransactionId) -> Result<(), DatabaseError> {
        if self.transactions[&id].is_doomed { Err(DatabaseError::SerialisationFailure) } else { Ok(()) }
    }

    /// The transaction read something.
    pub fn read(&mut self, id: TransactionId, read: Read) -> Result<(), DatabaseError> {
        let writers = self.concurrent_with(id, |writer| writer.writes.iter().any(|write| read.covers(write)));
        self.open(id).reads.push(read);
        writers.into_iter().try_for_each(|writer| self.add_edge(id, writer, id))
    }

    /// The transaction changed something.
    pub fn write(&mut self, id: TransactionId, write: Write) -> Result<(), DatabaseError> {
        let readers = self.concurrent_with(id, |reader| reader.reads.iter().any(|read| read.covers(&write)));
        let given_up: Vec<Read> = write.given_up().collect();
        self.open(id).writes.push(write);
        readers.into_iter().try_for_each(|reader| self.add_edge(reader, id, id))?;
        for value in given_up {
            // Who has written this and is still open waits for the value; others had it before.
            let waits = |writer: &Tracked| writer.writes.iter().any(|write| value.covers(write));
            let waiting = self.concurrent_with(id, |writer| writer.prepared.is_none() && waits(writer));
            self.open(id).reads.push(value);
            waiting.into_iter().try_for_each(|writer| self.add_edge(id, writer, id))?;
        }
        Ok(())
    }

    fn open(&mut self, id: TransactionId) -> &mut Tracked {
        self.transactions.get_mut(&id).expect("a serializable transaction is tracked from its first statement")
    }

    fn concurrent_with(&self, id: TransactionId, concerns: impl Fn(&Tracked) -> bool) -> Vec<TransactionId> {
        let me = &self.transactions[&id];
        let others = self.transactions.iter().filter(|(other, _)| **other != id);
        others.filter(|(_, other)| me.is_concurrent_with(other) && concerns(other)).map(|(other, _)| *other).collect()
    }

    /// Notes that `reader` comes before `writer`, one of which is `actor`, who fails if that leaves no order.
    fn add_edge(
        &mut self,
        reader: TransactionId,
        writer: TransactionId,
        actor: TransactionId,
    ) -> Result<(), DatabaseError> {
        self.open(reader).successors.insert(writer);
        self.open(writer).predecessors.insert(reader);
        let is_pivot_writer =
            self.transactions[&writer].successors.iter().any(|&out| self.is_dangerous(reader, writer, out));
        let is_pivot_reader =
            self.transactions[&reader].predecessors.iter().any(|&first| self.is_dangerous(first, reader, writer));
        if is_pivot_writer && actor == reader && self.transactions[&writer].prepared.is_none() {
            self.open(writer).is_doomed = true;
        } else if is_pivot_writer {
            return Err(DatabaseError::SerialisationFailure);
        }
        if is_pivot_reader {
            // Its `out` is prepared, so the actor is the pivot.
            return Err(DatabaseError::SerialisationFailure);
        }
        Ok(())
    }

    /// Whether these three, in -> pivot -> out, may be part of a cycle: `out` is the first of them to commit.
    fn is_dangerous(&self, first: TransactionId, pivot: TransactionId, out: TransactionId) -> bool {
        let (first, pivot, out) = (&self.transactions[&first], &self.transactions[&pivot], &self.transactions[&out]);
        let Some(prepared) = out.prepared else { return false };
        let only_read = first.prepared.is_some() && first.writes.is_empty();
        let sees_out = out.ended.is_some_and(|ended| ended < first.began);
        pivot.may_follow(prepared) && first.may_follow(prepared) && (sees_out || !only_read)
    }

    /// Decides the transaction's place among the commits.
    ///
    /// # Errors
    /// It is doomed.
    pub fn prepare(&mut self, id: TransactionId) -> Result<(), DatabaseError> {
        if !self.transactions.contains_key(&id) {
            return Ok(()); // it has run no statement
        }
        self.check(id)?;
        let now = self.next_moment();
        let is_pivot = |pivot: &&TransactionId| {
            let pivot = &self.transactions[*pivot];
            let may_follow = |first: &TransactionId| *first == id || self.transactions[first].may_follow(now);
            pivot.may_follow(now) && pivot.predecessors.iter().any(may_follow)
        };
        let pivots: Vec<TransactionId> = self.transactions[&id].predecessors.iter().filter(is_pivot).copied().collect();
        for pivot in pivots {
            self.open(pivot).is_doomed = true;
        }
        self.open(id).prepared = Some(now);
        Ok(())
    }

    /// The transaction is over: what it wrote is visible from now on, or never.
    pub fn end(&mut self, id: TransactionId, is_committed: bool) {
        let now = self.next_moment();
        let Some(tracked) = self.transactions.get_mut(&id) else { return };
        if is_committed {
            tracked.ended = Some(now);
        } else {
            self.forget(id);
        }
        self.forget_the_past();
    }

    /// Forgets those that ended before any that is open began, unless one that did not has an edge to it: it may be the `out` of
    /// that one.
    fn forget_the_past(&mut self) {
        let open = self.transactions.values().filter(|tracked| tracked.ended.is_none());
        let oldest = open.map(|tracked| tracked.began).min().unwrap_or(u64::MAX);
        let matters = |tracked: &Tracked| tracked.ended.is_none_or(|ended| oldest < ended);
        let past = self.transactions.iter().filter(|(_, tracked)| {
            !matters(tracked) && !tracked.predecessors.iter().any(|pivot| matters(&self.transactions[pivot]))
        });
        for id in past.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: TransactionId) {
        let Some(gone) = self.transactions.remove(&id) else { return };
        for successor in &gone.successors {
            self.open(*successor).predecessors.remove(&id);
        }
        for predecessor in &gone.predecessors {
            self.open(*predecessor).successors.remove(&id);
        }
    }

    /// How many transactions are remembered.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.transactions.len()
    }
}

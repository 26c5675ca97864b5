//! One table: its rows by primary key, each with the version that is committed and the one being written, and its indexes.
//!
//! At READ COMMITTED a snapshot ends with its statement, so nobody can see what a commit supersedes: that version is dead at once,
//! and goes at once, unless an older snapshot is open ([`Past`]). Indexes point at rows, not at versions: an entry stays while the
//! committed version of its row or one being written may need it, and whoever follows one checks that the version it sees has the
//! entry's values.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ports::database::{Index, Row, TableSchema, Value};

use super::index::{entries, entry_of, has_values, is_left_out, same_values};
use super::past::{Past, Snapshot};
use super::shared::Shared;
use super::transaction_id::TransactionId;

/// The place of one primary key. It exists while a version, a holder or somebody in the queue needs it.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    pub committed: Option<Shared<Value>>,
    /// Boxed, because nearly all rows are at rest.
    pub held: Option<Box<Held>>,
}

/// A row that somebody locked, wrote or waits for.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    /// Nobody only between the end of one holder and the turn of the first in the queue.
    pub holder: Option<TransactionId>,
    /// What the holder has written and not yet committed.
    pub pending: Option<Pending>,
    /// Who wants to hold the row, first come, first served.
    pub queue: VecDeque<TransactionId>,
}

/// A version that is not committed.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    /// None: the row is being deleted.
    pub row: Option<Shared<Value>>,
    /// The committed row was deleted and this is another that only has the same key: who waited for the old one finds nothing.
    pub is_another_row: bool,
    /// The holder has written the row before.
    pub is_rewritten: bool,
}

/// Why a row may not have the values of a unique key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conflict {
    /// Another row has them.
    Duplicate,
    /// Depends on how this transaction ends.
    Undecided(TransactionId),
}

/// Whose statement reads, and what its transaction may see of others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub id: TransactionId,
    /// None: whatever is committed.
    pub snapshot: Option<Snapshot>,
}

#[derive(Debug)]
pub(super) struct Table {
    pub schema: &'static TableSchema,
    pub rows: BTreeMap<Shared<Value>, Slot>,
    pub past: Past,
    /// None until a statement needs them: a copy that only follows never does, and copies are most of the servers.
    indexes: Option<Indexes>,
}

/// For each index of the schema, its columns' values followed by the primary key's.
type Indexes = Vec<BTreeSet<Box<[Value]>>>;

impl Slot {
    /// The version that a transaction sees: its own, or else the committed one.
    pub fn seen_by(&self, reader: TransactionId) -> Option<&Shared<Value>> {
        match self.pending_of(reader) {
            Some(pending) => pending.row.as_ref(),
            None => self.committed.as_ref(),
        }
    }

    /// What this transaction has written here.
    pub fn pending_of(&self, writer: TransactionId) -> Option<&Pending> {
        let held = self.held.as_deref().filter(|held| held.holder == Some(writer))?;
        held.pending.as_ref()
    }

    /// Whether `writer` would make a second row of this key or, through an index entry of this row, of that one.
    fn conflict(&self, writer: TransactionId, has_values: impl Fn(&[Value]) -> bool) -> Option<Conflict> {
        if let Some(Held { holder: Some(holder), pending: Some(_), .. }) = self.held.as_deref()
            && *holder != writer
        {
            return Some(Conflict::Undecided(*holder));
        }
        self.seen_by(writer).filter(|row| has_values(row)).map(|_| Conflict::Duplicate)
    }
}

impl Table {
    pub fn new(schema: &'static TableSchema) -> Self {
        Self { schema, rows: BTreeMap::new(), past: Past::new(schema), indexes: None }
    }

    /// The versions with this primary key that a reader sees, in the order of their age. They are two if the one of its snapshot
    /// was deleted since and the reader itself has inserted another, as in PostgreSQL.
    pub fn get(&self, key: &[Value], reader: Reader) -> impl Iterator<Item = &Shared<Value>> {
        let slot = self.rows.get(key);
        let superseded = reader.snapshot.and_then(|snapshot| self.past.seen_at(key, snapshot));
        let (past, current) = match superseded {
            None => (None, slot.and_then(|slot| slot.seen_by(reader.id))),
            Some(past) => {
                let own = slot.and_then(|slot| slot.pending_of(reader.id));
                (past, own.and_then(|pending| pending.row.as_ref()))
            }
        };
        past.into_iter().chain(current)
    }

    /// Rows whose indexed columns begin with `prefix`, in the order of the index and then of the primary key.
    pub fn scan(&mut self, index: usize, prefix: &[Value], limit: usize, reader: Reader) -> Vec<Row> {
        self.indexes();
        let columns = self.schema.indexes[index].columns;
        if prefix.len() > columns.len() {
            return Vec::new();
        }
        let entries = self.entries(index, prefix);
        if reader.snapshot.is_some() && !self.past.is_empty() {
            let entries = merged(entries, self.past.entries(index, prefix));
            entries.flat_map(|entry| self.rows_at(columns, entry, reader)).take(limit).collect()
        } else {
            entries.flat_map(|entry| self.rows_at(columns, entry, reader)).take(limit).collect()
        }
    }

    /// The rows that an index entry leads a reader to.
    fn rows_at<'a>(
        &'a self,
        columns: &'a [usize],
        entry: &'a [Value],
        reader: Reader,
    ) -> impl Iterator<Item = Row> + 'a {
        let (values, key) = entry.split_at(columns.len());
        self.get(key, reader).filter(|row| has_values(row, columns, values)).map(|row| row.to_vec())
    }

    /// The indexes, made from what is committed if nobody needed them so far.
    fn indexes(&mut self) -> &mut Indexes {
        let Self { schema, rows, indexes, .. } = self;
        indexes.get_or_insert_with(|| {
            let committed = || rows.iter().filter_map(|(key, slot)| Some((key, slot.committed.as_ref()?)));
            let index = |index: &Index| {
                let entries = committed().filter(|(_, row)| !is_left_out(index, row));
                entries.map(|(key, row)| entry_of(index, row, key)).collect()
            };
            schema.indexes.iter().map(index).collect()
        })
    }

    fn entries<'a>(&'a self, index: usize, prefix: &'a [Value]) -> impl Iterator<Item = &'a [Value]> {
        let indexes = self.indexes.as_ref().expect("whoever looks into an index has had it made");
        entries(&indexes[index], prefix)
    }

    /// What forbids `writer` a new row with this primary key.
    pub fn key_conflict(&self, key: &[Value], writer: TransactionId) -> Option<Conflict> {
        self.rows.get(key)?.conflict(writer, |_| true)
    }

    /// Adds the row to one index, unless that is unique and something forbids it.
    pub fn add_to_index(
        &mut self,
        index: usize,
        key: &[Value],
        row: &[Value],
        writer: TransactionId,
    ) -> Result<(), Conflict> {
        let schema = &self.schema.indexes[index];
        if is_left_out(schema, row) {
            return Ok(());
        }
        let mut entry = schema.key_of(row);
        self.indexes();
        if schema.unique {
            let conflict = self.entries(index, &entry).find_map(|other| {
                let (values, other_key) = other.split_at(schema.columns.len());
                if other_key == key {
                    return None;
                }
                self.rows.get(other_key)?.conflict(writer, |row| has_values(row, schema.columns, values))
            });
            if let Some(conflict) = conflict {
                return Err(conflict);
            }
        }
        entry.extend_from_slice(key);
        self.indexes()[index].insert(entry.into());
        Ok(())
    }

    /// Makes `row` the committed version, whatever anybody holds: for what was committed elsewhere. The version before is kept if
    /// there is a number of the commit to keep it under.
    pub fn replay(&mut self, key: &Shared<Value>, row: Option<&Shared<Value>>, keep: Option<u64>) {
        let slot = self.rows.entry(key.clone()).or_default();
        assert!(
            slot.held.as_ref().is_none_or(|held| held.pending.is_none()),
            "a store that replays another's log has no writers of its own"
        );
        let superseded = std::mem::replace(&mut slot.committed, row.cloned());
        if let Some(commit) = keep {
            self.past.keep(key, superseded.clone(), commit);
        }
        if row.is_none() && slot.held.is_none() {
            self.rows.remove(&**key);
        }
        let Some(indexes) = &mut self.indexes else { return };
        if let Some(row) = row {
            for (index, schema) in indexes.iter_mut().zip(self.schema.indexes) {
                let is_there = superseded.as_ref().is_some_and(|before| same_values(before, row, schema.columns));
                if !is_there && !is_left_out(schema, row) {
                    index.insert(entry_of(schema, row, key));
                }
            }
        }
        if let Some(superseded) = &superseded {
            self.drop_entries(key, superseded);
        }
    }

    /// Removes the index entries that only this version of the row needed; the row's committed version keeps its own.
    pub fn drop_entries(&mut self, key: &[Value], version: &Shared<Value>) {
        let current = self.rows.get(key).and_then(|slot| slot.committed.as_ref());
        if current.is_some_and(|current| current.is_same(version)) {
            return;
        }
        let Some(indexes) = &mut self.indexes else { return };
        for (index, schema) in indexes.iter_mut().zip(self.schema.indexes) {
            let is_needed = current.is_some_and(|current| same_values(current, version, schema.columns));
            if !is_needed {
                index.remove(&entry_of(schema, version, key));
            }
        }
    }

    /// Versions and index entries that are kept, dead or alive.
    #[cfg(test)]
    pub fn kept(&mut self) -> (usize, usize) {
        let entries = self.indexes().iter().map(BTreeSet::len).sum();
        let pending = |slot: &Slot| slot.held.as_ref().is_some_and(|held| held.pending.is_some());
        let versions = |slot: &Slot| usize::from(slot.committed.is_some()) + usize::from(pending(slot));
        (self.rows.values().map(versions).sum(), entries)
    }
}

/// What two ascending sequences hold, ascending, and once what both do.
fn merged<T: Ord>(left: impl Iterator<Item = T>, right: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    std::iter::from_fn(move || {
        let order = match (left.peek(), right.peek()) {
            (Some(left), Some(right)) => left.cmp(right),
            (None, _) => Ordering::Greater,
            (_, None) => Ordering::Less,
        };
        match order {
            Ordering::Less => left.next(),
            Ordering::Greater => right.next(),
            Ordering::Equal => {
                right.next();
                left.next()
            }
        }
    })
}

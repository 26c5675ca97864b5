//! One table: its rows by primary key, each with the version that is committed and the one being written, and its indexes.
//!
//! At READ COMMITTED a snapshot ends with its statement, so nobody can see what a commit supersedes: that version is dead at once,
//! and goes at once. Indexes point at rows, not at versions: an entry stays while any version of its row may need it, and
//! whoever follows one checks that the version it sees has the entry's values.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

use ports::database::{Index, Row, TableSchema, Value};

use super::{Shared, TransactionId};

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
}

/// Why a row may not have the values of a unique key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conflict {
    /// Another row has them.
    Duplicate,
    /// Depends on how this transaction ends.
    Undecided(TransactionId),
}

#[derive(Debug)]
pub(super) struct Table {
    pub schema: &'static TableSchema,
    pub rows: BTreeMap<Shared<Value>, Slot>,
    /// None until a statement needs them: a copy that only follows never does, and copies are most of the servers.
    indexes: Option<Indexes>,
}

/// For each index of the schema, its columns' values followed by the primary key's.
type Indexes = Vec<BTreeSet<Box<[Value]>>>;

impl Slot {
    /// The version that a transaction sees: its own, or else the committed one.
    pub fn seen_by(&self, reader: TransactionId) -> Option<&Shared<Value>> {
        match self.held.as_deref() {
            Some(Held { holder: Some(holder), pending: Some(pending), .. }) if *holder == reader => {
                pending.row.as_ref()
            }
            _ => self.committed.as_ref(),
        }
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
        Self { schema, rows: BTreeMap::new(), indexes: None }
    }

    pub fn get(&self, key: &[Value], reader: TransactionId) -> Option<&Shared<Value>> {
        self.rows.get(key)?.seen_by(reader)
    }

    /// Rows whose indexed columns begin with `prefix`, in the order of the index and then of the primary key.
    pub fn scan(&mut self, index: usize, prefix: &[Value], limit: usize, reader: TransactionId) -> Vec<Row> {
        self.indexes();
        let columns = self.schema.indexes[index].columns;
        if prefix.len() > columns.len() {
            return Vec::new();
        }
        self.entries(index, prefix)
            .filter_map(|entry| {
                let (values, key) = entry.split_at(columns.len());
                self.get(key, reader).filter(|row| has_values(row, columns, values))
            })
            .take(limit)
            .map(|row| row.to_vec())
            .collect()
    }

    /// The indexes, made from what is committed if nobody needed them so far.
    fn indexes(&mut self) -> &mut Indexes {
        let Self { schema, rows, indexes } = self;
        indexes.get_or_insert_with(|| {
            let committed = || rows.iter().filter_map(|(key, slot)| Some((key, slot.committed.as_ref()?)));
            let index = |index: &Index| {
                let entries = committed().filter(|(_, row)| !is_left_out(index, row));
                entries.map(|(key, row)| entry_of(index, row, key)).collect()
            };
            schema.indexes.iter().map(index).collect()
        })
    }

    fn entries(&self, index: usize, prefix: &[Value]) -> impl Iterator<Item = &[Value]> {
        let indexes = self.indexes.as_ref().expect("whoever looks into an index has had it made");
        indexes[index]
            .range::<[Value], _>((Bound::Included(prefix), Bound::Unbounded))
            .map(|entry| &**entry)
            .take_while(move |entry| entry.starts_with(prefix))
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

    /// Makes `row` the committed version, whatever anybody holds: for what was committed elsewhere.
    pub fn replay(&mut self, key: &Shared<Value>, row: Option<&Shared<Value>>) {
        let slot = self.rows.entry(key.clone()).or_default();
        assert!(
            slot.held.as_ref().is_none_or(|held| held.pending.is_none()),
            "a store that replays another's log has no writers of its own"
        );
        let superseded = std::mem::replace(&mut slot.committed, row.cloned());
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

fn entry_of(index: &Index, row: &[Value], key: &[Value]) -> Box<[Value]> {
    let mut entry = index.key_of(row);
    entry.extend_from_slice(key);
    entry.into()
}

/// A unique index leaves out rows with a null in it: nulls are distinct.
fn is_left_out(index: &Index, row: &[Value]) -> bool {
    index.unique && index.columns.iter().any(|&at| row[at].is_null())
}

fn has_values(row: &[Value], columns: &[usize], values: &[Value]) -> bool {
    columns.iter().zip(values).all(|(&at, value)| row[at] == *value)
}

fn same_values(left: &[Value], right: &[Value], columns: &[usize]) -> bool {
    columns.iter().all(|&at| left[at] == right[at])
}

//! What commits have superseded and open snapshots still see. Empty while nobody works on a snapshot, as at READ COMMITTED.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ports::database::{TableSchema, Value};

use super::index::{entries, entry_of, is_left_out, same_values};
use super::shared::Shared;

/// A transaction's view: everything that the first so many commits of this store made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Snapshot(u64);

/// The snapshots that are open.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    commits: u64,
    /// How many transactions share each.
    open: BTreeMap<Snapshot, u32>,
}

/// What a table held before.
#[derive(Debug)]
pub(super) struct Past {
    schema: &'static TableSchema,
    /// By primary key, oldest first.
    rows: BTreeMap<Shared<Value>, VecDeque<Superseded>>,
    /// The keys in `rows`, by the commit that superseded a version there.
    order: VecDeque<(u64, Shared<Value>)>,
    /// The index entries of `rows`.
    indexes: Vec<BTreeSet<Box<[Value]>>>,
}

#[derive(Debug)]
struct Superseded {
    /// The commit that did.
    by: u64,
    /// None: there was no row.
    row: Option<Shared<Value>>,
}

impl Snapshots {
    /// Counts a commit. Its number, if what it supersedes must be kept.
    pub fn commit(&mut self) -> Option<u64> {
        self.commits += 1;
        (!self.open.is_empty()).then_some(self.commits)
    }

    pub fn open(&mut self) -> Snapshot {
        let snapshot = Snapshot(self.commits);
        *self.open.entry(snapshot).or_default() += 1;
        snapshot
    }

    /// The oldest snapshot that is open after this one is closed, if that changed.
    pub fn close(&mut self, snapshot: Snapshot) -> Option<Snapshot> {
        let was_oldest = self.open.first_key_value().is_some_and(|(&oldest, _)| oldest == snapshot);
        let sharing = self.open.get_mut(&snapshot).expect("a snapshot is closed once by each that opened it");
        *sharing -= 1;
        if *sharing > 0 {
            return None;
        }
        self.open.remove(&snapshot);
        let now = Snapshot(self.commits);
        was_oldest.then(|| self.open.first_key_value().map_or(now, |(&oldest, _)| oldest))
    }
}

impl Past {
    pub fn new(schema: &'static TableSchema) -> Self {
        let indexes = vec![BTreeSet::new(); schema.indexes.len()];
        Self { schema, rows: BTreeMap::new(), order: VecDeque::new(), indexes }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What a snapshot sees under this key if that was superseded since; none if it is what is committed now.
    pub fn seen_at(&self, key: &[Value], snapshot: Snapshot) -> Option<Option<&Shared<Value>>> {
        let versions = self.rows.get(key)?;
        versions.iter().find(|version| version.by > snapshot.0).map(|version| version.row.as_ref())
    }

    /// The index entries of what is kept that begin with `prefix`.
    pub fn entries<'a>(&'a self, index: usize, prefix: &'a [Value]) -> impl Iterator<Item = &'a [Value]> {
        entries(&self.indexes[index], prefix)
    }

    /// Keeps what the commit of this number superseded.
    pub fn keep(&mut self, key: &Shared<Value>, row: Option<Shared<Value>>, by: u64) {
        for (entries, index) in self.indexes.iter_mut().zip(self.schema.indexes) {
            if let Some(row) = row.as_ref().filter(|row| !is_left_out(index, row)) {
                entries.insert(entry_of(index, row, key));
            }
        }
        self.order.push_back((by, key.clone()));
        self.rows.entry(key.clone()).or_default().push_back(Superseded { by, row });
    }

    /// Forgets what no snapshot from `oldest` on sees.
    pub fn forget(&mut self, oldest: Snapshot) {
        while self.order.front().is_some_and(|(by, _)| *by <= oldest.0) {
            let (_, key) = self.order.pop_front().expect("it was there a line ago");
            let versions = self.rows.get_mut(&key).expect("what is in the order is kept");
            let forgotten = versions.pop_front().and_then(|version| version.row);
            for (entries, index) in self.indexes.iter_mut().zip(self.schema.indexes) {
                let Some(row) = &forgotten else { break };
                let mut kept = versions.iter().filter_map(|version| version.row.as_ref());
                if !kept.any(|other| same_values(other, row, index.columns)) {
                    entries.remove(&entry_of(index, row, &key));
                }
            }
            if versions.is_empty() {
                self.rows.remove(&key);
            }
        }
    }
}

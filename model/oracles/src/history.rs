//! Which writes make up each store's present, which of them were acknowledged, and which ones a recovery left out: a database's commits
//! here, entries of caches in [`cache`], records of event logs in [`event_log`].
//!
//! Commits are remembered as bytes until so many have followed that no recovery is expected to go back behind them.

mod cache;
mod event_log;
mod lost;
mod recovery;

use std::collections::{BTreeMap, VecDeque};

use ports::database::{Key, Row, TableId};
use ports::event_log::Partition;
use ports::observe::{CacheWrite, Change, CommitPosition, CommittedTransaction, EventPosition, Name, PartitionLed};
use runtime::Time;

use cache::CacheHistory;
use event_log::EventHistory;
pub use lost::{Fate, LostWrite};
pub use recovery::Recovery;

/// The writes of all stores.
#[derive(Debug, Default)]
pub struct History {
    /// Databases.
    stores: BTreeMap<Name, StoreHistory>,
    commits: u64,
    caches: CacheHistory,
    event_logs: EventHistory,
}

/// What a commit is to the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It follows what is there.
    New,
    /// It was observed before: a recovery told of it again.
    Repeated,
    /// It was made in a past that a later epoch does not share.
    Abandoned,
}

/// What an acknowledgement was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// A commit that is part of the present, or so old that it is forgotten.
    Kept,
    /// A commit that a recovery left out, or that was made on a side which had lost.
    Abandoned,
    /// Nothing that was ever committed.
    NeverCommitted,
}

#[derive(Debug, Default)]
struct StoreHistory {
    epoch: u64,
    /// Of the newest commit that is part of the present.
    head_lsn: u64,
    /// What the newest epoch began with.
    recovered_lsn: u64,
    last_commit_at: Option<Time>,
    past: VecDeque<Commit>,
    /// Of the newest commit that is forgotten.
    forgotten_lsn: u64,
    /// The commits that are not part of the present, in the order in which that became known.
    abandoned: VecDeque<Commit>,
    recovery: Option<Recovery>,
}

#[derive(Debug)]
struct Commit {
    epoch: u64,
    lsn: u64,
    at: Time,
    ordinal: u64,
    acknowledged_at: Option<Time>,
    /// Whether it was acknowledged when it was abandoned already.
    acknowledged_late: bool,
    /// Whether nobody would miss it ([`lost::only_tidies`]).
    only_tidies: bool,
    changes: Box<[u8]>,
}

/// A change as it is packed: table, key, before, after.
type Packed = (TableId, Key, Option<Row>, Option<Row>);

/// A commit that a recovery left out, for whoever undoes it.
pub(crate) struct Undone {
    pub epoch: u64,
    pub lsn: u64,
    pub at: Time,
    pub acknowledged: bool,
    /// In the order in which they are to be undone, each from what it made to what it found.
    pub changes: Vec<Change>,
}

impl History {
    /// What the store's newest recovery left out, if it ever recovered.
    pub fn recovery(&self, store: &str) -> Option<&Recovery> {
        self.stores.get(store)?.recovery.as_ref()
    }

    /// What the newest recovery of a cache's shard left out, by the name of the shard's history.
    pub fn cache_recovery(&self, history: &str) -> Option<&Recovery> {
        self.caches.recovery(history)
    }

    /// What the newest leader of an event log's partition lacked.
    pub fn partition_recovery(&self, partition: Partition) -> Option<&Recovery> {
        self.event_logs.recovery(partition)
    }

    /// What an acknowledgement is about.
    pub fn acknowledged(&self, position: &CommitPosition) -> Acknowledged {
        let Some(store) = self.stores.get(&position.store) else { return Acknowledged::NeverCommitted };
        let place = (position.epoch, position.lsn);
        if find(&store.past, place).is_some() {
            Acknowledged::Kept
        } else if store.abandoned.iter().any(|commit| (commit.epoch, commit.lsn) == place) {
            Acknowledged::Abandoned
        } else if position.lsn <= store.forgotten_lsn {
            Acknowledged::Kept
        } else {
            Acknowledged::NeverCommitted
        }
    }

    /// Takes a commit into its store's history.
    pub(crate) fn commit(&mut self, transaction: &CommittedTransaction, remembered: u64) -> Admission {
        let CommitPosition { store, epoch, lsn, at } = &transaction.position;
        self.commits += 1;
        let store = self.stores.entry(store.clone()).or_default();
        let past_epoch = *epoch < store.epoch;
        let admission = match (past_epoch, *lsn <= store.head_lsn) {
            // Of an older epoch only that is shared which the recovery brought along.
            (true, _) if *lsn > store.recovered_lsn => Admission::Abandoned,
            (_, true) => Admission::Repeated,
            (_, false) => Admission::New,
        };
        let commit = Commit {
            epoch: *epoch,
            lsn: *lsn,
            at: *at,
            ordinal: self.commits,
            acknowledged_at: None,
            acknowledged_late: false,
            only_tidies: transaction
                .changes
                .iter()
                .all(|change| lost::only_tidies(change.table, change.after.as_ref())),
            changes: if admission == Admission::Repeated { Box::default() } else { pack(&transaction.changes) },
        };
        match admission {
            Admission::New => {
                store.epoch = store.epoch.max(*epoch);
                store.head_lsn = *lsn;
                store.last_commit_at = Some(*at);
                store.past.push_back(commit);
            }
            Admission::Abandoned => store.abandoned.push_back(commit),
            Admission::Repeated => {}
        }
        store.forget_before(self.commits.saturating_sub(remembered));
        admission
    }

    /// Notes that a client was told.
    pub(crate) fn acknowledge(&mut self, position: &CommitPosition) {
        let Some(store) = self.stores.get_mut(&position.store) else { return };
        let place = (position.epoch, position.lsn);
        if let Some(at) = find(&store.past, place) {
            store.past[at].acknowledged_at.get_or_insert(position.at);
        } else if let Some(commit) = store.abandoned.iter_mut().find(|commit| (commit.epoch, commit.lsn) == place) {
            commit.acknowledged_late |= commit.acknowledged_at.is_none();
            commit.acknowledged_at.get_or_insert(position.at);
        }
    }

    /// Notes that a client of a cache was told; false if what it was told of is gone.
    pub(crate) fn cache_acknowledged(&mut self, write: &CacheWrite) -> bool {
        self.caches.acknowledged(write)
    }

    /// Goes back to what a cache's new primary began with.
    pub(crate) fn cache_recovered(&mut self, history: &Name, epoch: u64, base: Option<(u64, u64)>, at: Time) {
        self.caches.recovered(history, epoch, base, at);
    }

    /// Notes that a producer was told; false if the record is gone.
    pub(crate) fn event_acknowledged(&mut self, event: &EventPosition) -> bool {
        self.event_logs.acknowledged(event)
    }

    /// Goes back to what a partition's new leader has.
    pub(crate) fn partition_led(&mut self, led: &PartitionLed) {
        self.event_logs.led(led);
    }

    /// Goes back to `lsn`, with which `epoch` begins, and hands out what that leaves out, newest first.
    pub(crate) fn recover(&mut self, store: &Name, epoch: u64, lsn: u64) -> Vec<Undone> {
        let store = self.stores.entry(store.clone()).or_default();
        let mut undone = Vec::new();
        let mut recovery = Recovery {
            acknowledged_lost: 0,
            oldest_acknowledged_at: None,
            last_commit_at: store.last_commit_at,
            beyond_memory: lsn < store.forgotten_lsn,
        };
        while let Some(commit) = store.past.pop_back_if(|commit| commit.lsn > lsn) {
            if let Some(acknowledged_at) = commit.acknowledged_at.filter(|_| !commit.only_tidies) {
                recovery.acknowledged_lost += 1;
                recovery.oldest_acknowledged_at =
                    Some(recovery.oldest_acknowledged_at.map_or(acknowledged_at, |oldest| oldest.min(acknowledged_at)));
            }
            undone.push(Undone {
                epoch: commit.epoch,
                lsn: commit.lsn,
                at: commit.at,
                acknowledged: commit.acknowledged_at.is_some(),
                changes: reversed(unpack(&commit.changes)),
            });
            store.abandoned.push_back(commit);
        }
        store.epoch = store.epoch.max(epoch);
        store.head_lsn = store.head_lsn.min(lsn);
        store.recovered_lsn = lsn;
        store.recovery = Some(recovery);
        undone
    }
}

impl StoreHistory {
    fn forget_before(&mut self, ordinal: u64) {
        while let Some(commit) = self.past.pop_front_if(|commit| commit.ordinal < ordinal) {
            self.forgotten_lsn = commit.lsn;
        }
        // What was never acknowledged is missed by nobody.
        while self
            .abandoned
            .pop_front_if(|commit| commit.ordinal < ordinal && commit.acknowledged_at.is_none())
            .is_some()
        {}
    }
}

fn find(past: &VecDeque<Commit>, place: (u64, u64)) -> Option<usize> {
    past.binary_search_by(|commit| (commit.lsn, commit.epoch).cmp(&(place.1, place.0))).ok()
}

fn pack(changes: &[Change]) -> Box<[u8]> {
    let packed: Vec<(&TableId, &Key, &Option<Row>, &Option<Row>)> =
        changes.iter().map(|change| (&change.table, &change.key, &change.before, &change.after)).collect();
    postcard::to_stdvec(&packed).expect("rows of plain values always serialise").into_boxed_slice()
}

fn unpack(bytes: &[u8]) -> Vec<Packed> {
    postcard::from_bytes(bytes).expect("what was packed here is read here")
}

fn reversed(changes: Vec<Packed>) -> Vec<Change> {
    changes
        .into_iter()
        .rev()
        .map(|(table, key, before, after)| Change { table, key, before: after, after: before })
        .collect()
}

//! Writes that a client was told of and that are gone, each by name.

use std::collections::{BTreeMap, BTreeSet};

use ports::observe::Name;
use runtime::Time;

use super::{Commit, History, unpack};
use crate::transaction::object_name;

/// What became of an acknowledged write that a recovery left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// It is gone.
    Lost,
    /// It is gone, and a later acknowledged write or deletion of the same row with it: nobody misses this one.
    Superseded,
    /// It was acknowledged after the onset, or after another node had taken over: it was never going to last.
    Divergent,
}

/// One acknowledged write of one row that is not part of the present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostWrite {
    pub store: Name,
    /// The row, such as `trips/4711`.
    pub object: String,
    pub epoch: u64,
    /// The place of its commit in the write-ahead log.
    pub lsn: u64,
    pub committed_at: Time,
    pub acknowledged_at: Time,
    pub fate: Fate,
}

impl History {
    /// Every acknowledged write that recoveries left out, by store and then in the order of the log. `onset` is when the disaster
    /// began, if one did.
    pub fn lost_writes(&self, onset: Option<Time>) -> Vec<LostWrite> {
        let mut lost = Vec::new();
        for (name, store) in &self.stores {
            let mut commits: Vec<&Commit> =
                store.abandoned.iter().filter(|commit| commit.acknowledged_at.is_some()).collect();
            commits.sort_by_key(|commit| (commit.epoch, commit.lsn));
            let mut written_later = BTreeSet::new();
            let mut of_store = Vec::new();
            for commit in commits.into_iter().rev() {
                let acknowledged_at = commit.acknowledged_at.expect("only acknowledged commits were collected");
                // Of several changes of one row the last one counts.
                let objects: BTreeMap<String, bool> = unpack(&commit.changes)
                    .iter()
                    .map(|(table, key, _, after)| (object_name(*table, key), after.is_none()))
                    .collect();
                for (object, deleted) in objects.into_iter().rev() {
                    let superseded = !written_later.insert(object.clone());
                    if deleted {
                        continue; // it is there and will be deleted again
                    }
                    let fate = if superseded {
                        Fate::Superseded
                    } else if commit.acknowledged_late || onset.is_some_and(|onset| acknowledged_at >= onset) {
                        Fate::Divergent
                    } else {
                        Fate::Lost
                    };
                    of_store.push(LostWrite {
                        store: name.clone(),
                        object,
                        epoch: commit.epoch,
                        lsn: commit.lsn,
                        committed_at: commit.at,
                        acknowledged_at,
                        fate,
                    });
                }
            }
            lost.extend(of_store.into_iter().rev());
        }
        lost
    }
}

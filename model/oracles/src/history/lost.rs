//! Writes that a client was told of and that are gone, each by name.

use std::collections::{BTreeMap, BTreeSet};

use platform::domain::schema::CarriedBalance;
use ports::database::{Record, Row, TableId};
use ports::observe::Name;
use runtime::Time;

use super::{Commit, History, unpack};
use crate::objects::object_name;

/// What became of an acknowledged write that a recovery left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// It is gone.
    Lost,
    /// It is gone, and nobody misses it: a later acknowledged write or removal of the same object went with it, it was a removal itself,
    /// or it would have expired.
    Superseded,
    /// It was acknowledged after the onset, or after another node had taken over: it was never going to last.
    Divergent,
}

impl Fate {
    /// Of a write that is gone. `late`: it was acknowledged when another node had taken over already. `onset`: when the disaster began.
    pub(super) fn of(superseded: bool, late: bool, acknowledged_at: Time, onset: Option<Time>) -> Self {
        match superseded {
            true => Self::Superseded,
            false if late || onset.is_some_and(|onset| acknowledged_at >= onset) => Self::Divergent,
            false => Self::Lost,
        }
    }
}

/// One acknowledged write of one object that is not part of the present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostWrite {
    /// As the blueprint names it.
    pub store: Name,
    /// The row, the cache's entry or the log's record, such as `trips/4711`.
    pub object: String,
    pub epoch: u64,
    /// Its place in the write-ahead log, in its shard's stream of replication, or in its partition.
    pub lsn: u64,
    pub acknowledged_at: Time,
    pub fate: Fate,
}

/// Whether a change, once lost, is not missed: what it deleted is there, and will be deleted again, and until then what it carried forward
/// are entries.
pub(super) fn only_tidies(table: TableId, after: Option<&Row>) -> bool {
    after.is_none() || table == CarriedBalance::SCHEMA.id
}

impl History {
    /// Every acknowledged write that recoveries left out, by store and then in the order of its log: databases' first, then caches', then
    /// event logs'. `onset` is when the disaster began, if one did.
    pub fn lost_writes(&self, onset: Option<Time>) -> Vec<LostWrite> {
        let mut lost = self.lost_rows(onset);
        lost.extend(self.caches.lost_writes(onset));
        lost.extend(self.event_logs.lost_writes(onset));
        lost
    }

    fn lost_rows(&self, onset: Option<Time>) -> Vec<LostWrite> {
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
                    .map(|(table, key, _, after)| (object_name(*table, key), only_tidies(*table, after.as_ref())))
                    .collect();
                for (object, tidied) in objects.into_iter().rev() {
                    let superseded = !written_later.insert(object.clone()) || tidied;
                    of_store.push(LostWrite {
                        store: name.clone(),
                        object,
                        epoch: commit.epoch,
                        lsn: commit.lsn,
                        acknowledged_at,
                        fate: Fate::of(superseded, commit.acknowledged_late, acknowledged_at, onset),
                    });
                }
            }
            lost.extend(of_store.into_iter().rev());
        }
        lost
    }
}

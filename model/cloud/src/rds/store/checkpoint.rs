//! The store as a file, and the store from a file and the log that follows it: crash recovery, standby and read replica.

use ports::database::{TableId, TableSchema, Value};
use serde::{Deserialize, Serialize};

use super::table::{Slot, Table};
use super::{Lsn, Shared, State, Store, TransactionId, WalRecord};

/// All rows at one position of the log. Taking and cloning it copies no rows.
///
/// It holds the effect of every record up to `lsn`, also of those that are not durable yet: as PostgreSQL writes no page
/// before the log that explains it, make the log durable up to `lsn` before relying on a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub lsn: Lsn,
    pub epoch: u64,
    next_transaction: TransactionId,
    tables: Vec<(TableId, Vec<Shared<Value>>)>,
}

impl Store {
    /// The state after the last record of the log.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        let rows = |table: &Table| table.rows.values().filter_map(|slot| self.logged(slot)).cloned().collect();
        Checkpoint {
            lsn: self.lsn,
            epoch: self.epoch,
            next_transaction: self.next_transaction,
            tables: self.tables.iter().map(|table| (table.schema.id, rows(table))).collect(),
        }
    }

    /// The version that the log ends with: the committed one, or one whose commit is in the log and not yet finished.
    fn logged<'a>(&'a self, slot: &'a Slot) -> Option<&'a Shared<Value>> {
        let holder = slot.held.as_ref().and_then(|held| held.holder);
        match holder.map(|holder| (holder, &self.transactions[&holder].state)) {
            Some((holder, State::Committing(_))) => slot.seen_by(holder),
            _ => slot.committed.as_ref(),
        }
    }

    /// A store that holds what the checkpoint does; [`apply`](Self::apply) the records that follow it.
    ///
    /// # Panics
    /// If the checkpoint is of other tables.
    #[must_use]
    pub fn restore(tables: &'static [&'static TableSchema], checkpoint: &Checkpoint) -> Self {
        let mut store = Self::new(tables);
        for (id, rows) in &checkpoint.tables {
            let position = store.position(*id).expect("a checkpoint is of the tables that the store has");
            let table = &mut store.tables[position];
            for row in rows {
                table.replay(&table.schema.key_of(row).into(), Some(row), None);
            }
        }
        store.lsn = checkpoint.lsn;
        store.epoch = checkpoint.epoch;
        store.next_transaction = checkpoint.next_transaction;
        store
    }

    /// Replays a record of the log: it is committed and visible at once. A record that the store holds already changes nothing.
    ///
    /// # Panics
    /// If records between this one and the last are missing, or the record is of other tables, or transactions of this store have
    /// written: replaying then would make a state that never was.
    pub fn apply(&mut self, record: &WalRecord) {
        if record.lsn <= self.lsn {
            return;
        }
        assert_eq!(record.lsn.0 - u64::from(record.bytes), self.lsn.0, "a log is replayed without holes");
        let keep = self.snapshots.commit();
        for change in record.changes.iter() {
            let table = self.position(change.table).expect("a record is of the tables that the store has");
            self.tables[table].replay(&change.key, change.after.as_ref(), keep);
        }
        self.lsn = record.lsn;
        self.epoch = self.epoch.max(record.epoch);
        self.next_transaction = self.next_transaction.max(TransactionId(record.transaction.0 + 1));
    }
}

//! The storage engine of PostgreSQL, without time, network or disk: tables in several versions, row locks, transactions, and the
//! write-ahead log's records.
//!
//! Each call happens at one instant; whoever owns the store does the waiting. [`Store::execute`] says for whom a statement waits, and
//! whatever ends a transaction returns those whose turn it may be: they call `execute` again with the same statement.
//! A commit is two calls, because the log must be durable between them: [`Store::commit_record`] and [`Store::finish_commit`].
//!
//! After a statement failed, PostgreSQL holds the transaction's locks no longer, though its client has yet to send ROLLBACK. So the
//! caller calls [`Store::rollback`] at once; it answers the client's later statements with `TransactionAborted`, as the store does.

mod checkpoint;
mod index;
mod locks;
mod past;
mod serializable;
mod shared;
mod statements;
mod table;
#[cfg(test)]
mod tests;
mod transaction_id;
mod wal;

use std::collections::BTreeMap;

use ports::database::{Answer, DatabaseError, Isolation, TableId, TableSchema, Value};

pub use checkpoint::Checkpoint;
pub use shared::Shared;
pub use transaction_id::TransactionId;
pub use wal::{Change, Lsn, WalRecord};

use locks::Wait;
use past::{Snapshot, Snapshots};
use serializable::Serializable;
use table::Table;

/// What running a statement came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Execution {
    Done(Answer),
    /// Nothing is answered before `on` ends. Execute the same statement again when a call returns the waiter.
    Blocked {
        on: TransactionId,
    },
    /// The transaction is aborted: only a rollback follows.
    Failed(DatabaseError),
}

/// The tables of one database, and the transactions that are open on them.
#[derive(Debug)]
pub struct Store {
    tables: Vec<Table>,
    transactions: BTreeMap<TransactionId, Transaction>,
    next_transaction: TransactionId,
    /// The end of the log, as far as this store wrote or replayed it.
    lsn: Lsn,
    epoch: u64,
    snapshots: Snapshots,
    serializable: Serializable,
}

#[derive(Debug)]
struct Transaction {
    isolation: Isolation,
    /// What its statements see, from the first of them on; none at READ COMMITTED.
    snapshot: Option<Snapshot>,
    state: State,
    /// What its statements changed, until the commit takes it for its record.
    changes: Vec<Change>,
    /// The rows that it holds, by table and key, in the order in which it took them.
    held: Vec<(usize, Shared<Value>)>,
    wait: Option<Wait>,
    /// Who waits to learn how it ends, because of a key that it wrote or deleted.
    awaited_by: Vec<TransactionId>,
    progress: Progress,
}

#[derive(Debug)]
enum State {
    Active,
    /// A statement failed.
    Aborted,
    /// Its record is written to the log, and not yet known to be durable.
    Committing(Shared<Change>),
}

/// How far a statement came before it had to wait: what it wrote by then, others wait for.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    rows: usize,
    /// The row after those has its new version, though perhaps not all index entries.
    is_row_written: bool,
}

impl Store {
    /// An empty store of these tables, in epoch 1.
    ///
    /// # Panics
    /// If two tables have one number.
    #[must_use]
    pub fn new(tables: &'static [&'static TableSchema]) -> Self {
        for (position, schema) in tables.iter().enumerate() {
            assert!(
                tables[..position].iter().all(|other| other.id != schema.id),
                "two tables are number {}",
                schema.id.0
            );
        }
        Self {
            tables: tables.iter().map(|schema| Table::new(schema)).collect(),
            transactions: BTreeMap::new(),
            next_transaction: TransactionId(1),
            lsn: Lsn(0),
            epoch: 1,
            snapshots: Snapshots::default(),
            serializable: Serializable::default(),
        }
    }

    /// Opens a transaction.
    pub fn begin(&mut self, isolation: Isolation) -> TransactionId {
        let id = self.next_transaction;
        self.next_transaction = TransactionId(id.0 + 1);
        let transaction = Transaction {
            isolation,
            snapshot: None,
            state: State::Active,
            changes: Vec::new(),
            held: Vec::new(),
            wait: None,
            awaited_by: Vec::new(),
            progress: Progress::default(),
        };
        self.transactions.insert(id, transaction);
        id
    }

    /// Writes the transaction's record to the end of the log: from here on only a loss of the log undoes it. Its changes stay
    /// invisible and its locks held until [`finish_commit`](Self::finish_commit), which the caller calls when the record is as durable as
    /// it wants. None if there is nothing to log: the transaction changed nothing, or has failed or ended already.
    ///
    /// # Errors
    /// [`DatabaseError::SerialisationFailure`] if the transaction is serialisable with no order of those that are committed: only a
    /// rollback follows.
    pub fn commit_record(&mut self, id: TransactionId) -> Result<Option<WalRecord>, DatabaseError> {
        let Some(transaction) = self.transactions.get_mut(&id) else { return Ok(None) };
        if !matches!(transaction.state, State::Active) {
            return Ok(None);
        }
        if transaction.isolation == Isolation::Serializable
            && let Err(error) = self.serializable.prepare(id)
        {
            transaction.state = State::Aborted;
            return Err(error);
        }
        if transaction.changes.is_empty() {
            return Ok(None);
        }
        let changes = Shared::from(std::mem::take(&mut transaction.changes));
        transaction.state = State::Committing(changes.clone());
        let bytes = wal::COMMIT_BYTES + changes.iter().map(|change| self.change_bytes(change)).sum::<u64>();
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.lsn = Lsn(self.lsn.0 + u64::from(bytes));
        Ok(Some(WalRecord { lsn: self.lsn, epoch: self.epoch, transaction: id, changes, bytes }))
    }

    fn change_bytes(&self, change: &Change) -> u64 {
        let table = self.position(change.table).expect("a transaction changes tables that the store has");
        wal::change_bytes(self.tables[table].schema, change.before.as_deref(), change.after.as_deref())
    }

    /// Makes the transaction visible and lets go of its locks. Returns those whose turn it may be, in the order in which they are
    /// to try. A transaction that has failed is rolled back instead, as PostgreSQL answers COMMIT.
    ///
    /// # Panics
    /// If the transaction changed something and its record was not written.
    pub fn finish_commit(&mut self, id: TransactionId) -> Vec<TransactionId> {
        let Some(transaction) = self.transactions.remove(&id) else { return Vec::new() };
        match &transaction.state {
            State::Committing(changes) => self.end(id, &transaction, changes, true),
            State::Aborted => self.end(id, &transaction, &transaction.changes, false),
            State::Active => {
                assert!(transaction.changes.is_empty(), "a commit is finished after its record is written");
                self.end(id, &transaction, &[], true)
            }
        }
    }

    /// Undoes the transaction, whatever it was doing. Returns those whose turn it may be, in the order in which they are to try; nobody
    /// if it has ended already.
    ///
    /// # Panics
    /// If the transaction's record is written: then it is not this store that can undo it.
    pub fn rollback(&mut self, id: TransactionId) -> Vec<TransactionId> {
        let Some(transaction) = self.transactions.remove(&id) else { return Vec::new() };
        assert!(!matches!(transaction.state, State::Committing(_)), "a record in the log is not undone");
        self.end(id, &transaction, &transaction.changes, false)
    }

    /// Begins another epoch of the log: a promotion does.
    ///
    /// # Panics
    /// If the epoch is not after the current one.
    pub fn begin_epoch(&mut self, epoch: u64) {
        assert!(epoch > self.epoch, "epoch {epoch} does not follow epoch {}", self.epoch);
        self.epoch = epoch;
    }

    /// The epoch that the next record will carry.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The end of the log, as far as this store wrote or replayed it.
    #[must_use]
    pub fn last_lsn(&self) -> Lsn {
        self.lsn
    }

    /// Committed rows of all tables.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.committed_rows().count()
    }

    /// A digest of all committed rows: equal for two stores exactly when what they hold is.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.committed_rows().fold(0, |digest, row| runtime::random::mix(digest, runtime::digest::of(&row).0))
    }

    fn committed_rows(&self) -> impl Iterator<Item = (TableId, &Shared<Value>)> {
        self.tables.iter().flat_map(|table| {
            let rows = table.rows.values().filter_map(|slot| slot.committed.as_ref());
            rows.map(|row| (table.schema.id, row))
        })
    }

    fn position(&self, table: TableId) -> Option<usize> {
        self.tables.iter().position(|candidate| candidate.schema.id == table)
    }
}

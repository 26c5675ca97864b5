//! The transactional store: what a service may ask of PostgreSQL, or of the model of it.
//!
//! An implementation provides three methods: [`Transaction::execute`], [`Transaction::commit`] and [`Transaction::rollback`]. The typed
//! ones that services call are built on them, so a statement is also what travels to a server and what a conformance suite
//! generates.

mod cell;
mod error;
mod record;
mod schema;
mod statement;
mod value;

pub use cell::Cell;
pub use error::DatabaseError;
#[doc(hidden)]
pub use record::position;
pub use record::{IntoKey, Record, RowError};
pub use schema::{Column, ColumnKind, Index, IndexId, TableId, TableSchema};
pub use statement::{Answer, Lock, Statement};
pub use value::{Key, Row, Value};

use runtime::Time;
use serde::{Deserialize, Serialize};

/// The isolation level of a transaction, with PostgreSQL's meaning of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Isolation {
    /// Each statement sees what was committed before it began. PostgreSQL's default.
    #[default]
    ReadCommitted,
    /// All statements see what was committed before the first of them began. To lock or write a row that another transaction has
    /// changed since is a [`DatabaseError::SerialisationFailure`]. Write skew is possible.
    RepeatableRead,
    /// Like [`RepeatableRead`](Self::RepeatableRead), and the committed transactions of this level have the effect of some order of
    /// one after the other. Any statement, and the commit, may be a [`DatabaseError::SerialisationFailure`].
    Serializable,
}

/// A database that services open transactions on. Cloning shares its pool of connections.
#[expect(async_fn_in_trait, reason = "futures of services stay on one thread, so no `Send` bound is wanted")]
pub trait Database: Clone + 'static {
    /// One open transaction on one connection of the pool.
    type Transaction: Transaction;

    /// Takes a connection from the pool and opens a transaction on it. Every statement of the transaction, and its commit, must end
    /// before `deadline`.
    async fn begin(&self, isolation: Isolation, deadline: Time) -> Result<Self::Transaction, DatabaseError>;
}

/// One open transaction. Dropping it without [`commit`](Self::commit) rolls it back.
///
/// After any error but a missing row the transaction is aborted, as in PostgreSQL: only a rollback is accepted.
#[expect(async_fn_in_trait, reason = "futures of services stay on one thread, so no `Send` bound is wanted")]
pub trait Transaction: Sized {
    /// Runs one statement. The kind of [`Answer`] follows from the kind of [`Statement`].
    async fn execute(&mut self, statement: Statement) -> Result<Answer, DatabaseError>;

    /// Makes the transaction durable and visible. [`DatabaseError::CommitUnknown`] means that nobody can tell whether it did.
    async fn commit(self) -> Result<(), DatabaseError>;

    /// Undoes the transaction and gives its connection back.
    async fn rollback(self) -> Result<(), DatabaseError>;

    /// The record with this key, as of this statement.
    async fn get<T: Record>(&mut self, key: impl IntoKey) -> Result<Option<T>, DatabaseError> {
        read_one(self, key.into_key(), Lock::None).await
    }

    /// The record with this key, locked against other writers until the transaction ends. Waits for whoever holds the lock and then
    /// sees what that one committed. A decision about a row is only safe after this.
    async fn get_for_update<T: Record>(&mut self, key: impl IntoKey) -> Result<Option<T>, DatabaseError> {
        read_one(self, key.into_key(), Lock::ForUpdate).await
    }

    /// Adds one record.
    async fn insert<T: Record>(&mut self, record: &T) -> Result<(), DatabaseError> {
        self.insert_all(std::slice::from_ref(record)).await
    }

    /// Adds several records of one table in one statement: all of them or none. An empty slice asks the server nothing.
    async fn insert_all<T: Record>(&mut self, records: &[T]) -> Result<(), DatabaseError> {
        if records.is_empty() {
            return Ok(());
        }
        let rows: Vec<Row> = records.iter().map(Record::to_row).collect();
        self.execute(Statement::Insert { table: T::SCHEMA.id, rows }).await?.changed().map(|_| ())
    }

    /// Replaces the record that has this one's key; false if there is none. Overwrites every column: read it with
    /// [`get_for_update`](Self::get_for_update) first.
    async fn update<T: Record>(&mut self, record: &T) -> Result<bool, DatabaseError> {
        let statement = Statement::Update { table: T::SCHEMA.id, row: record.to_row() };
        Ok(self.execute(statement).await?.changed()? > 0)
    }

    /// Removes the record with this key; false if there is none.
    async fn delete<T: Record>(&mut self, key: impl IntoKey) -> Result<bool, DatabaseError> {
        let statement = Statement::Delete { table: T::SCHEMA.id, key: key.into_key() };
        Ok(self.execute(statement).await?.changed()? > 0)
    }

    /// At most `limit` records whose indexed columns begin with `prefix`, in the order of the index and then of the primary key.
    async fn scan<T: Record>(
        &mut self,
        index: IndexId,
        prefix: impl IntoKey,
        limit: u32,
    ) -> Result<Vec<T>, DatabaseError> {
        let statement = Statement::Scan { table: T::SCHEMA.id, index, prefix: prefix.into_key(), limit };
        let rows = self.execute(statement).await?.rows()?;
        rows.iter().map(|row| T::from_row(row).map_err(DatabaseError::from)).collect()
    }
}

async fn read_one<X: Transaction, T: Record>(
    transaction: &mut X,
    key: Key,
    lock: Lock,
) -> Result<Option<T>, DatabaseError> {
    let rows = transaction.execute(Statement::Get { table: T::SCHEMA.id, key, lock }).await?.rows()?;
    rows.first().map(|row| T::from_row(row).map_err(DatabaseError::from)).transpose()
}

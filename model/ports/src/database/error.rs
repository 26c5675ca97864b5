//! Everything that a database may refuse or fail to do, and what a caller may do about each.

use serde::{Deserialize, Serialize};

use super::{IndexId, RowError, TableId};
use crate::Retry;

/// Why a statement, a commit or a `begin` failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum DatabaseError {
    /// Another row has the same key. `index` is none for the primary key. SQLSTATE 23505.
    #[error("failed to write to table {}: another row has the same key ({index:?})", table.0)]
    UniqueViolation { table: TableId, index: Option<IndexId> },
    /// The row does not fit its table. SQLSTATE class 22 and 23502.
    #[error("failed to use a row: {0}")]
    Row(#[from] RowError),
    /// The server has no such table or index. SQLSTATE 42P01, 42704.
    #[error("failed to run a statement: the server has no table {} with index {index:?}", table.0)]
    NoSuchTable { table: TableId, index: Option<IndexId> },
    /// Concurrent transactions cannot be ordered. SQLSTATE 40001.
    #[error("failed to serialise access among concurrent transactions")]
    SerialisationFailure,
    /// This transaction was chosen to break a cycle of waits. SQLSTATE 40P01.
    #[error("failed to take a lock: deadlock detected")]
    DeadlockDetected,
    /// Another transaction held the lock for too long. SQLSTATE 55P03.
    #[error("failed to take a lock in time")]
    LockTimeout,
    /// An earlier statement failed: only a rollback is accepted. SQLSTATE 25P02.
    #[error("failed to run a statement: the transaction is aborted")]
    TransactionAborted,
    /// The connection broke before the commit was sent: nothing happened.
    #[error("failed to reach the server: connection lost")]
    ConnectionLost,
    /// The connection broke, or the deadline passed, between sending the commit and hearing of it.
    #[error("failed to hear whether the commit took effect")]
    CommitUnknown,
    /// No connection of the pool came free in time.
    #[error("failed to get a connection from the pool in time")]
    PoolExhausted,
    /// The server has all the connections it allows. SQLSTATE 53300.
    #[error("failed to connect: the server has too many connections")]
    TooManyConnections,
    /// The server is starting, shutting down or recovering. SQLSTATE 57P01, 57P03.
    #[error("failed to connect: the server is not accepting connections")]
    NotAccepting,
    /// The server is a standby or was demoted. SQLSTATE 25006.
    #[error("failed to write: the server is read-only")]
    ReadOnly,
    /// The deadline passed before the commit was sent: nothing happened. SQLSTATE 57014.
    #[error("failed to finish before the deadline")]
    DeadlineExceeded,
    /// The server could not write its disk: it stops. SQLSTATE 58030.
    #[error("failed to write the server's disk")]
    Disk,
    /// The other side answered something that does not fit what was asked.
    #[error("failed to understand the server's answer")]
    Protocol,
}

impl DatabaseError {
    /// Whether the whole transaction may be run again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::SerialisationFailure
            | Self::DeadlockDetected
            | Self::LockTimeout
            | Self::ConnectionLost
            | Self::PoolExhausted
            | Self::TooManyConnections
            | Self::NotAccepting
            | Self::ReadOnly
            | Self::DeadlineExceeded => Retry::Safe,
            Self::CommitUnknown | Self::Disk => Retry::OnlyIdempotent,
            Self::UniqueViolation { .. }
            | Self::Row(_)
            | Self::NoSuchTable { .. }
            | Self::TransactionAborted
            | Self::Protocol => Retry::Useless,
        }
    }
}

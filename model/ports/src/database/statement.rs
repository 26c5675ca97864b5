//! One statement and its answer, as they travel to a server.

use serde::{Deserialize, Serialize};

use super::{DatabaseError, IndexId, Key, Row, TableId};

/// Whether a read takes the row's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Lock {
    None,
    /// `SELECT ... FOR UPDATE`.
    ForUpdate,
}

/// One statement of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Statement {
    /// Reads the row with this primary key.
    Get { table: TableId, key: Key, lock: Lock },
    /// Adds rows: all of them or none.
    Insert { table: TableId, rows: Vec<Row> },
    /// Replaces the row with this row's primary key.
    Update { table: TableId, row: Row },
    /// Removes the row with this primary key.
    Delete { table: TableId, key: Key },
    /// Reads, without locking, rows whose indexed columns begin with `prefix`, ascending by index and then by primary key.
    Scan { table: TableId, index: IndexId, prefix: Key, limit: u32 },
}

/// What a statement came to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Answer {
    /// The rows of a `Get` (none or one) or of a `Scan`.
    Rows(Vec<Row>),
    /// How many rows an `Insert`, `Update` or `Delete` changed.
    Changed(u32),
}

impl Answer {
    /// The rows of a read.
    pub fn rows(self) -> Result<Vec<Row>, DatabaseError> {
        match self {
            Self::Rows(rows) => Ok(rows),
            Self::Changed(_) => Err(DatabaseError::Protocol),
        }
    }

    /// How many rows a write changed.
    pub fn changed(self) -> Result<u32, DatabaseError> {
        match self {
            Self::Changed(count) => Ok(count),
            Self::Rows(_) => Err(DatabaseError::Protocol),
        }
    }
}

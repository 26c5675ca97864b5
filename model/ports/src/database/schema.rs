//! What a table looks like: constants that services, the model and the live client share.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Key, Row, RowError, Value};

/// A table, as a number so that frames stay small. Unique within a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TableId(pub u8);

/// An index, as its position in [`TableSchema::indexes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IndexId(pub u8);

/// The kind of value that a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ColumnKind {
    Bool,
    Int,
    Text,
    Bytes,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: ColumnKind,
    pub nullable: bool,
}

/// An index over some columns. A unique one leaves out rows in which an indexed column is null (`NULLS DISTINCT`, PostgreSQL's default),
/// so a nullable column says "at most one of these at a time".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    pub name: &'static str,
    /// Positions in [`TableSchema::columns`].
    pub columns: &'static [usize],
    pub unique: bool,
}

/// A table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TableSchema {
    pub id: TableId,
    pub name: &'static str,
    pub columns: &'static [Column],
    /// Positions in [`columns`](Self::columns); none of them nullable.
    pub primary_key: &'static [usize],
    pub indexes: &'static [Index],
}

impl TableSchema {
    /// The row's primary key.
    ///
    /// # Panics
    /// If the row was not [checked](Self::check) and is too short.
    pub fn key_of(&self, row: &[Value]) -> Key {
        project(row, self.primary_key)
    }

    /// The index with this number.
    pub fn index(&self, id: IndexId) -> Option<&'static Index> {
        self.indexes.get(usize::from(id.0))
    }

    /// Whether the row has the columns, kinds and non-null values that the table wants.
    pub fn check(&self, row: &Row) -> Result<(), RowError> {
        if row.len() != self.columns.len() {
            return Err(RowError::Width { table: self.id, expected: self.columns.len(), found: row.len() });
        }
        for (position, (column, value)) in self.columns.iter().zip(row).enumerate() {
            let fits = match (value, column.kind) {
                (Value::Null, _) => column.nullable,
                (Value::Bool(_), ColumnKind::Bool)
                | (Value::Int(_), ColumnKind::Int)
                | (Value::Text(_), ColumnKind::Text)
                | (Value::Bytes(_), ColumnKind::Bytes) => true,
                _ => false,
            };
            if !fits {
                return Err(RowError::Value { table: self.id, column: position as u16 });
            }
        }
        Ok(())
    }
}

impl Index {
    /// The row's values of the indexed columns.
    pub fn key_of(&self, row: &[Value]) -> Key {
        project(row, self.columns)
    }
}

fn project(row: &[Value], positions: &[usize]) -> Key {
    positions.iter().map(|&position| row[position].clone()).collect()
}

impl fmt::Debug for TableSchema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TableSchema({})", self.name)
    }
}

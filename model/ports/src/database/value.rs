//! What a cell, a row and a key hold. No floats: rows are compared, ordered and hashed.

use serde::{Deserialize, Serialize};

/// One value of one column. Values of a column have one kind, or are [`Null`](Value::Null), which sorts last in an index, as PostgreSQL has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value {
    Bool(bool),
    Int(i64),
    Text(String),
    Bytes(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Absent. Declared last so that the derived order puts it last.
    Null,
}

/// The values of a row, in the order of the schema's columns.
pub type Row = Vec<Value>;

/// The values of a key, in the order of the key's columns.
pub type Key = Vec<Value>;

impl Value {
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Bytes that the value takes on a page or on the wire: PostgreSQL's sizes (`bigint` 8, `boolean` 1, a short varlena header 1).
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Int(_) => 8,
            Self::Text(text) => 1 + text.len(),
            Self::Bytes(bytes) => 1 + bytes.len(),
        }
    }
}

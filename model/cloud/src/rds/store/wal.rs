//! The write-ahead log's records: what a commit changed, and how many bytes that takes in PostgreSQL's log.
//!
//! PostgreSQL logs each change as it is made; here a transaction's changes are logged together with its commit, so a transaction
//! that rolls back, or only locks rows, logs nothing. Full-page images after a checkpoint are not modelled.

use std::fmt;

use ports::database::{TableId, TableSchema, Value};
use ports::observe;
use serde::{Deserialize, Serialize};

use super::shared::Shared;
use super::transaction_id::TransactionId;

/// A position in the write-ahead log: bytes since the beginning of the store's history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lsn(pub u64);

impl fmt::Display for Lsn {
    /// As PostgreSQL writes it: the upper and the lower half in hexadecimal.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

/// One row before and after: none before is an insertion, none after a deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub table: TableId,
    pub key: Shared<Value>,
    pub before: Option<Shared<Value>>,
    pub after: Option<Shared<Value>>,
}

impl From<&Change> for observe::Change {
    fn from(change: &Change) -> Self {
        Self {
            table: change.table,
            key: change.key.to_vec(),
            before: change.before.as_deref().map(<[Value]>::to_vec),
            after: change.after.as_deref().map(<[Value]>::to_vec),
        }
    }
}

/// One committed transaction. Cloning it copies no rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalRecord {
    /// Where the record ends; it begins `bytes` before.
    pub lsn: Lsn,
    /// The reign of one writable node that the record belongs to: PostgreSQL's timeline.
    pub epoch: u64,
    pub transaction: TransactionId,
    /// In the order in which they were made: a row that was written twice is here twice.
    pub changes: Shared<Change>,
    /// What the transaction takes in the log, in bytes.
    pub bytes: u32,
}

impl WalRecord {
    /// The changes as observers want them.
    #[must_use]
    pub fn observed_changes(&self) -> Vec<observe::Change> {
        self.changes.iter().map(observe::Change::from).collect()
    }
}

// Sizes are those of PostgreSQL 15's structures (source: its headers xlogrecord.h, heapam_xlog.h, nbtxlog.h, itup.h, xact.h).
/// `XLogRecord` 24, one `XLogRecordBlockHeader` with its relation and block number 20, `XLogRecordDataHeaderShort` 2.
const HEADERS_BYTES: usize = 46;
/// `xl_heap_insert` 3, `xl_heap_header` 5.
const HEAP_INSERT_BYTES: usize = 8;
/// `xl_heap_update` 14, `xl_heap_header` 5. What PostgreSQL saves by leaving out a common prefix or suffix is not modelled.
const HEAP_UPDATE_BYTES: usize = 19;
/// `xl_heap_delete`.
const HEAP_DELETE_BYTES: usize = 8;
/// `xl_btree_insert` 2, `IndexTupleData` 8.
const INDEX_INSERT_BYTES: usize = 10;
/// `XLogRecord` 24, `XLogRecordDataHeaderShort` 2, `xl_xact_commit` 8, to a multiple of eight.
pub(super) const COMMIT_BYTES: u64 = 40;

/// Bytes that one change of a row takes in the log, with its index entries. A deletion leaves the indexes alone; an update touches
/// all of them or, where no indexed column changes (heap-only tuple), none.
pub(super) fn change_bytes(schema: &TableSchema, before: Option<&[Value]>, after: Option<&[Value]>) -> u64 {
    let Some(row) = after else {
        return aligned(HEADERS_BYTES + HEAP_DELETE_BYTES);
    };
    let tuple: usize = row.iter().map(Value::size_bytes).sum();
    let Some(before) = before else {
        return aligned(HEADERS_BYTES + HEAP_INSERT_BYTES + tuple) + index_bytes(schema, row);
    };
    let heap = aligned(HEADERS_BYTES + HEAP_UPDATE_BYTES + tuple);
    let is_heap_only = schema.indexes.iter().all(|index| index.columns.iter().all(|&at| before[at] == row[at]));
    if is_heap_only { heap } else { heap + index_bytes(schema, row) }
}

fn index_bytes(schema: &TableSchema, row: &[Value]) -> u64 {
    let indexes = schema.indexes.iter().map(|index| index.columns);
    std::iter::once(schema.primary_key)
        .chain(indexes)
        .map(|columns| {
            let key: usize = columns.iter().map(|&at| row[at].size_bytes()).sum();
            aligned(HEADERS_BYTES + INDEX_INSERT_BYTES + key)
        })
        .sum()
}

/// `MAXALIGN` on 64-bit machines: records begin at multiples of eight.
fn aligned(bytes: usize) -> u64 {
    (bytes as u64).next_multiple_of(8)
}

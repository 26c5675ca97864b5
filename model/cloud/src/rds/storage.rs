//! What a server keeps on its volume: the write-ahead log, the base that the last checkpoint left, and the history of
//! reigns that its log belongs to.

use std::time::Duration;

use ports::database::TableSchema;
use runtime::disk::{self, Log};

use super::history::{Position, Reign};
use super::store::{Checkpoint, Lsn, Store, WalRecord};

/// A checkpoint's writes reach the volume in this many pieces, so that commits find room between them. Assumption.
const CHECKPOINT_PIECES: u32 = 64;
/// What a small control file takes when it is written. PostgreSQL documentation: `pg_control` is one block of 8 KiB.
const CONTROL_FILE_BYTES: u32 = 8 << 10;

/// One server's files.
pub(super) struct Storage {
    tables: &'static [&'static TableSchema],
    log: Log<WalRecord>,
    base: Log<Checkpoint>,
    history: Log<Reign>,
}

impl Storage {
    /// Opens the current host's files; empty if they were never written.
    pub fn open(tables: &'static [&'static TableSchema]) -> Self {
        Storage {
            tables,
            log: disk::open("postgres/pg_wal"),
            base: disk::open("postgres/base"),
            history: disk::open("postgres/timelines"),
        }
    }

    /// The data as the files have them: the base, then the log behind it.
    pub fn load(&self) -> Store {
        let base = self.base.records();
        let mut store = match base.last() {
            Some(base) => Store::restore(self.tables, base),
            None => Store::new(self.tables),
        };
        for record in self.log.records().iter() {
            store.apply(record);
        }
        store
    }

    /// How far the log reaches.
    pub fn position(&self) -> Position {
        if let Some(record) = self.log.records().last() {
            return Position { epoch: record.epoch, lsn: record.lsn };
        }
        match self.base.records().last() {
            Some(base) => Position { epoch: base.epoch, lsn: base.lsn },
            None => Position { epoch: 0, lsn: Lsn::default() },
        }
    }

    /// Bytes of log behind the last checkpoint: what crash recovery replays.
    pub fn tail_bytes(&self) -> u64 {
        self.log.records().iter().map(|record| u64::from(record.bytes)).sum()
    }

    /// The log after `lsn`, unless a checkpoint made an end of it.
    pub fn records_after(&self, lsn: Lsn) -> Option<Vec<WalRecord>> {
        let oldest = self.base.records().last().map_or(Lsn::default(), |base| base.lsn);
        if lsn < oldest {
            return None;
        }
        let records = self.log.records();
        let from = records.partition_point(|record| record.lsn <= lsn);
        Some(records[from..].to_vec())
    }

    /// Writes a record: durable after [`flush`](Self::flush).
    pub fn append(&self, record: WalRecord) {
        let bytes = record.bytes;
        self.log.append(record, bytes);
    }

    pub async fn flush(&self) {
        self.log.flush().await;
    }

    /// Reads what crash recovery replays, at `bytes_per_s` if the volume is not slower.
    pub async fn replay(&self, bytes_per_s: u64) {
        let bytes = self.tail_bytes();
        let done = runtime::now() + transfer(bytes, bytes_per_s);
        if bytes > 0 {
            self.log.charge_read(bytes).await;
            runtime::sleep_until(done).await;
        }
    }

    /// Makes `base` durable, its writes spread over `spread`, and forgets the log that it covers. As many bytes reach the
    /// volume as the log grew by (assumption: a page is dirtied once for each page of log).
    pub async fn checkpoint(&self, base: Checkpoint, spread: Duration) {
        let lsn = base.lsn;
        let covered = self.log.records().partition_point(|record| record.lsn <= lsn);
        let bytes: u64 = self.log.records()[..covered].iter().map(|record| u64::from(record.bytes)).sum();
        if bytes > 0 {
            for _ in 0..CHECKPOINT_PIECES {
                self.base.charge_read(bytes / u64::from(CHECKPOINT_PIECES)).await;
                runtime::sleep(spread / CHECKPOINT_PIECES).await;
            }
        }
        self.replace_base(base).await;
        let covered = self.log.records().partition_point(|record| record.lsn <= lsn);
        self.log.drop_oldest(covered);
    }

    async fn replace_base(&self, base: Checkpoint) {
        self.base.append(base, CONTROL_FILE_BYTES);
        self.base.flush().await;
        let older = self.base.records().len() - 1;
        self.base.drop_oldest(older);
    }

    /// Throws the own data away for another server's. `copying` is how long the bytes take to come over.
    pub async fn rebuild(&self, history: Vec<Reign>, base: Checkpoint, copying: Duration) {
        self.log.truncate(0);
        self.log.flush().await;
        runtime::sleep(copying).await;
        self.replace_base(base).await;
        self.adopt(history).await;
    }

    /// Takes over the primary's history: the own log is a part of it.
    pub async fn adopt(&self, history: Vec<Reign>) {
        if *self.history.records() == *history {
            return;
        }
        self.history.truncate(0);
        for reign in history {
            self.history.append(reign, CONTROL_FILE_BYTES);
        }
        self.history.flush().await;
    }

    /// Begins a reign where the log stands.
    pub async fn begin_reign(&self, reign: Reign) {
        self.history.append(reign, CONTROL_FILE_BYTES);
        self.history.flush().await;
    }

    pub fn history(&self) -> Vec<Reign> {
        self.history.records().to_vec()
    }

    /// The latest epoch in which this server, or one whose log it follows, reigned.
    pub fn last_epoch(&self) -> u64 {
        self.history.records().last().map_or(0, |reign| reign.epoch)
    }
}

/// How long `bytes` take at `bytes_per_s`.
pub(super) fn transfer(bytes: u64, bytes_per_s: u64) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(bytes_per_s.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

//! What each statement does, as PostgreSQL does it. At READ COMMITTED it reads what is committed at its instant and what its own
//! transaction wrote, and after a wait for a row it goes on with the version that is committed then. At the levels above it
//! reads what was committed at its transaction's first statement, and a row that changed since cannot be locked or written.

use ports::database::{
    Answer, Column, ColumnKind, DatabaseError, IndexId, Isolation, Key, Lock, Row, RowError, Statement, TableId, Value,
};

use super::index::entry_of;
use super::locks::{Access, Intent};
use super::serializable::{Read, Write};
use super::table::{Conflict, Pending, Reader};
use super::{Change, Execution, Progress, Shared, State, Store, TransactionId};

/// Why a statement has no answer yet, or none at all.
enum Stop {
    Blocked(TransactionId),
    Failed(DatabaseError),
}

impl From<DatabaseError> for Stop {
    fn from(error: DatabaseError) -> Self {
        Self::Failed(error)
    }
}

impl From<RowError> for Stop {
    fn from(error: RowError) -> Self {
        Self::Failed(error.into())
    }
}

impl Store {
    /// Runs a statement of an open transaction, or goes on with one that was blocked.
    ///
    /// # Panics
    /// If the transaction is blocked on a row and this is not the statement that was.
    pub fn execute(&mut self, id: TransactionId, statement: &Statement) -> Execution {
        match self.transactions.get(&id).map(|transaction| &transaction.state) {
            Some(State::Active) => {}
            Some(State::Aborted) | None => return Execution::Failed(DatabaseError::TransactionAborted),
            Some(State::Committing(_)) => return Execution::Failed(DatabaseError::Protocol),
        }
        let outcome = self.run(id, statement);
        let transaction = self.transactions.get_mut(&id).expect("a statement does not end its transaction");
        match outcome {
            Err(Stop::Blocked(on)) => Execution::Blocked { on },
            Err(Stop::Failed(error)) => {
                transaction.state = State::Aborted;
                Execution::Failed(error)
            }
            Ok(answer) => {
                transaction.progress = Progress::default();
                transaction.wait = None;
                Execution::Done(answer)
            }
        }
    }

    fn run(&mut self, id: TransactionId, statement: &Statement) -> Result<Answer, Stop> {
        let reader = self.reader(id)?;
        match statement {
            Statement::Get { table, key, lock } => self.get(reader, *table, key, *lock),
            Statement::Insert { table, rows } => self.insert(id, *table, rows),
            Statement::Update { table, row } => self.update(reader, *table, row),
            Statement::Delete { table, key } => self.delete(reader, *table, key),
            Statement::Scan { table, index, prefix, limit } => self.scan(reader, *table, *index, prefix, *limit),
        }
    }

    /// The transaction as its statements read. Its first one takes the snapshot, where the isolation level has one.
    fn reader(&mut self, id: TransactionId) -> Result<Reader, Stop> {
        let transaction = self.transactions.get_mut(&id).expect("only open transactions run statements");
        if transaction.isolation == Isolation::ReadCommitted {
            return Ok(Reader { id, snapshot: None });
        }
        let is_serializable = transaction.isolation == Isolation::Serializable;
        if transaction.snapshot.is_none() {
            transaction.snapshot = Some(self.snapshots.open());
            if is_serializable {
                self.serializable.begin(id);
            }
        }
        if is_serializable {
            self.serializable.check(id)?;
        }
        Ok(Reader { id, snapshot: transaction.snapshot })
    }

    fn is_serializable(&self, id: TransactionId) -> bool {
        self.transactions[&id].isolation == Isolation::Serializable
    }

    fn get(&mut self, reader: Reader, table: TableId, key: &Key, lock: Lock) -> Result<Answer, Stop> {
        let table = self.table_for_key(table, key)?;
        let is_there = match lock {
            Lock::None => true,
            Lock::ForUpdate => self.hold_or_stop(reader, table, key, Intent::Lock)?,
        };
        self.note_key(reader, table, key)?;
        let rows = self.tables[table].get(key, reader).filter(|_| is_there);
        Ok(Answer::Rows(rows.map(|row| row.to_vec()).collect()))
    }

    fn scan(
        &mut self,
        reader: Reader,
        table: TableId,
        index: IndexId,
        prefix: &Key,
        limit: u32,
    ) -> Result<Answer, Stop> {
        let missing = DatabaseError::NoSuchTable { table, index: Some(index) };
        let position = self.position(table).ok_or(missing.clone())?;
        let schema = self.tables[position].schema;
        let columns = schema.index(index).ok_or(missing)?.columns;
        check_values(table, schema.columns, columns, prefix)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let rows = self.tables[position].scan(usize::from(index.0), prefix, limit, reader);
        if limit > 0 && self.is_serializable(reader.id) {
            let last = rows.last().filter(|_| rows.len() == limit);
            let up_to = last.map(|row| entry_of(&schema.indexes[usize::from(index.0)], row, &schema.key_of(row)));
            let range = Read::Range { table: position, index: usize::from(index.0), prefix: prefix.clone(), up_to };
            self.serializable.read(reader.id, range)?;
        }
        Ok(Answer::Rows(rows))
    }

    fn insert(&mut self, id: TransactionId, table: TableId, rows: &[Row]) -> Result<Answer, Stop> {
        let position = self.table(table)?;
        let schema = self.tables[position].schema;
        rows.iter().try_for_each(|row| schema.check(row))?;
        let progress = self.progress(id);
        for (count, row) in rows.iter().enumerate().skip(progress.rows) {
            let key = schema.key_of(row);
            if !(progress.is_row_written && count == progress.rows) {
                match self.tables[position].key_conflict(&key, id) {
                    None => self.write(id, position, &key, Some(row))?,
                    Some(conflict) => return Err(self.stop(id, table, None, conflict)),
                }
            }
            self.add_to_indexes(id, position, &key, row)?;
            self.set_progress(id, Progress { rows: count + 1, is_row_written: false });
        }
        Ok(Answer::Changed(u32::try_from(rows.len()).unwrap_or(u32::MAX)))
    }

    fn update(&mut self, reader: Reader, table: TableId, row: &Row) -> Result<Answer, Stop> {
        let id = reader.id;
        let position = self.table(table)?;
        let schema = self.tables[position].schema;
        schema.check(row)?;
        let key = schema.key_of(row);
        if !self.progress(id).is_row_written {
            let is_there = self.hold_or_stop(reader, position, &key, Intent::Write)?;
            self.note_key(reader, position, &key)?;
            if !is_there {
                return Ok(Answer::Changed(0));
            }
            self.write(id, position, &key, Some(row))?;
        }
        self.add_to_indexes(id, position, &key, row)?;
        Ok(Answer::Changed(1))
    }

    fn delete(&mut self, reader: Reader, table: TableId, key: &Key) -> Result<Answer, Stop> {
        let table = self.table_for_key(table, key)?;
        let is_there = self.hold_or_stop(reader, table, key, Intent::Write)?;
        self.note_key(reader, table, key)?;
        if !is_there {
            return Ok(Answer::Changed(0));
        }
        self.write(reader.id, table, key, None)?;
        Ok(Answer::Changed(1))
    }

    /// Notes that a serializable transaction has read what is under this key.
    fn note_key(&mut self, reader: Reader, table: usize, key: &[Value]) -> Result<(), Stop> {
        if self.is_serializable(reader.id) {
            self.serializable.read(reader.id, Read::Key { table, key: key.into() })?;
        }
        Ok(())
    }

    /// Whether there is a row to hold; stops if somebody else holds it, or if it is not the one that the snapshot sees.
    fn hold_or_stop(&mut self, reader: Reader, table: usize, key: &[Value], intent: Intent) -> Result<bool, Stop> {
        match self.hold(reader, table, key, intent) {
            Access::Held => Ok(true),
            Access::NoRow => Ok(false),
            Access::Changed => Err(DatabaseError::SerialisationFailure.into()),
            Access::Blocked(on) => Err(Stop::Blocked(on)),
        }
    }

    /// Gives a row that the transaction holds, or that nobody has, a version that is not committed.
    fn write(&mut self, id: TransactionId, table: usize, key: &[Value], row: Option<&Row>) -> Result<(), Stop> {
        let Self { tables, transactions, serializable, .. } = self;
        let transaction = transactions.get_mut(&id).expect("only open transactions run statements");
        let table_id = tables[table].schema.id;
        let rows = &mut tables[table].rows;
        let shared_key = rows.get_key_value(key).map_or_else(|| Shared::from(key), |(shared, _)| shared.clone());
        let slot = rows.entry(shared_key.clone()).or_default();
        let before = slot.seen_by(id).cloned();
        let after = row.map(|row| Shared::from(row.as_slice()));
        let held = slot.held.get_or_insert_default();
        if held.holder != Some(id) {
            assert!(held.holder.is_none() && held.queue.is_empty(), "a row is written by who holds it");
            held.holder = Some(id);
            transaction.held.push((table, shared_key.clone()));
        }
        let was_another_row = held.pending.as_ref().is_some_and(|pending| pending.is_another_row);
        let is_another_row = was_another_row || (before.is_none() && slot.committed.is_some());
        let is_rewritten = held.pending.is_some();
        held.pending = Some(Pending { row: after.clone(), is_another_row, is_rewritten });
        transaction.progress.is_row_written = true;
        let change = Change { table: table_id, key: shared_key, before, after };
        let noted = if transaction.isolation == Isolation::Serializable {
            serializable.write(id, Write { table, schema: tables[table].schema, change: change.clone() })
        } else {
            Ok(())
        };
        transaction.changes.push(change);
        noted.map_err(Stop::from)
    }

    fn add_to_indexes(&mut self, id: TransactionId, table: usize, key: &[Value], row: &[Value]) -> Result<(), Stop> {
        let schema = self.tables[table].schema;
        for (index, index_id) in (0..schema.indexes.len()).zip(0..) {
            if let Err(conflict) = self.tables[table].add_to_index(index, key, row, id) {
                return Err(self.stop(id, schema.id, Some(IndexId(index_id)), conflict));
            }
        }
        Ok(())
    }

    fn stop(&mut self, id: TransactionId, table: TableId, index: Option<IndexId>, conflict: Conflict) -> Stop {
        match conflict {
            Conflict::Duplicate => Stop::Failed(DatabaseError::UniqueViolation { table, index }),
            Conflict::Undecided(other) => {
                self.await_end(id, other);
                Stop::Blocked(other)
            }
        }
    }

    fn table(&self, table: TableId) -> Result<usize, Stop> {
        self.position(table).ok_or(Stop::Failed(DatabaseError::NoSuchTable { table, index: None }))
    }

    fn table_for_key(&self, table: TableId, key: &Key) -> Result<usize, Stop> {
        let position = self.table(table)?;
        let schema = self.tables[position].schema;
        if key.len() != schema.primary_key.len() {
            let (expected, found) = (schema.primary_key.len(), key.len());
            return Err(RowError::Width { table, expected, found }.into());
        }
        check_values(table, schema.columns, schema.primary_key, key)?;
        Ok(position)
    }

    fn progress(&self, id: TransactionId) -> Progress {
        self.transactions[&id].progress
    }

    fn set_progress(&mut self, id: TransactionId, progress: Progress) {
        self.transactions.get_mut(&id).expect("only open transactions run statements").progress = progress;
    }
}

/// Whether the values of a key, or of its beginning, are of their columns' kinds. A null is of every kind.
fn check_values(table: TableId, columns: &[Column], positions: &[usize], values: &[Value]) -> Result<(), RowError> {
    if values.len() > positions.len() {
        return Err(RowError::Width { table, expected: positions.len(), found: values.len() });
    }
    for (&position, value) in positions.iter().zip(values) {
        if !fits(columns[position].kind, value) {
            return Err(RowError::Value { table, column: u16::try_from(position).unwrap_or(u16::MAX) });
        }
    }
    Ok(())
}

fn fits(kind: ColumnKind, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) => kind == ColumnKind::Bool,
        Value::Int(_) => kind == ColumnKind::Int,
        Value::Text(_) => kind == ColumnKind::Text,
        Value::Bytes(_) => kind == ColumnKind::Bytes,
    }
}

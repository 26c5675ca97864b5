//! A database in memory: one transaction at a time, which is more than READ COMMITTED promises and all that these tests need.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use platform::domain::schema::TABLES;
use ports::database::{
    Answer, Database, DatabaseError, Isolation, Key, Record, Row, Statement, TableId, TableSchema, Transaction,
};
use runtime::Time;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// How long a statement takes.
const STATEMENT: Duration = Duration::from_micros(300);

type Rows = BTreeMap<TableId, BTreeMap<Key, Row>>;

#[derive(Default)]
struct Shared {
    rows: RefCell<Rows>,
    turn: Arc<Mutex<()>>,
    commits: Cell<u32>,
    doubt_every: Cell<Option<u32>>,
    up_since: Cell<Time>,
}

/// Clones share the data.
#[derive(Clone, Default)]
pub struct Memory(Rc<Shared>);

impl Memory {
    /// From now on the fate of every `every`th commit is not told: half of these happen.
    pub fn doubt(&self, every: u32) {
        self.0.doubt_every.set(Some(every));
    }

    /// Accepts nobody before this moment.
    pub fn down_until(&self, up: Time) {
        self.0.up_since.set(up);
    }

    /// Has what the other has now.
    pub fn copy_from(&self, other: &Memory) {
        *self.0.rows.borrow_mut() = other.0.rows.borrow().clone();
    }

    /// Every row of a table.
    pub fn all<T: Record>(&self) -> Vec<T> {
        let rows = self.0.rows.borrow();
        let table = rows.get(&T::SCHEMA.id).into_iter().flat_map(BTreeMap::values);
        table.map(|row| T::from_row(row).expect("what was written fits its table")).collect()
    }
}

impl Database for Memory {
    type Transaction = Open;

    async fn begin(&self, _: Isolation, deadline: Time) -> Result<Open, DatabaseError> {
        runtime::sleep(STATEMENT).await;
        if runtime::now() < self.0.up_since.get() {
            return Err(DatabaseError::NotAccepting);
        }
        let wait = deadline.since(runtime::now());
        let turn = runtime::timeout(wait, self.0.turn.clone().lock_owned()).await;
        let turn = turn.map_err(|_| DatabaseError::DeadlineExceeded)?;
        Ok(Open { shared: self.0.clone(), undo: Vec::new(), _turn: turn })
    }
}

/// A transaction: it changes the rows in place and knows how to change them back.
pub struct Open {
    shared: Rc<Shared>,
    undo: Vec<(TableId, Key, Option<Row>)>,
    _turn: OwnedMutexGuard<()>,
}

impl Open {
    fn put(&mut self, table: TableId, key: Key, row: Option<Row>) {
        let mut rows = self.shared.rows.borrow_mut();
        let rows = rows.entry(table).or_default();
        let before = match row {
            Some(row) => rows.insert(key.clone(), row),
            None => rows.remove(&key),
        };
        self.undo.push((table, key, before));
    }

    fn check_unique(&self, schema: &TableSchema, key: &Key, row: &Row) -> Result<(), DatabaseError> {
        let rows = self.shared.rows.borrow();
        let Some(rows) = rows.get(&schema.id) else { return Ok(()) };
        for (index, number) in schema.indexes.iter().zip(0..).filter(|(index, _)| index.unique) {
            let value = index.key_of(row);
            let taken = rows.iter().any(|(other, row)| other != key && index.key_of(row) == value);
            if taken && !value.iter().any(|cell| cell.is_null()) {
                let index = Some(ports::database::IndexId(number));
                return Err(DatabaseError::UniqueViolation { table: schema.id, index });
            }
        }
        Ok(())
    }

    fn write(&mut self, schema: &TableSchema, row: Row, insert: bool) -> Result<u32, DatabaseError> {
        schema.check(&row)?;
        let key = schema.key_of(&row);
        let exists = self.shared.rows.borrow().get(&schema.id).is_some_and(|rows| rows.contains_key(&key));
        match (exists, insert) {
            (true, true) => return Err(DatabaseError::UniqueViolation { table: schema.id, index: None }),
            (false, false) => return Ok(0),
            _ => {}
        }
        self.check_unique(schema, &key, &row)?;
        self.put(schema.id, key, Some(row));
        Ok(1)
    }
}

impl Transaction for Open {
    async fn execute(&mut self, statement: Statement) -> Result<Answer, DatabaseError> {
        runtime::sleep(STATEMENT).await;
        let schema = |table: TableId| {
            let schema = TABLES.iter().find(|schema| schema.id == table);
            schema.ok_or(DatabaseError::NoSuchTable { table, index: None })
        };
        Ok(match statement {
            Statement::Get { table, key, .. } => {
                let rows = self.shared.rows.borrow();
                Answer::Rows(rows.get(&table).and_then(|rows| rows.get(&key)).cloned().into_iter().collect())
            }
            Statement::Insert { table, rows } => {
                let mut changed = 0;
                for row in rows {
                    changed += self.write(schema(table)?, row, true)?;
                }
                Answer::Changed(changed)
            }
            Statement::Update { table, row } => Answer::Changed(self.write(schema(table)?, row, false)?),
            Statement::Delete { table, key } => {
                self.put(table, key, None);
                Answer::Changed(u32::from(self.undo.last().is_some_and(|(_, _, before)| before.is_some())))
            }
            Statement::Scan { table, index, prefix, limit } => {
                let index = schema(table)?.index(index).expect("services name indexes by their constants");
                let rows = self.shared.rows.borrow();
                let rows = rows.get(&table).into_iter().flatten();
                let mut found: Vec<(Key, &Key, &Row)> = rows
                    .map(|(key, row)| (index.key_of(row), key, row))
                    .filter(|(indexed, _, _)| indexed.starts_with(&prefix))
                    .collect();
                found.sort_unstable();
                found.truncate(limit as usize);
                Answer::Rows(found.into_iter().map(|(_, _, row)| row.clone()).collect())
            }
        })
    }

    async fn commit(mut self) -> Result<(), DatabaseError> {
        runtime::sleep(STATEMENT).await;
        let commits = self.shared.commits.get() + 1;
        self.shared.commits.set(commits);
        let doubt = self.shared.doubt_every.get().is_some_and(|every| commits.is_multiple_of(every));
        if !doubt || commits.is_multiple_of(2) {
            self.undo.clear();
        }
        if doubt { Err(DatabaseError::CommitUnknown) } else { Ok(()) }
    }

    async fn rollback(self) -> Result<(), DatabaseError> {
        Ok(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut rows = self.shared.rows.borrow_mut();
        for (table, key, before) in self.undo.drain(..).rev() {
            let rows = rows.entry(table).or_default();
            match before {
                Some(row) => rows.insert(key, row),
                None => rows.remove(&key),
            };
        }
    }
}

//! Tests of the store: examples of what PostgreSQL documents, and random histories against a model that scans everything.

mod commits;
mod histories;
mod isolation;
mod locking;
mod model;
mod uniqueness;

use ports::database::{Answer, IntoKey, Isolation, Lock, Record, Statement, TableSchema};
use ports::record;

use super::{Execution, Store, TransactionId, WalRecord};

record! {
    struct Item in "items" as 3 {
        id: i64,
        tag: Option<i64>,
        shelf: i64,
        amount: i64,
    }
    key(id)
    unique BY_TAG(tag)
    plain BY_SHELF(shelf, amount)
}

record! {
    struct Seat in "seats" as 5 {
        row: i64,
        number: i64,
        night: i64,
        holder: Option<i64>,
    }
    key(row, number)
    unique BY_HOLDER(night, holder)
}

static TABLES: &[&TableSchema] = &[Item::SCHEMA, Seat::SCHEMA];

fn item(id: i64, amount: i64) -> Item {
    Item { id, tag: None, shelf: 0, amount }
}

fn tagged(id: i64, tag: i64) -> Item {
    Item { id, tag: Some(tag), shelf: 0, amount: 0 }
}

fn get(id: i64, lock: Lock) -> Statement {
    Statement::Get { table: Item::SCHEMA.id, key: id.into_key(), lock }
}

fn delete(id: i64) -> Statement {
    Statement::Delete { table: Item::SCHEMA.id, key: id.into_key() }
}

fn update(item: &Item) -> Statement {
    Statement::Update { table: Item::SCHEMA.id, row: item.to_row() }
}

fn insert<T: Record>(records: &[T]) -> Statement {
    Statement::Insert { table: T::SCHEMA.id, rows: records.iter().map(T::to_row).collect() }
}

/// A store that holds these records.
fn store_with<T: Record>(records: &[T]) -> Store {
    let mut store = Store::new(TABLES);
    let writer = begin(&mut store);
    assert_eq!(changed(&mut store, writer, &insert(records)), records.len() as u32);
    commit(&mut store, writer);
    store
}

fn begin(store: &mut Store) -> TransactionId {
    store.begin(Isolation::ReadCommitted)
}

fn blocked_on(on: TransactionId) -> Execution {
    Execution::Blocked { on }
}

fn changed(store: &mut Store, id: TransactionId, statement: &Statement) -> u32 {
    match store.execute(id, statement) {
        Execution::Done(Answer::Changed(count)) => count,
        other => panic!("{statement:?} came to {other:?}"),
    }
}

fn items(store: &mut Store, id: TransactionId, statement: &Statement) -> Vec<Item> {
    match store.execute(id, statement) {
        Execution::Done(Answer::Rows(rows)) => rows.iter().map(|row| Item::from_row(row).unwrap()).collect(),
        other => panic!("{statement:?} came to {other:?}"),
    }
}

/// What a transaction of its own sees of an item.
fn seen(store: &mut Store, id: i64) -> Option<Item> {
    let reader = begin(store);
    let item = items(store, reader, &get(id, Lock::None)).pop();
    assert_eq!(store.rollback(reader), []);
    item
}

fn commit(store: &mut Store, id: TransactionId) -> Vec<TransactionId> {
    commit_logged(store, id).1
}

fn commit_logged(store: &mut Store, id: TransactionId) -> (Option<WalRecord>, Vec<TransactionId>) {
    let record = store.commit_record(id).unwrap();
    (record, store.finish_commit(id))
}

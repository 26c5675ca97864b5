//! The log, replay and checkpoints, scans, bad statements, and what is kept.

use ports::database::{DatabaseError, IndexId, Lock, RowError, TableId, Value};

use super::*;
use crate::rds::store::Lsn;

fn scan(index: IndexId, prefix: &[i64], limit: u32) -> Statement {
    let prefix = prefix.iter().map(|&value| Value::Int(value)).collect();
    Statement::Scan { table: Item::SCHEMA.id, index, prefix, limit }
}

fn placed(id: i64, shelf: i64, amount: i64) -> Item {
    Item { id, tag: None, shelf, amount }
}

#[test]
fn a_scan_goes_by_index_and_then_by_key_and_sees_own_writes() {
    let mut store = store_with(&[placed(4, 1, 5), placed(3, 1, 5), placed(2, 1, 9), placed(1, 2, 0), placed(5, 0, 0)]);
    let (writer, reader) = (begin(&mut store), begin(&mut store));
    changed(&mut store, writer, &update(&placed(2, 1, 1)));
    changed(&mut store, writer, &delete(3));
    changed(&mut store, writer, &insert(&[placed(9, 1, 5)]));
    let ids = |items: Vec<Item>| items.into_iter().map(|item| item.id).collect::<Vec<_>>();
    assert_eq!(ids(items(&mut store, writer, &scan(Item::BY_SHELF, &[1], 10))), [2, 4, 9]);
    assert_eq!(ids(items(&mut store, reader, &scan(Item::BY_SHELF, &[1], 10))), [3, 4, 2]);
    assert_eq!(ids(items(&mut store, reader, &scan(Item::BY_SHELF, &[1], 2))), [3, 4]);
    assert_eq!(ids(items(&mut store, reader, &scan(Item::BY_SHELF, &[1, 9], 10))), [2]);
    assert_eq!(ids(items(&mut store, reader, &scan(Item::BY_SHELF, &[], 10))), [5, 3, 4, 2, 1]);
    commit(&mut store, writer);
    assert_eq!(ids(items(&mut store, reader, &scan(Item::BY_SHELF, &[1], 10))), [2, 4, 9]);
}

#[test]
fn a_record_says_what_changed_and_takes_the_bytes_that_postgresql_takes() {
    let mut store = Store::new(TABLES);
    let writer = begin(&mut store);
    changed(&mut store, writer, &insert(&[item(1, 10)]));
    changed(&mut store, writer, &update(&item(1, 11)));
    changed(&mut store, writer, &update(&item(1, 11)));
    changed(&mut store, writer, &delete(1));
    let record = store.commit_record(writer).unwrap().unwrap();
    assert_eq!(store.commit_record(writer), Ok(None), "it is written once");
    // The row has three integers: 54 + 24 is 80. Entries of 8, 0 and 16 bytes: 64, 56 and 72. The update changes the
    // index by shelf: 65 + 24 is 96, and the entries again. The second update changes no index. The deletion: 56. The commit: 40.
    assert_eq!(record.bytes, 80 + (64 + 56 + 72) + 96 + (64 + 56 + 72) + 96 + 56 + 40);
    assert_eq!(record.lsn, Lsn(u64::from(record.bytes)));
    assert_eq!(store.last_lsn(), record.lsn);
    let changes = record.observed_changes();
    assert_eq!(changes.len(), 4);
    assert_eq!((&changes[0].before, &changes[0].after), (&None, &Some(item(1, 10).to_row())));
    assert_eq!((&changes[1].before, &changes[1].after), (&changes[0].after, &Some(item(1, 11).to_row())));
    assert_eq!((&changes[3].before, &changes[3].after), (&changes[1].after, &None));
}

#[test]
fn reading_and_locking_log_nothing() {
    let mut store = store_with(&[item(1, 10)]);
    let before = store.last_lsn();
    let (reader, waiter) = (begin(&mut store), begin(&mut store));
    items(&mut store, reader, &get(1, Lock::ForUpdate));
    assert_eq!(store.execute(waiter, &delete(1)), blocked_on(reader));
    assert_eq!(store.commit_record(reader), Ok(None));
    assert_eq!(store.finish_commit(reader), [waiter]);
    assert_eq!(store.last_lsn(), before);
}

#[test]
fn replaying_twice_is_replaying_once() {
    let mut store = Store::new(TABLES);
    let mut records = Vec::new();
    for statement in [insert(&[tagged(1, 7), item(2, 0)]), update(&tagged(2, 8)), delete(1)] {
        let writer = begin(&mut store);
        changed(&mut store, writer, &statement);
        records.push(commit_logged(&mut store, writer).0.unwrap());
    }
    let mut replica = Store::new(TABLES);
    records.iter().chain(&records[1..]).for_each(|record| replica.apply(record));
    assert_eq!((replica.digest(), replica.last_lsn()), (store.digest(), store.last_lsn()));
    assert_eq!(kept(&mut replica), kept(&mut store));
    assert!(begin(&mut replica) > begin(&mut Store::restore(TABLES, &Store::new(TABLES).checkpoint())));
}

#[test]
#[should_panic(expected = "without holes")]
fn a_hole_in_the_log_is_noticed() {
    let mut store = store_with(&[item(1, 10)]);
    let writer = begin(&mut store);
    changed(&mut store, writer, &delete(1));
    let record = store.commit_record(writer).unwrap().unwrap();
    Store::new(TABLES).apply(&record);
}

#[test]
fn a_checkpoint_holds_what_the_log_holds() {
    let mut store = store_with(&[item(1, 10), item(2, 20)]);
    let (logged, open) = (begin(&mut store), begin(&mut store));
    changed(&mut store, logged, &update(&item(1, 11)));
    changed(&mut store, open, &delete(2));
    let record = store.commit_record(logged).unwrap().unwrap();
    let checkpoint = store.checkpoint();
    assert_eq!(checkpoint.lsn, record.lsn);
    let mut restored = Store::restore(TABLES, &checkpoint);
    assert_eq!(seen(&mut restored, 1), Some(item(1, 11)), "its record is in the log");
    assert_eq!(seen(&mut restored, 2), Some(item(2, 20)), "its transaction is open");
    restored.apply(&record);
    restored.begin_epoch(2);
    let writer = begin(&mut restored);
    assert!(writer > open);
    changed(&mut restored, writer, &delete(1));
    assert_eq!(restored.commit_record(writer).unwrap().unwrap().epoch, 2);
}

#[test]
fn what_is_superseded_is_gone() {
    let mut store = store_with(&[item(1, 0), item(2, 0)]);
    let at_rest = kept(&mut store);
    for round in 1..=1000 {
        let writer = begin(&mut store);
        changed(&mut store, writer, &update(&tagged(1, round)));
        changed(&mut store, writer, &update(&item(1, round)));
        changed(&mut store, writer, &delete(2));
        changed(&mut store, writer, &insert(&[tagged(3, round)]));
        if round % 2 == 0 {
            store.rollback(writer)
        } else {
            commit(&mut store, writer)
        };
        let restorer = begin(&mut store);
        store.execute(restorer, &delete(3));
        if seen(&mut store, 2).is_none() {
            changed(&mut store, restorer, &insert(&[item(2, 0)]));
        }
        commit(&mut store, restorer);
        assert_eq!(kept(&mut store), at_rest);
    }
}

fn kept(store: &mut Store) -> Vec<(usize, usize, usize)> {
    store.tables.iter_mut().map(|table| (table.rows.len(), table.kept().0, table.kept().1)).collect()
}

#[test]
fn a_statement_that_does_not_fit_fails_and_aborts() {
    let table = Item::SCHEMA.id;
    let unknown = TableId(99);
    let wrong_key = RowError::Value { table, column: 0 };
    let cases = [
        (
            Statement::Insert { table: unknown, rows: vec![] },
            DatabaseError::NoSuchTable { table: unknown, index: None },
        ),
        (scan(IndexId(9), &[], 1), DatabaseError::NoSuchTable { table, index: Some(IndexId(9)) }),
        (scan(Item::BY_TAG, &[1, 2], 1), RowError::Width { table, expected: 1, found: 2 }.into()),
        (Statement::Delete { table, key: vec![] }, RowError::Width { table, expected: 1, found: 0 }.into()),
        (Statement::Delete { table, key: vec![Value::Bool(true)] }, wrong_key.clone().into()),
        (Statement::Update { table, row: vec![Value::Null] }, RowError::Width { table, expected: 4, found: 1 }.into()),
        (Statement::Insert { table, rows: vec![vec![Value::Null; 4]] }, wrong_key.into()),
    ];
    for (statement, error) in cases {
        let mut store = store_with(&[item(1, 0)]);
        let transaction = begin(&mut store);
        assert_eq!(store.execute(transaction, &statement), Execution::Failed(error));
        let next = store.execute(transaction, &get(1, Lock::None));
        assert_eq!(next, Execution::Failed(DatabaseError::TransactionAborted));
    }
}

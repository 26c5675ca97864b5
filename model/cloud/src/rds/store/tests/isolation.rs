//! The published anomalies, at each isolation level: which ones PostgreSQL allows and which it refuses (PostgreSQL 15 documentation,
//! 13.2; Berenson et al., "A critique of ANSI SQL isolation levels", 1995; Fekete et al., "A read-only transaction anomaly under
//! snapshot isolation", 2004), and what is kept for open snapshots.

use ports::database::{Answer, DatabaseError, Isolation, Lock, Value};

use super::*;
use Isolation::{ReadCommitted, RepeatableRead, Serializable};

const REFUSED: Execution = Execution::Failed(DatabaseError::SerialisationFailure);
const ABOVE_READ_COMMITTED: [Isolation; 2] = [RepeatableRead, Serializable];

fn amount(store: &mut Store, id: TransactionId, item: i64) -> Option<i64> {
    items(store, id, &get(item, Lock::None)).pop().map(|item| item.amount)
}

fn shelf(shelf: i64) -> Statement {
    Statement::Scan { table: Item::SCHEMA.id, index: Item::BY_SHELF, prefix: vec![Value::Int(shelf)], limit: u32::MAX }
}

fn ids(store: &mut Store, id: TransactionId, statement: &Statement) -> Vec<i64> {
    items(store, id, statement).into_iter().map(|item| item.id).collect()
}

fn try_commit(store: &mut Store, id: TransactionId) -> Result<(), DatabaseError> {
    let outcome = store.commit_record(id).map(|_| ());
    store.finish_commit(id);
    outcome
}

fn set(store: &mut Store, item_id: i64, amount: i64) {
    let writer = begin(store);
    changed(store, writer, &update(&item(item_id, amount)));
    commit(store, writer);
}

#[test]
fn an_unrepeatable_read_happens_at_read_committed_only() {
    for (isolation, second_read) in [(ReadCommitted, 11), (RepeatableRead, 10), (Serializable, 10)] {
        let mut store = store_with(&[item(1, 10)]);
        let reader = store.begin(isolation);
        assert_eq!(amount(&mut store, reader, 1), Some(10));
        set(&mut store, 1, 11);
        assert_eq!(amount(&mut store, reader, 1), Some(second_read), "{isolation:?}");
        assert_eq!(try_commit(&mut store, reader), Ok(()));
    }
}

#[test]
fn a_snapshot_is_taken_by_the_first_statement() {
    let mut store = store_with(&[item(1, 10)]);
    let reader = store.begin(RepeatableRead);
    set(&mut store, 1, 11);
    assert_eq!(amount(&mut store, reader, 1), Some(11));
    set(&mut store, 1, 12);
    assert_eq!(amount(&mut store, reader, 1), Some(11));
}

#[test]
fn a_phantom_appears_at_read_committed_only() {
    for (isolation, second_read) in
        [(ReadCommitted, vec![2, 3]), (RepeatableRead, vec![1, 2]), (Serializable, vec![1, 2])]
    {
        let mut store = store_with(&[item(1, 10), item(2, 20)]);
        let (reader, writer) = (store.begin(isolation), begin(&mut store));
        assert_eq!(ids(&mut store, reader, &shelf(0)), [1, 2]);
        changed(&mut store, writer, &delete(1));
        changed(&mut store, writer, &insert(&[item(3, 30)]));
        commit(&mut store, writer);
        assert_eq!(ids(&mut store, reader, &shelf(0)), second_read, "{isolation:?}");
    }
}

#[test]
fn read_skew_happens_at_read_committed_only() {
    for (isolation, other_half) in [(ReadCommitted, 80), (RepeatableRead, 50), (Serializable, 50)] {
        let mut store = store_with(&[item(1, 50), item(2, 50)]);
        let (reader, writer) = (store.begin(isolation), begin(&mut store));
        assert_eq!(amount(&mut store, reader, 1), Some(50));
        changed(&mut store, writer, &update(&item(1, 20)));
        changed(&mut store, writer, &update(&item(2, 80)));
        commit(&mut store, writer);
        assert_eq!(amount(&mut store, reader, 2), Some(other_half), "{isolation:?}");
    }
}

#[test]
fn above_read_committed_the_lost_update_is_refused() {
    for isolation in ABOVE_READ_COMMITTED {
        let mut store = store_with(&[item(1, 10)]);
        let (first, second) = (store.begin(isolation), store.begin(isolation));
        assert_eq!(amount(&mut store, first, 1), amount(&mut store, second, 1));
        changed(&mut store, first, &update(&item(1, 11)));
        let increment = update(&item(1, 11));
        assert_eq!(store.execute(second, &increment), blocked_on(first));
        assert_eq!(commit(&mut store, first), [second]);
        assert_eq!(store.execute(second, &increment), REFUSED);
    }
}

#[test]
fn the_first_updater_wins_and_a_rollback_lets_the_second() {
    let mut store = store_with(&[item(1, 10)]);
    let [first, second] = [(); 2].map(|()| store.begin(RepeatableRead));
    changed(&mut store, first, &delete(1));
    assert_eq!(store.execute(second, &get(1, Lock::ForUpdate)), blocked_on(first));
    assert_eq!(store.rollback(first), [second]);
    assert_eq!(items(&mut store, second, &get(1, Lock::ForUpdate)), [item(1, 10)]);
}

#[test]
fn a_row_changed_since_the_snapshot_is_refused_without_waiting_for_who_holds_it_now() {
    let mut store = store_with(&[item(1, 10)]);
    let late = store.begin(RepeatableRead);
    assert_eq!(amount(&mut store, late, 1), Some(10));
    set(&mut store, 1, 11);
    let holder = begin(&mut store);
    changed(&mut store, holder, &delete(1));
    assert_eq!(store.execute(late, &get(1, Lock::ForUpdate)), REFUSED);
}

#[test]
fn a_lock_alone_refuses_nobody() {
    let mut store = store_with(&[item(1, 10)]);
    let [first, second] = [(); 2].map(|()| store.begin(RepeatableRead));
    let lock = get(1, Lock::ForUpdate);
    items(&mut store, first, &lock);
    assert_eq!(store.execute(second, &lock), blocked_on(first));
    assert_eq!(commit(&mut store, first), [second]);
    assert_eq!(items(&mut store, second, &lock), [item(1, 10)]);
}

#[test]
fn whoever_queues_with_a_snapshot_learns_of_a_change_at_once() {
    let mut store = store_with(&[item(1, 10)]);
    let [holder, patient] = [(); 2].map(|()| begin(&mut store));
    let snapshot = store.begin(RepeatableRead);
    changed(&mut store, holder, &update(&item(1, 11)));
    assert_eq!(store.execute(patient, &delete(1)), blocked_on(holder));
    assert_eq!(store.execute(snapshot, &delete(1)), blocked_on(holder));
    assert_eq!(commit(&mut store, holder), [patient, snapshot]);
    changed(&mut store, patient, &delete(1));
    assert_eq!(store.execute(snapshot, &delete(1)), REFUSED, "though somebody holds the row again");
    assert_eq!(store.rollback(snapshot), []);
}

/// As PostgreSQL does: it locks what the row has become before it finds that it may not.
#[test]
fn whoever_queues_for_a_lock_alone_learns_of_a_change_in_its_turn() {
    let mut store = store_with(&[item(1, 10)]);
    let [holder, patient] = [(); 2].map(|()| begin(&mut store));
    let [locker, writer] = [(); 2].map(|()| store.begin(RepeatableRead));
    let lock = get(1, Lock::ForUpdate);
    changed(&mut store, holder, &update(&item(1, 11)));
    assert_eq!(store.execute(patient, &update(&item(1, 12))), blocked_on(holder));
    assert_eq!(store.execute(locker, &lock), blocked_on(holder));
    assert_eq!(store.execute(writer, &delete(1)), blocked_on(holder));
    assert_eq!(commit(&mut store, holder), [patient]);
    changed(&mut store, patient, &update(&item(1, 12)));
    assert_eq!(commit(&mut store, patient), [locker], "the writer is behind it");
    assert_eq!(store.execute(locker, &lock), REFUSED);
    assert_eq!(store.rollback(locker), [writer]);
    assert_eq!(store.execute(writer, &delete(1)), REFUSED);
}

/// As PostgreSQL does: it follows the row only from a change that it has found, and that was not taken back.
#[test]
fn whoever_queues_for_a_lock_behind_no_change_learns_of_a_later_one_at_once() {
    for locks_alone in [true, false] {
        let mut store = store_with(&[item(1, 10)]);
        let [holder, first, second] = [(); 3].map(|()| begin(&mut store));
        let locker = store.begin(RepeatableRead);
        let (lock, write) = (get(1, Lock::ForUpdate), update(&item(1, 11)));
        let held = store.execute(holder, if locks_alone { &lock } else { &write });
        assert!(matches!(held, Execution::Done(_)), "{held:?}");
        for (waiter, statement) in [(first, &write), (second, &write), (locker, &lock)] {
            assert_eq!(store.execute(waiter, statement), blocked_on(holder));
        }
        assert_eq!(store.rollback(holder), [first]);
        changed(&mut store, first, &write);
        assert_eq!(commit(&mut store, first), [second, locker]);
        changed(&mut store, second, &write);
        assert_eq!(store.execute(locker, &lock), REFUSED);
    }
}

#[test]
fn who_inserts_a_key_deleted_since_its_snapshot_sees_both_rows() {
    let mut store = store_with(&[item(1, 10)]);
    let (reader, writer) = (store.begin(RepeatableRead), begin(&mut store));
    assert_eq!(amount(&mut store, reader, 1), Some(10));
    changed(&mut store, writer, &delete(1));
    commit(&mut store, writer);
    changed(&mut store, reader, &insert(&[item(1, 11)]));
    assert_eq!(items(&mut store, reader, &get(1, Lock::None)), [item(1, 10), item(1, 11)]);
    assert_eq!(items(&mut store, reader, &shelf(0)), [item(1, 10), item(1, 11)]);
    assert_eq!(store.execute(reader, &update(&item(1, 12))), REFUSED);
}

#[test]
fn a_row_written_twice_refuses_lockers_at_once() {
    let mut store = store_with(&[item(1, 10)]);
    let [holder, patient] = [(); 2].map(|()| begin(&mut store));
    let locker = store.begin(RepeatableRead);
    changed(&mut store, holder, &update(&item(1, 11)));
    assert_eq!(store.execute(patient, &update(&item(1, 13))), blocked_on(holder));
    assert_eq!(store.execute(locker, &get(1, Lock::ForUpdate)), blocked_on(holder));
    changed(&mut store, holder, &update(&item(1, 12)));
    assert_eq!(commit(&mut store, holder), [patient, locker]);
    changed(&mut store, patient, &update(&item(1, 13)));
    assert_eq!(store.execute(locker, &get(1, Lock::ForUpdate)), REFUSED);
}

#[test]
fn who_locks_at_once_keeps_no_writer_from_its_refusal() {
    let mut store = store_with(&[item(1, 10)]);
    let [holder, locker] = [(); 2].map(|()| begin(&mut store));
    let writer = store.begin(RepeatableRead);
    changed(&mut store, holder, &update(&item(1, 11)));
    assert_eq!(store.execute(locker, &get(1, Lock::ForUpdate)), blocked_on(holder));
    assert_eq!(store.execute(writer, &delete(1)), blocked_on(holder));
    assert_eq!(commit(&mut store, holder), [locker, writer]);
    assert_eq!(items(&mut store, locker, &get(1, Lock::ForUpdate)), [item(1, 11)]);
    assert_eq!(store.execute(writer, &delete(1)), REFUSED);
}

/// Two doctors are on call; each leaves if the other stays.
#[test]
fn write_skew_happens_at_repeatable_read_and_is_refused_at_serializable() {
    for (isolation, outcome) in [(RepeatableRead, Ok(())), (Serializable, Err(DatabaseError::SerialisationFailure))] {
        let mut store = store_with(&[item(1, 1), item(2, 1)]);
        let (first, second) = (store.begin(isolation), store.begin(isolation));
        assert_eq!(amount(&mut store, first, 2), Some(1));
        assert_eq!(amount(&mut store, second, 1), Some(1));
        changed(&mut store, first, &update(&item(1, 0)));
        changed(&mut store, second, &update(&item(2, 0)));
        assert_eq!(try_commit(&mut store, first), Ok(()));
        assert_eq!(try_commit(&mut store, second), outcome, "{isolation:?}");
        assert_eq!(seen(&mut store, 2).map(|item| item.amount), Some(i64::from(isolation == Serializable)));
    }
}

/// Each takes a place on the shelf because it saw one free.
#[test]
fn write_skew_through_phantoms_is_refused_at_serializable() {
    for (isolation, outcome) in [(RepeatableRead, Ok(())), (Serializable, Err(DatabaseError::SerialisationFailure))] {
        let mut store = store_with(&[item(1, 0)]);
        let (first, second) = (store.begin(isolation), store.begin(isolation));
        assert_eq!(ids(&mut store, first, &shelf(0)), [1]);
        assert_eq!(ids(&mut store, second, &shelf(0)), [1]);
        changed(&mut store, first, &insert(&[item(2, 0)]));
        changed(&mut store, second, &insert(&[item(3, 0)]));
        assert_eq!(try_commit(&mut store, first), Ok(()));
        assert_eq!(try_commit(&mut store, second), outcome, "{isolation:?}");
    }
}

/// A report reads the batch number after the batch was closed, and the receipts before the last one of that batch came in.
#[test]
fn the_read_only_anomaly_is_refused_at_serializable() {
    for (isolation, outcome) in [(RepeatableRead, Ok(())), (Serializable, Err(DatabaseError::SerialisationFailure))] {
        let mut store = store_with(&[item(1, 7)]);
        let receipt = store.begin(isolation);
        assert_eq!(amount(&mut store, receipt, 1), Some(7));
        let closing = store.begin(isolation);
        changed(&mut store, closing, &update(&item(1, 8)));
        assert_eq!(try_commit(&mut store, closing), Ok(()));
        let report = store.begin(isolation);
        assert_eq!(amount(&mut store, report, 1), Some(8));
        assert_eq!(store.execute(report, &get(2, Lock::None)), Execution::Done(Answer::Rows(Vec::new())));
        assert_eq!(try_commit(&mut store, report), Ok(()));
        let insertion = store.execute(receipt, &insert(&[item(2, 7)]));
        let end = match insertion {
            Execution::Done(_) => try_commit(&mut store, receipt),
            Execution::Failed(error) => Err(error),
            Execution::Blocked { .. } => unreachable!("nobody is open but this one"),
        };
        assert_eq!(end, outcome, "{isolation:?}");
    }
}

/// Reads and writes that only follow one way have an order: nobody is refused.
#[test]
fn one_missed_write_alone_is_not_refused() {
    let mut store = store_with(&[item(1, 0), item(2, 0)]);
    let [reader, writer] = [(); 2].map(|()| store.begin(Serializable));
    assert_eq!(amount(&mut store, reader, 1), Some(0));
    changed(&mut store, writer, &update(&item(1, 1)));
    assert_eq!(try_commit(&mut store, writer), Ok(()));
    changed(&mut store, reader, &update(&item(2, 1)));
    assert_eq!(try_commit(&mut store, reader), Ok(()));
}

/// PostgreSQL would refuse: its smallest table has one page of index, which both have read.
#[test]
fn what_others_did_not_read_refuses_nobody() {
    let mut store = store_with(&[item(1, 0), item(2, 0)]);
    let [first, second] = [(); 2].map(|()| store.begin(Serializable));
    for (transaction, id) in [(first, 1), (second, 2)] {
        assert_eq!(amount(&mut store, transaction, id), Some(0));
        let other = Item { shelf: id, ..item(id + 10, 0) };
        assert_eq!(ids(&mut store, transaction, &shelf(id)), [0; 0]);
        changed(&mut store, transaction, &insert(&[other]));
    }
    assert_eq!(try_commit(&mut store, first), Ok(()));
    assert_eq!(try_commit(&mut store, second), Ok(()));
}

/// The limit says how far the range was read.
#[test]
fn a_scan_has_read_no_further_than_its_limit() {
    let refused = Err(DatabaseError::SerialisationFailure);
    for (limit, seen, amount_of_new, outcome) in
        [(1, vec![1], 5, refused), (1, vec![1], 15, Ok(())), (0, vec![], 5, Ok(()))]
    {
        let mut store = store_with(&[item(1, 10), item(2, 20)]);
        let [first, second] = [(); 2].map(|()| store.begin(Serializable));
        let table = Item::SCHEMA.id;
        let cheapest = Statement::Scan { table, index: Item::BY_SHELF, prefix: vec![Value::Int(0)], limit };
        assert_eq!(ids(&mut store, first, &cheapest), seen);
        assert_eq!(amount(&mut store, second, 9), None);
        changed(&mut store, second, &insert(&[item(3, amount_of_new)]));
        changed(&mut store, first, &insert(&[item(9, 90)]));
        assert_eq!(try_commit(&mut store, second), Ok(()));
        assert_eq!(try_commit(&mut store, first), outcome);
    }
}

/// A unique value is checked against what is committed, outside the snapshot: who takes it comes after who gave it up.
#[test]
fn a_unique_value_given_up_orders_its_next_owner_after() {
    let mut store = store_with(&[tagged(1, 7), item(2, 0)]);
    let [first, second] = [(); 2].map(|()| store.begin(Serializable));
    assert_eq!(amount(&mut store, first, 2), Some(0));
    changed(&mut store, second, &update(&item(2, 1)));
    changed(&mut store, second, &delete(1));
    assert_eq!(try_commit(&mut store, second), Ok(()));
    assert_eq!(store.execute(first, &insert(&[tagged(3, 7)])), REFUSED, "it did not see item 2 change");
}

#[test]
fn who_waits_for_a_unique_value_comes_after_who_gives_it_up() {
    let mut store = store_with(&[item(1, 0)]);
    let [first, second] = [(); 2].map(|()| store.begin(Serializable));
    assert_eq!(ids(&mut store, first, &shelf(0)), [1]);
    changed(&mut store, second, &insert(&[tagged(2, 7)]));
    assert_eq!(store.execute(first, &update(&tagged(1, 7))), blocked_on(second));
    changed(&mut store, second, &update(&item(2, 0)));
    assert_eq!(try_commit(&mut store, second), Ok(()));
    assert_eq!(store.execute(first, &update(&tagged(1, 7))), REFUSED, "it did not see item 2 come");
}

#[test]
fn who_takes_a_value_and_gives_it_up_comes_after_who_gave_it_up_before() {
    let mut store = store_with(&[tagged(1, 7), item(2, 0)]);
    let [first, second] = [(); 2].map(|()| store.begin(Serializable));
    changed(&mut store, first, &delete(1));
    assert_eq!(store.execute(second, &update(&tagged(2, 7))), blocked_on(first));
    assert_eq!(try_commit(&mut store, first), Ok(()));
    changed(&mut store, second, &update(&tagged(2, 7)));
    changed(&mut store, second, &update(&item(2, 0)));
    assert_eq!(try_commit(&mut store, second), Ok(()));
}

#[test]
fn nothing_is_kept_once_no_snapshot_is_open() {
    for isolation in [RepeatableRead, Serializable] {
        let mut store = store_with(&[tagged(1, 7), item(2, 0)]);
        let at_rest = store.tables[0].kept();
        let readers = [(); 3].map(|()| {
            let reader = store.begin(isolation);
            assert_eq!(ids(&mut store, reader, &shelf(0)), [1, 2]);
            let writer = store.begin(isolation);
            changed(&mut store, writer, &delete(1));
            changed(&mut store, writer, &update(&tagged(2, 7)));
            commit(&mut store, writer);
            let writer = store.begin(isolation);
            changed(&mut store, writer, &update(&item(2, 0)));
            changed(&mut store, writer, &insert(&[tagged(1, 7)]));
            commit(&mut store, writer);
            reader
        });
        assert!(!store.tables[0].past.is_empty());
        for reader in readers {
            assert_eq!(ids(&mut store, reader, &shelf(0)), [1, 2]);
            store.rollback(reader);
        }
        assert!(store.tables[0].past.is_empty());
        assert_eq!(store.tables[0].past.entries(0, &[]).count(), 0);
        assert_eq!(store.tables[0].kept(), at_rest);
        assert_eq!(store.serializable.len(), 0);
    }
}

#[test]
fn at_read_committed_nothing_is_kept_at_all() {
    let mut store = store_with(&[item(1, 10)]);
    let reader = begin(&mut store);
    assert_eq!(amount(&mut store, reader, 1), Some(10));
    set(&mut store, 1, 11);
    assert!(store.tables[0].past.is_empty());
}

#[test]
fn a_replica_keeps_what_its_readers_see() {
    let mut store = Store::new(TABLES);
    let mut replica = Store::new(TABLES);
    let mut log = |store: &mut Store, statement: &Statement| {
        let writer = begin(store);
        changed(store, writer, statement);
        let record = commit_logged(store, writer).0.unwrap();
        replica.apply(&record);
        let reader = replica.begin(RepeatableRead);
        let before = (reader, ids(&mut replica, reader, &shelf(0)));
        (before, replica.tables[0].past.is_empty())
    };
    let (first, _) = log(&mut store, &insert(&[item(1, 10), item(2, 20)]));
    let (second, is_empty) = log(&mut store, &delete(1));
    assert!(!is_empty);
    for (reader, before) in [first, second] {
        assert_eq!(ids(&mut replica, reader, &shelf(0)), before);
        replica.rollback(reader);
    }
    assert!(replica.tables[0].past.is_empty());
}

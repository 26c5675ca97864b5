//! Unique keys: races between inserts, nulls, several columns, and statements that are all or nothing.

use ports::database::{DatabaseError, Lock};

use super::*;

fn violation(index: Option<ports::database::IndexId>) -> Execution {
    Execution::Failed(DatabaseError::UniqueViolation { table: Item::SCHEMA.id, index })
}

#[test]
fn the_second_insert_of_a_key_waits_for_the_first_and_fails() {
    let mut store = Store::new(TABLES);
    let (first, second) = (begin(&mut store), begin(&mut store));
    changed(&mut store, first, &insert(&[item(1, 10)]));
    assert_eq!(store.execute(second, &insert(&[item(1, 20)])), blocked_on(first));
    assert_eq!(commit(&mut store, first), [second]);
    assert_eq!(store.execute(second, &insert(&[item(1, 20)])), violation(None));
    assert_eq!(store.execute(second, &get(1, Lock::None)), Execution::Failed(DatabaseError::TransactionAborted));
    assert_eq!(store.commit_record(second), Ok(None));
    store.finish_commit(second);
    assert_eq!(seen(&mut store, 1), Some(item(1, 10)));
}

#[test]
fn the_second_insert_succeeds_if_the_first_rolls_back() {
    let mut store = Store::new(TABLES);
    let [first, second, third] = [(); 3].map(|()| begin(&mut store));
    changed(&mut store, first, &insert(&[tagged(1, 7)]));
    assert_eq!(store.execute(second, &insert(&[tagged(2, 7)])), blocked_on(first));
    assert_eq!(store.execute(third, &insert(&[tagged(3, 7)])), blocked_on(first));
    assert_eq!(store.rollback(first), [second, third], "all learn the outcome");
    changed(&mut store, second, &insert(&[tagged(2, 7)]));
    assert_eq!(store.execute(third, &insert(&[tagged(3, 7)])), blocked_on(second));
    assert_eq!(commit(&mut store, second), [third]);
    assert_eq!(store.execute(third, &insert(&[tagged(3, 7)])), violation(Some(Item::BY_TAG)));
}

#[test]
fn a_value_being_given_up_is_waited_for() {
    let mut store = store_with(&[tagged(1, 7), tagged(2, 8)]);
    let [first, second, third] = [(); 3].map(|()| begin(&mut store));
    changed(&mut store, first, &update(&item(1, 0)));
    changed(&mut store, first, &delete(2));
    assert_eq!(store.execute(second, &insert(&[tagged(3, 7)])), blocked_on(first));
    assert_eq!(store.execute(third, &insert(&[item(2, 0)])), blocked_on(first));
    assert_eq!(commit(&mut store, first), [second, third]);
    changed(&mut store, second, &insert(&[tagged(3, 7)]));
    changed(&mut store, third, &insert(&[item(2, 0)]));
}

#[test]
fn an_update_holds_its_row_while_it_waits_for_a_value() {
    let mut store = store_with(&[item(1, 0)]);
    let [first, second, third] = [(); 3].map(|()| begin(&mut store));
    changed(&mut store, first, &insert(&[tagged(9, 7)]));
    assert_eq!(store.execute(second, &update(&tagged(1, 7))), blocked_on(first));
    assert_eq!(store.execute(third, &delete(1)), blocked_on(second));
    assert_eq!(store.rollback(first), [second]);
    changed(&mut store, second, &update(&tagged(1, 7)));
    let (record, called) = commit_logged(&mut store, second);
    assert_eq!(record.unwrap().changes.len(), 1, "the change made before the wait is not made again");
    assert_eq!(called, [third]);
    changed(&mut store, third, &delete(1));
}

#[test]
fn inserts_in_opposite_order_are_a_deadlock() {
    let mut store = Store::new(TABLES);
    let (first, second) = (begin(&mut store), begin(&mut store));
    changed(&mut store, second, &insert(&[item(2, 0)]));
    let both = insert(&[item(1, 0), item(2, 0), item(3, 0)]);
    assert_eq!(store.execute(first, &both), blocked_on(second));
    assert_eq!(store.execute(second, &insert(&[item(1, 0)])), blocked_on(first), "the first row is there already");
    assert_eq!(store.deadlock(second), Some(vec![second, first]));
    store.cancel_wait(second);
    assert_eq!(store.rollback(second), [first]);
    assert_eq!(changed(&mut store, first, &both), 3);
    commit(&mut store, first);
    assert_eq!(store.row_count(), 3);
}

#[test]
fn nulls_are_distinct_and_several_columns_count_together() {
    let seat = |number, night, holder| Seat { row: 1, number, night, holder };
    let mut store = store_with(&[seat(1, 1, None), seat(2, 1, None), seat(3, 1, Some(4)), seat(4, 2, Some(4))]);
    let writer = begin(&mut store);
    let duplicate = store.execute(writer, &insert(&[seat(5, 2, Some(4))]));
    let error = DatabaseError::UniqueViolation { table: Seat::SCHEMA.id, index: Some(Seat::BY_HOLDER) };
    assert_eq!(duplicate, Execution::Failed(error));
}

#[test]
fn a_transaction_may_reuse_what_it_gave_up() {
    let mut store = store_with(&[tagged(1, 7)]);
    let writer = begin(&mut store);
    changed(&mut store, writer, &update(&tagged(1, 8)));
    changed(&mut store, writer, &insert(&[tagged(2, 7)]));
    changed(&mut store, writer, &delete(1));
    changed(&mut store, writer, &insert(&[tagged(1, 8)]));
    commit(&mut store, writer);
    assert_eq!(seen(&mut store, 1), Some(tagged(1, 8)));
    assert_eq!(seen(&mut store, 2), Some(tagged(2, 7)));
}

#[test]
fn a_failed_insert_leaves_nothing() {
    let mut store = store_with(&[item(2, 0)]);
    let before = store.digest();
    let writer = begin(&mut store);
    assert_eq!(store.execute(writer, &insert(&[tagged(1, 7), item(2, 0), item(3, 0)])), violation(None));
    assert_eq!(store.rollback(writer), []);
    assert_eq!(store.digest(), before);
    let other = begin(&mut store);
    assert_eq!(changed(&mut store, other, &insert(&[tagged(1, 7)])), 1, "neither key nor tag is taken");
}

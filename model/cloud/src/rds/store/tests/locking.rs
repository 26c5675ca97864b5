//! Row locks: who waits, who goes first, what a statement sees after its wait, and deadlocks.

use ports::database::{Answer, DatabaseError, Lock};

use super::*;

const NOTHING_READ: Execution = Execution::Done(Answer::Rows(Vec::new()));
const NOTHING_CHANGED: Execution = Execution::Done(Answer::Changed(0));

#[test]
fn readers_see_what_is_committed_and_never_wait() {
    let mut store = store_with(&[item(1, 10)]);
    let writer = begin(&mut store);
    let reader = begin(&mut store);
    changed(&mut store, writer, &update(&item(1, 11)));
    assert_eq!(items(&mut store, reader, &get(1, Lock::None)), [item(1, 10)]);
    assert_eq!(items(&mut store, writer, &get(1, Lock::None)), [item(1, 11)]);
    assert!(store.commit_record(writer).unwrap().is_some());
    assert_eq!(items(&mut store, reader, &get(1, Lock::None)), [item(1, 10)], "committing is not committed");
    store.finish_commit(writer);
    assert_eq!(items(&mut store, reader, &get(1, Lock::None)), [item(1, 11)], "the next statement has a new snapshot");
}

#[test]
fn a_second_writer_waits_and_goes_on_with_what_the_first_committed() {
    let mut store = store_with(&[item(1, 10)]);
    let (first, second) = (begin(&mut store), begin(&mut store));
    changed(&mut store, first, &update(&item(1, 11)));
    assert_eq!(store.execute(second, &get(1, Lock::ForUpdate)), blocked_on(first));
    assert!(store.commit_record(first).unwrap().is_some());
    assert_eq!(store.execute(second, &get(1, Lock::ForUpdate)), blocked_on(first), "its locks are held until the end");
    assert_eq!(store.finish_commit(first), [second]);
    assert_eq!(items(&mut store, second, &get(1, Lock::ForUpdate)), [item(1, 11)]);
}

#[test]
fn a_rollback_gives_the_waiter_the_old_version() {
    let mut store = store_with(&[item(1, 10)]);
    let (first, second) = (begin(&mut store), begin(&mut store));
    changed(&mut store, first, &delete(1));
    assert_eq!(store.execute(second, &get(1, Lock::ForUpdate)), blocked_on(first));
    assert_eq!(store.rollback(first), [second]);
    assert_eq!(items(&mut store, second, &get(1, Lock::ForUpdate)), [item(1, 10)]);
}

#[test]
fn a_row_deleted_during_the_wait_matches_nothing_even_if_another_has_its_key() {
    let mut store = store_with(&[item(1, 10)]);
    let [first, reader, writer, remover] = [(); 4].map(|()| begin(&mut store));
    changed(&mut store, first, &delete(1));
    assert_eq!(store.execute(reader, &get(1, Lock::ForUpdate)), blocked_on(first));
    assert_eq!(store.execute(writer, &update(&item(1, 12))), blocked_on(first));
    assert_eq!(store.execute(remover, &delete(1)), blocked_on(first));
    changed(&mut store, first, &insert(&[item(1, 11)]));
    assert_eq!(commit(&mut store, first), [reader, writer, remover]);
    assert_eq!(store.execute(reader, &get(1, Lock::ForUpdate)), NOTHING_READ);
    assert_eq!(store.execute(writer, &update(&item(1, 12))), NOTHING_CHANGED);
    assert_eq!(store.execute(remover, &delete(1)), NOTHING_CHANGED);
    assert_eq!(
        items(&mut store, reader, &get(1, Lock::ForUpdate)),
        [item(1, 11)],
        "the next statement finds the new row"
    );
}

#[test]
fn a_row_that_is_not_committed_yet_is_not_waited_for() {
    let mut store = Store::new(TABLES);
    let (first, second) = (begin(&mut store), begin(&mut store));
    changed(&mut store, first, &insert(&[item(1, 10)]));
    assert_eq!(store.execute(second, &update(&item(1, 11))), NOTHING_CHANGED);
}

#[test]
fn waiters_go_first_come_first_served() {
    let mut store = store_with(&[item(1, 10)]);
    let [holder, first, second, third] = [(); 4].map(|()| begin(&mut store));
    let lock = get(1, Lock::ForUpdate);
    items(&mut store, holder, &lock);
    assert_eq!(store.execute(second, &lock), blocked_on(holder));
    assert_eq!(store.execute(first, &lock), blocked_on(holder));
    assert_eq!(commit(&mut store, holder), [second], "only the first of the queue is called");
    assert_eq!(store.execute(third, &lock), blocked_on(second), "a newcomer does not overtake who was called");
    assert_eq!(store.execute(first, &lock), blocked_on(second));
    assert_eq!(items(&mut store, second, &lock), [item(1, 10)]);
    assert_eq!(store.rollback(second), [first]);
    assert_eq!(store.rollback(first), [third], "who was called and gave up passes the turn on");
    assert_eq!(items(&mut store, third, &lock), [item(1, 10)]);
}

#[test]
fn a_wait_given_up_leaves_the_queue() {
    let mut store = store_with(&[item(1, 10)]);
    let [holder, first, second] = [(); 3].map(|()| begin(&mut store));
    let lock = get(1, Lock::ForUpdate);
    items(&mut store, holder, &lock);
    assert_eq!(store.execute(first, &lock), blocked_on(holder));
    assert_eq!(store.execute(second, &lock), blocked_on(holder));
    store.cancel_wait(first);
    assert_eq!(store.execute(first, &lock), Execution::Failed(DatabaseError::TransactionAborted));
    assert_eq!(store.rollback(first), []);
    assert_eq!(commit(&mut store, holder), [second]);
}

#[test]
fn read_committed_allows_the_lost_update() {
    let mut store = store_with(&[item(1, 10)]);
    let (first, second) = (begin(&mut store), begin(&mut store));
    let seen_by_first = items(&mut store, first, &get(1, Lock::None)).remove(0).amount;
    let seen_by_second = items(&mut store, second, &get(1, Lock::None)).remove(0).amount;
    changed(&mut store, first, &update(&item(1, seen_by_first + 1)));
    let increment = update(&item(1, seen_by_second + 1));
    assert_eq!(store.execute(second, &increment), blocked_on(first));
    commit(&mut store, first);
    changed(&mut store, second, &increment);
    commit(&mut store, second);
    assert_eq!(seen(&mut store, 1), Some(item(1, 11)), "two increments, one of them lost");
}

#[test]
fn a_lock_prevents_the_lost_update() {
    let mut store = store_with(&[item(1, 10)]);
    let (first, second) = (begin(&mut store), begin(&mut store));
    let lock = get(1, Lock::ForUpdate);
    let seen_by_first = items(&mut store, first, &lock).remove(0).amount;
    assert_eq!(store.execute(second, &lock), blocked_on(first));
    changed(&mut store, first, &update(&item(1, seen_by_first + 1)));
    commit(&mut store, first);
    let seen_by_second = items(&mut store, second, &lock).remove(0).amount;
    changed(&mut store, second, &update(&item(1, seen_by_second + 1)));
    commit(&mut store, second);
    assert_eq!(seen(&mut store, 1), Some(item(1, 12)));
}

#[test]
fn two_that_wait_for_each_other_are_a_deadlock() {
    let mut store = store_with(&[item(1, 10), item(2, 20)]);
    let [first, second, bystander] = [(); 3].map(|()| begin(&mut store));
    changed(&mut store, first, &update(&item(1, 11)));
    changed(&mut store, second, &update(&item(2, 21)));
    assert_eq!(store.execute(first, &update(&item(2, 22))), blocked_on(second));
    assert_eq!(store.deadlock(first), None);
    assert_eq!(store.execute(second, &delete(1)), blocked_on(first));
    assert_eq!(store.execute(bystander, &delete(1)), blocked_on(first));
    assert_eq!(store.deadlock(first), Some(vec![first, second]));
    assert_eq!(store.deadlock(second), Some(vec![second, first]));
    assert_eq!(store.deadlock(bystander), None, "it waits for a deadlock and is not part of it");
    store.cancel_wait(second);
    assert_eq!(store.deadlock(first), None);
    assert_eq!(store.rollback(second), [first]);
    changed(&mut store, first, &update(&item(2, 22)));
    assert_eq!(commit(&mut store, first), [bystander]);
    assert_eq!(seen(&mut store, 2), Some(item(2, 22)));
}

#[test]
fn three_in_a_ring_are_a_deadlock() {
    let mut store = store_with(&[item(0, 0), item(1, 0), item(2, 0)]);
    let ring = [(); 3].map(|()| begin(&mut store));
    for (id, transaction) in (0..).zip(ring) {
        items(&mut store, transaction, &get(id, Lock::ForUpdate));
    }
    for (position, transaction) in ring.into_iter().enumerate() {
        assert_eq!(store.deadlock(ring[0]), None);
        let next = (position + 1) % 3;
        assert_eq!(store.execute(transaction, &get(next as i64, Lock::ForUpdate)), blocked_on(ring[next]));
    }
    assert_eq!(store.deadlock(ring[1]), Some(vec![ring[1], ring[2], ring[0]]));
}

/// PostgreSQL may choose anybody of the queue to break a deadlock that goes through it.
#[test]
fn whoever_queues_in_between_is_part_of_the_deadlock() {
    let mut store = store_with(&[item(1, 0), item(2, 0)]);
    let [holder, first, second, last] = [(); 4].map(|()| begin(&mut store));
    changed(&mut store, holder, &update(&item(1, 1)));
    changed(&mut store, last, &update(&item(2, 1)));
    for waiter in [first, second, last] {
        assert_eq!(store.execute(waiter, &delete(1)), blocked_on(holder));
    }
    assert_eq!(store.execute(holder, &delete(2)), blocked_on(last));
    assert_eq!(store.deadlock(holder), Some(vec![holder, last, second, first]));
}

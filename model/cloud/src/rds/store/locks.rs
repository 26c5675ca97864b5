//! Who holds a row, who waits for whom, and what happens when a transaction ends.
//!
//! A row is held by one transaction, and the others queue for it. When it is let go only the first of the queue is called, unless the
//! row is gone, which is news to all of them. A key that an open transaction wrote or deleted is waited for without a queue: all
//! who want it learn the outcome, and the first to try again has it. Each transaction waits for one other, so a cycle of
//! waits is found by following them.

use ports::database::{Isolation, Value};

use super::{Change, Shared, State, Store, Transaction, TransactionId};

/// What a transaction waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// In the queue of this row: its table and key.
    Row(usize, Shared<Value>),
    /// The row that it queued for was deleted.
    RowGone,
    /// For the end of a transaction that may or may not leave a duplicate.
    End(TransactionId),
}

/// Whether a transaction may lock or write a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Held,
    /// There is no such row, or there is none any more.
    NoRow,
    Blocked(TransactionId),
}

impl Store {
    /// The cycle of waits that `waiter` is part of, beginning with it and followed from waiter to holder. PostgreSQL looks
    /// after `deadlock_timeout`, and fails the one that looked.
    #[must_use]
    pub fn deadlock(&self, waiter: TransactionId) -> Option<Vec<TransactionId>> {
        let mut cycle = vec![waiter];
        let mut current = self.blocker(waiter)?;
        while current != waiter {
            if cycle.contains(&current) {
                // A cycle further on: its own members find it.
                return None;
            }
            cycle.push(current);
            current = self.blocker(current)?;
        }
        Some(cycle)
    }

    fn blocker(&self, waiter: TransactionId) -> Option<TransactionId> {
        let transaction = self.transactions.get(&waiter)?;
        match (&transaction.state, transaction.wait.as_ref()?) {
            (State::Active, Wait::Row(table, key)) => {
                let held = self.tables[*table].rows.get(key)?.held.as_ref()?;
                held.holder.or(held.queue.front().copied()).filter(|&blocker| blocker != waiter)
            }
            (State::Active, Wait::End(other)) => self.transactions.contains_key(other).then_some(*other),
            _ => None,
        }
    }

    /// Gives up a wait: its deadline passed, it was chosen to break a deadlock, or its client is gone. The statement failed, and with it
    /// the transaction; the [`rollback`](Self::rollback) that must follow calls those who waited behind it.
    pub fn cancel_wait(&mut self, id: TransactionId) {
        if let Some(transaction) = self.transactions.get_mut(&id)
            && transaction.wait.is_some()
        {
            transaction.state = State::Aborted;
        }
    }

    /// Takes the row for the transaction, or its place in the queue.
    pub(super) fn hold(&mut self, id: TransactionId, table: usize, key: &[Value]) -> Access {
        let transaction = self.transactions.get_mut(&id).expect("only open transactions run statements");
        let is_queued = match transaction.wait.take() {
            Some(Wait::RowGone) => return Access::NoRow,
            Some(Wait::Row(waited_table, waited_key)) => {
                assert!(
                    waited_table == table && *waited_key == *key,
                    "a blocked statement is executed again, not another"
                );
                true
            }
            Some(Wait::End(_)) | None => false,
        };
        let Some((shared_key, _)) = self.tables[table].rows.get_key_value(key) else { return Access::NoRow };
        let shared_key = shared_key.clone();
        let slot = self.tables[table].rows.get_mut(key).expect("it was there a line ago");
        if slot.seen_by(id).is_none() {
            return Access::NoRow;
        }
        let held = slot.held.get_or_insert_default();
        if held.holder == Some(id) {
            return Access::Held;
        }
        if let Some(blocker) = held.holder.or(held.queue.front().copied().filter(|&first| first != id)) {
            if !is_queued {
                held.queue.push_back(id);
            }
            transaction.wait = Some(Wait::Row(table, shared_key));
            return Access::Blocked(blocker);
        }
        if is_queued {
            let first = held.queue.pop_front();
            assert_eq!(first, Some(id), "a free row goes to the first in its queue");
        }
        held.holder = Some(id);
        transaction.held.push((table, shared_key));
        match transaction.isolation {
            // Whatever the last holder committed is what the statement goes on with.
            Isolation::ReadCommitted => Access::Held,
        }
    }

    /// Waits for the end of `other`, which may or may not leave a duplicate.
    pub(super) fn await_end(&mut self, id: TransactionId, other: TransactionId) {
        let transaction = self.transactions.get_mut(&id).expect("only open transactions run statements");
        let wait = Wait::End(other);
        if transaction.wait.as_ref() == Some(&wait) {
            return;
        }
        let before = transaction.wait.replace(wait);
        if let Some(Wait::End(before)) = before
            && let Some(before) = self.transactions.get_mut(&before)
        {
            before.awaited_by.retain(|&waiter| waiter != id);
        }
        let other = self.transactions.get_mut(&other).expect("only open transactions have versions pending");
        other.awaited_by.push(id);
    }

    /// Lets go of all that an ended transaction held and waited for, after making its versions the committed ones, or dropping them.
    pub(super) fn end(
        &mut self,
        id: TransactionId,
        transaction: &Transaction,
        changes: &[Change],
        is_committed: bool,
    ) -> Vec<TransactionId> {
        let mut called = Vec::new();
        self.stop_waiting(id, transaction.wait.as_ref(), &mut called);
        for (table, key) in &transaction.held {
            self.let_go(id, *table, key, is_committed, &mut called);
        }
        for change in changes {
            let table = self.position(change.table).expect("a transaction changes tables that the store has");
            for version in [&change.before, &change.after].into_iter().flatten() {
                self.tables[table].drop_entries(&change.key, version);
            }
        }
        called.extend_from_slice(&transaction.awaited_by);
        called
    }

    fn stop_waiting(&mut self, id: TransactionId, wait: Option<&Wait>, called: &mut Vec<TransactionId>) {
        match wait {
            Some(Wait::Row(table, key)) => {
                let slot = self.tables[*table].rows.get_mut(key).expect("a row that is waited for has a place");
                let held = slot.held.as_mut().expect("a row that is waited for is held, or has a queue");
                let was_first = held.queue.front() == Some(&id);
                held.queue.retain(|&queued| queued != id);
                if held.holder.is_none() {
                    match held.queue.front() {
                        Some(&next) if was_first => called.push(next),
                        Some(_) => {}
                        None => slot.held = None,
                    }
                }
            }
            Some(Wait::End(other)) => {
                if let Some(other) = self.transactions.get_mut(other) {
                    other.awaited_by.retain(|&waiter| waiter != id);
                }
            }
            Some(Wait::RowGone) | None => {}
        }
    }

    fn let_go(
        &mut self,
        id: TransactionId,
        table: usize,
        key: &Shared<Value>,
        is_committed: bool,
        called: &mut Vec<TransactionId>,
    ) {
        let rows = &mut self.tables[table].rows;
        let slot = rows.get_mut(key).expect("a row that is held has a place");
        let mut held = slot.held.take().expect("a row that is held says by whom");
        assert_eq!(held.holder.take(), Some(id), "one transaction holds a row");
        let mut is_gone = false;
        if let Some(pending) = held.pending.take().filter(|_| is_committed) {
            is_gone = pending.row.is_none() || pending.is_another_row;
            slot.committed = pending.row;
        }
        if is_gone {
            for waiter in held.queue.drain(..) {
                let waiter_transaction = self.transactions.get_mut(&waiter).expect("only open transactions wait");
                waiter_transaction.wait = Some(Wait::RowGone);
                called.push(waiter);
            }
        }
        if let Some(&next) = held.queue.front() {
            called.push(next);
            slot.held = Some(held);
        } else if slot.committed.is_none() {
            rows.remove(key);
        }
    }
}

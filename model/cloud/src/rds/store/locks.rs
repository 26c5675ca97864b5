//! Who holds a row, who waits for whom, and what happens when a transaction ends.
//!
//! A row is held by one transaction, and the others queue for it. When it is let go only the first of the queue is called, unless the
//! row is gone, which is news to all of them, or changed, which is news to those who work on a snapshot and would write. A key that an open transaction wrote or deleted is waited for without a queue: all
//! who want it learn the outcome, and the first to try again has it. Each transaction waits for one other, so a cycle of
//! waits is found by following them.

use std::collections::{BTreeMap, VecDeque};

use ports::database::{Isolation, Value};

use super::past::Past;
use super::table::{Held, Reader, Table};
use super::{Change, Shared, State, Store, Transaction, TransactionId};

/// What a transaction waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// In the queue of this row, to lock it alone or to write it. By whom it found the row written, and not locked alone, when it came,
    /// or when the first before it in the queue had its turn; nobody once that one has rolled back.
    Row { table: usize, key: Shared<Value>, intent: Intent, found_update: Option<TransactionId> },
    /// The row that it queued for was deleted.
    RowGone,
    /// For the end of a transaction that may or may not leave a duplicate.
    End(TransactionId),
}

/// What a transaction wants a row for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    /// `SELECT ... FOR UPDATE`.
    Lock,
    Write,
}

/// Whether a transaction may lock or write a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Held,
    /// There is no such row, or there is none any more.
    NoRow,
    /// The row that the snapshot sees is not the committed one any more.
    Changed,
    Blocked(TransactionId),
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// Snapshots are open that see what it superseded, if there is a number to keep that under.
    Committed {
        keep: Option<u64>,
    },
    RolledBack,
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
            (State::Active, Wait::Row { table, key, .. }) => {
                let held = self.tables[*table].rows.get(key)?.held.as_ref()?;
                // As in PostgreSQL only the first waits for the holder, and each of the others for who is before it: all of them may
                // be chosen to break the cycle.
                let position = held.queue.iter().position(|&queued| queued == waiter)?;
                if position == 0 { held.holder } else { Some(held.queue[position - 1]) }
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

    /// The queues for rows that the transaction holds, and whether it wrote them. When it commits what it wrote, PostgreSQL lets all of a
    /// queue run for the row's new version, where they no longer queue; here they keep their order. Whoever would have it otherwise
    /// reorders the queue before the transaction ends.
    pub fn queues_behind(&mut self, id: TransactionId) -> impl Iterator<Item = (bool, &mut VecDeque<TransactionId>)> {
        let slots = self.tables.iter_mut().flat_map(|table| table.rows.values_mut());
        let held = slots.filter_map(|slot| slot.held.as_deref_mut()).filter(move |held| held.holder == Some(id));
        held.map(|held| (held.pending.is_some(), &mut held.queue))
    }

    /// Takes the row for the transaction, or its place in the queue.
    pub(super) fn hold(&mut self, reader: Reader, table: usize, key: &[Value], intent: Intent) -> Access {
        let id = reader.id;
        let transaction = self.transactions.get_mut(&id).expect("only open transactions run statements");
        let superseded = reader.snapshot.and_then(|snapshot| self.tables[table].past.seen_at(key, snapshot));
        let is_queued = match &transaction.wait {
            Some(Wait::RowGone) if reader.snapshot.is_some() => return Access::Changed,
            Some(Wait::RowGone) => return Access::NoRow,
            Some(Wait::Row { table: waited_table, key: waited_key, .. }) => {
                assert!(
                    *waited_table == table && **waited_key == *key,
                    "a blocked statement is executed again, not another"
                );
                true
            }
            Some(Wait::End(_)) | None => false,
        };
        let is_unseen = match superseded {
            Some(Some(_)) => return Access::Changed,
            Some(None) => true,
            None => false,
        };
        let Some((shared_key, _)) = self.tables[table].rows.get_key_value(key) else { return Access::NoRow };
        let shared_key = shared_key.clone();
        let slot = self.tables[table].rows.get_mut(key).expect("it was there a line ago");
        if slot.seen_by(id).is_none() || (is_unseen && slot.pending_of(id).is_none()) {
            return Access::NoRow;
        }
        let held = slot.held.get_or_insert_default();
        if held.holder == Some(id) {
            return Access::Held;
        }
        if let Some(blocker) = held.holder.or(held.queue.front().copied().filter(|&first| first != id)) {
            if !is_queued {
                held.queue.push_back(id);
                let found_update = held.holder.filter(|_| held.pending.is_some());
                transaction.wait = Some(Wait::Row { table, key: shared_key, intent, found_update });
            }
            return Access::Blocked(blocker);
        }
        held.holder = Some(id);
        transaction.held.push((table, shared_key));
        if is_queued {
            let first = held.queue.pop_front();
            assert_eq!(first, Some(id), "a free row goes to the first in its queue");
            transaction.wait = None;
            if let Some(next) = held.queue.front()
                && let Some(waiting) = self.transactions.get_mut(next)
                && let Some(Wait::Row { found_update, .. }) = &mut waiting.wait
            {
                *found_update = (intent == Intent::Write).then_some(id);
            }
        }
        Access::Held
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
        if let Some(snapshot) = transaction.snapshot
            && let Some(oldest) = self.snapshots.close(snapshot)
        {
            self.tables.iter_mut().for_each(|table| table.past.forget(oldest));
        }
        if transaction.isolation == Isolation::Serializable {
            self.serializable.end(id, is_committed);
        }
        let ending = if !is_committed {
            Ending::RolledBack
        } else if changes.is_empty() {
            Ending::Committed { keep: None }
        } else {
            Ending::Committed { keep: self.snapshots.commit() }
        };
        for (table, key) in &transaction.held {
            self.let_go(id, *table, key, ending, &mut called);
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
            Some(Wait::Row { table, key, .. }) => {
                let Table { rows, past, .. } = &mut self.tables[*table];
                let slot = rows.get_mut(key).expect("a row that is waited for has a place");
                let held = slot.held.as_mut().expect("a row that is waited for is held, or has a queue");
                let was_first = held.queue.front() == Some(&id);
                held.queue.retain(|&queued| queued != id);
                if was_first || held.holder.is_some() {
                    call_next(held, past, &self.transactions, key, false, called);
                }
                if held.holder.is_none() && held.queue.is_empty() {
                    slot.held = None;
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
        ending: Ending,
        called: &mut Vec<TransactionId>,
    ) {
        let Self { tables, transactions, .. } = self;
        let Table { rows, past, .. } = &mut tables[table];
        let slot = rows.get_mut(key).expect("a row that is held has a place");
        let mut held = slot.held.take().expect("a row that is held says by whom");
        assert_eq!(held.holder.take(), Some(id), "one transaction holds a row");
        let mut is_rewritten = false;
        if let (Some(pending), Ending::Committed { keep }) = (held.pending.take(), ending) {
            is_rewritten = pending.is_rewritten;
            let is_gone = pending.row.is_none() || pending.is_another_row;
            let superseded = std::mem::replace(&mut slot.committed, pending.row);
            if let Some(commit) = keep {
                past.keep(key, superseded, commit);
            }
            if is_gone {
                for waiter in held.queue.drain(..) {
                    let waiting = transactions.get_mut(&waiter).expect("only open transactions wait");
                    waiting.wait = Some(Wait::RowGone);
                    called.push(waiter);
                }
            }
        }
        if matches!(ending, Ending::RolledBack) {
            for waiter in &held.queue {
                let waiting = transactions.get_mut(waiter).expect("only open transactions wait");
                if let Some(Wait::Row { found_update, .. }) = &mut waiting.wait
                    && *found_update == Some(id)
                {
                    *found_update = None;
                }
            }
        }
        if !held.queue.is_empty() {
            call_next(&held, past, transactions, key, is_rewritten, called);
            slot.held = Some(held);
        } else if slot.committed.is_none() {
            rows.remove(key);
        }
    }
}

/// Calls those in a row's queue who can go on: the first, if nobody holds the row; and whoever works on a snapshot since which the row
/// changed, and so fails whoever holds it. Not past one who means to lock alone, found the row being written and is not served now:
/// in PostgreSQL that one keeps the old version's place in the queue until it has locked the next one, even when that is in vain;
/// unless the next one is superseded too (`is_rewritten`).
fn call_next(
    held: &Held,
    past: &Past,
    transactions: &BTreeMap<TransactionId, Transaction>,
    key: &[Value],
    is_rewritten: bool,
    called: &mut Vec<TransactionId>,
) {
    for (position, waiter) in held.queue.iter().enumerate() {
        let waiting = &transactions[waiter];
        let is_first = position == 0 && held.holder.is_none();
        let follows = !is_rewritten
            && matches!(waiting.wait, Some(Wait::Row { intent: Intent::Lock, found_update: Some(_), .. }));
        let superseded = waiting.snapshot.and_then(|snapshot| past.seen_at(key, snapshot));
        if is_first || (!follows && superseded.is_some()) {
            called.push(*waiter);
        }
        let is_served = is_first && waiting.snapshot.is_none();
        if follows && !is_served {
            return;
        }
    }
}

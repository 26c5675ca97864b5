//! Invariants 12 to 15: the books.

use std::collections::{BTreeMap, BTreeSet};

use platform::domain::ledger::sums_to_zero;
use platform::domain::schema::{Balance, JournalEntry};

use crate::oracle::{Oracle, Tally};
use crate::transaction::Transaction;
use crate::view::{Account, View};

pub(crate) fn oracles() -> Vec<Box<dyn Oracle>> {
    vec![
        Box::new(JournalSumsToZero),
        Box::new(LedgerSumsToZero),
        Box::new(EntriesAppendOnly),
        Box::new(BalanceFoldsEntries),
    ]
}

/// Invariant 12.
struct JournalSumsToZero;

impl Oracle for JournalSumsToZero {
    fn name(&self) -> &'static str {
        "journal-sums-to-zero"
    }

    fn statement(&self) -> &'static str {
        "the entries of each journal, posted in one transaction, sum to zero in each currency"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        let mut journals: BTreeMap<_, Vec<&JournalEntry>> = BTreeMap::new();
        for pair in transaction.journal_entries().filter(|pair| pair.before.is_none()) {
            let entry = pair.any();
            journals.entry((entry.trip_id, entry.kind)).or_default().push(entry);
        }
        for ((trip, kind), entries) in journals {
            tally.check(transaction.at, sums_to_zero(entries.iter().copied()), || {
                let lines: Vec<_> =
                    entries.iter().map(|entry| (entry.account, entry.currency, entry.amount_minor)).collect();
                format!("the journal {kind:?} of trip {trip} does not sum to zero: {lines:?}")
            });
        }
    }
}

/// Invariant 13. Stricter than the sum of all journals: what is held and what was taken are each other's business never.
struct LedgerSumsToZero;

impl Oracle for LedgerSumsToZero {
    fn name(&self) -> &'static str {
        "ledger-sums-to-zero"
    }

    fn statement(&self) -> &'static str {
        "at every commit the whole ledger sums to zero in each currency, holds and money each for themselves"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        if transaction.journal_entries().next().is_none() {
            return;
        }
        for ((book, currency), sum) in view.book_sums() {
            tally.check(transaction.at, *sum == 0, || format!("the book of {book:?} in {currency:?} sums to {sum}"));
        }
    }
}

/// Invariant 14.
struct EntriesAppendOnly;

impl Oracle for EntriesAppendOnly {
    fn name(&self) -> &'static str {
        "entries-append-only"
    }

    fn statement(&self) -> &'static str {
        "an entry of the journal is never changed, and removed only with all of its trip"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        let gone: BTreeSet<_> =
            transaction.trips().filter(|pair| pair.after.is_none()).map(|pair| pair.any().id).collect();
        for pair in transaction.journal_entries() {
            let is_kept = pair.before.is_none() || (pair.after.is_none() && gone.contains(&pair.any().trip_id));
            tally.check(transaction.at, is_kept, || format!("{:?} became {:?}", pair.before, pair.after));
        }
    }
}

/// Invariant 15.
struct BalanceFoldsEntries;

impl Oracle for BalanceFoldsEntries {
    fn name(&self) -> &'static str {
        "balance-folds-entries"
    }

    fn statement(&self) -> &'static str {
        "at every commit a stored balance is the sum of its account's entries and of what was carried forward"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        let mut accounts: BTreeSet<Account> = transaction
            .journal_entries()
            .map(|pair| pair.any())
            .filter(|entry| entry.account.has_balance())
            .map(|entry| (entry.account, entry.owner, entry.currency))
            .collect();
        accounts
            .extend(transaction.balances().map(|pair| pair.any()).map(|row| (row.account, row.owner, row.currency)));
        accounts.extend(
            transaction.carried_balances().map(|pair| pair.any()).map(|row| (row.account, row.owner, row.currency)),
        );
        for account in accounts {
            let (stored, folded, carried) = (view.balance(account), view.fold(account), view.carried(account));
            let mut sum = folded.cloned();
            if let Some(carried) = carried {
                let (kind, owner, currency) = account;
                let sum = sum.get_or_insert_with(|| Balance::empty(kind, owner, currency));
                sum.add(carried.amount_minor, carried.entries);
            }
            tally.check(transaction.at, stored == sum.as_ref(), || {
                format!("the balance of {account:?} is {stored:?}, its entries give {folded:?}, carried forward: {carried:?}")
            });
        }
    }
}

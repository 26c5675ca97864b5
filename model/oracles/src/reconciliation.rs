//! Invariant 21: the processor's books and ours, operation by operation.
//!
//! A capture, refund or payout that the processor approved is *in suspense* while the row that names its key is still waiting for the
//! answer. When the row stops waiting, the same transaction must book exactly what was moved.

use std::collections::{BTreeMap, BTreeSet};

use platform::domain::ledger::AccountKind;
use platform::domain::movement::MovementState;
use platform::domain::payment::PaymentState;
use platform::domain::schema::{Movement, Payment};
use ports::IdempotencyKey;
use ports::observe::Observation;
use ports::processor::{Operation, Outcome};

use crate::oracle::{End, Oracle, Tally};
use crate::transaction::{Pair, Transaction};
use crate::view::View;

pub(crate) fn oracles() -> Vec<Box<dyn Oracle>> {
    vec![Box::new(MovedMoneyIsBooked::default())]
}

/// Invariant 21.
#[derive(Default)]
struct MovedMoneyIsBooked {
    /// What the processor moved and nobody has booked: to us positive, from us negative.
    unbooked: BTreeMap<IdempotencyKey, i64>,
}

/// What an approved operation moved. None if it moved nothing, or more than there was: to say that is invariants 16's and 17's.
fn moved_minor(key: IdempotencyKey, operation: Operation, view: &View) -> Option<i64> {
    match operation {
        Operation::Authorise { .. } | Operation::Void { .. } => None,
        Operation::PayOut { amount_minor, .. } => Some(-amount_minor),
        Operation::Capture { authorisation, amount_minor } => {
            let book = view.processor().authorisation(authorisation)?;
            let only = book.captures == [(key, amount_minor)] && amount_minor <= book.authorised_minor;
            only.then_some(amount_minor)
        }
        Operation::Refund { authorisation, amount_minor } => {
            let (taken_minor, returned_minor) =
                view.processor().authorisation(authorisation)?.taken_and_returned_minor();
            (returned_minor <= taken_minor).then_some(-amount_minor)
        }
    }
}

/// The operation for which the payment waited, and no longer does.
fn payment_answered(pair: &Pair<Payment>) -> Option<IdempotencyKey> {
    let (before, after) = (pair.before.as_ref()?, pair.after.as_ref()?);
    before.pending_key.filter(|key| after.pending_key != Some(*key))
}

/// The operation for which the movement waited, and no longer does.
fn movement_answered(pair: &Pair<Movement>) -> Option<IdempotencyKey> {
    let (before, after) = (pair.before.as_ref()?, pair.after.as_ref()?);
    let waits = |movement: &Movement, key| movement.is_open() && movement.pending_key == key;
    (before.is_open() && !waits(after, before.pending_key)).then_some(before.pending_key)
}

impl Oracle for MovedMoneyIsBooked {
    fn name(&self) -> &'static str {
        "moved-money-is-booked"
    }

    fn statement(&self) -> &'static str {
        "what the processor moved is in the books to the minor unit and nothing else is, or a row still waits for the answer"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        let payments = transaction.payments().filter_map(payment_answered);
        let answered: BTreeSet<_> = payments.chain(transaction.movements().filter_map(movement_answered)).collect();
        let booked: Vec<i64> = transaction
            .journal_entries()
            .filter(|pair| pair.before.is_none())
            .map(|pair| pair.any())
            .filter(|entry| entry.account == AccountKind::ProcessorClearing)
            .map(|entry| entry.amount_minor)
            .collect();
        if answered.is_empty() && booked.is_empty() {
            return;
        }
        let moved_minor: i64 = answered.iter().filter_map(|key| self.unbooked.remove(key)).sum();
        let booked_minor: i64 = booked.iter().sum();
        let known = |trip| view.dossier(trip).is_some_and(|dossier| dossier.is_whole());
        let mut trips = transaction.payments().map(|pair| pair.any().trip_id);
        let payouts_known = transaction.payments().next().is_some() || !view.has_losses();
        if trips.all(known) && payouts_known {
            tally.check(transaction.at, moved_minor == booked_minor, || {
                format!("for {answered:?} the processor moved {moved_minor} and the books say {booked_minor}")
            });
        }
    }

    fn undone(&mut self, transaction: &Transaction, _view: &View) {
        // The pairs read from what was undone to what is.
        for pair in transaction.payments() {
            let again = Pair { before: pair.after.clone(), after: pair.before.clone() };
            if let (Some(key), Some(undone)) = (payment_answered(&again), &pair.before)
                && undone.state == PaymentState::Captured
            {
                self.unbooked.insert(key, undone.captured_minor);
            }
        }
        for pair in transaction.movements() {
            let again = Pair { before: pair.after.clone(), after: pair.before.clone() };
            if let (Some(key), Some(undone)) = (movement_answered(&again), &pair.before)
                && undone.state == MovementState::Done
            {
                self.unbooked.insert(key, -undone.amount_minor);
            }
        }
    }

    fn observed(&mut self, observation: &Observation, view: &View, _tally: &mut Tally) {
        if let Observation::ProcessorOperation { key, operation, outcome: Outcome::Approved, .. } = *observation
            && let Some(amount_minor) = moved_minor(key, operation, view)
        {
            self.unbooked.insert(key, amount_minor);
        }
    }

    fn finish(&mut self, end: End, view: &View, tally: &mut Tally) {
        let of_payments = view
            .dossiers()
            .filter_map(|(_, dossier)| dossier.payment.as_ref())
            .filter_map(|payment| payment.pending_key);
        let in_suspense: BTreeSet<_> =
            of_payments.chain(view.open_movements().map(|movement| movement.pending_key)).collect();
        for (key, amount_minor) in &self.unbooked {
            // What was lost cannot be waited for, and was reported as lost.
            let accounted = in_suspense.contains(key) || view.has_losses();
            tally.check(end.at, accounted, || {
                format!("the processor moved {amount_minor} under {key}, and no row waits for the answer")
            });
        }
    }
}

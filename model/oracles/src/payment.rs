//! Invariants 16, 17, 18 and 20: what is taken from riders, and what drivers get of it.

use std::collections::BTreeSet;

use platform::domain::fare::FareSchedule;
use platform::domain::ids::{DriverId, TripId};
use platform::domain::ledger::{AccountKind, JournalKind};
use platform::domain::payment::PaymentState;
use platform::domain::schema::{JournalEntry, Payment};
use platform::domain::trip::State;
use ports::observe::Observation;
use ports::processor::{Operation, Outcome};
use runtime::Time;

use crate::oracle::{End, Oracle, Tally};
use crate::rules::Rules;
use crate::transaction::Transaction;
use crate::view::{Dossier, View};

pub(crate) fn oracles(rules: &Rules) -> Vec<Box<dyn Oracle>> {
    let fares = rules.settings.fares;
    vec![
        Box::new(CapturedOnce),
        Box::new(CapturedUnderOneKey),
        Box::new(CapturesWithinAuthorisation),
        Box::new(CancelledPaysFeeAtMost { fares }),
        Box::new(DriverCreditedOnce { fares }),
    ]
}

/// Whether a trip in this state ended without a ride.
fn is_cancelled(state: State) -> bool {
    use State::{CancelledByDriver, CancelledByRider, CancelledBySystem, NoDriversFound, NoShow};
    matches!(state, CancelledByRider | CancelledByDriver | CancelledBySystem | NoDriversFound | NoShow)
}

/// Invariant 16.
struct CapturedOnce;

impl Oracle for CapturedOnce {
    fn name(&self) -> &'static str {
        "captured-once"
    }

    fn statement(&self) -> &'static str {
        "a completed trip's charge is captured exactly once, at the processor and in the books"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        for trip in
            transaction.trips().filter_map(|pair| pair.after.as_ref()).filter(|trip| trip.state == State::Settled)
        {
            let Some(dossier) = view.dossier(trip.id).filter(|dossier| dossier.is_whole()) else { continue };
            let charge_minor = trip.charge_minor.unwrap_or(0);
            let captured = dossier.payment.as_ref().map(|payment| (payment.state, payment.captured_minor));
            let booked_minor: i64 = dossier
                .journal_of(JournalKind::Capture)
                .filter(|entry| entry.account == AccountKind::ProcessorClearing)
                .map(|entry| entry.amount_minor)
                .sum();
            let paid = captured == Some((PaymentState::Captured, charge_minor)) && booked_minor == charge_minor;
            tally.check(transaction.at, paid || charge_minor == 0, || {
                format!(
                    "trip {} is settled at {charge_minor}, its payment is {captured:?}, booked are {booked_minor}",
                    trip.id
                )
            });
        }
    }

    fn observed(&mut self, observation: &Observation, view: &View, tally: &mut Tally) {
        let Some((authorisation, _, at)) = approved_capture(observation) else { return };
        let Some(book) = view.processor().authorisation(authorisation) else { return };
        tally.check(at, book.captures.len() == 1, || {
            format!("the processor captured authorisation {authorisation} as {:?}", book.captures)
        });
    }
}

/// What invariant 16 rests on where the processor is not the one to keep it: it declines the second of two captures, and then the fare looks
/// unpaid. A store that lost acknowledged writes may have lost the key, which was reported as such.
struct CapturedUnderOneKey;

impl Oracle for CapturedUnderOneKey {
    fn name(&self) -> &'static str {
        "captured-under-one-key"
    }

    fn statement(&self) -> &'static str {
        "what the processor has captured is not asked of it again under another key"
    }

    fn observed(&mut self, observation: &Observation, view: &View, tally: &mut Tally) {
        let Observation::ProcessorOperation { key, operation: Operation::Capture { authorisation, .. }, outcome, at } =
            *observation
        else {
            return;
        };
        let Some(book) = view.processor().authorisation(authorisation).filter(|_| !view.has_losses()) else { return };
        let captured = book.captures.iter().find(|(other, _)| *other != key);
        // That it was captured twice, another oracle says.
        tally.check(at, captured.is_none() || outcome == Outcome::Approved, || {
            format!("authorisation {authorisation} was captured as {captured:?} and asked for again under {key}")
        });
    }
}

/// Invariant 17.
struct CapturesWithinAuthorisation;

impl Oracle for CapturesWithinAuthorisation {
    fn name(&self) -> &'static str {
        "captures-within-authorisation"
    }

    fn statement(&self) -> &'static str {
        "no more is captured than was authorised and no more given back than was captured, in the books and at the processor"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        for payment in transaction.payments().filter_map(|pair| pair.after.as_ref()) {
            let within = (0..=payment.authorised_minor).contains(&payment.captured_minor)
                && (0..=payment.captured_minor).contains(&payment.refunded_minor);
            tally.check(transaction.at, within, || {
                format!(
                    "trip {} has {} given back of {} captured of {} authorised",
                    payment.trip_id, payment.refunded_minor, payment.captured_minor, payment.authorised_minor
                )
            });
        }
    }

    fn observed(&mut self, observation: &Observation, view: &View, tally: &mut Tally) {
        if let Some((authorisation, at)) = approved_refund(observation)
            && let Some(book) = view.processor().authorisation(authorisation)
        {
            let (taken_minor, returned_minor) = book.taken_and_returned_minor();
            tally.check(at, returned_minor <= taken_minor, || {
                format!("the processor gave {returned_minor} back of {taken_minor} taken on {authorisation}")
            });
        }
        let Some((authorisation, amount_minor, at)) = approved_capture(observation) else { return };
        let authorised_minor = view.processor().authorisation(authorisation).map(|book| book.authorised_minor);
        tally.check(at, authorised_minor.is_none_or(|authorised_minor| amount_minor <= authorised_minor), || {
            format!("the processor took {amount_minor} on authorisation {authorisation} of {authorised_minor:?}")
        });
    }
}

fn approved_capture(observation: &Observation) -> Option<(ports::IdempotencyKey, i64, Time)> {
    match *observation {
        Observation::ProcessorOperation {
            operation: Operation::Capture { authorisation, amount_minor },
            outcome: Outcome::Approved,
            at,
            ..
        } => Some((authorisation, amount_minor, at)),
        _ => None,
    }
}

fn approved_refund(observation: &Observation) -> Option<(ports::IdempotencyKey, Time)> {
    match *observation {
        Observation::ProcessorOperation {
            operation: Operation::Refund { authorisation, .. },
            outcome: Outcome::Approved,
            at,
            ..
        } => Some((authorisation, at)),
        _ => None,
    }
}

/// Invariant 18.
struct CancelledPaysFeeAtMost {
    fares: FareSchedule,
}

impl CancelledPaysFeeAtMost {
    fn check(&self, id: TripId, dossier: &Dossier, at: Time, tally: &mut Tally) {
        let Some(payment) = &dossier.payment else { return };
        let fee_minor =
            dossier.quote.as_ref().map(|quote| self.fares.cancellation_fee(quote.ceiling_minor).charge_minor);
        let nothing_or_fee =
            payment.captured_minor == 0 || fee_minor.is_none_or(|fee_minor| payment.captured_minor == fee_minor);
        let no_fare = dossier.journal_of(JournalKind::Capture).next().is_none();
        tally.check(at, nothing_or_fee && no_fare, || {
            format!("trip {id} was cancelled, the fee is {fee_minor:?}, captured are {}", payment.captured_minor)
        });
    }
}

impl Oracle for CancelledPaysFeeAtMost {
    fn name(&self) -> &'static str {
        "cancelled-pays-fee-at-most"
    }

    fn statement(&self) -> &'static str {
        "of a cancelled trip nothing is captured or the fee is, and what was authorised is let go"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        let trips: BTreeSet<TripId> = transaction
            .trips()
            .map(|pair| pair.any().id)
            .chain(transaction.payments().map(|pair| pair.any().trip_id))
            .collect();
        for id in trips {
            let Some(dossier) = view.dossier(id) else { continue };
            if dossier.trip.as_ref().is_some_and(|trip| is_cancelled(trip.state)) {
                self.check(id, dossier, transaction.at, tally);
            }
        }
    }

    /// Letting go takes time; only a platform at rest has none of it ahead.
    fn finish(&mut self, end: End, view: &View, tally: &mut Tally) {
        if !end.converged {
            return;
        }
        for (id, dossier) in view.dossiers() {
            let cancelled = dossier.trip.as_ref().is_some_and(|trip| is_cancelled(trip.state));
            let Some(payment) = dossier.payment.as_ref().filter(|_| cancelled) else { continue };
            tally.check(end.at, !holds_money(payment), || {
                format!("trip {id} was cancelled and its payment still is {:?}", payment.state)
            });
        }
    }
}

fn holds_money(payment: &Payment) -> bool {
    use PaymentState::{Captured, Failed, None, Voided};
    !matches!(payment.state, None | Captured | Voided | Failed)
}

/// Whether a journal of this kind distributes what a trip earns. What is given back later is another journal's.
fn earns(kind: JournalKind) -> bool {
    matches!(kind, JournalKind::Capture | JournalKind::CancellationFee | JournalKind::Arrears)
}

fn is_credit(entry: &JournalEntry) -> bool {
    entry.account == AccountKind::DriverPayable
}

/// Invariant 20.
struct DriverCreditedOnce {
    fares: FareSchedule,
}

impl DriverCreditedOnce {
    /// What the trip's driver is to get: of the fare, or of the fee if the trip was cancelled.
    fn due(&self, dossier: &Dossier) -> Option<(DriverId, i64)> {
        let trip = dossier.trip.as_ref()?;
        let pay_minor = if is_cancelled(trip.state) {
            self.fares.cancellation_fee(dossier.quote.as_ref()?.ceiling_minor).driver_pay_minor
        } else {
            trip.driver_pay_minor?
        };
        Some((trip.driver_id?, pay_minor))
    }
}

impl Oracle for DriverCreditedOnce {
    fn name(&self) -> &'static str {
        "driver-credited-once"
    }

    fn statement(&self) -> &'static str {
        "what a trip earns is credited once, in full, to the driver who drove it"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        let paid = |state| matches!(state, State::Settled | State::Arrears);
        let settled = transaction.trips().filter_map(|pair| pair.after.as_ref()).filter(|trip| paid(trip.state));
        let credited =
            transaction.journal_entries().filter_map(|pair| pair.after.as_ref()).filter(|entry| earns(entry.kind));
        let trips: BTreeSet<TripId> = settled.map(|trip| trip.id).chain(credited.map(|entry| entry.trip_id)).collect();
        for id in trips {
            let Some(dossier) = view.dossier(id).filter(|dossier| dossier.is_whole()) else { continue };
            let credits: Vec<&JournalEntry> =
                dossier.journal.iter().filter(|entry| earns(entry.kind) && is_credit(entry)).collect();
            let due = self.due(dossier);
            let right = match (credits.as_slice(), due) {
                ([], due) => due.is_none_or(|(_, pay_minor)| pay_minor == 0),
                ([credit], Some(due)) => (DriverId(credit.owner), -credit.amount_minor) == due,
                _ => false,
            };
            tally.check(transaction.at, right, || {
                let got: Vec<_> = credits.iter().map(|entry| (entry.kind, entry.owner, -entry.amount_minor)).collect();
                format!("trip {id} owes {due:?}, as driver and amount, and credited {got:?}")
            });
        }
    }
}

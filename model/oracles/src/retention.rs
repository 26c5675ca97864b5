//! What may be deleted, and when: [`platform::domain::retention`] held against what was.
//!
//! This is no invariant of its own in the list of 38; it is what lets the others take a missing row for a deleted one.

use std::time::Duration;

use platform::domain::ids::TripId;
use platform::domain::movement::refunded_trip;
use platform::domain::retention::{Retention, is_over_key, is_past};
use platform::domain::schema::{Movement, Payment, Trip};

use crate::oracle::{Oracle, Tally};
use crate::rules::Rules;
use crate::transaction::{Pair, RowChange, Transaction};
use crate::view::View;

pub(crate) fn oracles(rules: &Rules) -> Vec<Box<dyn Oracle>> {
    vec![Box::new(DeletedWhenOver { retention: rules.settings.retention })]
}

/// How far the clock of whoever deletes may be ahead of the run's, or behind: more than hosts that keep time with a server ever are, and than
/// any fault sets them wrong by. Assumption.
const CLOCKS_DIFFER_BY: Duration = Duration::from_secs(10);

struct DeletedWhenOver {
    retention: Retention,
}

/// The rows that are there before the change and not after it.
fn deleted<'a, T: 'a>(pairs: impl Iterator<Item = &'a Pair<T>>) -> impl Iterator<Item = &'a T> {
    pairs.filter(|pair| pair.after.is_none()).filter_map(|pair| pair.before.as_ref())
}

impl DeletedWhenOver {
    /// Why the row should not have been deleted, if it should not.
    fn fault(&self, row: &RowChange, now_ns: i64, transaction: &Transaction, view: &View) -> Option<&'static str> {
        let early = |over: bool| (!over).then_some("somebody may still want it");
        match row {
            RowChange::Trip(pair) => self.fault_of_trip(pair.any(), now_ns, transaction, view),
            RowChange::Log(_) | RowChange::Offer(_) | RowChange::Payment(_) | RowChange::LateReport(_) => {
                left_behind(row.trip(), transaction)
            }
            RowChange::Movement(pair) => match refunded_trip(pair.any()) {
                Some(trip) => left_behind(Some(trip), transaction),
                None => Some("payouts are kept"),
            },
            RowChange::Quote(pair) => early(self.retention.is_over_quote(pair.any(), now_ns)),
            RowChange::Outbox(pair) => early(self.retention.is_over_event(pair.any(), now_ns)),
            RowChange::Idempotency(pair) => early(is_over_key(pair.any(), now_ns)),
            RowChange::News(pair) => early(is_past(pair.any().at_ns, self.retention.trips, now_ns)),
            RowChange::Told(pair) => early(is_past(pair.any().at_ns, self.retention.trips, now_ns)),
            RowChange::Driver(_)
            | RowChange::Rider(_)
            | RowChange::Vehicle(_)
            | RowChange::Balance(_)
            | RowChange::Carried(_)
            | RowChange::Lease(_) => Some("such rows are kept"),
            // Another oracle says that entries go with their trip alone.
            RowChange::Journal(_) => None,
        }
    }

    fn fault_of_trip(&self, trip: &Trip, now_ns: i64, transaction: &Transaction, view: &View) -> Option<&'static str> {
        let payment: Option<&Payment> = deleted(transaction.payments()).find(|payment| payment.trip_id == trip.id);
        let refunds: Vec<Movement> = deleted(transaction.movements())
            .filter(|movement| refunded_trip(movement) == Some(trip.id))
            .cloned()
            .collect();
        let steps = deleted(transaction.log_entries()).filter(|entry| entry.trip_id == trip.id).count();
        let rest = view.dossier(trip.id).is_some_and(|dossier| {
            let rows = [dossier.log.len(), dossier.offers.len(), dossier.journal.len()];
            dossier.payment.is_some() || rows.iter().any(|rows| *rows > 0)
        });
        let refund_open = view.open_movements().any(|movement| refunded_trip(movement) == Some(trip.id));
        if !self.retention.is_over_trip(trip, now_ns) {
            Some("the trip is not over, or not for long enough")
        } else if refund_open || !self.retention.is_over_money(payment, &refunds, now_ns) {
            Some("its money is not at rest, or not for long enough")
        } else if rest || usize::try_from(trip.version) != Ok(steps) {
            Some("a part of the trip is left")
        } else {
            None
        }
    }
}

/// What hangs on a trip goes with it.
fn left_behind(trip: Option<TripId>, transaction: &Transaction) -> Option<&'static str> {
    let goes = deleted(transaction.trips()).any(|deleted| Some(deleted.id) == trip);
    (!goes).then_some("its trip stays")
}

impl Oracle for DeletedWhenOver {
    fn name(&self) -> &'static str {
        "deleted-when-over"
    }

    fn statement(&self) -> &'static str {
        "a row is deleted only when it can change no more and its time of keeping is over, and a trip goes whole"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        let now_ns = (transaction.at + CLOCKS_DIFFER_BY).nanos().cast_signed();
        for row in transaction.rows.iter().filter(|row| row.is_deletion()) {
            let fault = self.fault(row, now_ns, transaction, view);
            tally.check(transaction.at, fault.is_none(), || {
                format!("{row:?} was deleted: {}", fault.unwrap_or_default())
            });
        }
    }
}

//! Journeys that no phone waits for: the capture of a completed trip's fare, from the drop-off to the ledger. They are
//! read off what the database committed, and make the important tier.

use std::collections::BTreeMap;
use std::time::Duration;

use platform::domain::ids::TripId;
use platform::domain::payment::PaymentState;
use platform::domain::schema::{Payment, Trip};
use platform::domain::trip::State;
use ports::database::Record;
use ports::observe::{CommittedTransaction, JourneyEnded, JourneyOutcome, Kept, Tier};
use runtime::Time;

/// A fare that is not in the ledger this long after the drop-off has failed its journey, whatever becomes of it later
/// (assumption: what a support agent would call "stuck").
pub const CAPTURE_LIMIT: Duration = Duration::from_secs(300);

/// The code of a capture that took longer than [`CAPTURE_LIMIT`].
const OVERDUE: &str = "overdue";

/// Fares between drop-off and ledger.
#[derive(Debug, Default)]
pub struct Settlement {
    /// When each completed trip that is not captured yet was completed.
    open: BTreeMap<TripId, Time>,
    /// Since when the processor has been asked for something that it has not decided, as far as the database knows: of any trip, also
    /// a cancelled one's fee or void.
    asked: BTreeMap<TripId, Time>,
}

impl Settlement {
    /// Takes note of a commit; the payment that it settles, if it does.
    pub fn committed(&mut self, transaction: &CommittedTransaction) -> Option<JourneyEnded> {
        let mut answered = None;
        for change in &transaction.changes {
            let Some(row) = &change.after else { continue };
            if change.table == Trip::SCHEMA.id
                && let Ok(trip) = Trip::from_row(row)
            {
                match trip.state {
                    State::Completed => {
                        self.open.entry(trip.id).or_insert(transaction.position.at);
                    }
                    // The card was asked, and declined, before the rider got out: the payment itself does not change any more.
                    State::Settled | State::PaymentFailed | State::Arrears => answered = Some(trip.id),
                    _ => {}
                }
            }
            if change.table == Payment::SCHEMA.id
                && let Ok(payment) = Payment::from_row(row)
            {
                if payment.pending_key.is_some() {
                    self.asked.entry(payment.trip_id).or_insert(transaction.position.at);
                } else {
                    self.asked.remove(&payment.trip_id);
                }
                if matches!(payment.state, PaymentState::Captured | PaymentState::Voided | PaymentState::Failed) {
                    answered = Some(payment.trip_id);
                }
            }
        }
        // A card that is declined is an answer, too.
        let trip = answered?;
        self.open.remove(&trip).map(|completed_at| journey(trip, completed_at, transaction.position.at))
    }

    /// Trips whose money is on its way, and since when: fares to the ledger, and whatever the processor was asked for.
    pub fn open(&self) -> impl Iterator<Item = (TripId, Time)> {
        let asked = self.asked.iter().filter(|(trip, _)| !self.open.contains_key(trip));
        self.open.iter().chain(asked).map(|(trip, since)| (*trip, *since))
    }

    /// Fares that are still open at the end of the run and should not be.
    pub fn unsettled(&mut self, end: Time) -> Vec<JourneyEnded> {
        let open = std::mem::take(&mut self.open);
        let overdue = open.into_iter().filter(|(_, completed_at)| end.since(*completed_at) > CAPTURE_LIMIT);
        overdue.map(|(trip, completed_at)| journey(trip, completed_at, end)).collect()
    }
}

fn journey(trip: TripId, completed_at: Time, ended_at: Time) -> JourneyEnded {
    let in_time = ended_at.since(completed_at) <= CAPTURE_LIMIT;
    JourneyEnded {
        kind: "capture",
        tier: Tier::Important,
        actor: trip.0 as u64,
        trip: Some(trip.0),
        intended_at: completed_at,
        ended_at,
        kept: Kept::default(),
        attempts: 1,
        outcome: if in_time { JourneyOutcome::Succeeded } else { JourneyOutcome::Failed },
        error: (!in_time).then_some(OVERDUE),
    }
}

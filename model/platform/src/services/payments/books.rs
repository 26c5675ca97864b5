//! The journal of a decision, and the balances that it changes.

use ports::database::Transaction;

use crate::api::ApiError;
use crate::domain::ledger::{self, JournalContext, JournalKind};
use crate::domain::payment::PaymentState;
use crate::domain::schema::{Balance, JournalEntry, Payment, Trip};
use crate::domain::trip::State;
use crate::services::transaction::{Failure, update};

/// Writes what taking the payment from `before` to `after` means for the books.
pub async fn write<X: Transaction>(
    transaction: &mut X,
    trip: &Trip,
    before: &Payment,
    after: &Payment,
    at_ns: i64,
) -> Result<(), Failure> {
    let entries = journal(trip, before, after, at_ns).ok_or(ApiError::Internal)?;
    post(transaction, &entries).await
}

/// Writes that the rider owes the fare, and the platform the driver's part of it: the card was declined, before the ride's end or after.
pub async fn write_arrears<X: Transaction>(
    transaction: &mut X,
    trip: &Trip,
    payment: &Payment,
    at_ns: i64,
) -> Result<(), Failure> {
    let context = JournalContext { trip: trip.id, rider: trip.rider_id, currency: payment.currency, at_ns };
    let driver = trip.driver_id.ok_or(ApiError::Internal)?;
    post(transaction, &ledger::arrears(context, driver, trip.owed().ok_or(ApiError::Internal)?)).await
}

/// Writes journals, and what they change of people's balances.
pub async fn post<X: Transaction>(transaction: &mut X, entries: &[JournalEntry]) -> Result<(), Failure> {
    let is_fee = entries.first().is_some_and(|entry| entry.kind == JournalKind::CancellationFee);
    if !(is_fee && runtime::planted::is("balance-without-entry")) {
        transaction.insert_all(entries).await?;
    }
    for change in ledger::balance_changes(entries) {
        let key = (change.account, change.owner, change.currency);
        match transaction.get_for_update::<Balance>(key).await? {
            Some(mut balance) => {
                balance.add(change.amount_minor, change.entries);
                update(transaction, &balance).await?;
            }
            None => transaction.insert(&change).await?,
        }
    }
    Ok(())
}

/// The journal's entries; none where no money moved. No journal at all if something was captured that nobody owed.
fn journal(trip: &Trip, before: &Payment, after: &Payment, at_ns: i64) -> Option<Vec<JournalEntry>> {
    let context = JournalContext { trip: trip.id, rider: trip.rider_id, currency: after.currency, at_ns };
    let held_minor = after.authorised_minor;
    Some(match after.state {
        PaymentState::Authorised => ledger::authorisation(context, held_minor),
        PaymentState::Captured => {
            let (driver, owed) = (trip.driver_id?, trip.owed()?);
            match trip.state {
                State::PaymentPending => ledger::capture(context, held_minor, driver, owed),
                _ => ledger::cancellation_fee(context, held_minor, driver, owed),
            }
        }
        PaymentState::Voided => ledger::void(context, held_minor),
        // If the processor will not give what it promised, nothing is held any more. A fare stays owed: see `write_arrears`; a fee is not
        // worth pursuing.
        PaymentState::Failed if before.authorised_minor > 0 => ledger::void(context, held_minor),
        _ => Vec::new(),
    })
}

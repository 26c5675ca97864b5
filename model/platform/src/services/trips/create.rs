//! A rider takes a quote: the trip begins. Its card is asked afterwards; that it is to be is written with the trip.

use ports::database::Transaction;

use crate::api::ApiError;
use crate::api::error::Rejection;
use crate::domain::ids::{QuoteId, RiderId, TripId};
use crate::domain::quote::QuoteError;
use crate::domain::schema::{Payment, Quote, Rider, Trip};
use crate::domain::trip::Event;
use crate::services::transaction::Failure;
use crate::services::transition;

pub async fn create<X: Transaction>(
    transaction: &mut X,
    rider: RiderId,
    quote: QuoteId,
    now_ns: i64,
) -> Result<Trip, Failure> {
    let quote = transaction.get::<Quote>(quote).await?.ok_or(ApiError::NotFound)?;
    quote.check(rider, now_ns).map_err(|error| match error {
        QuoteError::Expired { .. } => ApiError::Rejected { reason: Rejection::QuoteExpired },
        QuoteError::OtherRider { .. } => ApiError::NotFound,
    })?;
    if transaction.get::<Trip>(TripId(quote.id.0)).await?.is_some() {
        return Err(ApiError::Conflict.into());
    }
    // Locked, so that a rider who is being forgotten has no trip that begins meanwhile.
    if transaction.get_for_update::<Rider>(rider).await?.is_some_and(|rider| rider.erasure.is_some()) {
        return Err(ApiError::Rejected { reason: Rejection::NotAllowed }.into());
    }
    // Said here in words; the unique index says it again to whoever slips past.
    if !transaction.scan::<Trip>(Trip::BY_ACTIVE_RIDER, rider, 1).await?.is_empty() {
        return Err(ApiError::Rejected { reason: Rejection::AlreadyOnTrip }.into());
    }
    let mut trip = Trip::quoted(&quote, now_ns);
    transition::create(transaction, &mut trip, Event::Requested, now_ns).await?;
    let mut payment = Payment::new(trip.id, rider, quote.currency, now_ns);
    if quote.ceiling_minor > 0 {
        payment.begin_authorisation(quote.ceiling_minor, now_ns)?;
    }
    transaction.insert(&payment).await?;
    Ok(trip)
}

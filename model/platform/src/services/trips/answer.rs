//! A driver answers an offer, or does not.

use ports::database::Transaction;

use super::next::Next;
use crate::api::ApiError;
use crate::api::error::Rejection;
use crate::api::trips::OfferAnswer;
use crate::domain::driver::DriverEvent;
use crate::domain::ids::{DriverId, FencingToken, TripId};
use crate::domain::schema::Trip;
use crate::domain::trip::{Event, State};
use crate::services::transaction::{Failure, update};
use crate::services::transition::{lock_driver, lock_offer, lock_trip, take};

/// The offer that a driver speaks of.
#[derive(Clone, Copy)]
pub struct Offered {
    pub driver: DriverId,
    pub trip: TripId,
    pub token: FencingToken,
}

/// What is to be done after an answer.
pub fn next(answer: OfferAnswer) -> Next {
    match answer {
        OfferAnswer::Accept => Next::Nothing,
        OfferAnswer::Decline => Next::Search,
    }
}

pub async fn answer<X: Transaction>(
    transaction: &mut X,
    Offered { driver, trip, token }: Offered,
    answer: OfferAnswer,
    now_ns: i64,
) -> Result<Trip, Failure> {
    let mut trip = lock_trip(transaction, trip).await?;
    if trip.state != State::Offered || trip.offered_driver_id != Some(driver) {
        return Err(ApiError::Rejected { reason: Rejection::OfferOver }.into());
    }
    let mut offer = lock_offer(transaction, &trip).await?;
    let mut driver = lock_driver(transaction, driver).await?;
    match answer {
        OfferAnswer::Accept => {
            offer.accept(token, driver.lease_token, now_ns)?;
            take(transaction, &mut trip, Event::OfferAccepted { driver: driver.id }, now_ns).await?;
            driver.accept(trip.epoch, now_ns)?;
        }
        OfferAnswer::Decline => {
            offer.decline(token, driver.lease_token, now_ns)?;
            take(transaction, &mut trip, Event::OfferRefused { driver: driver.id }, now_ns).await?;
            driver.apply(DriverEvent::LeaseEnded, now_ns)?;
        }
    }
    update(transaction, &offer).await?;
    update(transaction, &driver).await?;
    Ok(trip)
}

/// Ends the offer of an attempt that nobody answered in time; whether there was one.
pub async fn lapse<X: Transaction>(
    transaction: &mut X,
    (trip, attempt): (TripId, i64),
    now_ns: i64,
) -> Result<bool, Failure> {
    let mut trip = lock_trip(transaction, trip).await?;
    let Some(driver) = trip.offered_driver_id.filter(|_| trip.attempt == attempt) else { return Ok(false) };
    let mut offer = lock_offer(transaction, &trip).await?;
    let mut driver = lock_driver(transaction, driver).await?;
    if now_ns < offer.expires_at_ns {
        return Ok(false);
    }
    offer.lapse(now_ns)?;
    take(transaction, &mut trip, Event::OfferRefused { driver: driver.id }, now_ns).await?;
    driver.apply(DriverEvent::LeaseEnded, now_ns)?;
    update(transaction, &offer).await?;
    update(transaction, &driver).await?;
    Ok(true)
}

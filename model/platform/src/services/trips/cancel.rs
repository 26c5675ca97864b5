//! A rider or a driver does not want the trip any more.

use ports::database::Transaction;

use super::dues::fee_of;
use crate::api::ApiError;
use crate::api::error::Rejection;
use crate::domain::driver::DriverEvent;
use crate::domain::ids::{DriverId, RiderId, TripId};
use crate::domain::schema::Trip;
use crate::domain::session::Caller;
use crate::domain::trip::Event;
use crate::services::Config;
use crate::services::clock::span_ns;
use crate::services::transaction::Failure;
use crate::services::transition::{let_go, lock_offer, lock_trip, settle, take};

pub async fn cancel<X: Transaction>(
    transaction: &mut X,
    config: &Config,
    caller: Caller,
    trip: TripId,
    now_ns: i64,
) -> Result<Trip, Failure> {
    let mut trip = lock_trip(transaction, trip).await?;
    match caller {
        Caller::Rider(rider) => by_rider(transaction, config, rider, &mut trip, now_ns).await?,
        Caller::Driver(driver) => by_driver(transaction, driver, &mut trip, now_ns).await?,
        Caller::Operator(_) => return Err(ApiError::Rejected { reason: Rejection::NotAllowed }.into()),
    }
    Ok(trip)
}

/// The trip ends. A rider for whom a driver has been on the way for longer than the grace period owes the fee.
async fn by_rider<X: Transaction>(
    transaction: &mut X,
    config: &Config,
    rider: RiderId,
    trip: &mut Trip,
    now_ns: i64,
) -> Result<(), Failure> {
    if trip.rider_id != rider {
        return Err(ApiError::NotFound.into());
    }
    let before = trip.clone();
    if before.state.has_driver() {
        let offer = lock_offer(transaction, &before).await?;
        let found_at_ns = offer.decided_at_ns.unwrap_or(now_ns);
        if now_ns > found_at_ns + span_ns(config.cancellation_grace) {
            trip.charge(fee_of(config, trip));
        }
    }
    take(transaction, trip, Event::RiderCancelled, now_ns).await?;
    let_go(transaction, &before, DriverEvent::Released, now_ns).await?;
    settle(transaction, trip, now_ns).await
}

/// The driver goes, and the search for another begins.
async fn by_driver<X: Transaction>(
    transaction: &mut X,
    driver: DriverId,
    trip: &mut Trip,
    now_ns: i64,
) -> Result<(), Failure> {
    let Some(assignment) = trip.assignment().filter(|assignment| assignment.driver == driver) else {
        return Err(ApiError::Rejected { reason: Rejection::StaleAssignment }.into());
    };
    let before = trip.clone();
    take(transaction, trip, Event::Reassigned(assignment), now_ns).await?;
    let_go(transaction, &before, DriverEvent::Released, now_ns).await
}

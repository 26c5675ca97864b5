//! A driver gets on with the trip. Only the trip's current driver is heard: the claim that comes along must be the newest.

use ports::database::Transaction;

use super::Next;
use crate::api::ApiError;
use crate::api::error::Rejection;
use crate::api::trips::Progress;
use crate::domain::driver::DriverEvent;
use crate::domain::ids::TripId;
use crate::domain::schema::{Quote, Trip};
use crate::domain::trip::{Assignment, Drive, Event};
use crate::services::Config;
use crate::services::clock::span_ns;
use crate::services::transaction::Failure;
use crate::services::transition::{let_go, lock_driver, lock_trip, settle, take, update};

/// What is to be done after a step.
pub fn next(progress: Progress) -> Next {
    match progress {
        Progress::Departed | Progress::Arrived | Progress::PickedUp => Next::Nothing,
        Progress::DroppedOff(_) | Progress::RiderDidNotShow => Next::Settle,
    }
}

pub async fn advance<X: Transaction>(
    transaction: &mut X,
    config: &Config,
    by: Assignment,
    trip: TripId,
    progress: Progress,
    now_ns: i64,
) -> Result<Trip, Failure> {
    let mut trip = lock_trip(transaction, trip).await?;
    if trip.assignment() != Some(by) {
        return Err(ApiError::Rejected { reason: Rejection::StaleAssignment }.into());
    }
    match progress {
        Progress::Departed => take(transaction, &mut trip, Event::DriverDeparted(by), now_ns).await?,
        Progress::Arrived => {
            take(transaction, &mut trip, Event::DriverArrived(by), now_ns).await?;
            move_driver(transaction, by, DriverEvent::Arrived, now_ns).await?;
        }
        Progress::PickedUp => {
            take(transaction, &mut trip, Event::PickedUp(by), now_ns).await?;
            move_driver(transaction, by, DriverEvent::PickedUp, now_ns).await?;
        }
        Progress::DroppedOff(drive) => drop_off(transaction, config, by, &mut trip, drive, now_ns).await?,
        Progress::RiderDidNotShow => give_up(transaction, config, by, &mut trip, now_ns).await?,
    }
    Ok(trip)
}

async fn move_driver<X: Transaction>(
    transaction: &mut X,
    by: Assignment,
    event: DriverEvent,
    now_ns: i64,
) -> Result<(), Failure> {
    let mut driver = lock_driver(transaction, by.driver).await?;
    driver.apply(event, now_ns)?;
    update(transaction, &driver).await
}

/// The rider is where the rider wanted to be. The driver is free, the fare is fixed, and that it is to be captured is written.
async fn drop_off<X: Transaction>(
    transaction: &mut X,
    config: &Config,
    by: Assignment,
    trip: &mut Trip,
    drive: Drive,
    now_ns: i64,
) -> Result<(), Failure> {
    let quote = transaction.get::<Quote>(trip.quote_id).await?.ok_or(ApiError::Internal)?;
    // A phone cannot have driven faster than anybody can.
    if drive.duration_s < quote.free_flow_duration_s {
        return Err(ApiError::MALFORMED.into());
    }
    let fare = config.fares.fare(drive, quote.tolls_minor, quote.multiplier_per_mille, quote.ceiling_minor);
    take(transaction, trip, Event::DroppedOff { assignment: by, drive, fare }, now_ns).await?;
    take(transaction, trip, Event::PaymentBegan, now_ns).await?;
    move_driver(transaction, by, DriverEvent::Released, now_ns).await?;
    settle(transaction, trip, now_ns).await
}

/// The rider did not come, and the driver has waited for long enough.
async fn give_up<X: Transaction>(
    transaction: &mut X,
    config: &Config,
    by: Assignment,
    trip: &mut Trip,
    now_ns: i64,
) -> Result<(), Failure> {
    // Nothing but the arrival has happened to a trip whose driver waits at the pickup.
    if now_ns < trip.updated_at_ns + span_ns(config.no_show_wait) {
        return Err(ApiError::Rejected { reason: Rejection::IllegalTransition }.into());
    }
    let quote = transaction.get::<Quote>(trip.quote_id).await?.ok_or(ApiError::Internal)?;
    let before = trip.clone();
    trip.charge(config.fares.cancellation_fee(quote.ceiling_minor));
    take(transaction, trip, Event::RiderDidNotShow(by), now_ns).await?;
    let_go(transaction, &before, DriverEvent::Released, now_ns).await?;
    settle(transaction, trip, now_ns).await
}

//! A driver gets on with the trip. Only the trip's current driver is heard: the claim that comes along must be the newest.

use ports::database::Transaction;

use super::dues::{fare_of, fee_of};
use super::late;
use super::next::Next;
use crate::api::ApiError;
use crate::api::error::Rejection;
use crate::api::trips::Progress;
use crate::domain::driver::DriverEvent;
use crate::domain::ids::TripId;
use crate::domain::schema::Trip;
use crate::domain::trip::{Assignment, Drive, Ending, Event};
use crate::services::Config;
use crate::services::clock::span_ns;
use crate::services::transaction::{Failure, update};
use crate::services::transition::{let_go, lock_driver, lock_trip, settle, take};

/// What is to be done after a step.
pub fn next(progress: Progress) -> Next {
    match progress {
        Progress::Departed | Progress::Arrived | Progress::PickedUp => Next::Nothing,
        Progress::DroppedOff(_) | Progress::LeftEarly(_) | Progress::RiderDidNotShow => Next::Settle,
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
    if trip.assignment() != Some(by) && !runtime::planted::is("stale-claim-heard") {
        if late::reconcile(transaction, config, &trip, by, progress, now_ns).await? {
            return Ok(trip);
        }
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
        Progress::DroppedOff(drive) => {
            end_drive(transaction, config, &mut trip, by, (Ending::AtDestination, drive), now_ns).await?;
        }
        Progress::LeftEarly(drive) => {
            end_drive(transaction, config, &mut trip, by, (Ending::Early, drive), now_ns).await?;
        }
        Progress::RiderDidNotShow => give_up(transaction, config, by, &mut trip, now_ns).await?,
    }
    Ok(trip)
}

/// The planted bug `driver-freed-apart`: what [`end_drive`] left out, in a transaction of its own.
pub async fn free_driver<X: Transaction>(transaction: &mut X, by: Assignment, now_ns: i64) -> Result<(), Failure> {
    let driver = lock_driver(transaction, by.driver).await?;
    if driver.epoch != Some(by.epoch) {
        return Ok(());
    }
    move_driver(transaction, by, DriverEvent::Released, now_ns).await
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

/// The ride is over. The driver is free, the fare is fixed, and that it is to be captured is written.
pub async fn end_drive<X: Transaction>(
    transaction: &mut X,
    config: &Config,
    trip: &mut Trip,
    by: Assignment,
    (ending, drive): (Ending, Drive),
    now_ns: i64,
) -> Result<(), Failure> {
    let fare = fare_of(config, trip, (ending, drive))?;
    let event = match ending {
        Ending::AtDestination => Event::DroppedOff { assignment: by, drive, fare },
        Ending::Early => Event::LeftEarly { assignment: by, drive, fare },
        Ending::Presumed => Event::PresumedDriven { assignment: by, drive, fare },
    };
    take(transaction, trip, event, now_ns).await?;
    take(transaction, trip, Event::PaymentBegan, now_ns).await?;
    if !runtime::planted::is("driver-freed-apart") {
        move_driver(transaction, by, DriverEvent::Released, now_ns).await?;
    }
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
    let before = trip.clone();
    trip.charge(fee_of(config, trip));
    take(transaction, trip, Event::RiderDidNotShow(by), now_ns).await?;
    let_go(transaction, &before, DriverEvent::Released, now_ns).await?;
    settle(transaction, trip, now_ns).await
}

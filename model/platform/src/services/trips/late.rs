//! A driver tells of a trip that was presumed over: what was presumed is held against what happened.

use ports::database::Transaction;

use super::dues::fare_of;
use crate::api::ApiError;
use crate::api::trips::Progress;
use crate::domain::schema::{LateReport, Trip};
use crate::domain::trip::{Assignment, Ending};
use crate::services::transaction::{Failure, update};
use crate::services::transition::lock_payment;
use crate::services::{Config, refund};

/// Takes what the driver says down, once; whether this trip waits for this driver's word. The trip itself has ended and stays as it is:
/// the rider is never charged more than what was presumed, and gets back what that was too much.
pub async fn reconcile<X: Transaction>(
    transaction: &mut X,
    config: &Config,
    trip: &Trip,
    by: Assignment,
    progress: Progress,
    now_ns: i64,
) -> Result<bool, Failure> {
    if trip.ending != Some(Ending::Presumed) || (trip.driver_id, trip.epoch) != (Some(by.driver), by.epoch) {
        return Ok(false);
    }
    let (ending, drive) = match progress {
        Progress::DroppedOff(drive) => (Ending::AtDestination, drive),
        Progress::LeftEarly(drive) => (Ending::Early, drive),
        Progress::Departed | Progress::Arrived | Progress::PickedUp | Progress::RiderDidNotShow => return Ok(true),
    };
    if transaction.get::<LateReport>(trip.id).await?.is_some() {
        return Ok(true);
    }
    let fare = fare_of(config, trip, (ending, drive))?;
    let presumed = trip.owed().ok_or(ApiError::Internal)?;
    let over = if fare.charge_minor < presumed.charge_minor { presumed.minus(fare) } else { fare.minus(fare) };
    let report = LateReport::new(trip.id, by, (ending, drive), over, now_ns);
    transaction.insert(&report).await?;
    let mut payment = lock_payment(transaction, trip.id).await?;
    if refund::reconcile(transaction, trip, &mut payment, now_ns).await? {
        update(transaction, &payment).await?;
    }
    Ok(true)
}

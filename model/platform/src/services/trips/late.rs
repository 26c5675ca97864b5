//! A driver tells of a trip that was presumed over: what was presumed is held against what happened.

use ports::database::Transaction;

use super::advance::fare_of;
use crate::api::trips::Progress;
use crate::domain::schema::{LateReport, Trip};
use crate::domain::trip::{Assignment, Ending};
use crate::services::Config;
use crate::services::transaction::Failure;

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
    let fare = fare_of(transaction, config, trip, (ending, drive)).await?;
    let presumed_minor = trip.charge_minor.unwrap_or(0);
    let report = LateReport {
        trip_id: trip.id,
        driver_id: by.driver,
        epoch: by.epoch,
        ending,
        distance_m: drive.distance_m,
        duration_s: drive.duration_s,
        overcharge_minor: (presumed_minor - fare.charge_minor).max(0),
        at_ns: now_ns,
    };
    transaction.insert(&report).await?;
    Ok(true)
}

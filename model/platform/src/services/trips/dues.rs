//! What a trip's rider owes: for the drive, or for cancelling late or not coming.

use crate::api::ApiError;
use crate::domain::fare::Fare;
use crate::domain::schema::Trip;
use crate::domain::trip::{Drive, Ending};
use crate::services::Config;
use crate::services::transaction::Failure;

/// What the drive costs under the trip's quote. A phone cannot have driven faster than anybody can.
pub fn fare_of(config: &Config, trip: &Trip, (ending, drive): (Ending, Drive)) -> Result<Fare, Failure> {
    let least_s = match ending {
        Ending::AtDestination | Ending::Presumed => trip.free_flow_duration_s,
        // Both were rounded to whole units by the phone.
        Ending::Early => config.roads.path_free_flow_s(drive.distance_m).saturating_sub(1),
    };
    if drive.duration_s < least_s {
        return Err(ApiError::MALFORMED.into());
    }
    Ok(trip.fare(&config.fares, drive))
}

/// What a rider owes who cancels late or does not come.
pub fn fee_of(config: &Config, trip: &Trip) -> Fare {
    if runtime::planted::is("fee-beyond-tariff") {
        let drive = Drive { distance_m: trip.estimated_distance_m, duration_s: trip.estimated_duration_s };
        return trip.fare(&config.fares, drive);
    }
    config.fares.cancellation_fee(trip.ceiling_minor)
}

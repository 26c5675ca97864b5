//! Tables of people: riders and drivers. Sessions are signed tokens and are not stored.

use ports::record;

use super::vehicles::VehicleClass;
use crate::domain::coded::coded;
use crate::domain::ids::{DriverId, FencingToken, OrganisationId, RiderId, TripId, VehicleId};
use crate::domain::phone_number::PhoneNumber;

coded! {
    /// What a driver is doing.
    pub enum DriverState {
        Offline = 1,
        /// Waiting for a trip.
        Idle = 2,
        /// Asked to take a trip, under a lease.
        Offered = 3,
        EnRoute = 4,
        AtPickup = 5,
        OnTrip = 6,
    }
}

coded! {
    /// How far a rider's wish to be forgotten has come.
    pub enum Erasure {
        /// Nobody signs in as the rider any more; what is still owed is settled first.
        Asked = 1,
        Done = 2,
    }
}

record! {
    /// A driver, and what the driver is doing.
    pub struct Driver in "drivers" as 4 {
        id: DriverId,
        /// For whom the driver drives; none who drives on their own account.
        organisation_id: Option<OrganisationId>,
        state: DriverState,
        /// The trip offered to, or driven by, this driver.
        trip_id: Option<TripId>,
        /// The epoch of that trip under which this driver was assigned.
        epoch: Option<i64>,
        /// The token of the newest lease.
        lease_token: FencingToken,
        lease_expires_at_ns: Option<i64>,
        /// The vehicle, while the driver is on duty: at most one driver a vehicle.
        vehicle_id: Option<VehicleId>,
        /// What it is and until when its papers are in force, as the vehicles service said when the driver went on duty in it.
        vehicle_class: Option<VehicleClass>,
        cleared_until_ns: Option<i64>,
        /// Digest of the secret that the driver's phone signs in with.
        secret_digest: Vec<u8>,
        updated_at_ns: i64,
    }
    key(id)
    unique BY_TRIP(trip_id)
    unique BY_VEHICLE(vehicle_id)
    plain BY_STATE(state, lease_expires_at_ns)
}

record! {
    /// A rider. What is known of the person is gone once the rider has asked to be forgotten and owes nothing any more.
    pub struct Rider in "riders" as 5 {
        id: RiderId,
        /// The number that the rider registered with.
        phone_number: Option<PhoneNumber>,
        /// Stands for the rider's card at the payment processor; the card's number is known only there.
        card_token: Option<i64>,
        /// Digest of the secret that the rider's phone signs in with.
        secret_digest: Option<Vec<u8>>,
        /// Whether the rider has asked to be forgotten, or is, and since when.
        erasure: Option<Erasure>,
        erasure_at_ns: Option<i64>,
        created_at_ns: i64,
    }
    key(id)
    plain BY_ERASURE(erasure, erasure_at_ns)
}

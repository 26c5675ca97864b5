//! The matching service: finds a driver for a trip and makes the offer.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{DriverId, FencingToken, TripId};
use crate::domain::place::Coordinate;
use crate::domain::vehicle::VehicleClass;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Request {
    /// This attempt of the trip wants a driver: it is in the next batch. Whoever hears of no offer for some time asks again.
    FindDriver { trip: TripId, attempt: i64, pickup: Coordinate, class: Option<VehicleClass> },
    /// Is there an offer for this driver? Rejected as not allowed if the driver is off duty, as somebody who was taken for lost is, or
    /// if the vehicle's papers have lapsed; as on a trip already if the driver is.
    PollOffer { driver: DriverId },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    /// The trip is in the next batch.
    Queued,
    Offer(Option<OfferView>),
}

/// An offer as its driver sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OfferView {
    pub trip: TripId,
    pub token: FencingToken,
    pub pickup: Coordinate,
    pub expires_at_ns: i64,
}

//! The matching service: finds a driver for a trip and makes the offer.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{DriverId, FencingToken, TripId};
use crate::domain::place::Coordinate;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Request {
    /// Looks for a driver for this attempt of the trip and offers it.
    FindDriver { trip: TripId, attempt: i64, pickup: Coordinate },
    /// Is there an offer for this driver? Rejected as not allowed if the driver is off duty, as somebody who was taken for lost is,
    /// and as on a trip already if the driver is.
    PollOffer { driver: DriverId },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    /// The driver to whom the trip was offered; none if nobody suitable is near.
    Offered(Option<DriverId>),
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
